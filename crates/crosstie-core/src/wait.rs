//! [`Wake`] and [`Wait`]: what an algorithm that wakes others, or may have to wait, needs from below.
//!
//! The ledger of `crosstie` is one such; a model is another, so that a model runs the algorithm that
//! ships.

use core::future::Future;
use core::pin::pin;
use core::task::{Context, Poll, Waker};

use crate::atomic::{AtomicU32, spin_loop};
use crate::word::head::Head;
use crate::word::waiting::{ANY_MAX, NOTE_WORDS, Want};
use crate::{Deadline, OwnerId};

/// Sees who waits, at which place, with which notes.
pub type NotedVisitor<'a> = dyn FnMut(OwnerId, u64, Option<&[u64; NOTE_WORDS]>) + 'a;

/// Who gives something up: finds those who wait for it, and wakes them.
pub trait Wake {
    /// The monotonic clock, nanoseconds.
    fn now_ns(&self) -> u64;

    /// Whether `id` lives, as far as its life word says.
    fn is_alive(&self, id: OwnerId) -> bool;

    /// The first of those who wait for `key`, or carry a notification from there, and live. Call it behind the change of the object that
    /// makes it necessary: it fences.
    fn first(&self, key: u64) -> Option<OwnerId>;

    /// The first of those who wait for `key` and live, and have noted another number than `phase` first.
    fn first_of_phase(&self, key: u64, phase: u64) -> Option<OwnerId>;

    /// Calls `visit` with everyone who waits for `key`, or carries a notification from there, and lives.
    fn each(&self, key: u64, visit: &mut dyn FnMut(OwnerId));

    /// Calls `visit` with everyone who waits for `key` itself, or carries a place from there, and lives: its place, and the
    /// notes of its wait, which one that carries has not.
    fn each_noted(&self, key: u64, visit: &mut NotedVisitor<'_>);

    /// Whether `id` lives and waits for `key` now. Fences before it looks.
    fn waits_for(&self, id: OwnerId, key: u64) -> bool;

    /// Makes `id` look at the object again.
    fn nudge(&self, id: OwnerId);
}

/// A participant that can queue and sleep.
pub trait Wait: Wake {
    /// What [`Wait::deadlock`] tells about a deadlock.
    type Cycle;

    /// Who waits: the id under which others find this participant's wait record.
    fn me(&self) -> OwnerId;

    /// Whether to look at the object for a while before queueing, and how often after the first time.
    fn spins(&self) -> u32;

    /// Passes the time between two such looks.
    fn pause(&self) {
        spin_loop();
    }

    /// A place in a queue, of whichever object: larger than all that were given before.
    fn next_place(&self) -> u64;

    /// Publishes the wait record (`word::waiting` I4: from now on, who changes the object finds it).
    fn enter(&self, want: &Want);

    /// Withdraws the wait record; what is read from now on is read behind that.
    fn leave(&self);

    /// Says that it carries a notification of the condition `key` from `place` on; call it before [`Wait::leave`].
    fn carry(&self, key: u64, place: u64);

    /// Says that it carries nothing any more.
    fn put_down(&self);

    /// Who stands next to the place `queue` among those who wait for `key`, or carry a notification from there, and live.
    /// Fences behind its look: who grants the object to one of them writes the object, fences, and looks whether that one
    /// lives; so it sees the death, or the caller the grant.
    fn neighbours(&self, key: u64, queue: u64) -> Neighbours;

    /// The own wake word: read it before the last look at the object.
    fn wake_word(&self) -> u32;

    /// Calls `visit` with everyone else alive who has changes of the object of `key` under way; what is read from now on is read
    /// behind that.
    fn changers(&self, key: u64, visit: &mut dyn FnMut(OwnerId));

    /// Fences every running thread of every process that takes turns here; answers false where that cannot be.
    fn fence_all(&self) -> bool;

