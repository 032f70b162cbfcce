//! The receiving end of a queue: takes the next job, says what became of it.
//!
//! # States
//! Those of [`super::end`]. A receiver may have any number of jobs in its hands.
//!
//! # Invariants
//! - **I1** The payload of a job is read only by the receiver whose held word it has; after a lease has
//!   run out it may be overwritten while it is read, and `done` then fails.
//!
//! # Transitions
//! | who | word: from → to | by |
//! |---|---|---|
//! | receiver: claim | offered, queued → held by me | CAS, Release |
//! | receiver: done | held by me → free | CAS, Release |
//! | receiver: dead letter | dead → held by me | CAS, Release |
//!
//! # Orderings
//! The Acquire that reads an entry meets the CAS that put it: payload and length are there. The entry is
//! read once more behind the job's word: a word of a later stay would have found it marked.
//! When a job was delivered is noted before its claim, by fetch_max: whoever sees it held sees a time
//! that is not before that.
//!
//! # Progress
//! Lock-free; a look walks at most once around each order.
//!
//! # Death
//! As in [`super::end`].
//!
//! # Source
//! As [`super::end`].

use super::control::Control;
use super::end::{End, Fate, GivenBack, Place as Cursor, TRIES_MAX, Ticket};
use super::job::{Job, State};
use super::memory::{Geometry, Memory, Place};
use super::order::{Entry, Found, Order};
use crate::atomic::Ordering;
use crate::crash_point;
use crate::ring::spsc::{Barrier, Corrupt};

/// A job in a receiver's hands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    job: u32,
    /// Its word, while this receiver has it.
    word: u64,
    /// Where its payload lies.
    pub place: Place,
    /// Bytes of payload.
    pub length: u32,
    /// How often it was delivered, this time included.
    pub deliveries: u8,
}

impl Claim {
    /// By what its sender finds the message again.
    #[must_use]
    pub const fn ticket(&self) -> Ticket {
        Ticket { job: self.job, serial: (self.word >> 32) as u32 }
    }
}

/// The receiving end.
#[derive(Debug)]
pub struct Consumer<M: Memory> {
    end: End<M>,
    /// Everything before was taken; by order.
    heads: [Cursor; 2],
}

impl<M: Memory> Consumer<M> {
    /// The receiving end that has the entry `me` among the members.
    ///
    /// # Errors
    /// If the queue's positions break its invariants.
    pub fn new(memory: M, me: u16, barrier: Barrier) -> Result<Self, Corrupt> {
        let [first, again] = &memory.control().heads;
        let heads = [Cursor::told_by(&first.0)?, Cursor::told_by(&again.0)?];
        Ok(Self { end: End::new(memory, me, barrier)?, heads })
    }

    /// What it shares with a sender.
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

    /// Takes the next job, if there is one: first what came back, then what came first. `now_ns` is
    /// when, where the queue has a lease.
    ///
    /// # Errors
    /// If the order, or the place of the payload, breaks its invariants.
    #[inline]
    pub fn claim(&mut self, now_ns: u64) -> Result<Option<Claim>, Corrupt> {
        for order in Order::ALL {
            if let Some(claim) = self.claim_of(order, now_ns)? {
                return Ok(Some(claim));
            }
        }
        Ok(None)
    }

