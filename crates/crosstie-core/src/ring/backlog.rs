//! What waits in a ring, for who only looks and is none of its ends.
//!
//! # States
//! Those of the records: a cell's commit word bears the tag of its lap, or not (`spsc`).
//!
//! # Invariants
//! - **I1** A walk reads each word once and checks it, and takes no more steps than the ring has cells.
//! - **I2** Both ends go on meanwhile: the answer was true at some moment only if the acknowledged position stayed; after some
//!   walks it is given as it is.
//!
//! # Transitions
//! None: nothing is written.
//!
//! # Orderings
//! The Acquire of the position meets the consumer's Release, that of each commit word the producer's: the records behind it are not older.
//!
//! # Progress
//! Wait-free: I1, and a bounded number of walks.
//!
//! # Death
//! A dead end's records are as good as a living one's: what was committed waits.
//!
//! # Source
//! The walk by which a new producer finds the tail (`spsc::Producer::attach`).

use super::memory::Memory;
use super::record::{CELL_BYTES, Geometry};
use crate::atomic::Ordering;

/// How often a walk is made anew because the consumer went on meanwhile.
const WALKS_MAX: u32 = 4;

/// What waits in a ring.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Backlog {
    /// Messages that were sent and not acknowledged.
    pub messages: u64,
    /// Bytes of the ring that they take.
    pub bytes: u64,
}

impl Backlog {
    /// Looks at the ring in `memory`.
    pub fn of<M: Memory>(memory: &M) -> Self {
        let Some(geometry) = Geometry::new(memory.capacity_bytes()) else { return Self::default() };
        let acked = || {
            // Acquire: what is read of the records is not older.
            memory.control().acked.0.load(Ordering::Acquire) & !(CELL_BYTES - 1)
        };
        let mut start = acked();
        for _ in 1..WALKS_MAX {
            let found = walk(memory, geometry, start);
            let now = acked();
            if now == start {
                return found;
            }
            start = now;
        }
        walk(memory, geometry, start)
    }
}

fn walk<M: Memory>(memory: &M, geometry: Geometry, start: u64) -> Backlog {
    let mut found = Backlog::default();
    while found.bytes < geometry.capacity_bytes() {
        let position = start.wrapping_add(found.bytes);
        let word = memory.commit_word(geometry.offset(position));
        // Acquire: the next word is not older than the record before it.
        let Some(length) = geometry.length_at(word.load(Ordering::Acquire), position) else { break };
        let end = found.bytes + Geometry::record_bytes(u64::from(length));
        if end > geometry.capacity_bytes() {
            break;
        }
        (found.messages, found.bytes) = (found.messages + 1, end);
    }
    found
}
