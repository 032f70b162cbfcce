//! `sem_t` between processes: what `sem_open` maps, in a file of the caller's choice.
#![expect(unsafe_code, reason = "calls the C library")]

use std::io;
use std::path::Path;

use crate::place::Place;
use crate::succeeded;

/// A semaphore of the C library that processes share.
#[derive(Debug)]
pub struct PosixSemaphore {
    place: Place<libc::sem_t>,
}

impl PosixSemaphore {
    /// Makes it with the value `value`, in a file of its own.
    ///
    /// # Errors
    /// As [`Place::create`]; `EINVAL`: the value is too large.
    pub fn create(path: &Path, value: u32) -> io::Result<Self> {
        let place = Place::create(path)?;
        // SAFETY: the place is room for a semaphore that nobody uses yet (place I1, I2).
        succeeded(unsafe { libc::sem_init(place.object(), 1, value) })?;
        Ok(Self { place })
    }

    /// Opens what [`PosixSemaphore::create`] made.
    ///
    /// # Errors
    /// As [`Place::open`].
    pub fn open(path: &Path) -> io::Result<Self> {
        Ok(Self { place: Place::open(path)? })
    }

    /// Takes one; what is answered posts it when it is dropped.
    ///
    /// # Errors
    /// The kernel's.
    #[inline]
    pub fn wait(&self) -> io::Result<PosixPermit<'_>> {
        loop {
            // SAFETY: a semaphore that was initialized before it was opened (place I2).
            match succeeded(unsafe { libc::sem_wait(self.place.object()) }) {
                Ok(_) => return Ok(PosixPermit { semaphore: self }),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

/// One that was taken, until it is dropped.
#[derive(Debug)]
pub struct PosixPermit<'a> {
    semaphore: &'a PosixSemaphore,
}

impl Drop for PosixPermit<'_> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: as in `wait`. It fails at the largest value only, and this one was taken.
        unsafe { libc::sem_post(self.semaphore.place.object()) };
    }
}
