//! Copying between two buffers of one process: no channel that copies once can be faster.

use std::hint::black_box;

use crosstie::os::clock;

use crate::percentiles::median;

/// Bytes copied in one timed batch, at least.
const BATCH_BYTES: usize = 8 << 20;
/// Timed batches.
const BATCHES: usize = 7;

/// Payload bytes a second that `memcpy` copies between two buffers of `bytes`, again and again; the
/// median of several batches.
#[must_use]
pub fn bytes_per_s(bytes: usize) -> f64 {
    let source = vec![0x5A_u8; bytes];
    let mut target = vec![0_u8; bytes];
    let rounds = (BATCH_BYTES / bytes.max(1)).clamp(4, 1 << 20);
    let mut rates = Vec::with_capacity(BATCHES);
    // The first batch touches the pages.
    for batch in 0..=BATCHES {
        let started = clock::now_ns();
        for _ in 0..rounds {
            black_box(&mut target[..]).copy_from_slice(black_box(&source[..]));
        }
        let elapsed_ns = (clock::now_ns() - started).max(1);
        if batch > 0 {
            rates.push((rounds * bytes) as f64 * 1e9 / elapsed_ns as f64);
        }
    }
    median(&rates)
}
