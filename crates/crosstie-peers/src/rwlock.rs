//! `pthread_rwlock_t` between processes.
#![expect(unsafe_code, reason = "calls the C library")]

use std::io;
use std::mem::MaybeUninit;
use std::path::Path;

use crate::answered;
use crate::place::Place;

/// A reader-writer lock of the C library that processes share.
#[derive(Debug)]
pub struct PthreadRwLock {
    place: Place<libc::pthread_rwlock_t>,
}

impl PthreadRwLock {
    /// Makes it, in a file of its own.
    ///
    /// # Errors
    /// As [`Place::create`]; the C library's.
    pub fn create(path: &Path) -> io::Result<Self> {
        let place = Place::create(path)?;
        let mut attributes = MaybeUninit::uninit();
        let at = attributes.as_mut_ptr();
        // SAFETY: initializes the attributes at `at`, which is room for them.
        answered(unsafe { libc::pthread_rwlockattr_init(at) })?;
        // SAFETY: `at` holds attributes since the line above.
        answered(unsafe { libc::pthread_rwlockattr_setpshared(at, libc::PTHREAD_PROCESS_SHARED) })?;
        // SAFETY: the place is room for a lock that nobody uses yet (place I1, I2); `at` as above.
        answered(unsafe { libc::pthread_rwlock_init(place.object(), at) })?;
        // SAFETY: `at` holds attributes that are not used again.
        answered(unsafe { libc::pthread_rwlockattr_destroy(at) })?;
        Ok(Self { place })
    }

    /// Opens what [`PthreadRwLock::create`] made.
    ///
    /// # Errors
    /// As [`Place::open`].
    pub fn open(path: &Path) -> io::Result<Self> {
        Ok(Self { place: Place::open(path)? })
    }

    /// Locks for reading, beside other readers.
    ///
    /// # Errors
    /// `EDEADLK`; `EAGAIN`: too many readers.
    #[inline]
    pub fn read(&self) -> io::Result<PthreadRwLockGuard<'_>> {
        // SAFETY: a lock that was initialized before it was opened (place I2).
        answered(unsafe { libc::pthread_rwlock_rdlock(self.place.object()) })?;
        Ok(PthreadRwLockGuard { lock: self })
    }

    /// Locks for writing, alone.
    ///
    /// # Errors
    /// `EDEADLK`.
    #[inline]
    pub fn write(&self) -> io::Result<PthreadRwLockGuard<'_>> {
        // SAFETY: as in `read`, the place holds an initialized lock as long as `self`.
        answered(unsafe { libc::pthread_rwlock_wrlock(self.place.object()) })?;
        Ok(PthreadRwLockGuard { lock: self })
    }
}

/// The lock, held by this thread until it is dropped.
#[derive(Debug)]
pub struct PthreadRwLockGuard<'a> {
    lock: &'a PthreadRwLock,
}

impl Drop for PthreadRwLockGuard<'_> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: this thread has it locked. It cannot fail then.
        unsafe { libc::pthread_rwlock_unlock(self.lock.place.object()) };
    }
}
