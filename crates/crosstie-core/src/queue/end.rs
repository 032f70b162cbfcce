//! What both kinds of ends of a queue do: put a job in order, give it back.
//!
//! A job lies in its place from the moment a sender takes the place until a receiver says that it is
//! done. The *job's word* is the truth about it: in whose hands it is, and how often it was delivered.
//! The two *orders* ([`super::order`]) only say which job is next. It is not a ring: a slow receiver
//! keeps a place, and holds nobody up.
//!
//! # States
//! Of a job's word ([`super::job`]):
//!
//! | word | in order | state |
//! |---|---|---|
//! | free | no | a place for a new job |
//! | offered by m, never delivered | no | m writes it |
//! | offered by m, delivered before | no | m is about to put it back in order |
//! | offered by m, or queued | yes | it waits for a receiver |
//! | held by m | marked as taken, or about to be | m has it |
//! | dead | marked as taken | a dead letter |
//!
//! # Invariants
//! - **I1** A job is never lost: from the CAS that puts it in order until `done`, or until its sender takes it back, its word
//!   says whose it is, or it is in order.
//! - **I2** It is delivered to one: a receiver has it by the CAS of its word from offered or queued to held,
//!   and the word names the stay in the queue (serial, deliveries) for which an entry stands.
//! - **I3** An entry is marked as taken only after its job has left that stay: an entry is there, or the
//!   job's word has changed.
//! - **I4** Entries are put at every position in turn, so what has been put first is delivered first.
//! - **I5** A word in the hands of a member is changed only by it while it lives, but for a lease that
//!   has run out.
//!
//! # Transitions
//! | who | word: from → to | order |
//! |---|---|---|
//! | sender: reserve | free → offered by me, serial + 1 (CAS) | |
//! | sender: commit | | free place → entry (CAS): **the message is sent** |
//! | sender: withdraw | offered by me, in order, never delivered → free (CAS): **never sent** | |
//! | receiver: claim | offered, queued → held by me, deliveries + 1 (CAS): **delivered** | then entry → taken (CAS) |
//! | receiver: done | held by me → free (CAS): **done** | |
//! | receiver: give back; anyone, for the dead or after a lease | held → offered by me (CAS) | then free place of the second order → entry (CAS) |
//! | the same, delivered too often | held → dead (CAS) | |
//! | anyone, for the dead | offered by the dead, in order → queued (CAS) | |
//! | anyone, for the dead | offered by the dead, not in order, never delivered → free (CAS) | |
//! | anyone, for the dead | offered by the dead, not in order → offered by me (CAS) | then into the second order |
//! | anyone who meets it | | entry of a job that has left that stay → taken (CAS) |
//!
//! # Orderings
//! The Release of the CAS that puts an entry meets the Acquire that reads it: length, payload and the
//! word itself are there. The Release of `done`, or of a withdrawal, meets the Acquire with which a sender finds the place
//! free: the payload was read, or by nobody, before it is overwritten. Every other change of a word is a Release too, from a word that was
//! read by an Acquire, so that whoever goes on where another died has seen all that the other did. Sleeping: `ring::sleepers`.
//!
//! # Progress
//! Lock-free: a CAS fails because another end got on. No position is claimed before it is filled, so an
//! end that stops or dies leaves no hole; what it has not marked, others mark. A receiver's look walks
//! over what others took, at most once around. First in, first delivered; what came back goes first, flagged.
//!
//! # Death
//! | dies | a survivor finds |
//! |---|---|
//! | a sender before its entry is put | a word offered by somebody dead, not in order: free again, never sent |
//! | behind it, before its wake | the job; sleepers watch the sender's life |
//! | a receiver before its claim | nothing |
//! | behind it | a word held by somebody dead: delivered again, or a dead letter; the entry is marked by who meets it |
//! | behind `done`, before its wake | a free place; sleepers watch the receiver's life |
//! | a sender behind its withdrawal | a free place, and an entry of a job that has left that stay |
//! | who gives back, between word and entry | a word offered by somebody dead, delivered before, not in order: put there |
//! | who recovers, anywhere | the same, or less of it ([`super::recovery`]) |
//!
//! # Source
//! A descriptor published by CAS in a circle whose indices are hints: Strauss, mpmc; claim, hold,
//! acknowledge, redeliver: AMQP 0-9-1; owner tags in the word that grants: iceoryx2's index set.

use super::control::Control;
use super::job::{Job, State};
use super::memory::{Geometry, Memory};
use super::order::{Circle, Entry, Found, Order};
use crate::atomic::{AtomicU64, Ordering};
use crate::crash_point;
use crate::ring::spsc::{Barrier, Corrupt};

/// Positions above this were never given out.
pub(crate) const POSITION_MAX: u64 = 1 << 62;
/// How often a job's word is looked at anew because it changed.
pub(super) const TRIES_MAX: u32 = 64;

