//! The orders in which locks were taken: who wanted which one while it had which other.
//!
//! | offset in the file | bytes | what |
//! |---|---|---|
//! | 0 | 128 | the header of every segment |
//! | 128 | 8 | orders that found no room |
//! | 136 | 65,400 | zero; ends at 64 KiB, a multiple of every page |
//! | 65,536 | 262,144 | 1,024 orders of 256 bytes |
//!
//! An entry is claimed by its id, which says what order it is of, and then written; a checksum tells whether it was. A writer
//! may be killed half-way, and two may write the same: whoever notes that order next finds it torn, and writes it again.

use super::header::layout_hash;
use super::reports::checksum;
use crate::atomic::{AtomicU64, Ordering};

/// Orders for which there is room.
pub const ORDERS: usize = 1024;
/// Other locks that an order says were held.
pub const GATES: usize = 4;
/// Bytes of a place in a program.
pub const PLACE_BYTES: usize = 64;
/// Where the count of those without room stands.
pub const BEYOND_OFFSET: usize = 128;
/// Where the entries begin.
pub const ORDERS_OFFSET: usize = 64 << 10;
/// Bytes of all entries.
pub const ORDERS_BYTES: usize = ORDERS * size_of::<[u64; ENTRY_WORDS]>();
/// Changes whenever the meaning of a byte changes.
pub const LAYOUT: u64 = layout_hash(
    "orders 1: beyond @128, orders 1024x256 @65536: had, wanted, gates 4xu64, pid, at, command 2xu64, had at 8xu64, \
     wanted at 8xu64, checksum, id",
);

/// Set in a key: it was had, or wanted, beside others.
const BESIDE_OTHERS: u64 = 1 << 63;
const ENTRY_WORDS: usize = 32;
/// What tells one order from another: had, wanted, gates.
const ID_WORDS: usize = 2 + GATES;
const PLACE_WORDS: usize = PLACE_BYTES / 8;
const WORDS: usize = ID_WORDS + 4 + 2 * PLACE_WORDS;

/// A lock in one of two ways.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Way {
    /// The object's key.
    pub key: u64,
    /// Beside others who read.
    pub is_shared: bool,
}

impl Way {
    const fn to_word(self) -> u64 {
        if self.is_shared { self.key | BESIDE_OTHERS } else { self.key & !BESIDE_OTHERS }
    }

    const fn from_word(word: u64) -> Self {
        Self { key: word & !BESIDE_OTHERS, is_shared: word & BESIDE_OTHERS != 0 }
    }
}

/// That somebody wanted a lock while it had another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Order {
    /// What it had.
    pub had: Way,
    /// What it wanted, and would have waited for.
    pub wanted: Way,
    /// What else it had, as far as there is room.
    pub gates: [Option<Way>; GATES],
    /// Its process.
    pub pid: u32,
    /// When, `CLOCK_MONOTONIC` nanoseconds.
    pub at_ns: u64,
    /// Its command, as the kernel says it.
    pub command: [u8; 16],
    /// Where it took what it had; zeros behind.
    pub had_at: [u8; PLACE_BYTES],
    /// Where it wanted the other.
    pub wanted_at: [u8; PLACE_BYTES],
}

impl Order {
    fn to_words(self) -> [u64; WORDS] {
        let mut words = [0; WORDS];
        words[0] = self.had.to_word();
        words[1] = self.wanted.to_word();
        for (word, gate) in words[2..ID_WORDS].iter_mut().zip(self.gates) {
            *word = gate.map_or(0, Way::to_word);
        }
        words[ID_WORDS] = u64::from(self.pid);
        words[ID_WORDS + 1] = self.at_ns;
        let texts = [&self.command[..], &self.had_at, &self.wanted_at].into_iter();
        let chunks = texts.flat_map(|text| text.as_chunks::<8>().0);
        for (word, chunk) in words[ID_WORDS + 2..].iter_mut().zip(chunks) {
            *word = u64::from_le_bytes(*chunk);
        }
        words
    }

    fn from_words(words: &[u64; WORDS]) -> Self {
        let mut gates = [None; GATES];
        for (gate, &word) in gates.iter_mut().zip(&words[2..ID_WORDS]) {
            *gate = (word != 0).then(|| Way::from_word(word));
        }
        let text = |into: &mut [u8], from: usize| {
            for (chunk, word) in into.as_chunks_mut::<8>().0.iter_mut().zip(&words[from..]) {
                *chunk = word.to_le_bytes();
            }
        };
        let (mut command, mut had_at, mut wanted_at) = ([0; 16], [0; PLACE_BYTES], [0; PLACE_BYTES]);
        text(&mut command, ID_WORDS + 2);
        text(&mut had_at, ID_WORDS + 4);
        text(&mut wanted_at, ID_WORDS + 4 + PLACE_WORDS);
        Self {
            had: Way::from_word(words[0]),
            wanted: Way::from_word(words[1]),
            gates,
            pid: u32::try_from(words[ID_WORDS]).unwrap_or(0),
            at_ns: words[ID_WORDS + 1],
            command,
            had_at,
            wanted_at,
        }
    }
}

