//! `pthread_mutex_t` between processes.
#![expect(unsafe_code, reason = "calls the C library")]

use std::io;
use std::mem::MaybeUninit;
use std::path::Path;

use crate::answered;
use crate::place::Place;

/// What happens to the mutex of an owner that died.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnDeath {
    /// It is held for ever.
    Stalled,
    /// The next owner is told: `PTHREAD_MUTEX_ROBUST`.
    Robust,
}

/// A mutex of the C library that processes share.
#[derive(Debug)]
pub struct PthreadMutex {
    place: Place<libc::pthread_mutex_t>,
}

impl PthreadMutex {
    /// Makes it, in a file of its own.
    ///
    /// # Errors
    /// As [`Place::create`]; the C library's.
    pub fn create(path: &Path, on_death: OnDeath) -> io::Result<Self> {
        let place = Place::create(path)?;
        let mut attributes = MaybeUninit::uninit();
        let at = attributes.as_mut_ptr();
        // SAFETY: initializes the attributes at `at`, which is room for them.
        answered(unsafe { libc::pthread_mutexattr_init(at) })?;
        // SAFETY: `at` holds attributes since the line above.
        answered(unsafe { libc::pthread_mutexattr_setpshared(at, libc::PTHREAD_PROCESS_SHARED) })?;
        if on_death == OnDeath::Robust {
            // SAFETY: `at` points to attributes that were initialized above, on this stack.
            answered(unsafe { libc::pthread_mutexattr_setrobust(at, libc::PTHREAD_MUTEX_ROBUST) })?;
        }
        // SAFETY: the place is room for a mutex that nobody uses yet (place I1, I2); `at` as above.
        answered(unsafe { libc::pthread_mutex_init(place.object(), at) })?;
        // SAFETY: `at` holds attributes that are not used again.
        answered(unsafe { libc::pthread_mutexattr_destroy(at) })?;
        Ok(Self { place })
    }

    /// Opens what [`PthreadMutex::create`] made.
    ///
    /// # Errors
    /// As [`Place::open`].
    pub fn open(path: &Path) -> io::Result<Self> {
        Ok(Self { place: Place::open(path)? })
    }

    /// Locks; an owner that died before is accepted, its data taken for whole.
    ///
    /// # Errors
    /// `EDEADLK` and the like.
    #[inline]
    pub fn lock(&self) -> io::Result<PthreadMutexGuard<'_>> {
        // SAFETY: a mutex that was initialized before it was opened (place I2).
        match unsafe { libc::pthread_mutex_lock(self.place.object()) } {
            0 => {}
            libc::EOWNERDEAD => {
                // SAFETY: as above; this thread has it locked.
                answered(unsafe { libc::pthread_mutex_consistent(self.place.object()) })?;
            }
            code => answered(code)?,
        }
        Ok(PthreadMutexGuard { mutex: self })
    }
}

/// The mutex, locked by this thread until it is dropped.
#[derive(Debug)]
pub struct PthreadMutexGuard<'a> {
    mutex: &'a PthreadMutex,
}

impl Drop for PthreadMutexGuard<'_> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: this thread locked it. It cannot fail then.
        unsafe { libc::pthread_mutex_unlock(self.mutex.place.object()) };
    }
}
