//! The hold table of a slot: what its occupant holds, readable by anyone, written by it alone.
//!
//! It is a list for people and for the deadlock check, not the truth: who owns an object is what
//! the object's own word says. The check only reads tables of participants that are asleep, and
//! those are still.
//!
//! # States
//! | key of an entry | the entry |
//! |---|---|
//! | 0 | free |
//! | all ones | taken by a thread of a process that has not written it yet; or lost: taken away by force |
//! | k | held: the object of key k; its mode and units, place in the program |
//!
//! # Invariants
//! - **I1** A thread's or command's table is written by one thread. A process's table is written by all its
//!   threads, each in entries that it took itself. Whoever takes an object away by force only strikes the key out.
//! - **I2** An entry is written right behind the step that took the object, and cleared before the step
//!   that gives it up: a sleeper's table holds what it held when it fell asleep, no more and no less.
//! - **I3** Holds beyond the table are counted in `beyond`, never forgotten silently.
//!
//! # Transitions
//! | from → to | who | ordering | why |
//! |---|---|---|---|
//! | free → held ([`HoldTable::note`]) | occupant | Release | the words before the key |
//! | free → taken → held ([`HoldTable::note_beside_others`]) | a thread of the process | CAS Acquire, then Release | one entry a thread |
//! | held → free ([`HoldTable::forget`]) | who noted it | Release | before the object is given up (I2) |
//! | held → lost ([`HoldTable::strike`]) | who takes the object away by force | CAS, Relaxed | the table no longer claims it; the entry stays its noter's |
//! | any → free ([`HoldTable::clear`]) | a slot's next occupant | Relaxed | the dead's holds end with it |
//!
//! # Orderings
//! The Release of a key meets the Acquire of [`HoldTable::read`]. A sleeper's last change precedes its
//! wait record (program order and `publish`'s Release), so who read the record reads the table as it is.
//! There is no count of entries: the word that is stored last before the object is given up is one that was not
//! read since it was written, so that the exchange behind it has nothing to wait for (HAZARDS H13).
//!
//! # Progress
//! Wait-free for a thread; for a process's table a CAS is repeated only when another of its threads won.
//!
//! # Death
//! A kill between taking an object and noting it leaves an object whose word names a dead owner: the
//! word is the truth, and nobody asks the table. The table of the dead counts for nothing.
//!
//! # Source
//! HAZARDS H9, H13; the per-transaction lock table of Gray and Reuter, "Transaction Processing", ch. 8.

use super::waiting::Mode;
use crate::atomic::{AtomicU64, Ordering};

/// Entries of a table. A model has two: it pays for every atomic.
pub const HOLDS: usize = if cfg!(crosstie_loom) { 2 } else { 24 };

/// One thing that is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hold {
    /// The object's key.
    pub key: u64,
    /// In what way.
    pub mode: Mode,
    /// How many units; 1 but for [`Mode::Units`].
    pub units: u32,
    /// Where in the program it was taken: an address in the holder's process; 0 = unknown.
    pub site: u64,
}

impl Hold {
    /// Mode and units, as an entry stores them.
    #[inline(always)]
    fn info(&self) -> u64 {
        (u64::from(self.units) << 8) | u64::from(self.mode as u8)
    }
}

/// Which entry a hold has; needed to forget it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HoldIndex(u64);

impl HoldIndex {
    /// The hold found no entry: it is only counted.
    const BEYOND: Self = Self(u64::MAX);

    /// It in a byte, for who has few words.
    #[inline(always)]
    #[must_use]
    pub const fn to_byte(self) -> u8 {
        if self.0 < HOLDS as u64 { self.0 as u8 } else { u8::MAX }
    }

    /// What [`HoldIndex::to_byte`] answered.
    #[inline(always)]
    #[must_use]
    pub const fn from_byte(byte: u8) -> Self {
        if byte == u8::MAX { Self::BEYOND } else { Self(byte as u64) }
    }
}

#[derive(Debug)]
#[repr(C)]
struct Entry {
    key: AtomicU64,
    info: AtomicU64,
    site: AtomicU64,
}

/// A hold table; see the module.
#[derive(Debug)]
#[repr(C)]
pub struct HoldTable {
    reserved_0: AtomicU64,
    beyond: AtomicU64,
    reserved: [AtomicU64; RESERVED],
    entries: [Entry; HOLDS],
}

const RESERVED: usize = if cfg!(crosstie_loom) { 0 } else { 6 };
/// The key of an entry that is taken and says nothing.
const UNSAID: u64 = u64::MAX;

#[cfg(not(crosstie_loom))]
const _: () = assert!(size_of::<HoldTable>() == 640);