/// One place in the table; see the module.
#[derive(Debug)]
#[repr(C)]
pub struct Entry {
    words: [AtomicU64; WORDS],
    checksum: AtomicU64,
    id: AtomicU64,
    reserved: [AtomicU64; ENTRY_WORDS - WORDS - 2],
}

const _: () = assert!(size_of::<Entry>() == 256);

impl Entry {
    fn write(&self, words: &[u64; WORDS]) {
        for (cell, word) in self.words.iter().zip(words) {
            // Relaxed: the checksum judges what a reader found.
            cell.store(*word, Ordering::Relaxed);
        }
        // Relaxed: as above.
        self.checksum.store(checksum(words), Ordering::Relaxed);
    }

    /// What stands here, if it is whole.
    #[must_use]
    pub fn read(&self) -> Option<Order> {
        let mut words = [0; WORDS];
        for (word, cell) in words.iter_mut().zip(&self.words) {
            // Relaxed: the checksum judges what was found.
            *word = cell.load(Ordering::Relaxed);
        }
        // Relaxed: as above.
        let is_whole = words[0] != 0 && self.checksum.load(Ordering::Relaxed) == checksum(&words);
        is_whole.then(|| Order::from_words(&words))
    }
}

/// Notes `order` among `entries`, once whoever notes it how often; answers whether there was room.
///
/// # Examples
/// ```
/// use crosstie_core::layout::orders::{Entry, GATES, Order, PLACE_BYTES, Way, note};
/// let entries: [Entry; 2] = std::array::from_fn(|_| Entry::empty());
/// let way = |key| Way { key, is_shared: false };
/// let order = |had, wanted| Order {
///     had: way(had),
///     wanted: way(wanted),
///     gates: [None; GATES],
///     pid: 7,
///     at_ns: 1,
///     command: [0; 16],
///     had_at: [0; PLACE_BYTES],
///     wanted_at: [0; PLACE_BYTES],
/// };
/// assert!(note(&entries, &order(1, 2)) && note(&entries, &order(2, 1)) && note(&entries, &order(1, 2)));
/// assert_eq!(entries.iter().filter_map(Entry::read).count(), 2);
/// assert!(!note(&entries, &order(1, 3)), "full");
/// ```
pub fn note(entries: &[Entry], order: &Order) -> bool {
    let words = order.to_words();
    // Never 0, which is a free entry.
    let id = checksum(&words[..ID_WORDS]) | 1;
    let count = entries.len().max(1) as u64;
    let start = usize::try_from(id % count).unwrap_or(0);
    for entry in entries[start..].iter().chain(&entries[..start]) {
        // Relaxed: an id guards no other memory; the checksum judges the rest.
        let found = match entry.id.compare_exchange(0, id, Ordering::Relaxed, Ordering::Relaxed) {
            Ok(_) => id,
            Err(found) => found,
        };
        if found == id {
            if entry.read().is_none() {
                entry.write(&words);
            }
            return true;
        }
    }
    false
}

impl Entry {
    /// An entry that nobody has claimed; zeroed memory is the same.
    #[must_use]
    pub fn empty() -> Self {
        let zero = || AtomicU64::new(0);
        Self {
            words: core::array::from_fn(|_| zero()),
            checksum: zero(),
            id: zero(),
            reserved: core::array::from_fn(|_| zero()),
        }
    }
}

#[cfg(all(test, not(crosstie_loom)))]
mod tests {
    use super::*;

    fn order(had: u64, wanted: u64) -> Order {
        let mut gates = [None; GATES];
        gates[0] = Some(Way { key: 9, is_shared: true });
        Order {
            had: Way { key: had, is_shared: true },
            wanted: Way { key: wanted, is_shared: false },
            gates,
            pid: 4711,
            at_ns: 5,
            command: *b"worker\0\0\0\0\0\0\0\0\0\0",
            had_at: [b'a'; PLACE_BYTES],
            wanted_at: [b'b'; PLACE_BYTES],
        }
    }

    #[test]
    fn an_order_is_read_as_it_was_noted_and_once() {
        let entries: [Entry; 4] = core::array::from_fn(|_| Entry::empty());
        assert!(note(&entries, &order(1, 2)) && note(&entries, &Order { at_ns: 6, ..order(1, 2) }));
        let mut read = entries.iter().filter_map(Entry::read);
        assert_eq!((read.next(), read.next()), (Some(order(1, 2)), None));
    }

    #[test]
    fn what_a_killed_writer_left_is_written_again() {
        let entries = [Entry::empty()];
        assert!(note(&entries, &order(1, 2)));
        // Relaxed: one thread.
        entries[0].words[7].store(99, Ordering::Relaxed);
        assert_eq!(entries[0].read(), None);
        assert!(note(&entries, &order(1, 2)));
        assert_eq!(entries[0].read(), Some(order(1, 2)));
    }
}
