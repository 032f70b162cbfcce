//! Payloads that no two messages share, and their check.
//!
//! Both sides derive one block of random bytes from a seed. Message `n` is a window into it, at
//! an offset that changes with `n`, whose first 8 bytes are replaced by a sealed `n`. So bytes of
//! an older message, bytes in another order, and a message cut off or shifted all give another
//! sum. The receiver reads every byte once: two additions per 8 bytes, in lanes that the compiler
//! turns into vector instructions.

use crosstie::{Error, ErrorKind};

/// The smallest payload, in bytes: its sequence number.
pub const PAYLOAD_BYTES_MIN: usize = 8;

/// Offsets at which windows start, one cache line apart.
const WINDOWS: usize = 16;
const LINE_BYTES: usize = 64;
const LANES: usize = LINE_BYTES / 8;

/// The messages of one direction: what the sender sends and what the receiver expects.
pub struct Payloads {
    block: Vec<u8>,
    payload_bytes: usize,
    seal: u64,
    /// What the bytes after the sequence number sum up to, per window.
    sums: [u64; WINDOWS],
    /// The window that carries a sequence number now, and the bytes that it hides.
    stamped: Option<(usize, [u8; 8])>,
}

impl Payloads {
    /// The messages of `payload_bytes` each that `seed` gives.
    ///
    /// # Errors
    /// If the payload is below [`PAYLOAD_BYTES_MIN`].
    pub fn new(payload_bytes: usize, seed: u64) -> crosstie::Result<Self> {
        if payload_bytes < PAYLOAD_BYTES_MIN {
            return Err(Error::new("measure", format!("payload of {payload_bytes} bytes"), ErrorKind::Usage)
                .because("each message carries its 8-byte sequence number")
                .advise("take a size of 8 or more"));
        }
        let mut state = seed;
        let words = (payload_bytes + WINDOWS * LINE_BYTES).div_ceil(8);
        let block: Vec<u8> = (0..words).flat_map(|_| next_random(&mut state).to_le_bytes()).collect();
        let mut sums = [0; WINDOWS];
        for (window, sum) in sums.iter_mut().enumerate() {
            let start = window * LINE_BYTES;
            *sum = checksum(&block[start + 8..start + payload_bytes]);
        }
        Ok(Self { block, payload_bytes, seal: next_random(&mut state), sums, stamped: None })
    }

    /// Bytes of each message.
    #[must_use]
    pub fn payload_bytes(&self) -> usize {
        self.payload_bytes
    }

    /// Message number `sequence`, whole.
    #[inline]
    pub fn message(&mut self, sequence: u64) -> &[u8] {
        if let Some((start, hidden)) = self.stamped {
            self.block[start..start + 8].copy_from_slice(&hidden);
        }
        let start = window_of(sequence) * LINE_BYTES;
        let message = &mut self.block[start..start + self.payload_bytes];
        let mut hidden = [0; 8];
        hidden.copy_from_slice(&message[..8]);
        self.stamped = Some((start, hidden));
        message[..8].copy_from_slice(&(sequence ^ self.seal).to_le_bytes());
        message
    }

    /// The sequence number of a message that arrived, if it is whole and unchanged.
    #[inline]
    #[must_use]
    pub fn verify(&self, message: &[u8]) -> Option<u64> {
        let (number, rest) = message.split_first_chunk::<8>()?;
        let sequence = u64::from_le_bytes(*number) ^ self.seal;
        let is_whole = message.len() == self.payload_bytes;
        (is_whole && checksum(rest) == self.sums[window_of(sequence)]).then_some(sequence)
    }
}

#[inline]
fn window_of(sequence: u64) -> usize {
    // Truncation keeps the low bits, the only ones that choose a window.
    sequence as usize % WINDOWS
}

/// Sums `bytes` so that a changed, missing or moved block changes the result.
#[inline]
#[must_use]
pub fn checksum(bytes: &[u8]) -> u64 {
    if bytes.len() < LONG_BYTES_MIN {
        return fold::<LANES>(bytes, 0);
    }
    let (long, rest) = bytes.split_at(bytes.len() - bytes.len() % LONG_BLOCK_BYTES);
    fold::<LANES>(rest, fold_long(long))
}

