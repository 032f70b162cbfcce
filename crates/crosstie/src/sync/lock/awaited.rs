//! [`LockAsync`]: taking a lock without data, without blocking a thread.

use std::ops::Deref;
use std::panic::Location;

use crosstie_core::word::head::ABANDONED;

use super::{Access, ByProcess, Lock, LockGuard, Turn};
use crate::sync::awaiting::Awaiting;
use crate::sync::refusal::{LockError, LockResult};

/// Locking as a future, for the whole process. In any runtime, and beside threads and commands: one queue.
pub trait LockAsync: Deref<Target = Lock> + Clone {
    /// Locks for the calling process, and waits for that as long as it takes; the guard may move between threads.
    ///
    /// # Cancellation
    /// Dropped before it is ready, it has nothing and has left the queue: who waited for it goes on.
    ///
    /// # Errors
    /// [`LockError::Failed`] when the domain has no room. No deadlock is told, as with
    /// [`mutex::LockAsync`](crate::sync::mutex::LockAsync).
    ///
    /// # Death
    /// As [`LockGuard::is_abandoned`] says; it is held until the guard is dropped or the *process* ends.
    ///
    /// # Examples
    /// ```
    /// use crosstie::sync::lock::{Access, Lock, LockAsync};
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let domain = crosstie::ledger::Domain::open(folder.path().join("d"))?;
    /// let backup = Lock::open_or_create_in(domain, "backup")?;
    /// let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    /// let guard = runtime.block_on(backup.lock_async(Access::Exclusive))?;
    /// assert!(guard.is_held() && backup.try_lock(Access::Shared).is_err());
    /// # Ok::<(), crosstie::Error>(())
    /// ```
    #[track_caller]
    fn lock_async(
        &self,
        access: Access,
    ) -> impl Future<Output = LockResult<LockGuard<Self, ByProcess>>> + Send
    where
        Self: Send + Sync,
    {
        lock(self, access, Location::caller())
    }
}

impl<H: Deref<Target = Lock> + Clone> LockAsync for H {}

async fn lock<H: Deref<Target = Lock> + Clone>(
    handle: &H,
    access: Access,
    site: &'static Location<'static>,
) -> LockResult<LockGuard<H, ByProcess>> {
    let words = &handle.words;
    let awaiting = Awaiting::new(words.head.tag(), site).map_err(LockError::Failed)?;
    let turn = match access {
        Access::Shared => Turn::Read(words.read_async(&awaiting).await?),
        Access::Exclusive => Turn::Write(words.write_async(&awaiting).await?),
    };
    let guard = LockGuard::of_turn(handle.clone(), turn);
    // Nothing is to be mended here: the next owner is told, and then it is over.
    if guard.is_abandoned && access == Access::Exclusive {
        words.head.unmark(ABANDONED);
    }
    Ok(guard)
}
