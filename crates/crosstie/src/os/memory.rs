//! Shared memory: mappings of files, unnamed and POSIX-named files, reserved space, seals.
//!
//! A mapping hands out addresses, never references: what lies there belongs to every process that
//! maps it. The floor above turns checked offsets into references to atomics.
#![expect(unsafe_code, reason = "maps and unmaps memory")]

use std::ffi::c_void;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::ptr::{self, NonNull};

use crosstie_core::atomic::AtomicU64;
use rustix::fs::{AtFlags, CWD, FallocateFlags, MemfdFlags, Mode, OFlags, SealFlags};
use rustix::io::Errno;
use rustix::mm::{Advice, MapFlags, MprotectFlags, ProtFlags};

/// The smallest unit of memory that the kernel maps, in bytes.
#[must_use]
pub fn page_bytes() -> usize {
    rustix::param::page_size()
}

/// Addresses that this value owns and unmaps when dropped.
#[derive(Debug)]
struct Addresses {
    base: NonNull<u8>,
    len: usize,
}

impl Addresses {
    /// Owns `len` bytes at `base`, which the kernel has just mapped for us alone.
    fn new(base: *mut c_void, len: usize) -> io::Result<Self> {
        let base = NonNull::new(base.cast::<u8>()).ok_or(Errno::NOMEM)?;
        Ok(Self { base, len })
    }
}

impl Drop for Addresses {
    fn drop(&mut self) {
        // SAFETY: base and len come from one mmap that this value owns; whoever took an address
        // out of it promised not to use it after this value (`base` says so).
        let unmapped = unsafe { rustix::mm::munmap(self.base.as_ptr().cast(), self.len) };
        debug_assert!(unmapped.is_ok(), "munmap of an owned mapping");
    }
}

// SAFETY: the addresses are valid in every thread of the process; this type dereferences none.
unsafe impl Send for Addresses {}
// SAFETY: as above; all methods only read the two fields.
unsafe impl Sync for Addresses {}

/// A part of a file, mapped shared, readable and writable; unmapped when dropped.
#[derive(Debug)]
pub struct Mapping(Addresses);

impl Mapping {
    /// Maps `len` bytes of `fd` from `offset` on, a multiple of the page.
    ///
    /// # Errors
    /// The kernel's: `len` 0, no permission, no memory.
    pub fn shared(fd: BorrowedFd<'_>, offset: u64, len: usize) -> io::Result<Self> {
        Self::shared_with(fd, offset, len, ProtFlags::READ | ProtFlags::WRITE)
    }

    /// The same, readable only: writing through it ends the process by SIGSEGV.
    ///
    /// # Errors
    /// As [`Mapping::shared`].
    pub fn shared_readable(fd: BorrowedFd<'_>, offset: u64, len: usize) -> io::Result<Self> {
        Self::shared_with(fd, offset, len, ProtFlags::READ)
    }

    fn shared_with(fd: BorrowedFd<'_>, offset: u64, len: usize, allowed: ProtFlags) -> io::Result<Self> {
        // SAFETY: the address is null, so the kernel picks one that nothing of ours occupies.
        let base = unsafe { rustix::mm::mmap(ptr::null_mut(), len, allowed, MapFlags::SHARED, fd, offset) }?;
        Addresses::new(base, len).map(Self)
    }

    /// Where the mapping starts; valid for [`Mapping::len`] bytes until this value is dropped, or
    /// for ever after [`Mapping::leak`].
    #[must_use]
    pub fn base(&self) -> NonNull<u8> {
        self.0.base
    }

    /// Bytes mapped; never 0.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "a mapping is never empty")]
    pub fn len(&self) -> usize {
        self.0.len
    }

    /// Takes the right to write what lies from `offset` on, a multiple of the page: writing there ends the
    /// process by SIGSEGV from now on.
    ///
    /// # Errors
    /// The kernel's, and if `offset` lies outside.
    pub fn make_readable(&mut self, offset: usize) -> io::Result<()> {
        let left = self.len().checked_sub(offset).ok_or(io::ErrorKind::InvalidInput)?;
        let from = self.base().as_ptr().wrapping_add(offset).cast();
        // SAFETY: the part lies in this mapping (checked above), which nobody else shares: `&mut self`; what is
        // read through it stays readable.
        unsafe { rustix::mm::mprotect(from, left, MprotectFlags::READ) }.map_err(io::Error::from)
    }

    /// Keeps the mapping for the life of the process; answers where it starts.
    pub fn leak(self) -> NonNull<u8> {
        let base = self.0.base;
        std::mem::forget(self);
        base
    }
}

/// The same part of a file mapped twice, in adjacent addresses, so that what wraps around the end
/// is contiguous in memory; unmapped when dropped.
#[derive(Debug)]
pub struct MirroredMapping {
    twice: Addresses,
    len: usize,
}

