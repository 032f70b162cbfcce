//! The order in which jobs are delivered: a circle of entries, each of which names a job.
//!
//! An entry does not say in whose hands the job is: the job's own word does. So an entry may be
//! behind the times (somebody took the job and died before it marked the entry), and whoever meets
//! it sees that by the job's word and marks it for the other.
//!
//! Positions count from 0 and are never reused; position `p` lies in place `p mod 2^shift`.
//!
//! | bits of an entry | meaning |
//! |---|---|
//! | 0..20 | the job |
//! | 20..47 | its key: 24 bits of the serial, 3 of the deliveries |
//! | 47 | live: the job was put here, and nobody has marked that it was taken |
//! | 48..64 | lap tag: number of the lap plus one, modulo 2^16 |

/// Which of a queue's two orders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Jobs that nobody has had yet, as they came.
    First,
    /// Jobs that came back; they go before the others.
    Again,
}

impl Order {
    /// Both, in the order in which a receiver looks.
    pub const ALL: [Self; 2] = [Self::Again, Self::First];

    /// 0 or 1.
    #[must_use]
    pub const fn index(self) -> usize {
        match self {
            Self::First => 0,
            Self::Again => 1,
        }
    }

    /// Where a job that was delivered so often goes.
    #[must_use]
    pub const fn of(deliveries: u8) -> Self {
        if deliveries == 0 { Self::First } else { Self::Again }
    }
}

/// What stands in a place, seen from a position that lies there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// This job is at the position.
    Entry(Entry),
    /// It was there, and was taken.
    Taken,
    /// The position is not reached yet; what stands there is of the lap before, taken…
    Free,
    /// … or not marked as taken yet.
    Before(Entry),
    /// The order has gone on by so many laps since.
    LapsBehind(u64),
    /// The position is laps ahead of the order: no such position was ever given out.
    Ahead,
}

/// The job that an entry names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Which job; below [`super::memory::JOBS_MAX`], maybe above the queue's own number.
    pub job: u32,
    /// [`super::job::Job::key`] of the stay in the queue for which it stands.
    pub key: u32,
}

const JOB: u64 = 0xF_FFFF;
const KEY_SHIFT: u32 = 20;
const KEY: u64 = 0x7FF_FFFF;
const LIVE: u64 = 1 << 47;
const TAG_SHIFT: u32 = 48;
const TAGS: u64 = 1 << 16;

/// The arithmetic of one order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Circle {
    shift: u32,
}

impl Circle {
    /// An order of `slots` places, a power of two.
    #[must_use]
    pub const fn new(slots: u32) -> Self {
        assert!(slots.is_power_of_two(), "an order has a power of two of places");
        Self { shift: slots.trailing_zeros() }
    }

    /// Places of the order.
    #[must_use]
    pub const fn slots(self) -> u64 {
        1 << self.shift
    }

    /// The place in which `position` lies.
    #[must_use]
    pub const fn slot(self, position: u64) -> u32 {
        (position & (self.slots() - 1)) as u32
    }

    /// The word that puts `entry` at `position`.
    #[must_use]
    pub const fn put(self, position: u64, entry: Entry) -> u64 {
        (self.tag(position) << TAG_SHIFT)
            | LIVE
            | ((entry.key as u64 & KEY) << KEY_SHIFT)
            | (entry.job as u64 & JOB)
    }

    /// The word that marks an entry as taken.
    #[must_use]
    pub const fn taken(word: u64) -> u64 {
        word & !LIVE
    }

    /// The entry that is live in a place, of whatever lap.
    #[must_use]
    pub const fn live(word: u64) -> Option<Entry> {
        if word & LIVE == 0 { None } else { Some(entry_in(word)) }
    }

    /// What `word`, read in the place of `position`, says there.
    #[must_use]
    pub const fn found(self, word: u64, position: u64) -> Found {
        let laps = (word >> TAG_SHIFT).wrapping_sub(self.tag(position)) % TAGS;
        match (laps, Self::live(word)) {
            (0, Some(entry)) => Found::Entry(entry),
            (0, None) => Found::Taken,
            (BEFORE, Some(entry)) => Found::Before(entry),
            (BEFORE, None) => Found::Free,
            (1..=BEHIND_MAX, _) => Found::LapsBehind(laps),
            _ => Found::Ahead,
        }
    }

    const fn tag(self, position: u64) -> u64 {
        ((position >> self.shift) + 1) % TAGS
    }
}

const BEFORE: u64 = TAGS - 1;
const BEHIND_MAX: u64 = TAGS / 2;

const fn entry_in(word: u64) -> Entry {
    Entry { job: (word & JOB) as u32, key: ((word >> KEY_SHIFT) & KEY) as u32 }
}

#[cfg(all(test, not(crosstie_loom)))]
mod tests {
    use super::*;

    const ENTRY: Entry = Entry { job: 7, key: 0x123_4567 };

    #[test]
    fn an_entry_is_at_its_position_alone() {
        let circle = Circle::new(8);
        for position in [0, 5, 8 * 65_534 + 1, 8 * 65_535 + 1, 8 * 65_536 + 1] {
            let word = circle.put(position, ENTRY);
            assert_eq!(circle.found(word, position), Found::Entry(ENTRY));
            assert_eq!(circle.found(Circle::taken(word), position), Found::Taken);
            assert_eq!(circle.found(word, position + 8), Found::Before(ENTRY));
            assert_eq!(circle.found(Circle::taken(word), position + 8), Found::Free);
            assert_eq!(circle.found(word, position + 16), Found::Ahead);
        }
        assert_eq!(circle.found(circle.put(19, ENTRY), 3), Found::LapsBehind(2));
    }

    #[test]
    fn zeroed_memory_is_free_in_the_first_lap() {
        assert_eq!(Circle::new(8).found(0, 3), Found::Free);
        assert_eq!(Circle::live(0), None);
    }
}
