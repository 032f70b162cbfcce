//! The sending end of a queue: takes a place, writes, puts it in order.
//!
//! # States
//! Those of [`super::end`]. A sender has at most one place in its hands.
//!
//! # Invariants
//! - **I1** A place is written only by the sender whose offered word it has.
//!
//! # Transitions
//! | who | word: from → to | by |
//! |---|---|---|
//! | sender: reserve | free → offered | CAS, Release |
//! | sender: commit | – | the entry's CAS ([`super::end`]) |
//! | sender: abandon | offered → free | CAS, Release |
//! | sender: withdraw | offered by it, in order, never delivered → free | CAS, Release |
//!
//! # Orderings
//! The Acquire that finds a place free meets the Release of who ended the job there. Length and
//! payload are published by the CAS of the entry. Who lets a place go looks behind that who sleeps for one
//! ([`crate::ring::sleepers`]).
//!
//! # Progress
//! Lock-free. [`Search::Near`] reads a few places, [`Search::Everywhere`] each at most once.
//!
//! # Death
//! Before the entry is put, the place comes free again; behind it the message is sent. Behind an abandon or a withdrawal, before
//! its wake: senders that sleep watch this one's life. The entry of what was withdrawn is marked by who meets it.
//!
//! # Source
//! As [`super::end`].

use super::control::Control;
use super::end::{End, Ticket};
use super::job::{Job, State};
use super::memory::{Geometry, Memory, Place};
use super::pool::Hunt;
use crate::atomic::Ordering;
use crate::crash_point;
use crate::ring::spsc::{Barrier, Corrupt};

/// Where a sender looks for a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Search {
    /// At the next places in turn: one that is free may be missed.
    Near,
    /// At all of them.
    Everywhere,
}

/// Places that [`Search::Near`] reads.
const NEAR: u32 = 4;
/// How far ahead a place is fetched to be written.
const AHEAD: u32 = 8;

/// A place that a sender has taken for a message.
#[derive(Debug)]
#[must_use = "a place is committed or abandoned"]
pub struct Room {
    job: u32,
    word: Job,
    /// Where the payload goes; valid for the length that was asked for.
    pub place: Place,
}

impl Room {
    /// By what the message is found again once it was sent ([`super::end::End::whereabouts`]).
    #[must_use]
    pub const fn ticket(&self) -> Ticket {
        Ticket { job: self.job, serial: self.word.serial }
    }
}

/// The sending end.
#[derive(Debug)]
pub struct Producer<M: Memory> {
    end: End<M>,
    job_cursor: u32,
    chunks: Hunt,
    /// A place was in its hands that it let go again: who looked meanwhile may have found none.
    has_let_go: bool,
}

impl<M: Memory> Producer<M> {
    /// The sending end that has the entry `me` among the members.
    ///
    /// # Errors
    /// If the queue's positions break its invariants.
    pub fn new(memory: M, me: u16, barrier: Barrier) -> Result<Self, Corrupt> {
        End::new(memory, me, barrier).map(|end| Self {
            end,
            job_cursor: 0,
            chunks: Hunt::default(),
            has_let_go: false,
        })
    }

    /// What it shares with a receiver.
    pub fn end(&mut self) -> &mut End<M> {
        &mut self.end
    }

    /// The memory that the queue lies in.
    pub fn memory(&self) -> &M {
        &self.end.memory
    }

    /// The words that all ends share.
    pub fn control(&self) -> &Control {
        self.end.control()
    }

    /// After jobs were put in order: whether receivers sleep, and the caller must wake them.
    #[inline]
    pub fn must_wake_receivers(&self) -> bool {
        self.end.must_wake_receivers()
    }

    /// After places were looked for or abandoned: whether one was let go that is free now, senders sleep, and the caller
    /// must wake them.
    #[inline]
    pub fn must_wake_senders(&mut self) -> bool {
        let has_let_go = core::mem::take(&mut self.has_let_go) | core::mem::take(&mut self.chunks.has_let_go);
        has_let_go && self.end.control().senders().must_wake(self.end.barrier)
    }