    #[inline]
    fn claim_of(&mut self, order: Order, now_ns: u64) -> Result<Option<Claim>, Corrupt> {
        let circle = self.end.circle;
        // Bounded: once around, and a little for what is put meanwhile.
        for _ in 0..2 * circle.slots() {
            let head = &mut self.heads[order.index()];
            let hint = &self.end.memory.control().heads[order.index()].0;
            let position = head.position;
            let slot = self.end.memory.order(order, circle.slot(position));
            // Acquire: meets the CAS of `put`; length, payload and word are there.
            let found = slot.load(Ordering::Acquire);
            match circle.found(found, position) {
                Found::Free | Found::Before(_) => return Ok(None),
                Found::Taken => head.advance(hint, circle.slots()),
                Found::LapsBehind(laps) if head.catch_up(laps, hint, circle.slots()) => {}
                Found::Ahead if head.catch_up(0, hint, circle.slots()) => {}
                Found::LapsBehind(_) | Found::Ahead => {
                    return Err(Corrupt { field: "lap in order", found, limit: position });
                }
                Found::Entry(entry) => match self.take(entry, order, found, now_ns)? {
                    Taken::Changed => {}
                    Taken::Gone => self.end.mark_taken(order, position, found),
                    Taken::Mine(word, job) => {
                        self.end.mark_taken(order, position, found);
                        self.heads[order.index()].advance(hint_of(&self.end, order), circle.slots());
                        self.fetch_ahead(order);
                        return self.claimed(entry.job, word, job).map(Some);
                    }
                },
            }
        }
        Ok(None)
    }

