//! [`Place`]: one object of the C library in a file that several processes map.
//!
//! # Invariants
//! - **I1** The mapping is at least as long as the object, starts on a page, and lives as long as the
//!   `Place`.
//! - **I2** The object was initialized, by the one that made the file, before anybody else opens it: who
//!   makes a place hands its path out afterwards.
//! - **I3** Only the C library's own functions, or atomics, reach the bytes.
#![expect(unsafe_code, reason = "maps a file and answers where it is")]

use std::fs::{File, OpenOptions};
use std::io;
use std::marker::PhantomData;
use std::os::fd::AsRawFd;
use std::path::Path;
use std::ptr::NonNull;

/// An object in a file that several processes map. It is never destroyed: its bytes go with the file.
#[derive(Debug)]
pub struct Place<T> {
    base: NonNull<libc::c_void>,
    object: PhantomData<T>,
}

// SAFETY: a place only says where the object is; who reaches the object does so by functions that are
// made for several threads and processes (I3).
unsafe impl<T> Send for Place<T> {}

// SAFETY: as for Send, the object in it is made to be used by several at once.
unsafe impl<T> Sync for Place<T> {}

impl<T> Place<T> {
    /// Makes the file, all zeros.
    ///
    /// # Errors
    /// The kernel's: it exists, no room, no permission.
    pub fn create(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().read(true).write(true).create_new(true).open(path)?;
        file.set_len(Self::BYTES as u64)?;
        Self::map(&file)
    }

    /// Maps what [`Place::create`] made.
    ///
    /// # Errors
    /// The kernel's: no such file, no permission; `InvalidData` for a file that is too short.
    pub fn open(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().read(true).write(true).open(path)?;
        if file.metadata()?.len() < Self::BYTES as u64 {
            return Err(io::ErrorKind::InvalidData.into());
        }
        Self::map(&file)
    }

    /// Where the object is; valid as long as `self` lives.
    #[must_use]
    #[inline]
    pub fn object(&self) -> *mut T {
        self.base.as_ptr().cast()
    }

    const BYTES: usize = size_of::<T>();

    fn map(file: &File) -> io::Result<Self> {
        let protection = libc::PROT_READ | libc::PROT_WRITE;
        // SAFETY: a new mapping, of a file whose length was set or checked above; nothing else is touched.
        let base = unsafe {
            libc::mmap(std::ptr::null_mut(), Self::BYTES, protection, libc::MAP_SHARED, file.as_raw_fd(), 0)
        };
        if base == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let base = NonNull::new(base).ok_or(io::ErrorKind::OutOfMemory)?;
        Ok(Self { base, object: PhantomData })
    }
}

impl<T> Drop for Place<T> {
    fn drop(&mut self) {
        // SAFETY: `map` made exactly this mapping (I1); nobody has `object` any more.
        unsafe { libc::munmap(self.base.as_ptr(), Self::BYTES) };
    }
}
