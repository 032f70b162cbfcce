//! [`wait_any`]: waiting for the first of several events and counting semaphores.

use std::panic::Location;
use std::time::Duration;

use crosstie_core::Deadline;
use crosstie_core::turns::any::{self, Source};
use crosstie_core::turns::event::Reset;
use crosstie_core::word::waiting::{ANY_MAX, Mode};

use super::awaiting::Awaiting;
use super::counting_semaphore::CountingSemaphore;
use super::event::Event;
use super::gathered::{Gathered, same_domain};
use super::object::Object as _;
use super::refusal::{LockError, LockResult, Occupied};
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
    let gathered = Gathered::new(sources, deadline, Location::caller()).map_err(LockError::Failed)?;
    let (domain, since) = (gathered.domain(), clock::now_ns());
    any::wait_for_any(&gathered.sources, &gathered.taker.me, &gathered.request).map_err(|refused| {
        LockError::refused(refused, domain, || Occupied::now(domain, gathered.first(), &[], since))
    })
}

/// As [`wait_any`], without blocking a thread; in any runtime, and beside threads that block.
///
/// # Cancellation
/// Dropped before it is ready, it has taken nothing and stands in no queue; what came for it is for the next.
///
/// # Errors
/// As [`wait_any`].
///
/// # Examples
/// ```
/// use crosstie::sync::wait_any::wait_any_async;
/// use crosstie::sync::{CountingSemaphore, Event, Reset, Waitable};
/// # let folder = tempfile::tempdir().unwrap();
/// # let domain = crosstie::ledger::Domain::open(folder.path().join("d"))?;
/// let work = CountingSemaphore::open_or_create_in(domain, "work", 0)?;
/// let stop = Event::open_or_create_in(domain, "stop", Reset::Manual)?;
/// let both: [&(dyn Waitable + Sync); 2] = [&*stop, &*work];
/// let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
/// let passed = runtime.block_on(async {
///     tokio::join!(wait_any_async(&both), async { work.post() }).0
/// });
/// assert_eq!(passed.unwrap(), 1);
/// # Ok::<(), crosstie::Error>(())
/// ```
#[track_caller]
pub fn wait_any_async(sources: &[&(dyn Waitable + Sync)]) -> impl Future<Output = LockResult<usize>> + Send {
    await_any(sources, Location::caller())
}

async fn await_any(
    waitables: &[&(dyn Waitable + Sync)],
    site: &'static Location<'static>,
) -> LockResult<usize> {
    let sources: Vec<_> = waitables.iter().map(|source| source.source()).collect();
    let (tag, first) = same_domain(&sources).map_err(LockError::Failed)?;
    let awaiting = Awaiting::new(tag, site).map_err(LockError::Failed)?;
    for source in &sources {
        awaiting.name(source.head);
    }
    let task = awaiting.task().map_err(LockError::Failed)?;
    let (request, since) = (awaiting.request(Mode::Any, 1, 1), clock::now_ns());
    any::wait_for_any_async(&sources, &task, &request).await.map_err(|refused| {
        let domain = awaiting.domain();
        LockError::refused(refused, domain, || Occupied::now(domain, first, &[], since))
    })
}