    /// Whether [`Consumer::claim`] would find a job; takes none.
    ///
    /// # Errors
    /// If the order breaks its invariants.
    pub fn has_job(&mut self) -> Result<bool, Corrupt> {
        for order in Order::ALL {
            if self.has_job_of(order)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn has_job_of(&mut self, order: Order) -> Result<bool, Corrupt> {
        let circle = self.end.circle;
        // Bounded: as `claim_of`.
        for _ in 0..2 * circle.slots() {
            let head = &mut self.heads[order.index()];
            let hint = &self.end.memory.control().heads[order.index()].0;
            let position = head.position;
            // Acquire: as in `claim_of`.
            let found = self.end.memory.order(order, circle.slot(position)).load(Ordering::Acquire);
            match circle.found(found, position) {
                Found::Free | Found::Before(_) => return Ok(false),
                Found::Taken => head.advance(hint, circle.slots()),
                Found::LapsBehind(laps) if head.catch_up(laps, hint, circle.slots()) => {}
                Found::Ahead if head.catch_up(0, hint, circle.slots()) => {}
                Found::LapsBehind(_) | Found::Ahead => {
                    return Err(Corrupt { field: "lap in order", found, limit: position });
                }
                Found::Entry(entry) if self.end.is_waiting(entry) => return Ok(true),
                Found::Entry(_) => self.end.mark_taken(order, position, found),
            }
        }
        Ok(false)
    }

    /// Takes the job of an entry, unless it has left that stay.
    #[inline]
    fn take(&self, entry: Entry, order: Order, found: u64, now_ns: u64) -> Result<Taken, Corrupt> {
        let jobs = self.end.geometry.jobs;
        if entry.job >= jobs {
            let (found, limit) = (u64::from(entry.job), u64::from(jobs) - 1);
            return Err(Corrupt { field: "job in order", found, limit });
        }
        for _ in 0..TRIES_MAX {
            let Some((word, job)) = self.end.job(entry.job) else { return Ok(Taken::Gone) };
            if !job.is_offered() || job.key() != entry.key {
                return Ok(Taken::Gone);
            }
            let slot = self.end.memory.order(order, self.end.circle.slot(self.heads[order.index()].position));
            // Relaxed: the Acquire of the word keeps it behind; see Orderings.
            if slot.load(Ordering::Relaxed) != found {
                return Ok(Taken::Changed);
            }
            if self.end.geometry.lease_ns != 0 {
                // Relaxed: the CAS of the word publishes it.
                self.end.memory.delivered_at(entry.job).fetch_max(now_ns, Ordering::Relaxed);
            }
            crash_point!("queue.before-claim");
            let held = job.delivered_to(self.end.me);
            if self.end.change(entry.job, word, held) {
                return Ok(Taken::Mine(held.to_bits(), held));
            }
        }
        Ok(Taken::Changed)
    }

    /// Says that the payload of a job soon to come will be read.
    #[inline]
    fn fetch_ahead(&self, order: Order) {
        const AHEAD: u64 = 4;
        let position = self.heads[order.index()].position + AHEAD;
        let slot = self.end.memory.order(order, self.end.circle.slot(position));
        // Relaxed: a hint what to fetch.
        let word = slot.load(Ordering::Relaxed);
        if let Found::Entry(entry) = self.end.circle.found(word, position)
            && entry.job < self.end.geometry.jobs
        {
            self.end.memory.prefetch(entry.job);
        }
    }

    #[inline]
    fn claimed(&self, job: u32, word: u64, held: Job) -> Result<Claim, Corrupt> {
        // Relaxed: read behind the Acquire of the entry, or of the word.
        let extent = self.end.memory.extent(job).load(Ordering::Relaxed);
        let located = self.end.geometry.located(job, extent);
        let limit = self.end.geometry.payload_bytes_max() as u64;
        let (place, length) = located.ok_or(Corrupt { field: "place of a payload", found: extent, limit })?;
        Ok(Claim { job, word, place, length, deliveries: held.deliveries })
    }

    /// Acknowledges a job: its place is free. False if it is no longer this receiver's.
    #[inline]
    pub fn done(&self, claim: Claim) -> bool {
        crash_point!("queue.before-done");
        Job::from_bits(claim.word)
            .is_some_and(|job| self.end.change(claim.job, claim.word, job.in_state(State::Free)))
    }

    /// After a job is done: whether senders sleep that wait for room, and the caller must wake them.
    #[inline]
    pub fn must_wake_senders(&self) -> bool {
        self.control().senders().must_wake(self.end.barrier)
    }

    /// After a job is done: whether receivers sleep that wait for the last one, and the caller must wake
    /// them.
    #[inline]
    pub fn must_wake_for_the_end(&self) -> bool {
        self.control().receivers().must_wake_for_the_end(self.end.barrier)
    }

    /// Gives a job back; the caller wakes receivers.
    ///
    /// # Errors
    /// If the order breaks its invariants.
    pub fn give_back(&mut self, claim: Claim, fate: Fate) -> Result<GivenBack, Corrupt> {
        self.end.give_back(claim.job, claim.word, fate)
    }

    /// Takes a dead letter, if there is one: `done` frees its place, giving it back leaves it what it is.
    /// `now_ns` as in [`Consumer::claim`].
    ///
    /// # Errors
    /// If the place of its payload breaks its invariants.
    pub fn claim_dead_letter(&mut self, now_ns: u64) -> Result<Option<Claim>, Corrupt> {
        let Geometry { jobs, deliveries_max, .. } = self.end.geometry;
        for place in 0..jobs {
            let Some((word, job)) = self.end.job(place) else { continue };
            if job.state != State::Dead {
                continue;
            }
            // Relaxed: the CAS of the word publishes it.
            self.end.memory.delivered_at(place).fetch_max(now_ns, Ordering::Relaxed);
            // With as many deliveries as make a dead letter, also where it was declared one before.
            let deliveries = job.deliveries.max(deliveries_max);
            let held = Job { deliveries, state: State::Held(self.end.me), ..job };
            if self.end.change(place, word, held) {
                return self.claimed(place, held.to_bits(), job).map(Some);
            }
        }
        Ok(None)
    }

    /// Whether there is no job any more, in order or in anybody's hands but this receiver's; dead letters
    /// do not count.
    ///
    /// It stays so only while there is no sender.
    #[must_use]
    pub fn is_drained(&self) -> bool {
        (0..self.end.geometry.jobs).all(|place| {
            self.end.job(place).is_some_and(|(_, job)| match job.state {
                State::Free | State::Dead => true,
                State::Held(member) => member == self.end.me,
                State::Offered(_) | State::Queued => false,
            })
        })
    }
}

/// What came of taking the job of an entry.
enum Taken {
    /// It is this receiver's: its word, and what that says.
    Mine(u64, Job),
    /// It has left that stay: somebody else had it.
    Gone,
    /// The entry has changed: look again.
    Changed,
}

fn hint_of<M: Memory>(end: &End<M>, order: Order) -> &crate::atomic::AtomicU64 {
    &end.memory.control().heads[order.index()].0
}
