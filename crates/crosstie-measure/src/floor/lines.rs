//! Cache lines in a file that two processes map.
#![expect(unsafe_code, reason = "hands out references to atomics in a mapping")]

use std::fs::OpenOptions;
use std::os::fd::AsFd;
use std::path::Path;
use std::ptr::NonNull;

use crosstie::os::memory::{self, Mapping};
use crosstie::{Error, Result};
use crosstie_core::atomic::{AtomicU32, AtomicU64};

/// Bytes of a cache line.
pub const LINE_BYTES: usize = 64;

/// Cache lines that two processes share.
pub struct SharedLines {
    mapping: Mapping,
}

impl SharedLines {
    /// Makes a file of `lines` lines, all 0, with its space reserved.
    ///
    /// # Errors
    /// The kernel's: no room, no permission.
    pub fn create(path: &Path, lines: usize) -> Result<()> {
        let refused = |error| Error::os("create shared lines", path.display().to_string(), error);
        let file = OpenOptions::new().read(true).write(true).create_new(true).open(path).map_err(refused)?;
        memory::reserve(file.as_fd(), 0, (lines * LINE_BYTES) as u64).map_err(refused)
    }

    /// Maps what [`SharedLines::create`] made.
    ///
    /// # Errors
    /// The kernel's: no such file, no memory.
    pub fn open(path: &Path) -> Result<Self> {
        let refused = |error| Error::os("map shared lines", path.display().to_string(), error);
        let file = OpenOptions::new().read(true).write(true).open(path).map_err(refused)?;
        let bytes = memory::file_bytes(file.as_fd()).map_err(refused)?;
        let bytes = usize::try_from(bytes).map_err(|_| refused(std::io::ErrorKind::OutOfMemory.into()))?;
        Ok(Self { mapping: Mapping::shared(file.as_fd(), 0, bytes).map_err(refused)? })
    }

    /// How many lines there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.mapping.len() / LINE_BYTES
    }

    /// The first 8 bytes of a line.
    ///
    /// # Panics
    /// If there is no such line.
    #[must_use]
    pub fn word(&self, line: usize) -> &AtomicU64 {
        // SAFETY: `at` is in the mapping, aligned to a line, and lives as long as `self`; both
        // processes reach these bytes as this atomic only.
        unsafe { self.at(line).cast::<AtomicU64>().as_ref() }
    }

    /// The first 4 bytes of a line, as a futex.
    ///
    /// # Panics
    /// If there is no such line.
    #[must_use]
    pub fn futex(&self, line: usize) -> &AtomicU32 {
        // SAFETY: as in `word`; a line is used as a futex or as a word, never as both.
        unsafe { self.at(line).cast::<AtomicU32>().as_ref() }
    }

    /// Where a line starts; valid until `self` is dropped.
    ///
    /// # Panics
    /// If there is no such line.
    #[must_use]
    pub fn at(&self, line: usize) -> NonNull<u8> {
        assert!(line < self.count(), "line {line} of {}", self.count());
        // SAFETY: the offset is below the mapping's length, as asserted.
        unsafe { self.mapping.base().add(line * LINE_BYTES) }
    }
}
