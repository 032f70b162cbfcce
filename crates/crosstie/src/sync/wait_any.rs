//! [`wait_any`]: waiting for the first of several events and counting semaphores.

use std::panic::Location;
use std::time::Duration;

use crosstie_core::Deadline;
use crosstie_core::turns::any::{self, Source};
use crosstie_core::turns::event::Reset;
use crosstie_core::word::waiting::{ANY_MAX, Mode};

use super::counting_semaphore::CountingSemaphore;
use super::event::Event;
use super::object::Object as _;
use super::refusal::{LockError, LockResult, Occupied};
use super::taker::Taker;
use crate::error::{Error, ErrorKind};
use crate::os::clock;

/// How many can be waited for at the same time: 7.
pub const WAIT_ANY_MAX: usize = ANY_MAX;

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::CountingSemaphore {}
    impl Sealed for super::Event {}
}

/// What [`wait_any`] waits for: an [`Event`] that is set, a [`CountingSemaphore`] that has a unit.
pub trait Waitable: sealed::Sealed {
    #[doc(hidden)]
    fn source(&self) -> Source<'_>;
}

impl Waitable for Event {
    fn source(&self) -> Source<'_> {
        Source { head: self.head(), reset: self.reset() }
    }
}

impl Waitable for CountingSemaphore {
    fn source(&self) -> Source<'_> {
        Source { head: self.head(), reset: Reset::Automatic }
    }
}

/// Waits until one of `sources` lets the caller pass, as long as it takes; answers its index.
///
/// Of several that would, the first in the slice. An automatic event is reset and a unit is taken of that one alone.
///
/// # Errors
/// [`LockError::Failed`]: `Usage` (2) for none, for more than 7, or for objects of different domains.
///
/// # Death
/// As the objects: who is killed while it waits holds nobody up in any of the queues.
///
/// # Fairness
/// First come, first served, in the queue of each.
///
/// # Cost
/// One sleep, whatever the number; each look goes through every queue.
///
/// # Examples
/// ```
/// use crosstie::sync::{CountingSemaphore, Event, Reset, wait_any};
/// # let folder = tempfile::tempdir().unwrap();
/// # let domain = crosstie::ledger::Domain::open(folder.path().join("d"))?;
/// let work = CountingSemaphore::open_or_create_in(domain, "work", 0)?;
/// let stop = Event::open_or_create_in(domain, "stop", Reset::Manual)?;
/// std::thread::scope(|scope| {
///     scope.spawn(|| work.post().unwrap());
///     assert_eq!(wait_any(&[&*stop, &*work]).unwrap(), 1);
/// });
/// stop.set()?;
/// assert_eq!(wait_any(&[&*stop, &*work]).unwrap(), 0);
/// # Ok::<(), crosstie::Error>(())
/// ```
#[track_caller]
pub fn wait_any(sources: &[&dyn Waitable]) -> LockResult<usize> {
    wait_any_until(sources, Deadline::NEVER)
}

/// Passes if one of `sources` lets it, now.
///
/// # Errors
/// [`LockError::Busy`]; as [`wait_any`].
#[track_caller]
pub fn try_wait_any(sources: &[&dyn Waitable]) -> LockResult<usize> {
    wait_any_until(sources, Deadline::NOW)
}

/// As [`wait_any`], for at most `timeout`.
///
/// # Errors
/// [`LockError::TimedOut`]; as [`wait_any`].
#[track_caller]
pub fn wait_any_for(sources: &[&dyn Waitable], timeout: Duration) -> LockResult<usize> {
    wait_any_until(sources, clock::deadline_in(timeout))
}

/// As [`wait_any`], until `deadline`.
///
/// # Errors
/// [`LockError::TimedOut`]; as [`wait_any`].
#[track_caller]
pub fn wait_any_until(sources: &[&dyn Waitable], deadline: Deadline) -> LockResult<usize> {
    let sources: Vec<Source<'_>> = sources.iter().map(|source| source.source()).collect();
    let Some(first) = sources.first().filter(|_| sources.len() <= ANY_MAX) else {
        let cause = format!("{} objects, it waits for 1 to {ANY_MAX}", sources.len());
        return Err(usage(cause, "wait in several threads, or let one event stand for several"));
    };
    let tags = sources.iter().map(|source| source.head.tag()).filter(|&tag| tag != 0);
    let tag = tags.clone().next().unwrap_or(0);
    if tags.clone().any(|other| other != tag) {
        return Err(usage("the objects are of different domains".to_owned(), "open them in one domain"));
    }
    let taker = Taker::thread_at(tag, deadline, Location::caller()).map_err(LockError::Failed)?;
    for source in &sources {
        taker.name(source.head);
    }
    let request = taker.request(Mode::Any, 1, 1);
    let since = clock::now_ns();
    any::wait_for_any(&sources, &taker.me, &request).map_err(|refused| {
        LockError::refused(refused, taker.domain(), || Occupied::now(taker.domain(), first.head, &[], since))
    })
}

fn usage(cause: String, advice: &str) -> LockError<usize> {
    LockError::Failed(Error::new("wait", "any of several", ErrorKind::Usage).because(cause).advise(advice))
}
