//! [`Region`]: raw POSIX shared memory, exactly as C's `shm_open` sees it.
//!
//! No header, no check, no owner: bytes under a name like `/my_region`, shared with programs that
//! know nothing of Crosstie. What they mean, and who may write when, is the programs' agreement.
//! The safe operations copy; they never lend a reference to bytes that others may write.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::FileExt;
use std::ptr::NonNull;
use std::sync::OnceLock;

use super::segment::no_room;
use crate::error::{Error, ErrorKind, Result};
use crate::os::directory as os;
use crate::os::memory::{self, Mapping};

/// POSIX shared memory of a name, open in this process.
///
/// # Examples
/// ```
/// use crosstie::region::Region;
/// let name = format!("/crosstie-doc-{}", std::process::id());
/// let region = Region::create(&name, 4096)?;
/// region.write_at(0, b"Shared data")?;
///
/// let same = Region::open(&name)?;        // in any other process
/// let mut text = [0; 11];
/// same.read_at(0, &mut text)?;
/// assert_eq!(&text, b"Shared data");
/// Region::unlink(&name)?;
/// # Ok::<(), crosstie::Error>(())
/// ```
#[derive(Debug)]
pub struct Region {
    name: String,
    file: File,
    mapping: OnceLock<Mapping>,
}

impl Region {
    /// Creates the region `name` of `bytes` bytes, zeroed, for this user alone; its space is taken
    /// at once, so that a full /dev/shm is an error here and never SIGBUS later.
    ///
    /// # Errors
    /// `AlreadyExists`; `Usage` for a name that is not `/name`, or no bytes; `NoSpace` with sizes and remedy.
    pub fn create(name: &str, bytes: u64) -> Result<Self> {
        if bytes == 0 {
            return Err(no_bytes("create region", name));
        }
        let failed = |error| failed("create region", name, error);
        let file = memory::shm_create(name, 0o600).map_err(failed)?;
        if let Err(error) = memory::reserve(file.as_fd(), 0, bytes) {
            let error = no_room(file.as_fd(), name, bytes, error);
            // The name was ours alone a moment ago; what cannot be used is not left behind.
            let _ = memory::shm_unlink(name);
            return Err(error);
        }
        Ok(Self::new(name, file.into()))
    }

    /// Opens the region `name`.
    ///
    /// # Errors
    /// `NotFound`; `NotPermitted`; `Usage` for a name that is not `/name` or leads to no memory.
    pub fn open(name: &str) -> Result<Self> {
        let file = memory::shm_open(name).map_err(|error| failed("open region", name, error))?;
        let stat = os::stat(file.as_fd()).map_err(|error| failed("open region", name, error))?;
        if !stat.is_regular {
            return Err(Error::new("open region", name, ErrorKind::Usage).because("it is not shared memory"));
        }
        Ok(Self::new(name, file.into()))
    }

