//! A System V semaphore, taken and given back with `SEM_UNDO`.
//!
//! It belongs to the kernel, not to a process or a file: whoever makes one has to [`remove`] it.
#![expect(unsafe_code, reason = "calls the kernel")]

use std::io;

use crate::succeeded;

/// A semaphore of the kernel, by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SysvSemaphore {
    id: libc::c_int,
}

impl SysvSemaphore {
    /// Makes one with the value 1.
    ///
    /// # Errors
    /// The kernel's: too many, not allowed here.
    pub fn create() -> io::Result<Self> {
        // SAFETY: makes a set of one semaphore; no memory is touched.
        let id = succeeded(unsafe { libc::semget(libc::IPC_PRIVATE, 1, libc::IPC_CREAT | 0o600) })?;
        let this = Self { id };
        let value: libc::c_int = 1;
        // SAFETY: SETVAL takes the value in place of its union; no memory is touched.
        succeeded(unsafe { libc::semctl(id, 0, libc::SETVAL, value) })?;
        Ok(this)
    }

    /// The one of this number, which [`SysvSemaphore::create`] made.
    #[must_use]
    pub const fn of(id: i32) -> Self {
        Self { id }
    }

    /// Its number.
    #[must_use]
    pub const fn id(self) -> i32 {
        self.id
    }

    /// Takes it; the kernel gives it back if the process dies.
    ///
    /// # Errors
    /// `EIDRM`: it was removed.
    #[inline]
    pub fn take(&self) -> io::Result<SysvPermit> {
        loop {
            match self.change(-1) {
                Ok(()) => return Ok(SysvPermit { semaphore: *self }),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    #[inline]
    fn change(self, by: libc::c_short) -> io::Result<()> {
        let mut operation = libc::sembuf { sem_num: 0, sem_op: by, sem_flg: libc::SEM_UNDO as libc::c_short };
        // SAFETY: reads one operation from where it stands.
        succeeded(unsafe { libc::semop(self.id, &raw mut operation, 1) }).map(drop)
    }
}

/// Removes the semaphore of this number; who waits for it gets an error.
///
/// # Errors
/// There is none, or it is another user's.
pub fn remove(id: i32) -> io::Result<()> {
    // SAFETY: IPC_RMID takes no further argument; no memory is touched.
    succeeded(unsafe { libc::semctl(id, 0, libc::IPC_RMID) }).map(drop)
}

/// The semaphore, taken by this process until it is dropped.
#[derive(Debug)]
pub struct SysvPermit {
    semaphore: SysvSemaphore,
}

impl Drop for SysvPermit {
    #[inline]
    fn drop(&mut self) {
        // It fails only if it was removed meanwhile: then nobody waits.
        let _ = self.semaphore.change(1);
    }
}