/// One end of a queue, as a member of it.
#[derive(Debug)]
pub struct End<M: Memory> {
    pub(super) memory: M,
    pub(super) geometry: Geometry,
    pub(super) circle: Circle,
    pub(super) barrier: Barrier,
    /// The index of its entry among the members.
    pub(super) me: u16,
    /// Where it puts the next entry, by order.
    tails: [Place; 2],
}

/// A position of one's own, and how far others know of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    pub(crate) position: u64,
    told: u64,
}

impl Place {
    /// Where others were last; what they have not told is walked over.
    pub(crate) fn told_by(hint: &AtomicU64) -> Result<Self, Corrupt> {
        // Acquire: meets the Release of `advance`; the entries before it are there.
        let position = hint.load(Ordering::Acquire);
        if position > POSITION_MAX {
            return Err(Corrupt { field: "position", found: position, limit: POSITION_MAX });
        }
        Ok(Self { position, told: position })
    }

    /// Goes on by one, and tells others each quarter of the order.
    #[inline]
    pub(crate) fn advance(&mut self, hint: &AtomicU64, slots: u64) {
        self.position += 1;
        if self.position - self.told >= slots / 4 {
            self.told = self.position;
            // Release: whoever begins there finds everything before it put or taken.
            hint.store(self.position, Ordering::Release);
        }
    }

    /// Catches up with an order that has gone on by `laps`, to the first position that can still be live,
    /// or by more laps than a tag tells; false if it is not known to have gone on at all.
    pub(crate) fn catch_up(&mut self, laps: u64, hint: &AtomicU64, slots: u64) -> bool {
        // Others may have written any number of laps.
        let behind = laps.saturating_mul(slots).saturating_add(self.position).saturating_sub(slots - 1);
        if behind > POSITION_MAX {
            return false;
        }
        // Acquire: as in `told_by`.
        let told = hint.load(Ordering::Acquire).min(POSITION_MAX);
        let before = self.position;
        self.position = before.max(behind).max(told);
        self.told = self.position;
        self.position > before
    }
}

/// What becomes of a job that comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is delivered again, unless it was delivered too often.
    Again,
    /// It is a dead letter, however often it was delivered.
    Dead,
}

/// What became of a job that came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GivenBack {
    /// It is in order again.
    InOrder,
    /// It is a dead letter.
    DeadLetter,
    /// It was not in those hands any more.
    Lost,
}

/// One message that was sent, for who wants to know what became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticket {
    pub(super) job: u32,
    pub(super) serial: u32,
}

impl Ticket {
    /// The same in one number.
    #[must_use]
    pub const fn to_bits(self) -> u64 {
        ((self.serial as u64) << 32) | self.job as u64
    }
}

/// What became of a message that was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whereabouts {
    /// It waits to be delivered, after so many deliveries.
    Waiting(u8),
    /// This member has it, for the so manieth time that it was delivered.
    InHand(u16, u8),
    /// It is a dead letter.
    DeadLetter,
    /// It was acknowledged.
    Done,
}

impl<M: Memory> End<M> {
    /// What became of a message that was sent.
    pub fn whereabouts(&self, ticket: Ticket) -> Whereabouts {
        match self.job(ticket.job) {
            Some((_, job)) if job.serial == ticket.serial => match job.state {
                State::Offered(_) | State::Queued => Whereabouts::Waiting(job.deliveries),
                State::Held(member) => Whereabouts::InHand(member, job.deliveries),
                State::Dead => Whereabouts::DeadLetter,
                State::Free => Whereabouts::Done,
            },
            _ => Whereabouts::Done,
        }
    }

    /// The end that has the entry `me` among the members.
    ///
    /// # Errors
    /// If the queue's positions break its invariants.
    pub fn new(memory: M, me: u16, barrier: Barrier) -> Result<Self, Corrupt> {
        let geometry = memory.geometry();
        let [first, again] = &memory.control().tails;
        let tails = [Place::told_by(&first.0)?, Place::told_by(&again.0)?];
        let circle = Circle::new(geometry.order_slots());
        Ok(Self { geometry, circle, barrier, me, tails, memory })
    }

    /// The memory that the queue lies in.
    pub fn memory(&self) -> &M {
        &self.memory
    }

    /// The words that all ends share.
    pub fn control(&self) -> &Control {
        self.memory.control()
    }

    /// How this end makes its changes visible before it looks who sleeps.
    pub fn barrier(&self) -> Barrier {
        self.barrier
    }

    /// After jobs were put in order: whether receivers sleep, and the caller must wake them.
    #[inline]
    pub fn must_wake_receivers(&self) -> bool {
        self.control().receivers().must_wake(self.barrier)
    }