    /// Sleeps unless what was `seen` has changed; until it is nudged, one of `watch` dies, or `deadline` passes. One that
    /// [`Blocks`] sleeps in the first poll.
    fn sleep(&self, seen: &Seen<'_>, watch: &[OwnerId], deadline: Deadline) -> impl Future<Output = Slept>;

    /// Whether it is still here to give up what it has begun: not in a fork child, nor as one of a model that was killed.
    fn is_present(&self) -> bool {
        true
    }

    /// Whether it looks now and then at an object for those before it in the queue, which may have no processor.
    fn guards(&self) -> bool {
        true
    }

    /// Whether this participant, whose record is published and has no deadline, is in a deadlock that it has to end.
    fn deadlock(&self) -> Check<Self::Cycle>;
}

/// A thread, which blocks where it sleeps: what it waits for is over after one poll.
pub trait Blocks: Wait {}

/// Runs what one that [`Blocks`] waits for.
#[inline(always)]
pub(crate) fn block<R>(future: impl Future<Output = R>) -> R {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(answer) => answer,
        // invariant: nothing is awaited but sleeps, and those of a thread are over when they were polled.
        Poll::Pending => unreachable!("a thread sleeps in the first poll"),
    }
}

/// What a cancelled wait leaves to be done: runs it when it is dropped, unless that was done with.
pub(crate) struct OnCancel<F: FnMut()>(Option<F>);

impl<F: FnMut()> OnCancel<F> {
    pub(crate) fn new(act: F) -> Self {
        Self(Some(act))
    }

    /// The wait came to its own end.
    pub(crate) fn end(mut self) {
        self.0 = None;
    }
}

impl<F: FnMut()> Drop for OnCancel<F> {
    fn drop(&mut self) {
        if let Some(act) = &mut self.0 {
            act();
        }
    }
}

/// How many lives one sleep watches; of more, it looks again soon.
pub const WATCHED_MAX: usize = 119;

/// How many changes under way one look notes; of more, it looks again soon.
pub const CHANGERS_MAX: usize = 8;

/// What stood still while somebody looked at objects, as long as it sleeps.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    /// The own wake word.
    pub wake: u32,
    changes: [Option<(&'a AtomicU32, u32)>; ANY_MAX],
    changers: [Option<OwnerId>; CHANGERS_MAX],
    /// Whether there were more changers than are noted.
    pub is_crowded: bool,
}

impl<'a> Seen<'a> {
    /// What `wait` sees before a look at an object whose owner it watches.
    pub fn by(wait: &impl Wait) -> Self {
        let wake = wait.wake_word();
        Self { wake, changes: [None; ANY_MAX], changers: [None; CHANGERS_MAX], is_crowded: false }
    }

    /// What `wait` sees before a look at `heads`, at most [`ANY_MAX`] objects that anybody may change.
    pub fn of(wait: &impl Wait, heads: impl IntoIterator<Item = &'a Head>) -> Self {
        let mut seen = Self::by(wait);
        let (mut changers, mut is_crowded) = (seen.changers.iter_mut(), false);
        for (place, head) in seen.changes.iter_mut().zip(heads) {
            // In this order (`word::changes` I3).
            *place = Some(head.changes());
            wait.changers(head.key(), &mut |id| match changers.next() {
                Some(place) => *place = Some(id),
                None => is_crowded = true,
            });
        }
        seen.is_crowded = is_crowded;
        seen
    }

    /// The objects' counts of changes, with what they held.
    pub fn changes(&self) -> impl Iterator<Item = (&'a AtomicU32, u32)> + '_ {
        self.changes.iter().flatten().copied()
    }

    /// Who had changes under way.
    pub fn changers(&self) -> impl Iterator<Item = OwnerId> + '_ {
        self.changers.iter().flatten().copied()
    }
}

/// Who stands next to a place in a queue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Neighbours {
    /// The nearest before it.
    pub ahead: Option<OwnerId>,
    /// How many stand before it.
    pub ahead_count: u64,
    /// The nearest behind it.
    pub behind: Option<OwnerId>,
}

/// Why a sleep ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slept {
    /// Look at the object again.
    Awake,
    /// The deadline passed.
    TimedOut,
    /// Who waits has to do something else first: it ends its wait as if the deadline had passed.
    Interrupted,
    /// The domain's name no longer leads to its ledger: who comes now is in another world.
    DomainRemoved,
}

/// What a look for deadlocks found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Check<C> {
    /// None that this participant has to end.
    None,
    /// Not to be told yet: look again in a millisecond.
    LookAgain,
    /// Not to be told yet, and not soon: look again in a tenth of a second.
    LookLater,
    /// One that this participant has to end by giving up.
    Deadlock(C),
}

/// Why a wait ended without what it was for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused<C> {
    /// It was not to be had at once, and the deadline was [`Deadline::NOW`].
    Busy,
    /// The deadline passed.
    TimedOut,
    /// To go on waiting would be a deadlock.
    Deadlock(C),
    /// The domain is gone.
    DomainRemoved,
}
