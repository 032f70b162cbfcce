//! Chunks for payloads that do not fit in line.
//!
//! A chunk's tag says for which job it was taken: place and serial. It is free as soon as that job is
//! over, by the job's own word; so nobody frees a chunk, and a death leaves none behind. It is not an
//! allocator for anything that outlives its job.
//!
//! # States
//! | tag | state |
//! |---|---|
//! | a job that is not over: its serial, and not free | taken |
//! | a job that is over, or serial 0 | free |
//!
//! # Invariants
//! - **I1** A chunk that is taken is written only by the end in whose hands its job is.
//! - **I2** A free tag stays free until it is replaced: no job has a serial twice.
//!
//! # Transitions
//! | who | from → to | by |
//! |---|---|---|
//! | an end that writes a job | free → that job's | CAS, Acquire |
//! | the same, where the chunks behind it were taken first | that job's → serial 0 | Relaxed store |
//! | who ends a job | taken → free | by the job's word |
//!
//! # Orderings
//! The Acquire of the job's word, read to see that a chunk is free, meets the Release that ended the
//! job: its payload was read before the chunk is written again.
//!
//! # Progress
//! Lock-free; one look reads each tag at most twice, and who takes chunks has looked before. Chunks of a payload lie side by side, so a pool
//! that is full of small payloads may have no room for a long one until some are over.
//!
//! # Death
//! Chunks go with their job's word: nothing to recover.
//!
//! # Source
//! Owner tags in the word that allocates: iceoryx2's index set; liveness by the owner's epoch: CXL-SHM
//! (Zhang et al., SOSP 2023).

use super::job::{Job, State};
use super::memory::{JOBS_MAX, Memory};
use crate::atomic::Ordering;
use crate::crash_point;

const JOB: u64 = JOBS_MAX as u64 - 1;
const SERIAL_SHIFT: u32 = 32;
/// The tag of a chunk that was given back: no job has serial 0.
const FREE: u64 = 0;

/// Where a sender looks for chunks.
#[derive(Debug, Default)]
pub(super) struct Hunt {
    cursor: u32,
    /// It had chunks in its hands that it let go again: who looked meanwhile may have found too few.
    pub(super) has_let_go: bool,
}

impl Hunt {
    /// Whether `count` chunks side by side are free.
    pub(super) fn finds(&self, memory: &impl Memory, count: u32) -> bool {
        self.places(memory, count).into_iter().any(|(begin, end)| {
            let mut run = 0;
            (begin..end).any(|at| {
                run = if is_free(memory, at) { run + 1 } else { 0 };
                run == count
            })
        })
    }

    /// Takes `count` chunks side by side for the job `(job, serial)`, looking from the cursor on; answers the
    /// first, and moves the cursor behind them. `None` where no so many are free.
    pub(super) fn take(&mut self, memory: &impl Memory, count: u32, job: u32, serial: u32) -> Option<u32> {
        let tag = (u64::from(serial) << SERIAL_SHIFT) | u64::from(job);
        for (begin, end) in self.places(memory, count) {
            if let Some(first) = self.take_between(memory, begin, end, count, tag) {
                self.cursor = first + count;
                return Some(first);
            }
        }
        None
    }

    /// From the cursor to the end, then from the beginning to where a run may still begin before it.
    fn places(&self, memory: &impl Memory, count: u32) -> [(u32, u32); 2] {
        let chunks = memory.geometry().chunks;
        let from = if self.cursor < chunks { self.cursor } else { 0 };
        [(from, chunks), (0, chunks.min(from.saturating_add(count)))]
    }

    fn take_between(
        &mut self,
        memory: &impl Memory,
        begin: u32,
        end: u32,
        count: u32,
        tag: u64,
    ) -> Option<u32> {
        let mut run = 0;
        let mut at = begin;
        while at < end {
            run = if is_free(memory, at) { run + 1 } else { 0 };
            at += 1;
            if run == count {
                let first = at - count;
                match take_run(memory, first, count, tag) {
                    Ok(()) => return Some(first),
                    // Somebody was faster there: the next run begins behind it.
                    Err(lost) => {
                        self.has_let_go |= lost > first;
                        run = 0;
                        at = lost + 1;
                    }
                }
            }
        }
        None
    }
}

fn is_free(memory: &impl Memory, chunk: u32) -> bool {
    // Relaxed: a value that is replaced only by CAS; what it stands for is read with Acquire.
    is_over(memory, memory.chunk(chunk).load(Ordering::Relaxed))
}

/// Takes all of a run, or none; answers the chunk that somebody else has taken.
fn take_run(memory: &impl Memory, first: u32, count: u32, tag: u64) -> Result<(), u32> {
    for at in first..first + count {
        let chunk = memory.chunk(at);
        // Relaxed: whether it is free is decided by the job's word, read with Acquire.
        let found = chunk.load(Ordering::Relaxed);
        let is_free = is_over(memory, found);
        // Acquire: what comes behind, the payload's bytes, is written after the chunk is taken (I1).
        // Relaxed on failure: the run is given up.
        let is_taken =
            is_free && chunk.compare_exchange(found, tag, Ordering::Acquire, Ordering::Relaxed).is_ok();
        crash_point!("pool.chunk");
        if !is_taken {
            for mine in first..at {
                // Relaxed: nothing was written there.
                memory.chunk(mine).store(FREE, Ordering::Relaxed);
            }
            return Err(at);
        }
    }
    Ok(())
}

/// Whether the job of a chunk with this tag is over (I2).
fn is_over(memory: &impl Memory, tag: u64) -> bool {
    let (job, serial) = ((tag & JOB) as u32, (tag >> SERIAL_SHIFT) as u32);
    if serial == 0 || job >= memory.geometry().jobs {
        return true;
    }
    // Acquire: meets the Release that ended the job; its payload has been read.
    match Job::from_bits(memory.job(job).load(Ordering::Acquire)) {
        Some(found) => found.serial != serial || found.state == State::Free,
        None => false,
    }
}