    /// Puts a job that is in this end's hands, `job` by its word, in order.
    #[inline]
    pub(super) fn put(&mut self, place: u32, job: Job) -> Result<(), Corrupt> {
        let order = Order::of(job.deliveries);
        let entry = Entry { job: place, key: job.key() };
        let circle = self.circle;
        // Bounded: once around, and as often again for places that others fill meanwhile.
        for _ in 0..2 * circle.slots() {
            let tail = &mut self.tails[order.index()];
            let hint = &self.memory.control().tails[order.index()].0;
            let slot = self.memory.order(order, circle.slot(tail.position));
            // Acquire: what was put at a position is there for who walks over it.
            let found = slot.load(Ordering::Acquire);
            match circle.found(found, tail.position) {
                Found::Entry(_) | Found::Taken => tail.advance(hint, circle.slots()),
                Found::LapsBehind(laps) if tail.catch_up(laps, hint, circle.slots()) => {}
                Found::Ahead if tail.catch_up(0, hint, circle.slots()) => {}
                Found::Free => {
                    crash_point!("queue.before-put");
                    let word = circle.put(tail.position, entry);
                    // Release: publishes length, payload and word to `claim` (I1); who marked the entry before was met above, since no
                    // entry comes twice. Relaxed on failure: the place is looked at again.
                    if slot.compare_exchange(found, word, Ordering::Release, Ordering::Relaxed).is_ok() {
                        crash_point!("queue.put");
                        tail.advance(hint, circle.slots());
                        return Ok(());
                    }
                }
                Found::Before(entry) => {
                    let position = tail.position;
                    if self.is_waiting(entry) {
                        return Err(self.impossible("job in order", entry.job));
                    }
                    self.mark_taken(order, position, found);
                }
                Found::LapsBehind(_) | Found::Ahead => {
                    return Err(Corrupt { field: "lap in order", found, limit: tail.position });
                }
            }
        }
        Err(self.impossible("places in order", place))
    }

    fn impossible(&self, field: &'static str, found: u32) -> Corrupt {
        Corrupt { field, found: u64::from(found), limit: u64::from(self.geometry.jobs) }
    }

    /// Whether the job of an entry is in that stay still.
    pub(super) fn is_waiting(&self, entry: Entry) -> bool {
        entry.job < self.geometry.jobs
            && self.job(entry.job).is_some_and(|(_, job)| job.is_offered() && job.key() == entry.key)
    }

    /// Marks an entry whose job has left that stay (I3).
    pub(super) fn mark_taken(&self, order: Order, position: u64, found: u64) {
        let slot = self.memory.order(order, self.circle.slot(position));
        // Release: who finds it marked, or puts the next entry here, comes behind the change of the job's word (I3).
        // Relaxed on failure: somebody else has done it.
        let _ = slot.compare_exchange(found, Circle::taken(found), Ordering::Release, Ordering::Relaxed);
        crash_point!("queue.marked");
    }

    /// A job's word, and what it says; `None` for what nobody writes.
    #[inline]
    pub(super) fn job(&self, place: u32) -> Option<(u64, Job)> {
        // Acquire: meets the Release of the last change of the word.
        let word = self.memory.job(place).load(Ordering::Acquire);
        Job::from_bits(word).map(|job| (word, job))
    }

    /// Changes a job's word; false if it is no longer `from`.
    #[inline]
    pub(super) fn change(&self, place: u32, from: u64, to: Job) -> bool {
        // Release: publishes this end's part (I1, I2). `from` is this end's own, or was read by `job` behind the last change: no word comes
        // twice. Relaxed on failure: the caller looks again or lets it be.
        let changed = self
            .memory
            .job(place)
            .compare_exchange(from, to.to_bits(), Ordering::Release, Ordering::Relaxed)
            .is_ok();
        crash_point!("queue.word");
        changed
    }

    /// Takes the job `place` out of the hands that `from` names, which let it go, or are dead, or whose
    /// lease is over; the caller wakes receivers.
    ///
    /// # Errors
    /// If the order breaks its invariants.
    pub fn give_back(&mut self, place: u32, from: u64, fate: Fate) -> Result<GivenBack, Corrupt> {
        let Some(job) = Job::from_bits(from) else { return Ok(GivenBack::Lost) };
        if fate == Fate::Dead || job.deliveries >= self.geometry.deliveries_max {
            let is_dead = self.change(place, from, job.in_state(State::Dead));
            return Ok(if is_dead { GivenBack::DeadLetter } else { GivenBack::Lost });
        }
        let offered = job.in_state(State::Offered(self.me));
        if !self.change(place, from, offered) {
            return Ok(GivenBack::Lost);
        }
        // Relaxed: a count for people.
        self.control().counts.0.redelivered.fetch_add(1, Ordering::Relaxed);
        self.put(place, offered)?;
        Ok(GivenBack::InOrder)
    }
}

impl Control {
    /// Counts a message that was dropped because there was no room.
    pub fn count_dropped(&self) {
        // Relaxed: a count for people.
        self.counts.0.dropped.fetch_add(1, Ordering::Relaxed);
    }

    /// How many messages were dropped because there was no room.
    pub fn dropped(&self) -> u64 {
        // Relaxed: a count for people.
        self.counts.0.dropped.load(Ordering::Relaxed)
    }

    /// How many times a job went back to be delivered again.
    pub fn redelivered(&self) -> u64 {
        // Relaxed: a count for people.
        self.counts.0.redelivered.load(Ordering::Relaxed)
    }
}
