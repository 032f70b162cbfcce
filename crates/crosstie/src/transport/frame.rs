//! Frames on bytes in order: pure, whatever carries the bytes and however they are cut.
//!
//! Each direction is a preamble (8 bytes), then any number of frames, then the end mark:
//!
//! | bytes | meaning |
//! |---|---|
//! | `u32` LE length, that many bytes | one message |
//! | `0xFFFF_FFFE`, `u32` LE count | so many descriptors come with the next message |
//! | `0xFFFF_FFFF` | the end mark: the sender is done |
//!
//! The end of the bytes before the end mark is the sender's death. A length is checked against the
//! limit before anything is reserved for it, and room grows with what arrived, not with what a
//! header claims.

use std::ops::Range;

use super::inbound::{Breach, Step};
use super::preamble::{self, PREAMBLE_BYTES};
use crate::os::fd_passing::DESCRIPTORS_MAX;

/// Length of a frame's header, in bytes.
pub(crate) const HEADER_BYTES: usize = 4;
/// In the place of a length: the sender is done.
pub(crate) const END_MARK: u32 = u32::MAX;
/// In the place of a length: descriptors come with the next message.
pub(crate) const DESCRIPTORS_MARK: u32 = u32::MAX - 1;
/// No message is longer, whatever the limit says.
pub(crate) const LENGTH_MAX: usize = (u32::MAX - 2) as usize;

/// How many bytes are read at once, unless one message needs more.
const CHUNK_BYTES: usize = 64 << 10;

/// The header of a message; `None` when no frame is so long.
pub(crate) fn header(length: usize) -> Option<[u8; HEADER_BYTES]> {
    u32::try_from(length).ok().filter(|_| length <= LENGTH_MAX).map(u32::to_le_bytes)
}

/// The header of a message with descriptors; the lengths were checked.
pub(crate) fn header_with_descriptors(length: usize, count: usize) -> [u8; 3 * HEADER_BYTES] {
    let words = [DESCRIPTORS_MARK, u32::try_from(count).unwrap_or(0), u32::try_from(length).unwrap_or(0)];
    let mut bytes = [0; 3 * HEADER_BYTES];
    bytes.chunks_exact_mut(4).zip(words).for_each(|(chunk, word)| chunk.copy_from_slice(&word.to_le_bytes()));
    bytes
}

/// Turns bytes, as they come, into messages.
///
/// Bytes go into [`Decoder::room`], [`Decoder::filled`] says how many, [`Decoder::step`] takes the
/// next message out; it lies in the decoder's memory until the next call of `room`.
#[derive(Debug)]
pub(crate) struct Decoder {
    bytes: Vec<u8>,
    /// `bytes[start..end]` has arrived and was not taken.
    start: usize,
    end: usize,
    /// How many bytes the message at `start` lacks, as far as its header says.
    missing: usize,
    limit: usize,
    greeted: bool,
    /// How many descriptors come with the next message.
    descriptors: usize,
}

impl Decoder {
    pub(crate) fn new(limit: usize) -> Self {
        let limit = limit.min(LENGTH_MAX);
        Self {
            bytes: Vec::new(),
            start: 0,
            end: 0,
            missing: PREAMBLE_BYTES,
            limit,
            greeted: false,
            descriptors: 0,
        }
    }

    /// Whether the preamble has arrived.
    pub(crate) fn has_begun(&self) -> bool {
        self.greeted
    }

    pub(crate) fn limit(&self) -> usize {
        self.limit
    }

    /// Where the next bytes go; never empty.
    #[inline]
    pub(crate) fn room(&mut self) -> &mut [u8] {
        if self.start == self.end {
            self.start = 0;
            self.end = 0;
        }
        if self.bytes.len() - self.end < self.missing {
            self.make_room();
        }
        &mut self.bytes[self.end..]
    }

    #[cold]
    fn make_room(&mut self) {
        self.bytes.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        if self.end == self.bytes.len() {
            // Doubling bounds what a false length can reserve to twice what was really sent.
            let whole = self.end.saturating_add(self.missing);
            let length = whole.min(self.bytes.len() * 2).max(CHUNK_BYTES);
            self.bytes.resize(length, 0);
        }
    }

    /// Says how many bytes were put into the room.
    #[inline]
    pub(crate) fn filled(&mut self, count: usize) {
        self.end = (self.end + count).min(self.bytes.len());
        self.missing = self.missing.saturating_sub(count).max(1);
    }

    /// The message that [`Step::Message`] named.
    #[inline]
    pub(crate) fn message(&self, range: Range<usize>) -> &[u8] {
        &self.bytes[range]
    }

    /// How many descriptors came with the message that the last step answered.
    pub(crate) fn take_descriptors(&mut self) -> usize {
        std::mem::take(&mut self.descriptors)
    }

    /// As [`Decoder::take_descriptors`], for who takes none.
    #[inline]
    pub(crate) fn forget_descriptors(&mut self) {
        self.descriptors = 0;
    }

    /// Whether nothing has arrived that was not taken.
    pub(crate) fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// The next message, the end, or that more bytes are needed.
    #[inline]
    pub(crate) fn step(&mut self) -> Result<Step, Breach> {
        if !self.greeted && !self.greet()? {
            return Ok(Step::Incomplete);
        }
        loop {
            let Some((header, rest)) = self.bytes[self.start..self.end].split_first_chunk::<HEADER_BYTES>()
            else {
                self.missing = HEADER_BYTES - (self.end - self.start);
                return Ok(Step::Incomplete);
            };
            let length = u32::from_le_bytes(*header);
            if length >= DESCRIPTORS_MARK {
                match self.mark(length)? {
                    Some(step) => return Ok(step),
                    None => continue,
                }
            }
            let length = length as usize;
            if length > self.limit {
                return Err(Breach::TooLarge { length, limit: self.limit });
            }
            if rest.len() < length {
                self.missing = length - rest.len();
                return Ok(Step::Incomplete);
            }
            let begin = self.start + HEADER_BYTES;
            self.start = begin + length;
            return Ok(Step::Message(begin..self.start));
        }
    }