impl MirroredMapping {
    /// Maps `len` bytes (a multiple of the page) of `fd` from `offset` on, twice.
    ///
    /// # Errors
    /// The kernel's: `len` 0 or not a multiple of the page, no permission, no memory.
    pub fn shared(fd: BorrowedFd<'_>, offset: u64, len: usize) -> io::Result<Self> {
        if len == 0 || !len.is_multiple_of(page_bytes()) {
            return Err(Errno::INVAL.into());
        }
        let total = len.checked_mul(2).ok_or(Errno::NOMEM)?;
        let flags = MapFlags::PRIVATE | MapFlags::NORESERVE;
        // SAFETY: the address is null, so the kernel picks one that nothing of ours occupies.
        let base = unsafe { rustix::mm::mmap_anonymous(ptr::null_mut(), total, ProtFlags::empty(), flags) }?;
        let twice = Addresses::new(base, total)?;
        for half in [base, base.wrapping_byte_add(len)] {
            let allowed = ProtFlags::READ | ProtFlags::WRITE;
            let flags = MapFlags::SHARED | MapFlags::FIXED;
            // SAFETY: both halves lie inside the reservation that `twice` owns, and nobody has an
            // address of it yet.
            let placed = unsafe { rustix::mm::mmap(half, len, allowed, flags, fd, offset) }?;
            debug_assert_eq!(placed, half, "MAP_FIXED maps where it is told");
        }
        Ok(Self { twice, len })
    }

    /// Where the first copy starts; valid for 2 × [`MirroredMapping::len`] bytes until this value
    /// is dropped.
    #[must_use]
    pub fn base(&self) -> NonNull<u8> {
        self.twice.base
    }

    /// Bytes of one copy; never 0.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "a mapping is never empty")]
    pub fn len(&self) -> usize {
        self.len
    }
}

/// The largest page of this architecture.
const PAGE_BYTES_MAX: usize = if cfg!(target_arch = "x86_64") { 4096 } else { 65_536 };

/// A number in pages of its own, for a `static`: 0 in the program's file, so anonymous memory, and 0 again in every
/// fork child once [`WipedOnFork::begin`] was called.
#[derive(Debug)]
#[repr(C)]
#[cfg_attr(target_arch = "x86_64", repr(align(4096)))]
#[cfg_attr(not(target_arch = "x86_64"), repr(align(65536)))]
pub struct WipedOnFork {
    /// The number.
    pub number: AtomicU64,
    rest: [u8; PAGE_BYTES_MAX - 8],
}

const _: () = assert!(size_of::<WipedOnFork>() == PAGE_BYTES_MAX);

impl WipedOnFork {
    /// The number 0.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "there is one, in a static")]
    pub const fn new() -> Self {
        Self { number: AtomicU64::new(0), rest: [0; PAGE_BYTES_MAX - 8] }
    }

    /// Asks the kernel to zero it in every fork child from now on; again is as good as once.
    ///
    /// # Errors
    /// The kernel's: older than Linux 4.14, or its pages are larger.
    pub fn begin(&'static self) -> io::Result<()> {
        let base = ptr::from_ref(self).cast_mut().cast();
        // SAFETY: this process's memory stays as it is; in a child the number, an atomic, becomes 0, and nothing else lies
        // in these pages, for the type is as large as they are.
        Ok(unsafe { rustix::mm::madvise(base, PAGE_BYTES_MAX, Advice::LinuxWipeOnFork) }?)
    }
}

/// An unnamed file of `bytes` in memory, with its space reserved; seal it before it is passed on.
///
/// # Errors
/// The kernel's: no memory, no descriptor left.
pub fn memfd(name: &str, bytes: u64) -> io::Result<OwnedFd> {
    let fd = rustix::fs::memfd_create(name, MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)?;
    reserve(fd.as_fd(), 0, bytes)?;
    Ok(fd)
}

/// Fixes the size of a [`memfd`] for ever, so that no peer can make a mapping of it raise SIGBUS.
///
/// # Errors
/// The kernel's: not a memfd (files of a tmpfs cannot be sealed, HAZARDS H23).
pub fn seal_size(fd: BorrowedFd<'_>) -> io::Result<()> {
    Ok(rustix::fs::fcntl_add_seals(fd, SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL)?)
}

/// Takes the space of `len` bytes from `offset` on, growing the file: a full file system is an
/// error here and never SIGBUS at the first touch.
///
/// # Errors
/// `StorageFull` when there is no room; `FileTooLarge` as [`set_file_bytes`]; the kernel's others.
pub fn reserve(fd: BorrowedFd<'_>, offset: u64, len: u64) -> io::Result<()> {
    within_limit(fd, offset.saturating_add(len))?;
    Ok(rustix::io::retry_on_intr(|| rustix::fs::fallocate(fd, FallocateFlags::empty(), offset, len))?)
}