impl HoldTable {
    /// A table without holds; zeroed memory is the same.
    #[must_use]
    pub fn empty() -> Self {
        let zero = || AtomicU64::new(0);
        Self {
            reserved_0: zero(),
            beyond: zero(),
            reserved: core::array::from_fn(|_| zero()),
            entries: core::array::from_fn(|_| Entry { key: zero(), info: zero(), site: zero() }),
        }
    }

    /// Notes a hold in the table of a thread or a command; only its one writer calls it (I1).
    #[inline(always)]
    pub fn note(&self, hold: &Hold) -> HoldIndex {
        if self.is_first_free() {
            return self.note_first(hold);
        }
        self.note_behind_first(hold.key, hold.info(), hold.site)
    }

    /// Whether the next hold is noted in the first entry; for the table's one writer (I1).
    #[inline(always)]
    #[must_use]
    pub fn is_first_free(&self) -> bool {
        self.entries[0].is_free()
    }

    /// As [`HoldTable::note`], where [`HoldTable::is_first_free`] was so.
    #[inline(always)]
    pub fn note_first(&self, hold: &Hold) -> HoldIndex {
        self.entries[0].write(hold.key, hold.info(), hold.site);
        HoldIndex(0)
    }

    /// Whether the next two holds are noted in the first two entries; for the table's one writer (I1).
    #[inline(always)]
    #[must_use]
    pub fn are_first_two_free(&self) -> bool {
        self.entries[0].is_free() && self.entries[1].is_free()
    }

    /// As [`HoldTable::note`] of each, where [`HoldTable::are_first_two_free`] was so.
    #[inline(always)]
    pub fn note_first_two(&self, holds: [&Hold; 2]) -> [HoldIndex; 2] {
        self.entries[0].write(holds[0].key, holds[0].info(), holds[0].site);
        self.entries[1].write(holds[1].key, holds[1].info(), holds[1].site);
        [HoldIndex(0), HoldIndex(1)]
    }

    /// Word by word, so that a hold that finds the first entry free is never put together in memory.
    #[inline(never)]
    fn note_behind_first(&self, key: u64, info: u64, site: u64) -> HoldIndex {
        let Some(index) = self.entries.iter().position(Entry::is_free) else { return self.note_beyond() };
        self.entries[index].write(key, info, site);
        HoldIndex(index as u64)
    }

    /// Notes a hold in the table of a process, beside its other threads (I1).
    pub fn note_beside_others(&self, hold: &Hold) -> HoldIndex {
        let Some(index) = self.entries.iter().position(Entry::try_claim) else { return self.note_beyond() };
        self.entries[index].write(hold.key, hold.info(), hold.site);
        HoldIndex(index as u64)
    }

    /// Whether the object of `key` is noted at `index`; for who noted it. One beyond the table is not found.
    #[inline(always)]
    #[must_use]
    pub fn is_noted(&self, index: HoldIndex, key: u64) -> bool {
        // Relaxed: what the caller wrote.
        self.entries.get(index.0 as usize).is_some_and(|entry| entry.key.load(Ordering::Relaxed) == key)
    }

    /// Ends a hold of any table; who noted it calls it, before it gives the object up (I2).
    #[inline(always)]
    pub fn forget(&self, index: HoldIndex) {
        match self.entries.get(index.0 as usize) {
            // Release: keeps the table's changes in the order of the holder's steps; whoever takes the entry next finds
            // it done with.
            Some(entry) => entry.key.store(0, Ordering::Release),
            None => self.forget_beyond(),
        }
    }

    /// Strikes out the entries of `key`, because the object is taken away by force: who noted them forgets them as ever.
    /// An entry that is written anew meanwhile may be struck out too: then the table says less than is true.
    pub fn strike(&self, key: u64) {
        for entry in &self.entries {
            // Relaxed: a list for people and for the deadlock check; no other memory depends on it.
            let _ = entry.key.compare_exchange(key, UNSAID, Ordering::Relaxed, Ordering::Relaxed);
        }
    }