    #[cold]
    fn greet(&mut self) -> Result<bool, Breach> {
        let have = &self.bytes[self.start..self.end];
        if !preamble::STREAM.check(have).map_err(Breach::Mismatch)? {
            self.missing = PREAMBLE_BYTES - have.len();
            return Ok(false);
        }
        self.start += PREAMBLE_BYTES;
        self.greeted = true;
        Ok(true)
    }

    /// What stands in the place of a length; `None` when the next header is to be looked at.
    #[cold]
    fn mark(&mut self, mark: u32) -> Result<Option<Step>, Breach> {
        if mark == END_MARK {
            self.start += HEADER_BYTES;
            return Ok(Some(Step::End));
        }
        let after = &self.bytes[self.start + HEADER_BYTES..self.end];
        let Some((count, _)) = after.split_first_chunk::<4>() else {
            self.missing = 4 - after.len();
            return Ok(Some(Step::Incomplete));
        };
        let count = u32::from_le_bytes(*count) as usize;
        if self.descriptors > 0 || count > DESCRIPTORS_MAX {
            return Err(Breach::Corrupt("more descriptors than a message can have"));
        }
        self.descriptors = count;
        self.start += HEADER_BYTES + 4;
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Feeds `bytes` in pieces of `cuts` lengths, in turn; answers what came out.
    fn decode(decoder: &mut Decoder, bytes: &[u8], cuts: &[usize]) -> (Vec<Vec<u8>>, Result<Step, Breach>) {
        let mut messages = Vec::new();
        let mut rest = bytes;
        let mut cuts = cuts.iter().cycle();
        loop {
            match decoder.step() {
                Ok(Step::Message(range)) => messages.push(decoder.message(range).to_vec()),
                Ok(Step::Incomplete) if !rest.is_empty() => {
                    let room = decoder.room();
                    let count = cuts.next().map_or(1, |cut| *cut).min(rest.len()).min(room.len());
                    room[..count].copy_from_slice(&rest[..count]);
                    decoder.filled(count);
                    rest = &rest[count..];
                }
                end => return (messages, end),
            }
        }
    }

    fn encode(messages: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = preamble::STREAM.preamble().to_vec();
        for message in messages {
            bytes.extend(header(message.len()).expect("short enough"));
            bytes.extend(message);
        }
        bytes
    }

    fn lengths() -> impl Strategy<Value = Vec<usize>> {
        let length =
            prop_oneof![4 => 0..100_usize, 2 => 0..5000_usize, 1 => CHUNK_BYTES - 20..3 * CHUNK_BYTES];
        prop::collection::vec(length, 0..20)
    }

    proptest! {
        #[test]
        fn messages_come_out_as_they_went_in_however_reads_are_cut(
            lengths in lengths(),
            cuts in prop::collection::vec(prop_oneof![1..20_usize, 1..200_000_usize], 1..8),
            seed in any::<u8>(),
        ) {
            let messages: Vec<Vec<u8>> = lengths.iter().enumerate()
                .map(|(i, length)| (0..*length).map(|j| seed.wrapping_add((i * 7 + j) as u8)).collect())
                .collect();
            let mut bytes = encode(&messages);
            let (out, end) = decode(&mut Decoder::new(1 << 20), &bytes, &cuts);
            prop_assert!(out == messages);
            prop_assert_eq!(end, Ok(Step::Incomplete));
            bytes.extend(END_MARK.to_le_bytes());
            let (out, end) = decode(&mut Decoder::new(1 << 20), &bytes, &cuts);
            prop_assert!(out == messages);
            prop_assert_eq!(end, Ok(Step::End));
        }

        #[test]
        fn arbitrary_bytes_never_panic_and_reserve_no_more_than_twice_what_came(
            bytes in prop::collection::vec(any::<u8>(), 0..3000),
            greeted in any::<bool>(),
            cut in 1..300_usize,
        ) {
            let mut all = if greeted { preamble::STREAM.preamble().to_vec() } else { Vec::new() };
            all.extend(&bytes);
            let mut decoder = Decoder::new(usize::MAX);
            let _ = decode(&mut decoder, &all, &[cut]);
            prop_assert!(decoder.bytes.len() <= CHUNK_BYTES.max(2 * all.len()));
        }
    }

    #[test]
    fn a_length_above_the_limit_reserves_nothing() {
        let mut bytes = preamble::STREAM.preamble().to_vec();
        bytes.extend(0xFFFF_FFF0_u32.to_le_bytes());
        let mut decoder = Decoder::new(100);
        let (_, end) = decode(&mut decoder, &bytes, &[1000]);
        assert_eq!(end, Err(Breach::TooLarge { length: 0xFFFF_FFF0, limit: 100 }));
        assert_eq!(decoder.bytes.len(), CHUNK_BYTES);
    }

    #[test]
    fn another_protocol_and_another_version_are_named() {
        let (_, end) = decode(&mut Decoder::new(100), b"GET / HTTP/1.1", &[1000]);
        let Err(Breach::Mismatch(text)) = end else { panic!("{end:?}") };
        assert_eq!(text, "the peer speaks another protocol: it began with \"GET / HT\"");
        let (_, end) = decode(&mut Decoder::new(100), b"\xC7TIEs\x09\0\0", &[3]);
        let Err(Breach::Mismatch(text)) = end else { panic!("{end:?}") };
        assert!(text.starts_with("the peer speaks version 9 of the stream protocol"), "{text}");
    }
}
