//! [`LockAsync`]: locking a mutex without blocking a thread.

use std::ops::Deref;
use std::panic::Location;
use std::sync::OnceLock;

use crosstie_core::turns::mutex as turns;
use crosstie_core::word::head::ABANDONED;
use crosstie_core::word::mutex::MutexWord;
use crosstie_core::word::waiting::Mode;

use super::{Mutex, OwnedMutexGuard, with_marks};
use crate::ledger::task::Task;
use crate::os::clock;
use crate::sync::awaiting::Awaiting;
use crate::sync::refusal::{LockError, LockResult, Occupied};

/// Locking as a future, for the whole process: the guard may move between threads and across awaits. In any runtime, and beside threads
/// that block: one queue, as the mutex's policy says.
pub trait LockAsync<T>: Deref<Target = Mutex<T>> + Clone {
    /// Locks for the calling process, and waits for that as long as it takes.
    ///
    /// No deadlock is told in which such a lock takes part: any thread of the process could give it up, and any task its wait.
    ///
    /// # Cancellation
    /// Dropped before it is ready, it has nothing and has left the queue; a mutex that had just been handed to it goes to the next.
    ///
    /// # Errors
    /// [`LockError::Abandoned`] and [`LockError::Poisoned`] with the guard; [`LockError::Failed`] when the domain has no room.
    ///
    /// # Death
    /// It is held until the guard is dropped or the *process* ends. The death of who has it is told at once, whatever memory it had.
    ///
    /// # Cost
    /// Not contended, that of [`LockOwned`](super::LockOwned). A wait is no thread and no descriptor; a wake from another process goes
    /// through the thread that keeps this one's place in the ledger.
    ///
    /// # Examples
    /// ```
    /// use crosstie::sync::Mutex;
    /// use crosstie::sync::mutex::LockAsync;
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let domain = crosstie::ledger::Domain::open(folder.path().join("d"))?;
    /// let stock = Mutex::<u64>::open_or_create_in(domain, "stock", || 3)?;
    /// let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    /// runtime.block_on(async {
    ///     let sold = async { *stock.lock_async().await? -= 1; Ok::<(), crosstie::Error>(()) };
    ///     let bought = async { *stock.lock_async().await? += 2; Ok::<(), crosstie::Error>(()) };
    ///     tokio::try_join!(sold, bought)
    /// })?;
    /// assert_eq!(*stock.lock()?, 4);
    /// # Ok::<(), crosstie::Error>(())
    /// ```
    #[track_caller]
    fn lock_async(&self) -> impl Future<Output = LockResult<OwnedMutexGuard<T, Self>>> + Send
    where
        Self: Send + Sync,
        T: Send,
    {
        lock(self, Location::caller())
    }
}

impl<T, H: Deref<Target = Mutex<T>> + Clone> LockAsync<T> for H {}

async fn lock<T, H: Deref<Target = Mutex<T>> + Clone>(
    handle: &H,
    site: &'static Location<'static>,
) -> LockResult<OwnedMutexGuard<T, H>> {
    let awaiting = Awaiting::new(handle.head.tag(), site).map_err(LockError::Failed)?;
    lock_as(handle, &awaiting, &OnceLock::new()).await
}

/// As [`lock`], in a place to wait that may be there already.
pub(in crate::sync) async fn lock_as<T, H: Deref<Target = Mutex<T>> + Clone>(
    handle: &H,
    awaiting: &Awaiting,
    place: &OnceLock<Task>,
) -> LockResult<OwnedMutexGuard<T, H>> {
    let head = &handle.head;
    awaiting.name(head);
    let word = MutexWord::new(&head.word);
    if !word.try_lock(awaiting.owner()) {
        let task = awaiting.place_in(place).map_err(LockError::Failed)?;
        let (request, since) = (awaiting.request(Mode::Exclusive, 1, 1), clock::now_ns());
        let taken = turns::lock_async(head, task, awaiting.owner(), &request).await;
        let taken = taken.map_err(|refused| {
            let (domain, holder) = (awaiting.domain(), word.read().owner());
            LockError::refused(refused, domain, || Occupied::now(domain, head, holder.as_slice(), since))
        })?;
        if taken.abandoned_by.is_some() {
            head.mark(ABANDONED);
        }
    }
    let hold = awaiting.note(head.key(), Mode::Exclusive, 1);
    let guard = OwnedMutexGuard::new(handle.clone(), hold, head.next_token());
    with_marks(head.state(), guard)
}
