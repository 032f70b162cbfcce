//! [`AcquireAsync`]: taking a permit without blocking a thread.

use std::ops::Deref;
use std::panic::Location;

use crosstie_core::turns::semaphore as turns;
use crosstie_core::word::waiting::Mode;

use super::held_permits::HeldPermits;
use super::{OwnedPermit, Semaphore};
use crate::os::clock;
use crate::sync::awaiting::Awaiting;
use crate::sync::refusal::{LockError, LockResult, Occupied};

/// Taking permits as a future, for the whole process. In any runtime, and beside threads that block: one queue.
pub trait AcquireAsync: Deref<Target = Semaphore> + Clone {
    /// Takes one permit for the calling process, and waits for it as long as it takes: first come, first served.
    ///
    /// # Cancellation
    /// Dropped before it is ready, it has none and has left the queue; what was free for it is for the next.
    ///
    /// # Errors
    /// [`LockError::Failed`] when the domain has no room. No deadlock is told, as with
    /// [`LockAsync`](crate::sync::mutex::LockAsync).
    ///
    /// # Death
    /// It is held until it is dropped or the *process* ends.
    ///
    /// # Examples
    /// ```
    /// use crosstie::sync::Semaphore;
    /// use crosstie::sync::semaphore::AcquireAsync;
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let domain = crosstie::ledger::Domain::open(folder.path().join("d"))?;
    /// let gpus = Semaphore::open_or_create_in(domain, "gpu", 2)?;
    /// let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    /// let permit = runtime.block_on(gpus.acquire_async())?;
    /// assert!(permit.index() < 2);
    /// # Ok::<(), crosstie::Error>(())
    /// ```
    #[track_caller]
    fn acquire_async(&self) -> impl Future<Output = LockResult<OwnedPermit<Self>>> + Send
    where
        Self: Send + Sync,
    {
        acquire(self, Location::caller())
    }
}

impl<H: Deref<Target = Semaphore> + Clone> AcquireAsync for H {}

async fn acquire<H: Deref<Target = Semaphore> + Clone>(
    handle: &H,
    site: &'static Location<'static>,
) -> LockResult<OwnedPermit<H>> {
    let semaphore: &Semaphore = handle;
    let head = &semaphore.head;
    let awaiting = Awaiting::new(head.tag(), site).map_err(LockError::Failed)?;
    awaiting.name(head);
    let (index, token) = match turns::try_take_first(head, &semaphore.permits, awaiting.owner()) {
        Some(taken) => taken,
        None => {
            let task = awaiting.task().map_err(LockError::Failed)?;
            let (request, since) = (awaiting.request(Mode::Units, 1, semaphore.total()), clock::now_ns());
            let (permits, owner, mut places) = (&semaphore.permits, awaiting.owner(), [(0, 0)]);
            let taken = turns::acquire_async(head, permits, &task, owner, &request, &mut places).await;
            taken.map_err(|refused| {
                let (domain, holders) = (awaiting.domain(), semaphore.holders());
                LockError::refused(refused, domain, || Occupied::now(domain, head, &holders, since))
            })?;
            places[0]
        }
    };
    let noted = awaiting.note(head.key(), Mode::Units, 1);
    Ok(OwnedPermit { held: HeldPermits { semaphore: handle.clone(), noted, index, token } })
}
