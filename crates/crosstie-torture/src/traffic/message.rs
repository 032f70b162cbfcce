//! Messages that tell their number, and whether they are whole.

/// Words of most messages: 48 bytes.
const WORDS: u64 = 6;
/// One in so many is longer, up to more than what a queue keeps beside its place.
const LONG_EVERY: u64 = 61;
/// Words of the longest.
pub const WORDS_MAX: usize = 48;
const LANE_SHIFT: u32 = 48;

/// Who sent a message, and as which.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Number {
    pub lane: usize,
    pub number: u64,
}

impl Number {
    fn word(self) -> u64 {
        (self.lane as u64) << LANE_SHIFT | self.number
    }

    fn words(self) -> usize {
        let words = if self.number.is_multiple_of(LONG_EVERY) { WORDS + self.number % 42 } else { WORDS };
        usize::try_from(words).unwrap_or(0).min(WORDS_MAX)
    }

    /// The message, in `room`.
    pub fn write(self, room: &mut [u8; WORDS_MAX * 8]) -> &mut [u8] {
        let message = &mut room[..self.words() * 8];
        for (at, word) in message.as_chunks_mut::<8>().0.iter_mut().enumerate() {
            *word = self.fill(at).to_le_bytes();
        }
        message
    }

    /// What a message is, if it is whole.
    pub fn read(message: &[u8]) -> Option<Self> {
        let head = u64::from_le_bytes(*message.first_chunk()?);
        let lane = usize::try_from(head >> LANE_SHIFT).ok()?;
        let this = Self { lane, number: head & ((1 << LANE_SHIFT) - 1) };
        let (words, rest) = message.as_chunks::<8>();
        let is_long_enough = rest.is_empty() && words.len() == this.words();
        let is_whole = words.iter().enumerate().all(|(at, word)| u64::from_le_bytes(*word) == this.fill(at));
        (is_long_enough && is_whole).then_some(this)
    }

    fn fill(self, at: usize) -> u64 {
        match at {
            0 => self.word(),
            at => self.word().wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(7).wrapping_add(at as u64),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_tells_its_number_unless_a_byte_of_it_is_another() {
        let mut room = [0; WORDS_MAX * 8];
        for number in [0, 1, 61, 62, 122, 99_999_999] {
            let number = Number { lane: 3, number };
            let message = number.write(&mut room).to_vec();
            assert_eq!(Number::read(&message), Some(number));
            for at in 0..message.len() {
                let mut torn = message.clone();
                torn[at] ^= 1;
                assert_eq!(Number::read(&torn), None, "byte {at}");
            }
            assert_eq!(Number::read(&message[..message.len() - 8]), None);
        }
    }
}
