//! The guards of a [`Mutex`]: who has one has the data.
#![expect(unsafe_code, reason = "who holds the guard owns the word, and so the data")]

use std::fmt;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::thread;

use crosstie_core::word::head::{ABANDONED, POISONED};

use super::Mutex;
use crate::ledger::{Domain, Identity};
use crate::sync::held::{Noted, Panicking};
use crate::sync::refusal::{LockError, LockResult};

macro_rules! guard_methods {
    () => {
        /// The fencing number of this acquisition: larger than that of every one before. What the lock
        /// protects elsewhere can refuse who comes with a smaller one than it has seen.
        #[must_use]
        pub fn token(&self) -> u64 {
            self.token
        }

        /// Who died last while it had the lock, if nobody has mended the data since.
        #[must_use]
        pub fn dead_owner(&self) -> Option<Identity> {
            let head = &self.mutex().head;
            let domain = Domain::for_tag(head.tag()).ok()?;
            domain.identity(head.died_last().filter(|_| self.is_abandoned())?)
        }

        /// Whether an owner died inside and nobody has mended the data since.
        #[must_use]
        pub fn is_abandoned(&self) -> bool {
            self.mutex().head.state() & ABANDONED != 0
        }

        /// Says that the data are whole again, after an owner died or panicked inside.
        pub fn mark_mended(&mut self) {
            self.mutex().head.unmark(ABANDONED | POISONED);
        }
    };
}

/// The guard, as an error if the state of `head` says that the data need a look.
#[inline(always)]
pub(in crate::sync) fn with_marks<G>(state: u32, guard: G) -> LockResult<G> {
    if state & ABANDONED != 0 {
        Err(LockError::Abandoned(guard))
    } else if state & POISONED != 0 {
        Err(LockError::Poisoned(guard))
    } else {
        Ok(guard)
    }
}

/// The data of a [`Mutex`], held by this thread until it is dropped.
///
/// Leaked (`mem::forget`), it is held until the thread ends, which is then an owner's death. No other thread can give it
/// up, for it cannot be sent there:
///
/// ```compile_fail,E0277
/// use crosstie::sync::MutexGuard;
/// fn unlock_elsewhere(guard: MutexGuard<'static, u64>) {
///     std::thread::spawn(move || drop(guard));
/// }
/// ```
pub struct MutexGuard<'a, T> {
    mutex: &'a Mutex<T>,
    token: u64,
    hold: Noted,
    was_panicking: Panicking,
    not_send: PhantomData<*mut ()>,
}

// SAFETY: a shared guard only gives out shared data.
unsafe impl<T: Sync> Sync for MutexGuard<'_, T> {}

impl<'a, T> MutexGuard<'a, T> {
    #[inline(always)]
    pub(super) fn new(mutex: &'a Mutex<T>, hold: Noted, token: u64) -> Self {
        Self { mutex, token, hold, was_panicking: Panicking::now(), not_send: PhantomData }
    }

    #[inline]
    fn mutex(&self) -> &'a Mutex<T> {
        self.mutex
    }

    /// The mutex that it is of.
    pub(in crate::sync) fn owner_mutex(&self) -> &'a Mutex<T> {
        self.mutex
    }

    /// Whether it is still held: false when it was taken away by force (`crosstie unlock --force`), and
    /// in a fork child.
    #[inline]
    #[must_use]
    pub fn is_held(&self) -> bool {
        self.hold.is_ours() && self.mutex.is_held(self.hold.owner, self.token)
    }

    guard_methods!();

    /// Gives the mutex up, unless in a panic or a fork child; then the drop is still to come, else nothing is left of it.
    #[inline(always)]
    pub(in crate::sync) fn release_at_once(&self) -> bool {
        let is_plain = self.hold.is_ours() && !thread::panicking();
        if is_plain {
            self.hold.forget();
            self.mutex.release(self.hold.owner);
        }
        is_plain
    }
}

impl<T> Deref for MutexGuard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: this guard's owner has the word (core::word::mutex I1), so nobody else reaches the data.
        unsafe { &*self.mutex.data() }
    }
}

impl<T> DerefMut for MutexGuard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as `deref`, and `self` is borrowed alone.
        unsafe { &mut *self.mutex.data() }
    }
}

impl<T> Drop for MutexGuard<'_, T> {
    #[inline(always)]
    fn drop(&mut self) {
        // The short way is short for the compiler too: so it stands in whoever drops the guard. What the long way needs it
        // gets word by word, so that a guard is never put together in memory.
        if !self.hold.is_ours() {
            return;
        }
        if self.was_panicking.has_begun() {
            self.mutex.poison();
        }
        self.hold.forget();
        self.mutex.release(self.hold.owner);
    }
}

/// The data of a [`Mutex`], held by the process until it is dropped; may move between threads.
///
/// `H` is what leads to the mutex: a [`Shared`](crate::sync::Shared) or an `Arc`.
pub struct OwnedMutexGuard<T, H: Deref<Target = Mutex<T>>> {
    handle: H,
    hold: Noted,
    token: u64,
    was_panicking: Panicking,
}

impl<T, H: Deref<Target = Mutex<T>>> OwnedMutexGuard<T, H> {
    pub(super) fn new(handle: H, hold: Noted, token: u64) -> Self {
        Self { handle, hold, token, was_panicking: Panicking::now() }
    }

    fn mutex(&self) -> &Mutex<T> {
        &self.handle
    }

    /// What leads to the mutex.
    pub(in crate::sync) fn handle(&self) -> &H {
        &self.handle
    }

    /// Whether it is still held: false when it was taken away by force (`crosstie unlock --force`), and
    /// in a fork child.
    #[must_use]
    pub fn is_held(&self) -> bool {
        self.hold.is_ours() && self.handle.is_held(self.hold.owner, self.token)
    }

    guard_methods!();
}

impl<T, H: Deref<Target = Mutex<T>>> Deref for OwnedMutexGuard<T, H> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: the process has the word through this guard alone (core::word::mutex I1).
        unsafe { &*self.handle.data() }
    }
}

impl<T, H: Deref<Target = Mutex<T>>> DerefMut for OwnedMutexGuard<T, H> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as `deref`, and `self` is borrowed alone.
        unsafe { &mut *self.handle.data() }
    }
}

impl<T, H: Deref<Target = Mutex<T>>> Drop for OwnedMutexGuard<T, H> {
    fn drop(&mut self) {
        if !self.hold.is_ours() {
            return;
        }
        if self.was_panicking.has_begun() {
            self.handle.poison();
        }
        self.hold.forget();
        self.handle.release(self.hold.owner);
    }
}

impl<T: fmt::Debug> fmt::Debug for MutexGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: fmt::Debug, H: Deref<Target = Mutex<T>>> fmt::Debug for OwnedMutexGuard<T, H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
