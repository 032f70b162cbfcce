//! The word of a job: in whose hands it is, and how often it was delivered.
//!
//! | bits | meaning |
//! |---|---|
//! | 0..12 | member: index of the end in whose hands it is |
//! | 12..16 | state |
//! | 16..24 | deliveries so far |
//! | 24..32 | zero |
//! | 32..64 | serial: how often the word was taken for a new job; 0 only before the first |
//!
//! Serial and deliveries together name one stay in the queue or in one's hands: no such word ever
//! comes again, so a compare-exchange that expects it is right or fails (but for 2³² jobs in one
//! place while one process stands still).

/// In whose hands a job is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Nobody's: the place is free.
    Free,
    /// This member writes it, or has put it in order, or is about to: the order tells.
    Offered(u16),
    /// It is in order, and was put there by somebody who is gone.
    Queued,
    /// This member has it, and has not acknowledged it.
    Held(u16),
    /// It was delivered too often: a dead letter.
    Dead,
}

/// What a job's word says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Job {
    /// Which job of this place; see the module.
    pub serial: u32,
    /// How often it was delivered.
    pub deliveries: u8,
    /// In whose hands it is.
    pub state: State,
}

const MEMBER: u64 = 0xFFF;
const STATE_SHIFT: u32 = 12;
const DELIVERIES_SHIFT: u32 = 16;
const UNUSED: u64 = 0xFF << 24;

impl Job {
    /// The word.
    #[must_use]
    pub const fn to_bits(self) -> u64 {
        let (state, member) = match self.state {
            State::Free => (0, 0),
            State::Offered(member) => (1, member),
            State::Queued => (2, 0),
            State::Held(member) => (3, member),
            State::Dead => (4, 0),
        };
        ((self.serial as u64) << 32)
            | ((self.deliveries as u64) << DELIVERIES_SHIFT)
            | (state << STATE_SHIFT)
            | (member as u64 & MEMBER)
    }

    /// What `word` says; `None` for what nobody who keeps the protocol writes.
    #[must_use]
    pub const fn from_bits(word: u64) -> Option<Self> {
        let member = (word & MEMBER) as u16;
        let state = match (word >> STATE_SHIFT) & 0xF {
            0 => State::Free,
            1 => State::Offered(member),
            2 => State::Queued,
            3 => State::Held(member),
            4 => State::Dead,
            _ => return None,
        };
        if word & UNUSED != 0 {
            return None;
        }
        let serial = (word >> 32) as u32;
        Some(Self { serial, deliveries: ((word >> DELIVERIES_SHIFT) & 0xFF) as u8, state })
    }

    /// The next job in the place of this one, in the hands of `member`.
    #[must_use]
    pub const fn next(self, member: u16) -> Self {
        let serial = if self.serial == u32::MAX { 1 } else { self.serial + 1 };
        Self { serial, deliveries: 0, state: State::Offered(member) }
    }

    /// The same job in another's hands.
    #[must_use]
    pub const fn in_state(self, state: State) -> Self {
        Self { state, ..self }
    }

    /// The same job, delivered once more, to `member`.
    #[must_use]
    pub const fn delivered_to(self, member: u16) -> Self {
        let deliveries = self.deliveries.saturating_add(1);
        Self { serial: self.serial, deliveries, state: State::Held(member) }
    }

    /// What an entry of the order says of the job that it names.
    #[must_use]
    pub const fn key(self) -> u32 {
        ((self.serial & 0xFF_FFFF) << 3) | (self.deliveries as u32 & 0b111)
    }

    /// Whether it can be delivered, if it is in order.
    #[must_use]
    pub const fn is_offered(self) -> bool {
        matches!(self.state, State::Offered(_) | State::Queued)
    }
}

#[cfg(all(test, not(crosstie_loom)))]
mod tests {
    use super::*;

    #[test]
    fn every_word_that_is_written_is_read_back() {
        for state in [State::Free, State::Offered(4095), State::Queued, State::Held(0), State::Dead] {
            let job = Job { serial: u32::MAX, deliveries: 255, state };
            assert_eq!(Job::from_bits(job.to_bits()), Some(job));
        }
        assert_eq!(Job::from_bits(0), Some(Job { serial: 0, deliveries: 0, state: State::Free }));
    }

    #[test]
    fn what_nobody_writes_is_no_job() {
        assert_eq!(Job::from_bits(5 << 12), None);
        assert_eq!(Job::from_bits(1 << 24), None);
    }

    #[test]
    fn the_serial_of_a_new_job_is_never_zero() {
        let last = Job { serial: u32::MAX, deliveries: 3, state: State::Free };
        assert_eq!(last.next(7), Job { serial: 1, deliveries: 0, state: State::Offered(7) });
    }
}