    /// Takes a place for a message of `length` bytes, which the caller has found to be within the
    /// limit; `None` where none is free, or not so many chunks side by side.
    #[inline]
    pub fn reserve(&mut self, length: u32, search: Search) -> Option<Room> {
        let chunks = Geometry::chunks_of(length);
        // Before the place is taken: it is let go again only when somebody else got on with the chunks, so two
        // that wait for chunks do not wake each other for ever.
        if chunks > 0 && !self.chunks.finds(&self.end.memory, chunks) {
            return None;
        }
        let (job, word) = self.take_place(search)?;
        crash_point!("queue.reserved");
        if chunks == 0 {
            return Some(Room { job, word, place: Place::InLine { job } });
        }
        match self.chunks.take(&self.end.memory, chunks, job, word.serial) {
            Some(first_chunk) => Some(Room { job, word, place: Place::Pooled { first_chunk } }),
            None => {
                self.free(job, word);
                None
            }
        }
    }

    #[inline]
    fn take_place(&mut self, search: Search) -> Option<(u32, Job)> {
        let jobs = self.end.geometry.jobs;
        let looks = match search {
            Search::Near => NEAR.min(jobs),
            Search::Everywhere => jobs,
        };
        let mut at = if self.job_cursor < jobs { self.job_cursor } else { 0 };
        for _ in 0..looks {
            let next = if at + 1 == jobs { 0 } else { at + 1 };
            if let Some((word, job)) = self.end.job(at)
                && job.state == State::Free
            {
                let taken = job.next(self.end.me);
                if self.end.change(at, word, taken) {
                    self.job_cursor = next;
                    let ahead = at + AHEAD;
                    self.end.memory.prefetch(if ahead < jobs { ahead } else { ahead % jobs });
                    return Some((at, taken));
                }
            }
            at = next;
        }
        None
    }

    /// Whether the place an eighth of the queue ahead is free: then so are, mostly, those up to there, and a
    /// sender that waited until now has a run of them for itself, rather than each as soon as a receiver has
    /// let it go, in the line that both then pull to and fro.
    #[inline]
    #[must_use]
    pub fn has_room_ahead(&self) -> bool {
        let jobs = self.end.geometry.jobs;
        let ahead = (self.job_cursor % jobs + jobs / 8) % jobs;
        self.end.job(ahead).is_some_and(|(_, job)| job.state == State::Free)
    }

    /// Sends the first `length` bytes of the place, at most as many as it was taken for.
    ///
    /// # Errors
    /// If the order breaks its invariants.
    #[inline]
    pub fn commit(&mut self, room: Room, length: u32) -> Result<(), Corrupt> {
        // Relaxed: published by the CAS of the entry.
        self.end.memory.extent(room.job).store(room.place.extent(length), Ordering::Relaxed);
        crash_point!("queue.written");
        self.end.put(room.job, room.word)
    }

    /// Gives a place back without sending anything; [`Producer::must_wake_senders`] says whom that concerns.
    pub fn abandon(&mut self, room: Room) {
        self.free(room.job, room.word);
    }

    /// Takes back a message that this end has committed: false if somebody has, or had, it in hand.
    /// [`Producer::must_wake_senders`] says whom the place concerns that is free then.
    pub fn withdraw(&mut self, ticket: Ticket) -> bool {
        let Some((word, job)) = self.end.job(ticket.job) else { return false };
        let is_untouched = job.state == State::Offered(self.end.me) && job.deliveries == 0;
        if job.serial != ticket.serial || !is_untouched {
            return false;
        }
        // A receiver that claims it meanwhile expects the same word: one of the two has it.
        let is_withdrawn = self.end.change(ticket.job, word, job.in_state(State::Free));
        self.has_let_go |= is_withdrawn;
        is_withdrawn
    }

    fn free(&mut self, job: u32, word: Job) {
        // The next look begins here again: it is free.
        self.job_cursor = job;
        self.has_let_go = true;
        let _ = self.end.change(job, word.to_bits(), word.in_state(State::Free));
    }
}
