//! Waiting for the first of several objects that has something: events, counting semaphores.
//!
//! Who waits stands in the queue of each with one record and one place, and watches whoever stands before it in each.
//! What it takes it takes from one; leaving, it makes its successor in every queue look again.

use crate::turns::counting::{settle, take};
use crate::turns::event::{Reset, is_set};
use crate::turns::queued::{Queued, Request};
use crate::wait::{Refused, Seen, Wait};
use crate::word::head::Head;
use crate::word::queueing;
use crate::word::waiting::{ANY_MAX, Mode};
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

/// Waits until one of `sources`, at most [`ANY_MAX`], lets the caller pass; answers which.
///
/// # Errors
/// As [`Refused`] says.
pub fn wait_for_any<W: Wait>(
    sources: &[Source<'_>],
    wait: &W,
    request: &Request,
) -> Result<usize, Refused<W::Cycle>> {
    let at_once = |source: &Source<'_>| source.passes(wait.first(source.head.key()));
    if let Some(passed) = sources.iter().position(at_once) {
        return Ok(passed);
    }
    let Some((first, others)) = sources.split_first().filter(|_| !request.deadline.is_now()) else {
        return Err(Refused::Busy);
    };
    let mut several = Request { mode: Mode::Any, ..*request };
    for (note, other) in several.note.iter_mut().zip(others) {
        *note = other.head.key();
    }
    let mut queued = Queued::enter(first.head, wait, &several);
    for source in sources {
        queueing::announce(&source.head.word);
    }
    let outcome = loop {
        let seen = Seen::of(wait, sources.iter().map(|source| source.head));
        let mut watched = [None; ANY_MAX];
        let look = |(source, watch): (&Source<'_>, &mut Option<OwnerId>)| {
            *watch = queued.neighbours_at(source.head.key()).ahead;
            source.passes(*watch)
        };
        if let Some(passed) = sources.iter().zip(&mut watched).position(look) {
            crash_point!("any.passed");
            break Ok(passed);
        }
        if let Err(refused) = sleep(&mut queued, &seen, &watched) {
            break Err(refused);
        }
    };
    queued.leave();
    for source in sources {
        settle(source.head, wait);
    }
    outcome
}

/// Sleeps until a nudge, or until one of `watched` dies.
fn sleep<W: Wait>(
    queued: &mut Queued<'_, W>,
    seen: &Seen<'_>,
    watched: &[Option<OwnerId>; ANY_MAX],
) -> Result<(), Refused<W::Cycle>> {
    let Some(somebody) = watched.iter().flatten().next() else { return queued.sleep(seen, &[]) };
    // Who stands before it in several queues is watched more than once; that costs nothing but a place.
    queued.sleep(seen, &watched.map(|watched| watched.unwrap_or(*somebody)))
}
