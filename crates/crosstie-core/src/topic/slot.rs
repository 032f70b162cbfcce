//! The word of a slot: which message's place it is now, and in whose hands.
//!
//! Numbers count messages from 0 and are never reused; number `n` lies in slot `n mod 2^shift`.
//!
//! | bits | meaning |
//! |---|---|
//! | 0..12 | member: index of the publisher in whose hands the slot's bytes are |
//! | 12..16 | state |
//! | 16..64 | lap tag: number of the lap plus one, modulo 2^48 |

/// What has become of a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// There is no message of this number, and nobody writes there.
    Void,
    /// The message is there.
    Committed,
    /// This member writes it.
    Claimed(u16),
    /// There is no message of this number, because this member, which had an earlier one, writes there still.
    Skipped(u16),
}

impl State {
    /// The member that may still write the slot's bytes.
    #[must_use]
    pub const fn hands(self) -> Option<u16> {
        match self {
            Self::Void | Self::Committed => None,
            Self::Claimed(member) | Self::Skipped(member) => Some(member),
        }
    }
}

/// What stands in a slot, seen from a number that lies there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// That number's turn is now.
    Here(State),
    /// It is not claimed yet; this is what became of the number a lap before.
    Before(State),
    /// The topic has gone on by so many laps since.
    LapsBehind(u64),
    /// The number is laps ahead of the topic: no such number was ever given out.
    Ahead,
    /// A state that nobody writes.
    Nonsense,
}

const MEMBER: u64 = 0xFFF;
const STATE_SHIFT: u32 = 12;
const TAG_SHIFT: u32 = 16;
const TAGS: u64 = 1 << 48;
const BEFORE: u64 = TAGS - 1;
const BEHIND_MAX: u64 = TAGS / 2;

/// The arithmetic of a topic's slots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Circle {
    shift: u32,
}

impl Circle {
    /// A topic of `slots` slots, a power of two.
    #[must_use]
    pub const fn new(slots: u32) -> Self {
        assert!(slots.is_power_of_two(), "a topic has a power of two of slots");
        Self { shift: slots.trailing_zeros() }
    }

    /// How many slots.
    #[must_use]
    pub const fn slots(self) -> u64 {
        1 << self.shift
    }

    /// The slot in which `number` lies.
    #[must_use]
    pub const fn slot(self, number: u64) -> u32 {
        (number & (self.slots() - 1)) as u32
    }

    /// The word that says `state` of `number`.
    #[must_use]
    pub const fn word(self, number: u64, state: State) -> u64 {
        let (code, member) = match state {
            State::Void => (0, 0),
            State::Committed => (1, 0),
            State::Claimed(member) => (2, member),
            State::Skipped(member) => (3, member),
        };
        (self.tag(number) << TAG_SHIFT) | (code << STATE_SHIFT) | (member as u64 & MEMBER)
    }

    /// The same number's word with nobody's hands in the slot.
    #[must_use]
    pub const fn emptied(word: u64) -> u64 {
        word >> TAG_SHIFT << TAG_SHIFT
    }

    /// What a word says, of whatever number; `None` for what nobody writes.
    #[must_use]
    pub const fn state(word: u64) -> Option<State> {
        let member = (word & MEMBER) as u16;
        match (word >> STATE_SHIFT) & 0xF {
            0 => Some(State::Void),
            1 => Some(State::Committed),
            2 => Some(State::Claimed(member)),
            3 => Some(State::Skipped(member)),
            _ => None,
        }
    }

    /// What `word`, read in the slot of `number`, says of it.
    #[must_use]
    pub const fn found(self, word: u64, number: u64) -> Found {
        let Some(state) = Self::state(word) else { return Found::Nonsense };
        match (word >> TAG_SHIFT).wrapping_sub(self.tag(number)) % TAGS {
            0 => Found::Here(state),
            BEFORE => Found::Before(state),
            laps if laps <= BEHIND_MAX => Found::LapsBehind(laps),
            _ => Found::Ahead,
        }
    }

    const fn tag(self, number: u64) -> u64 {
        ((number >> self.shift) + 1) % TAGS
    }
}

#[cfg(all(test, not(crosstie_loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_of_its_number_alone() {
        let circle = Circle::new(8);
        for number in [0, 5, 8 * 65_535 + 1, 1 << 40] {
            for state in [State::Void, State::Committed, State::Claimed(4095), State::Skipped(0)] {
                let word = circle.word(number, state);
                assert_eq!(circle.found(word, number), Found::Here(state));
                assert_eq!(circle.found(word, number + 8), Found::Before(state));
                assert_eq!(circle.found(word, number + 16), Found::Ahead);
                assert_eq!(circle.found(Circle::emptied(word), number), Found::Here(State::Void));
            }
        }
        assert_eq!(circle.found(circle.word(19, State::Committed), 3), Found::LapsBehind(2));
    }

    #[test]
    fn zeroed_memory_awaits_the_first_lap_and_what_nobody_writes_is_nonsense() {
        assert_eq!(Circle::new(8).found(0, 3), Found::Before(State::Void));
        assert_eq!(Circle::new(8).found(4 << STATE_SHIFT, 3), Found::Nonsense);
    }
}
