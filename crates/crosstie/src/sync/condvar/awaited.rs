//! [`WaitAround`]: waiting at a condition variable without blocking a thread.

use std::ops::Deref;
use std::panic::Location;

use crosstie_core::turns::condition as turns;
use crosstie_core::wait::Wait as _;
use crosstie_core::word::waiting::Mode;

use super::Condvar;
use crate::error::Result;
use crate::ledger::Domain;
use crate::sync::awaiting::Awaiting;
use crate::sync::refusal::domain_removed;

/// Waiting as a future, for the whole process. In any runtime, and beside threads that block: one queue.
pub trait WaitAround: Deref<Target = Condvar> + Clone {
    /// Gives a lock up, waits to be notified, and takes the lock again, as long as that takes: `give_up` gives it up once the caller is
    /// queued, the future of `take_again` takes it again, and `is_had` says of its answer whether that succeeded. The lock is one of `domain`.
    ///
    /// # Cancellation
    /// Dropped before it is ready, it has not the lock, and waits no more; a notification that was for it is for the next who waits. Dropped
    /// before it was polled, it has done nothing but drop `give_up`.
    ///
    /// # Errors
    /// `NoSpace` when every slot of the domain is taken, or this process has its share: then the lock was not given up. `NotFound` when the
    /// domain is gone.
    ///
    /// # Death
    /// As [`Condvar`]: with its *process*.
    ///
    /// # Examples
    /// ```
    /// use crosstie::sync::condvar::{Condvar, WaitAround};
    /// use crosstie::sync::lock::{Access, Lock, LockAsync};
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let domain = crosstie::ledger::Domain::open(folder.path().join("d"))?;
    /// let lock = Lock::open_or_create_in(domain, "stock")?;
    /// let filled = Condvar::open_or_create_in(domain, "stock")?;
    /// let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    /// let waits = async {
    ///     let guard = lock.lock_async(Access::Exclusive).await?;
    ///     let (give_up, take_again) = (|| drop(guard), || lock.lock_async(Access::Exclusive));
    ///     Ok(filled.wait_around_async(domain, give_up, take_again, Result::is_ok).await??)
    /// };
    /// let notifies = async {
    ///     let _guard = lock.lock_async(Access::Exclusive).await?;
    ///     filled.notify_around(domain, 1)
    /// };
    /// let (waited, _) = runtime.block_on(async { tokio::try_join!(waits, notifies) })?;
    /// assert!(waited.is_held());
    /// # Ok::<(), crosstie::Error>(())
    /// ```
    #[track_caller]
    fn wait_around_async<F>(
        &self,
        domain: &'static Domain,
        give_up: impl FnOnce() + Send,
        take_again: impl FnOnce() -> F + Send,
        is_had: impl FnOnce(&F::Output) -> bool + Send,
    ) -> impl Future<Output = Result<F::Output>> + Send
    where
        F: Future<Output: Send> + Send,
        Self: Send + Sync,
    {
        wait_around(self, domain, (give_up, take_again, is_had), Location::caller())
    }
}

impl<H: Deref<Target = Condvar> + Clone> WaitAround for H {}

async fn wait_around<H: Deref<Target = Condvar> + Clone, F: Future>(
    condition: &H,
    domain: &'static Domain,
    (give_up, take_again, is_had): (impl FnOnce(), impl FnOnce() -> F, impl FnOnce(&F::Output) -> bool),
    site: &'static Location<'static>,
) -> Result<F::Output> {
    let head = &condition.head;
    let awaiting = Awaiting::new(domain.tag(), site)?;
    awaiting.name(head);
    let task = awaiting.task()?;
    let (at, request) = (task.next_place(), awaiting.request(Mode::Signal, 1, 1));
    let queued = turns::enter(head, at, &task, &request);
    give_up();
    // It waits for ever, and no deadlock is told to it: nothing else ends the wait.
    let waited = turns::sleep_async(head, &task, at, queued).await;
    let Ok(carried) = waited else { return Err(domain_removed(domain)) };
    let again = take_again().await;
    if is_had(&again) {
        carried.accept();
    }
    Ok(again)
}
