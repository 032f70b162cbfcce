//! [`RwLockAsync`]: reading and writing without blocking a thread; the guards, which belong to the process.
#![expect(unsafe_code, reason = "who holds a guard may reach the data in its way")]

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::panic::Location;

use crosstie_core::word::head::{ABANDONED, POISONED};

use super::RwLock;
use crate::sync::awaiting::Awaiting;
use crate::sync::held::Panicking;
use crate::sync::lock_words::{ReadTurn, WriteTurn};
use crate::sync::mutex::with_marks;
use crate::sync::refusal::{LockError, LockResult};

/// Reading and writing as futures, for the whole process: the guards may move between threads and across awaits. In any runtime, and
/// beside threads that block, in the same phases.
pub trait RwLockAsync<T>: Deref<Target = RwLock<T>> + Clone {
    /// Reads, and waits for that as long as it takes.
    ///
    /// # Cancellation
    /// Dropped before it is ready, it does not read and has left the queue; a writer that waited for it goes on.
    ///
    /// # Errors
    /// [`LockError::Abandoned`] and [`LockError::Poisoned`] with the guard; [`LockError::Failed`]. No deadlock is told, as with
    /// [`LockAsync`](crate::sync::mutex::LockAsync).
    ///
    /// # Death
    /// It is held until the guard is dropped or the *process* ends.
    ///
    /// # Examples
    /// ```
    /// use crosstie::sync::RwLock;
    /// use crosstie::sync::rwlock::RwLockAsync;
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let domain = crosstie::ledger::Domain::open(folder.path().join("d"))?;
    /// let prices = RwLock::<[u64; 2]>::open_or_create_in(domain, "prices", || [3, 4])?;
    /// let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    /// runtime.block_on(async {
    ///     prices.write_async().await?[0] = 5;
    ///     assert_eq!(*prices.read_async().await?, [5, 4]);
    ///     Ok::<(), crosstie::Error>(())
    /// })?;
    /// # Ok::<(), crosstie::Error>(())
    /// ```
    #[track_caller]
    fn read_async(&self) -> impl Future<Output = LockResult<OwnedReadGuard<T, Self>>> + Send
    where
        Self: Send + Sync,
        T: Send + Sync,
    {
        read(self, Location::caller())
    }

    /// Writes, and waits for that as long as it takes.
    ///
    /// # Cancellation
    /// Dropped before it is ready, it has nothing: readers that waited for it read, and then the next writer writes.
    ///
    /// # Errors
    /// As [`RwLockAsync::read_async`].
    ///
    /// # Death
    /// As [`RwLockAsync::read_async`].
    #[track_caller]
    fn write_async(&self) -> impl Future<Output = LockResult<OwnedWriteGuard<T, Self>>> + Send
    where
        Self: Send + Sync,
        T: Send + Sync,
    {
        write(self, Location::caller())
    }
}

impl<T, H: Deref<Target = RwLock<T>> + Clone> RwLockAsync<T> for H {}

async fn read<T, H: Deref<Target = RwLock<T>> + Clone>(
    handle: &H,
    site: &'static Location<'static>,
) -> LockResult<OwnedReadGuard<T, H>> {
    let words = &handle.words;
    let awaiting = Awaiting::new(words.head.tag(), site).map_err(LockError::Failed)?;
    let turn = words.read_async(&awaiting).await?;
    let (is_abandoned, state) = (turn.is_abandoned, words.head.state());
    let guard = OwnedReadGuard { lock: handle.clone(), turn };
    match state & POISONED {
        _ if is_abandoned => Err(LockError::Abandoned(guard)),
        0 => Ok(guard),
        _ => Err(LockError::Poisoned(guard)),
    }
}

async fn write<T, H: Deref<Target = RwLock<T>> + Clone>(
    handle: &H,
    site: &'static Location<'static>,
) -> LockResult<OwnedWriteGuard<T, H>> {
    let words = &handle.words;
    let awaiting = Awaiting::new(words.head.tag(), site).map_err(LockError::Failed)?;
    let turn = words.write_async(&awaiting).await?;
    let guard = OwnedWriteGuard { lock: handle.clone(), turn, was_panicking: Panicking::now() };
    with_marks(words.head.state(), guard)
}

/// The data of a [`RwLock`], read by the process until it is dropped. `H` is what leads to the lock.
pub struct OwnedReadGuard<T, H: Deref<Target = RwLock<T>>> {
    lock: H,
    turn: ReadTurn,
}

impl<T, H: Deref<Target = RwLock<T>>> OwnedReadGuard<T, H> {
    /// Whether it is still held: false when it was taken away by force, and in a fork child.
    #[must_use]
    pub fn is_held(&self) -> bool {
        self.lock.words.is_reading(&self.turn)
    }
}

/// The data of a [`RwLock`], written by the process until it is dropped. `H` is what leads to the lock.
pub struct OwnedWriteGuard<T, H: Deref<Target = RwLock<T>>> {
    lock: H,
    turn: WriteTurn,
    was_panicking: Panicking,
}

impl<T, H: Deref<Target = RwLock<T>>> OwnedWriteGuard<T, H> {
    /// The fencing number of this acquisition: larger than that of every writer before.
    #[must_use]
    pub fn token(&self) -> u64 {
        self.turn.token
    }

    /// Whether it is still held: false when it was taken away by force, and in a fork child.
    #[must_use]
    pub fn is_held(&self) -> bool {
        self.lock.words.is_writing(&self.turn)
    }

    /// Says that the data are whole again.
    pub fn mark_mended(&mut self) {
        self.lock.words.head.unmark(ABANDONED | POISONED);
    }
}

impl<T, H: Deref<Target = RwLock<T>>> Deref for OwnedReadGuard<T, H> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: a reader has its cell, and no writer goes on before it is given back (core::turns::rwlock).
        unsafe { &*self.lock.data.get() }
    }
}

impl<T, H: Deref<Target = RwLock<T>>> Deref for OwnedWriteGuard<T, H> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: a writer owns the word and has seen all readers leave (core::turns::rwlock).
        unsafe { &*self.lock.data.get() }
    }
}

impl<T, H: Deref<Target = RwLock<T>>> DerefMut for OwnedWriteGuard<T, H> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as `deref`, and `self` is borrowed alone.
        unsafe { &mut *self.lock.data.get() }
    }
}

impl<T, H: Deref<Target = RwLock<T>>> Drop for OwnedReadGuard<T, H> {
    fn drop(&mut self) {
        self.lock.words.stop_reading(&self.turn);
    }
}

impl<T, H: Deref<Target = RwLock<T>>> Drop for OwnedWriteGuard<T, H> {
    fn drop(&mut self) {
        if self.was_panicking.has_begun() && self.turn.is_ours() {
            self.lock.words.head.mark(POISONED);
        }
        self.lock.words.stop_writing(&self.turn);
    }
}

impl<T: fmt::Debug, H: Deref<Target = RwLock<T>>> fmt::Debug for OwnedReadGuard<T, H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: fmt::Debug, H: Deref<Target = RwLock<T>>> fmt::Debug for OwnedWriteGuard<T, H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
