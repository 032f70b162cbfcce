//! A file of any bytes where a queue should be: it is refused with an error, or every call on it ends with
//! an error or a message within the bounds, and it is shown and removed like any other.
//!
//! Input: flags (1 the file is what follows, 4 it is cut), count of changes, the changes (place among the
//! words, value), then what the ends do.
#![no_main]

use crosstie::channel::queue::{QueueReceiver, QueueSender, QueueState, remove};
use crosstie_fuzz::bytes::Bytes;
use crosstie_fuzz::{place, queue};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let sound = queue::sound();
    let mut input = Bytes::new(data);
    let flags = input.u8();
    let mut file = sound.to_vec();
    if flags & 1 != 0 {
        file = input.rest().to_vec();
    } else {
        for _ in 0..1 + input.u8() % 16 {
            change(&mut file, &mut input);
        }
        if flags & 4 != 0 {
            file.truncate(usize::from(input.u16()));
        }
    }
    let _ = std::fs::remove_file(queue::path());
    std::fs::write(queue::path(), &file).expect("a file");
    let domain = place::domain();
    let tx = QueueSender::open(domain, queue::NAME, &queue::options());
    if let Ok(rx) = QueueReceiver::open(domain, queue::NAME, &queue::options()) {
        queue::receive(&rx, &mut input, 20);
        if let Ok(mut tx) = tx {
            queue::send(&mut tx, &mut input, 12);
            queue::receive(&rx, &mut input, 20);
        }
    }
    let _ = QueueState::of(domain, queue::NAME);
    let _ = remove(domain, queue::NAME);
});

/// A word of the control page, of an end, of a place or of an order; the header rarely.
fn change(file: &mut [u8], input: &mut Bytes<'_>) {
    let (what, which) = (input.u8(), usize::from(input.u8()));
    let at = match what % 8 {
        0 => which % 16 * 8,
        1 => 128 + which % 128 * 8,
        2 => 4096 + which % 8 * 8,
        _ => 20_480 + which % ((queue::WORDS_END - 20_480) / 8) * 8,
    };
    let word = match what / 8 % 4 {
        // As a job's word, and as an entry of an order.
        0 => u64::from(input.u8()) << 32 | u64::from(input.u8() % 6) << 16 | u64::from(input.u16()),
        1 => u64::from(input.u8() % 8) << 48 | 1 << 47 | u64::from(input.u8()) << 20 | u64::from(input.u8() % 16),
        2 => u64::from(input.u8()),
        _ => input.u64(),
    };
    file[at..at + 8].copy_from_slice(&word.to_le_bytes());
}
