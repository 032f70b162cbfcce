//! The last deadlocks that were ended: who waited for what, as ids and keys; the words for it come
//! from the floor above.
//!
//! A checksum instead of a lock, as in an obituary: a writer may be killed half-way, and two may meet
//! on one report when 64 deadlocks end at once; a reader takes only what is whole.

use crate::OwnerId;
use crate::atomic::{AtomicU64, Ordering};

/// Reports that are kept.
pub const REPORTS: usize = 64;
/// Participants of a deadlock that a report names; of a longer one, the first.
pub const MEMBERS: usize = 14;

/// A deadlock that was ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Report {
    /// When, `CLOCK_MONOTONIC` nanoseconds.
    pub at_ns: u64,
    /// How many took part; only the first [`MEMBERS`] are named.
    pub length: u64,
    /// Who waited, and for the object of which key; each waits for the next, the last for the first.
    /// The first is the one that gave up.
    pub members: [Option<(OwnerId, u64)>; MEMBERS],
}

const WORDS: usize = 2 + 2 * MEMBERS;

#[derive(Debug)]
#[repr(C)]
struct Entry {
    words: [AtomicU64; WORDS],
    checksum: AtomicU64,
    reserved: AtomicU64,
}

/// The reports of a domain; see the module.
#[derive(Debug)]
#[repr(C)]
pub struct Reports {
    entries: [Entry; REPORTS],
}

#[cfg(not(crosstie_loom))]
const _: () = assert!(size_of::<Reports>() == REPORTS * 256);

impl Reports {
    /// Records a deadlock as the `number`-th; the oldest goes.
    pub fn write(&self, number: u64, report: &Report) {
        let index = usize::try_from(number % REPORTS as u64).unwrap_or(0);
        let mut words = [0; WORDS];
        words[0] = report.at_ns;
        words[1] = report.length;
        for (pair, member) in words[2..].chunks_exact_mut(2).zip(report.members) {
            let (id, key) = member.map_or((0, 0), |(id, key)| (id.to_bits(), key));
            pair.copy_from_slice(&[id, key]);
        }
        for (cell, word) in self.entries[index].words.iter().zip(words) {
            // Relaxed: the checksum judges what a reader found.
            cell.store(word, Ordering::Relaxed);
        }
        // Relaxed: as above.
        self.entries[index].checksum.store(checksum(&words), Ordering::Relaxed);
    }

    /// Those that are whole, in no order.
    pub fn read(&self) -> impl Iterator<Item = Report> + '_ {
        self.entries.iter().filter_map(|entry| {
            let mut words = [0; WORDS];
            for (word, cell) in words.iter_mut().zip(&entry.words) {
                // Relaxed: the checksum judges what was found.
                *word = cell.load(Ordering::Relaxed);
            }
            // Relaxed: as above.
            if words[1] == 0 || entry.checksum.load(Ordering::Relaxed) != checksum(&words) {
                return None;
            }
            let mut members = [None; MEMBERS];
            for (member, pair) in members.iter_mut().zip(words[2..].chunks_exact(2)) {
                *member = OwnerId::from_bits(pair[0]).map(|id| (id, pair[1]));
            }
            Some(Report { at_ns: words[0], length: words[1], members })
        })
    }
}

/// Tells whole records from torn ones; no defence against who means harm.
pub(super) fn checksum(words: &[u64]) -> u64 {
    words.iter().fold(0x9E37_79B9_7F4A_7C15, |sum, word| {
        (sum.rotate_left(5) ^ word).wrapping_mul(0x517C_C1B7_2722_0A95)
    })
}
