//! Waiting for the first of several objects that has something: events, counting semaphores.
//!
//! Who waits stands in the queue of each with one record and one place, and watches whoever stands before it in each.
//! What it takes it takes from one; leaving, it makes its successor in every queue look again.

use crate::turns::counting::{settle, take};
use crate::turns::event::{Reset, is_set};
use crate::turns::queued::{Queued, Request};
use crate::wait::{Blocks, Refused, Seen, Wait, block};
use crate::word::head::Head;
use crate::word::queueing;
use crate::word::waiting::{ANY_MAX, Mode, NOTE_WORDS};
use crate::{OwnerId, crash_point};

/// One of the objects.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    /// Its head, which has its key.
    pub head: &'a Head,
    /// Whether passing takes something from it.
    pub reset: Reset,
}

impl Source<'_> {
    /// Passes if there is something and the caller is the next in its queue.
    fn passes(&self, ahead: Option<OwnerId>) -> bool {
        match self.reset {
            Reset::Manual => is_set(self.head),
            Reset::Automatic => ahead.is_none() && take(self.head),
        }
    }
}

/// A place in the queues of all of some sources. Dropped, it is given up, and every queue goes on.
pub struct Place<'a, W: Wait> {
    sources: &'a [Source<'a>],
    wait: &'a W,
    /// `None` while it is dropped.
    queued: Option<Queued<'a, W>>,
}

/// Who stands before a place in each queue, as far as it was looked at.
pub type Ahead = [Option<OwnerId>; ANY_MAX];

impl<'a, W: Wait> Place<'a, W> {
    /// Queues up for `sources`, at most [`ANY_MAX`]; `None` for none.
    pub fn enter(sources: &'a [Source<'a>], wait: &'a W, request: &Request) -> Option<Self> {
        let (first, others) = sources.split_first()?;
        let mut several = Request { mode: Mode::Any, note: [0; NOTE_WORDS], ..*request };
        for (note, other) in several.note.iter_mut().zip(others) {
            *note = other.head.key();
        }
        let queued = Some(Queued::enter(first.head, wait, &several));
        for source in sources {
            queueing::announce(&source.head.word);
        }
        Some(Self { sources, wait, queued })
    }

    /// What stands still as long as nothing happens to the sources: read it before the look at them.
    pub fn observe(&self) -> Seen<'a> {
        Seen::of(self.wait, self.sources.iter().map(|source| source.head))
    }

    /// Passes the source of this index if it lets the caller; else notes who stands ahead in its queue.
    pub fn passes(&self, index: usize, ahead: &mut Ahead) -> bool {
        let (Some(source), Some(queued)) = (self.sources.get(index), &self.queued) else { return false };
        let first = queued.neighbours_at(source.head.key()).ahead;
        if let Some(place) = ahead.get_mut(index) {
            *place = first;
        }
        let passed = source.passes(first);
        if passed {
            crash_point!("any.passed");
        }
        passed
    }

    /// Sleeps until a nudge, or until somebody `ahead` dies.
    async fn sleep(&mut self, seen: &Seen<'_>, ahead: &Ahead) -> Result<(), Refused<W::Cycle>> {
        let Some(queued) = &mut self.queued else { return Ok(()) };
        let Some(somebody) = ahead.iter().flatten().next() else { return queued.sleep(seen, &[]).await };
        // Who stands before it in several queues is watched more than once; that costs nothing but a place.
        queued.sleep(seen, &ahead.map(|watched| watched.unwrap_or(*somebody))).await
    }
}

impl<W: Wait> Drop for Place<'_, W> {
    fn drop(&mut self) {
        self.queued = None;
        if !self.wait.is_present() {
            return;
        }
        for source in self.sources {
            settle(source.head, self.wait);
        }
    }
}

/// Passes the first of `sources` that lets somebody who does not queue.
pub fn pass_at_once<W: Wait>(sources: &[Source<'_>], wait: &W) -> Option<usize> {
    sources.iter().position(|source| source.passes(wait.first(source.head.key())))
}

/// Waits until one of `sources`, at most [`ANY_MAX`], lets the caller pass; answers which.
///
/// # Errors
/// As [`Refused`] says.
pub fn wait_for_any<W: Blocks>(
    sources: &[Source<'_>],
    wait: &W,
    request: &Request,
) -> Result<usize, Refused<W::Cycle>> {
    block(wait_for_any_async(sources, wait, request))
}

/// As [`wait_for_any`], also for a task. Dropped before it is ready, it has taken nothing, and every queue goes on.
///
/// # Errors
/// As [`Refused`] says.
pub async fn wait_for_any_async<W: Wait>(
    sources: &[Source<'_>],
    wait: &W,
    request: &Request,
) -> Result<usize, Refused<W::Cycle>> {
    if let Some(passed) = pass_at_once(sources, wait) {
        return Ok(passed);
    }
    if request.deadline.is_now() {
        return Err(Refused::Busy);
    }
    let Some(mut place) = Place::enter(sources, wait, request) else { return Err(Refused::Busy) };
    loop {
        let seen = place.observe();
        let mut ahead = [None; ANY_MAX];
        if let Some(passed) = (0..sources.len()).find(|&index| place.passes(index, &mut ahead)) {
            return Ok(passed);
        }
        place.sleep(&seen, &ahead).await?;
    }
}