    /// Opens the region `name`, which has to have `bytes` bytes, or creates it so.
    ///
    /// Its creator may not have sized it yet: one that has no bytes is given them.
    ///
    /// # Errors
    /// As [`Region::open`] and [`Region::create`]; `Mismatch` for one that has another size.
    ///
    /// # Examples
    /// ```
    /// use crosstie::region::Region;
    /// let name = format!("/crosstie-doc-sized-{}", std::process::id());
    /// let _region = Region::open_or_create(&name, 4096)?;
    /// assert_eq!(Region::open_or_create(&name, 4096)?.bytes()?, 4096);
    /// assert_eq!(Region::open_or_create(&name, 8192).unwrap_err().kind(), crosstie::ErrorKind::Mismatch);
    /// Region::unlink(&name)?;
    /// # Ok::<(), crosstie::Error>(())
    /// ```
    pub fn open_or_create(name: &str, bytes: u64) -> Result<Self> {
        let found = match Self::create(name, bytes) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Self::open(name)?,
            other => return other,
        };
        match found.bytes()? {
            found_bytes if found_bytes == bytes => Ok(found),
            0 => match memory::reserve(found.file.as_fd(), 0, bytes) {
                Ok(()) => Ok(found),
                Err(error) => Err(no_room(found.file.as_fd(), name, bytes, error)),
            },
            found_bytes => Err(Error::new("open region", name, ErrorKind::Mismatch)
                .because(format!("it has {found_bytes} bytes, not {bytes}"))
                .advise("open it without a size, or remove it first")),
        }
    }

    /// Removes the name; whoever has the region open keeps it.
    ///
    /// # Errors
    /// `NotFound`; `NotPermitted`; `Usage` for a name that is not `/name`.
    pub fn unlink(name: &str) -> Result<()> {
        memory::shm_unlink(name).map_err(|error| failed("remove region", name, error))
    }

    /// The regions of this machine that anybody has named, with their sizes, in the names' order.
    ///
    /// # Errors
    /// `NotFound` where there is no /dev/shm; `NotPermitted`.
    pub fn list() -> Result<Vec<Listed>> {
        let failed = |error: io::Error| Error::os("list regions", memory::POSIX_DIRECTORY, error);
        let mut found = Vec::new();
        for entry in std::fs::read_dir(memory::POSIX_DIRECTORY).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            // One that was removed meanwhile is not there any more.
            let Ok(about) = entry.metadata() else { continue };
            if about.is_file()
                && let Some(name) = entry.file_name().to_str()
            {
                found.push(Listed { name: format!("/{name}"), bytes: about.len() });
            }
        }
        found.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        Ok(found)
    }

    /// The name that it was opened by.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its size now, in bytes; others may change it.
    ///
    /// # Errors
    /// The kernel's.
    pub fn bytes(&self) -> Result<u64> {
        memory::file_bytes(self.file.as_fd()).map_err(|error| failed("ask size of region", &self.name, error))
    }

    /// Copies the bytes from `offset` on into `to`, as far as others write them meanwhile: in no
    /// order that means anything.
    ///
    /// # Errors
    /// `Usage` when the region ends before.
    pub fn read_at(&self, offset: u64, to: &mut [u8]) -> Result<()> {
        let end = self.checked_end("read region", offset, to.len())?;
        self.file.read_exact_at(to, offset).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => self.too_short("read region", end),
            _ => failed("read region", &self.name, error),
        })
    }

    /// Copies `from` into the bytes from `offset` on; the region never grows.
    ///
    /// # Errors
    /// `Usage` when the region ends before.
    pub fn write_at(&self, offset: u64, from: &[u8]) -> Result<()> {
        self.checked_end("write region", offset, from.len())?;
        self.file.write_all_at(from, offset).map_err(|error| failed("write region", &self.name, error))
    }

    /// The whole region in memory, for callers who take on `unsafe`: address and size.
    ///
    /// Mapped with the first call, with the size that it has then; valid as long as this value.
    /// Other processes write it at any time: use atomics or volatile accesses, never references to
    /// plain bytes. One that makes the file shorter turns accesses into SIGBUS.
    ///
    /// # Errors
    /// `Usage` for an empty region; the kernel's others.
    pub fn as_ptr(&self) -> Result<(NonNull<u8>, usize)> {
        if let Some(mapping) = self.mapping.get() {
            return Ok((mapping.base(), mapping.len()));
        }
        let bytes = usize::try_from(self.bytes()?).unwrap_or(0);
        if bytes == 0 {
            return Err(Error::new("map region", &self.name, ErrorKind::Usage).because("it has no bytes"));
        }
        let mapping = Mapping::shared(self.file.as_fd(), 0, bytes)
            .map_err(|error| failed("map region", &self.name, error))?;
        let mapping = self.mapping.get_or_init(|| mapping);
        Ok((mapping.base(), mapping.len()))
    }

    fn new(name: &str, file: File) -> Self {
        Self { name: name.to_owned(), file, mapping: OnceLock::new() }
    }

    fn checked_end(&self, operation: &'static str, offset: u64, len: usize) -> Result<u64> {
        let end = offset.saturating_add(len as u64);
        if end > self.bytes()? { Err(self.too_short(operation, end)) } else { Ok(end) }
    }

    fn too_short(&self, operation: &'static str, end: u64) -> Error {
        let bytes = self.bytes().unwrap_or(0);
        Error::new(operation, &self.name, ErrorKind::Usage)
            .because(format!("it has {bytes} bytes, asked for were bytes up to {end}"))
    }
}

impl AsFd for Region {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

/// A region that [`Region::list`] found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Its name, as [`Region::open`] takes it.
    pub name: String,
    /// Its size.
    pub bytes: u64,
}

fn no_bytes(operation: &'static str, name: &str) -> Error {
    let error = Error::new(operation, name, ErrorKind::Usage).because("it would have no bytes");
    error.advise("say how many it is to have")
}

fn failed(operation: &'static str, name: &str, error: io::Error) -> Error {
    let is_name = error.kind() == io::ErrorKind::InvalidInput;
    let error = Error::os(operation, name, error);
    if is_name {
        error
            .of_kind(ErrorKind::Usage)
            .because("a region's name is '/' and then a file name")
            .advise("write it like /my_region")
    } else {
        error
    }
}