/// Sets the file's size without taking space; cuts it off, or grows it by a hole.
///
/// # Errors
/// `FileTooLarge` beyond this process's limit; the kernel's: sealed, no permission.
pub fn set_file_bytes(fd: BorrowedFd<'_>, bytes: u64) -> io::Result<()> {
    within_limit(fd, bytes)?;
    Ok(rustix::io::retry_on_intr(|| rustix::fs::ftruncate(fd, bytes))?)
}

/// Refuses to grow a file beyond this process's limit (`ulimit -f`): the kernel would kill it with SIGXFSZ.
fn within_limit(fd: BorrowedFd<'_>, bytes: u64) -> io::Result<()> {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Fsize).current;
    match limit {
        Some(limit) if bytes > limit && bytes > file_bytes(fd)? => Err(io::ErrorKind::FileTooLarge.into()),
        _ => Ok(()),
    }
}

/// The file's size now.
///
/// # Errors
/// The kernel's.
pub fn file_bytes(fd: BorrowedFd<'_>) -> io::Result<u64> {
    Ok(u64::try_from(rustix::fs::fstat(fd)?.st_size).unwrap_or(0))
}

/// A new file without a name in the file system of `directory`, with these permission bits, whatever
/// the umask; [`publish`] gives it a name, whole.
///
/// # Errors
/// `Unsupported` where the file system has no unnamed files; the kernel's others.
pub fn unnamed_file(directory: BorrowedFd<'_>, mode: u32) -> io::Result<OwnedFd> {
    let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
    let mode = Mode::from_raw_mode(mode);
    let file = rustix::fs::openat(directory, c".", flags, mode)?;
    if mode.intersects(Mode::RWXG | Mode::RWXO) {
        rustix::fs::fchmod(&file, mode)?;
    }
    Ok(file)
}

/// Gives an unnamed file its name in `directory`, in one step.
///
/// # Errors
/// `AlreadyExists` when somebody else was first; the kernel's others.
pub fn publish(fd: BorrowedFd<'_>, directory: BorrowedFd<'_>, name: &str) -> io::Result<()> {
    let own = format!("/proc/self/fd/{}", fd.as_raw_fd());
    match rustix::fs::linkat(CWD, &own, directory, name, AtFlags::SYMLINK_FOLLOW) {
        // Without /proc: needs Linux 6.10, or the capability to search any directory.
        Err(Errno::NOENT | Errno::ACCESS) => {
            Ok(rustix::fs::linkat(fd, c"", directory, name, AtFlags::EMPTY_PATH)?)
        }
        other => Ok(other?),
    }
}

/// Where the C library keeps POSIX shared memory.
pub const POSIX_DIRECTORY: &str = "/dev/shm";

/// Opens POSIX shared memory as C's `shm_open(name, O_RDWR)` does.
///
/// # Errors
/// `InvalidInput` for a name that is not `/something`, `NotFound`; the kernel's others.
pub fn shm_open(name: &str) -> io::Result<OwnedFd> {
    shm_open_with(name, OFlags::RDWR, 0)
}

/// Opens POSIX shared memory for reading only, as C's `shm_open(name, O_RDONLY)` does.
///
/// # Errors
/// As [`shm_open`].
pub fn shm_open_readable(name: &str) -> io::Result<OwnedFd> {
    shm_open_with(name, OFlags::RDONLY, 0)
}

/// Creates POSIX shared memory of size 0 as C's `shm_open(name, O_RDWR | O_CREAT | O_EXCL, mode)`
/// does.
///
/// # Errors
/// `AlreadyExists`; as [`shm_open`].
pub fn shm_create(name: &str, mode: u32) -> io::Result<OwnedFd> {
    shm_open_with(name, OFlags::RDWR | OFlags::CREATE | OFlags::EXCL, mode)
}

/// Removes the name of POSIX shared memory; whoever has it open keeps it.
///
/// # Errors
/// As [`shm_open`].
pub fn shm_unlink(name: &str) -> io::Result<()> {
    Ok(rustix::fs::unlink(posix_path(name)?)?)
}

fn shm_open_with(name: &str, flags: OFlags, mode: u32) -> io::Result<OwnedFd> {
    // NONBLOCK: a FIFO that somebody put there must not block the opener; the C library does so too.
    let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
    Ok(rustix::fs::open(posix_path(name)?, flags, Mode::from_raw_mode(mode))?)
}

fn posix_path(name: &str) -> io::Result<String> {
    // The C library takes a name without the slash too; POSIX leaves open what that means.
    let bare = name.strip_prefix('/').unwrap_or_default();
    if bare.is_empty() || bare == "." || bare == ".." || bare.contains(['/', '\0']) {
        return Err(Errno::INVAL.into());
    }
    Ok(format!("{POSIX_DIRECTORY}/{bare}"))
}
