//! The smallest lock on a bare futex: no owner, no death, no queue of its own.
//!
//! Not for use: a measure of what the kernel's sleep and wake cost without anything around them.
//!
//! # States
//! 0 free · 1 held · 2 held, and somebody may sleep.
//!
//! # Source
//! The third mutex of Drepper, "Futexes Are Tricky", 2011.
#![expect(unsafe_code, reason = "calls the kernel")]

use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::place::Place;

/// A lock on a bare futex that processes share.
#[derive(Debug)]
pub struct BareFutex {
    place: Place<AtomicU32>,
}

impl BareFutex {
    /// Makes it, in a file of its own.
    ///
    /// # Errors
    /// As [`Place::create`].
    pub fn create(path: &Path) -> io::Result<Self> {
        Ok(Self { place: Place::create(path)? })
    }

    /// Opens what [`BareFutex::create`] made.
    ///
    /// # Errors
    /// As [`Place::open`].
    pub fn open(path: &Path) -> io::Result<Self> {
        Ok(Self { place: Place::open(path)? })
    }

    /// Locks.
    #[inline]
    pub fn lock(&self) -> BareFutexGuard<'_> {
        let word = self.word();
        // Acquire: meets the Release of the last unlock. Relaxed on failure: nothing is read.
        if word.compare_exchange(0, 1, Ordering::Acquire, Ordering::Relaxed).is_err() {
            // Acquire: as above.
            while word.swap(2, Ordering::Acquire) != 0 {
                sleep(word);
            }
        }
        BareFutexGuard { lock: self }
    }

    #[inline]
    fn word(&self) -> &AtomicU32 {
        // SAFETY: a page of a file that is all zeros at first, mapped as long as `self` (place I1); all
        // processes reach it as this atomic only.
        unsafe { &*self.place.object() }
    }
}

/// The lock, held until it is dropped.
#[derive(Debug)]
pub struct BareFutexGuard<'a> {
    lock: &'a BareFutex,
}

impl Drop for BareFutexGuard<'_> {
    #[inline]
    fn drop(&mut self) {
        let word = self.lock.word();
        // Release: publishes what it protected.
        if word.swap(0, Ordering::Release) == 2 {
            // SAFETY: wakes by the address; no memory is touched.
            unsafe { libc::syscall(libc::SYS_futex, word.as_ptr(), libc::FUTEX_WAKE, 1) };
        }
    }
}

/// Sleeps while the word is 2; may return early.
#[cold]
fn sleep(word: &AtomicU32) {
    let no_timeout = std::ptr::null::<libc::timespec>();
    // SAFETY: the kernel reads the word, which is mapped, and no timeout.
    unsafe { libc::syscall(libc::SYS_futex, word.as_ptr(), libc::FUTEX_WAIT, 2, no_timeout) };
}