    /// Everything that is held, as far as it has entries.
    pub fn read(&self) -> impl Iterator<Item = Hold> + '_ {
        self.entries.iter().filter_map(Entry::read)
    }

    /// How many holds found no entry (I3).
    #[must_use]
    pub fn beyond(&self) -> u64 {
        // Relaxed: a number for people.
        self.beyond.load(Ordering::Relaxed)
    }

    /// Empties the table of a dead occupant; only the slot's next occupant calls it.
    pub fn clear(&self) {
        for entry in &self.entries {
            // Relaxed: a slot is described behind this, and who finds the new occupant by that finds the table empty.
            entry.key.store(0, Ordering::Relaxed);
        }
        // Relaxed: a number for people.
        self.beyond.store(0, Ordering::Relaxed);
    }

    #[cold]
    fn note_beyond(&self) -> HoldIndex {
        // Relaxed: a number for people.
        self.beyond.fetch_add(1, Ordering::Relaxed);
        HoldIndex::BEYOND
    }

    #[cold]
    fn forget_beyond(&self) {
        // Relaxed: a number for people.
        self.beyond.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Entry {
    #[inline(always)]
    fn is_free(&self) -> bool {
        // Relaxed: only this thread writes it (I1).
        self.key.load(Ordering::Relaxed) == 0
    }

    /// Takes a free entry of a table that several threads write.
    fn try_claim(&self) -> bool {
        // Acquire: the entry's last user is done with it. Relaxed on failure: another has it.
        self.key.compare_exchange(0, UNSAID, Ordering::Acquire, Ordering::Relaxed).is_ok()
    }

    #[inline(always)]
    fn write(&self, key: u64, info: u64, site: u64) {
        // Relaxed: ordered by the Release of the key. Stores into a line that is the thread's own cost less than a look
        // whether the same stands there already.
        self.info.store(info, Ordering::Relaxed);
        // Relaxed: as above.
        self.site.store(site, Ordering::Relaxed);
        // Release: the key shows that the rest is written.
        self.key.store(key, Ordering::Release);
    }

    fn read(&self) -> Option<Hold> {
        // Acquire: pairs with the Release in `write`.
        let key = self.key.load(Ordering::Acquire);
        if key == 0 || key == UNSAID {
            return None;
        }
        // Relaxed: ordered by the Acquire above.
        let info = self.info.load(Ordering::Relaxed);
        // Relaxed: as above.
        let site = self.site.load(Ordering::Relaxed);
        let units = u32::try_from(info >> 8).unwrap_or(u32::MAX);
        let mode = Mode::from_bits(info & 0xFF)?;
        Some(Hold { key, mode, units, site })
    }
}

#[cfg(all(test, not(crosstie_loom)))]
mod tests {
    use super::*;

    fn hold(key: u64) -> Hold {
        Hold { key, mode: Mode::Exclusive, units: 1, site: key * 2 }
    }

    #[test]
    fn what_is_noted_is_read_until_it_is_forgotten() {
        let table = HoldTable::empty();
        let (a, b) = (table.note(&hold(1)), table.note(&hold(2)));
        assert!(table.read().eq([hold(1), hold(2)]));
        table.forget(a);
        assert!(table.read().eq([hold(2)]));
        table.forget(b);
        assert_eq!(table.read().count(), 0);
    }

    #[test]
    fn an_index_fits_into_a_byte() {
        let table = HoldTable::empty();
        assert!(table.is_first_free());
        let indices: [HoldIndex; HOLDS + 1] = core::array::from_fn(|i| table.note(&hold(i as u64 + 1)));
        assert!(!table.is_first_free());
        assert!(indices.iter().all(|&index| HoldIndex::from_byte(index.to_byte()) == index));
        table.forget(indices[0]);
        assert_eq!(table.note_first(&hold(1)), indices[0]);
    }

    #[test]
    fn what_was_taken_away_is_held_no_more_and_its_entry_is_used_again() {
        let table = HoldTable::empty();
        let (a, b) = (table.note(&hold(1)), table.note(&hold(2)));
        table.strike(1);
        assert!(table.read().eq([hold(2)]));
        table.forget(a);
        assert_eq!(table.note(&hold(3)), a);
        assert!(table.read().eq([hold(3), hold(2)]));
        table.forget(b);
    }

    #[test]
    fn holds_beyond_the_table_are_counted() {
        let table = HoldTable::empty();
        let indices: [HoldIndex; HOLDS + 2] = core::array::from_fn(|i| table.note(&hold(i as u64 + 1)));
        assert_eq!((table.read().count(), table.beyond()), (HOLDS, 2));
        for index in indices {
            table.forget(index);
        }
        assert_eq!((table.read().count(), table.beyond()), (0, 0));
    }

    #[test]
    fn a_process_gives_each_thread_an_entry_of_its_own() {
        let table = HoldTable::empty();
        let (a, b) = (table.note_beside_others(&hold(1)), table.note_beside_others(&hold(2)));
        assert_ne!(a, b);
        table.forget(a);
        assert!(table.read().eq([hold(2)]));
        table.forget(b);
        assert_eq!(table.read().count(), 0);
    }
}