/// From this length on, many lanes are worth folding them into one sum at the end.
const LONG_BYTES_MIN: usize = 8 << 10;
/// Lanes that keep the vector units busy: 8 registers of 256 bits for each of two sums.
const LONG_LANES: usize = 32;
const LONG_BLOCK_BYTES: usize = LONG_LANES * 8;

#[cfg(target_arch = "x86_64")]
#[expect(unsafe_code, reason = "calls the same code compiled for wide registers")]
fn fold_long(bytes: &[u8]) -> u64 {
    /// [`fold`] in registers of 256 bits.
    ///
    /// # Safety
    /// The processor has AVX2.
    #[target_feature(enable = "avx2")]
    fn with_avx2(bytes: &[u8]) -> u64 {
        fold::<LONG_LANES>(bytes, 0)
    }
    if std::arch::is_x86_feature_detected!("avx2") {
        // SAFETY: this processor has AVX2, as just asked.
        return unsafe { with_avx2(bytes) };
    }
    fold::<LONG_LANES>(bytes, 0)
}

#[cfg(not(target_arch = "x86_64"))]
fn fold_long(bytes: &[u8]) -> u64 {
    fold::<LONG_LANES>(bytes, 0)
}

/// Adds `bytes` to `sum`: per lane of 8 bytes a plain sum, which sees any one change, and the sum of
/// those sums, which sees any exchange of blocks.
#[inline(always)]
fn fold<const LANES: usize>(bytes: &[u8], mut sum: u64) -> u64 {
    let mut plain = [0_u64; LANES];
    let mut weighted = [0_u64; LANES];
    let blocks = bytes.chunks_exact(LANES * 8);
    let rest = blocks.remainder();
    for block in blocks {
        let (words, _) = block.as_chunks::<8>();
        for lane in 0..LANES {
            plain[lane] = plain[lane].wrapping_add(u64::from_le_bytes(words[lane]));
            weighted[lane] = weighted[lane].wrapping_add(plain[lane]);
        }
    }
    for lane in 0..LANES {
        sum = sum.rotate_left(5).wrapping_add(weighted[lane]);
        sum = sum.rotate_left(5).wrapping_add(plain[lane]);
    }
    let (words, tail) = rest.as_chunks::<8>();
    for word in words {
        sum = sum.rotate_left(5).wrapping_add(u64::from_le_bytes(*word));
    }
    for &byte in tail {
        sum = sum.rotate_left(5).wrapping_add(u64::from(byte));
    }
    sum
}

/// The next number of a splitmix64 sequence.
fn next_random(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mixed = (*state ^ (*state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_message_of_the_sequence_is_recognized() {
        for payload_bytes in [8, 9, 48, 64, 1000, 1024, 9_001, 65_536] {
            let mut sender = Payloads::new(payload_bytes, 42).unwrap();
            let receiver = Payloads::new(payload_bytes, 42).unwrap();
            for sequence in 0..100 {
                assert_eq!(receiver.verify(sender.message(sequence)), Some(sequence), "{payload_bytes}");
            }
        }
    }

    #[test]
    fn one_flipped_bit_anywhere_is_caught() {
        let mut sender = Payloads::new(1027, 1).unwrap();
        let receiver = Payloads::new(1027, 1).unwrap();
        let message = sender.message(5).to_vec();
        for bit in 64..message.len() * 8 {
            let mut broken = message.clone();
            broken[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(receiver.verify(&broken), None, "bit {bit}");
        }
    }

    #[test]
    fn moved_stale_cut_and_foreign_bytes_are_caught() {
        for payload_bytes in [4096, 65_536] {
            let mut sender = Payloads::new(payload_bytes, 1).unwrap();
            let receiver = Payloads::new(payload_bytes, 1).unwrap();
            let older = sender.message(6).to_vec();
            let message = sender.message(7).to_vec();
            let mut moved = message.clone();
            moved[1024..3072].rotate_left(1024);
            let mut swapped = message.clone();
            swapped[64..192].rotate_left(64);
            let mut stale = message.clone();
            stale[2048..].copy_from_slice(&older[2048..]);
            let foreign = Payloads::new(payload_bytes, 2).unwrap().message(7).to_vec();
            for broken in [&moved[..], &swapped, &stale, &message[..4088], &[], &foreign] {
                assert_eq!(receiver.verify(broken), None);
            }
        }
        assert!(Payloads::new(7, 1).is_err());
    }
}
