//! Directories held open: files in them are opened, compared and removed by descriptor, so that a
//! directory that is moved or replaced under its path is never taken for the checked one.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, RenameFlags};
use rustix::process::Gid;

/// What the kernel says about a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stat {
    /// The device that holds it.
    pub device: u64,
    /// Its number on that device.
    pub inode: u64,
    /// How many names lead to it.
    pub links: u64,
    /// The user who owns it.
    pub uid: u32,
    /// The group that owns it.
    pub gid: u32,
    /// Its permission bits.
    pub mode: u32,
    /// Its size.
    pub bytes: u64,
    /// How much of the file system it takes; less than its size where it has holes.
    pub taken_bytes: u64,
    /// Whether it is a regular file.
    pub is_regular: bool,
    /// Whether it is a directory.
    pub is_directory: bool,
}

impl Stat {
    /// Whether both describe the same file.
    #[must_use]
    pub fn is_same_file(&self, other: &Self) -> bool {
        (self.device, self.inode) == (other.device, other.inode)
    }
}

/// Opens a directory; a symbolic link in the last place is refused.
///
/// # Errors
/// `NotFound`, `NotADirectory`, and `FilesystemLoop` for a symbolic link; the kernel's others.
pub fn open(path: &Path) -> io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(rustix::fs::open(path, flags, Mode::empty())?)
}

/// Opens an open directory once more, as a description of its own.
///
/// # Errors
/// The kernel's.
pub fn open_again(directory: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    Ok(rustix::fs::openat(directory, c".", flags, Mode::empty())?)
}

/// Creates a directory that only its owner may use.
///
/// # Errors
/// `AlreadyExists`; the kernel's others.
pub fn create_private(path: &Path) -> io::Result<()> {
    Ok(rustix::fs::mkdir(path, Mode::RWXU)?)
}

/// Creates a directory of the group `gid` with exactly the permission bits `mode`, whatever the umask;
/// it appears under `path` with all of that or not at all.
///
/// # Errors
/// `AlreadyExists`; `PermissionDenied` for a group that the process is not in; the kernel's others.
pub fn create_for_group(path: &Path, gid: u32, mode: u32) -> io::Result<()> {
    let mut unfinished = path.as_os_str().to_owned();
    unfinished.push(format!(".new-{:08x}", super::random::word()? >> 32));
    create_private(Path::new(&unfinished))?;
    let finish = || {
        let directory = open(Path::new(&unfinished))?;
        rustix::fs::fchown(&directory, None, Some(Gid::from_raw(gid)))?;
        rustix::fs::fchmod(&directory, Mode::from_raw_mode(mode))?;
        if stat(directory.as_fd())?.mode != mode {
            // The kernel drops the bit that hands the group on, where the group is none of ours.
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        Ok(rustix::fs::renameat_with(CWD, &unfinished, CWD, path, RenameFlags::NOREPLACE)?)
    };
    let finished = finish();
    if finished.is_err() {
        // Nobody knows its name; what stays is an empty directory.
        let _ = rustix::fs::unlinkat(CWD, &unfinished, AtFlags::REMOVEDIR);
    }
    finished
}

/// What is behind a descriptor.
///
/// # Errors
/// The kernel's.
pub fn stat(fd: BorrowedFd<'_>) -> io::Result<Stat> {
    Ok(describe(&rustix::fs::fstat(fd)?))
}

/// What `name` in `directory` is now; a symbolic link is itself.
///
/// # Errors
/// `NotFound`; the kernel's others.
pub fn stat_in(directory: BorrowedFd<'_>, name: &str) -> io::Result<Stat> {
    Ok(describe(&rustix::fs::statat(directory, name, AtFlags::SYMLINK_NOFOLLOW)?))
}

/// What is at `path` now.
///
/// # Errors
/// `NotFound`; the kernel's others.
pub fn stat_at(path: &Path) -> io::Result<Stat> {
    Ok(describe(&rustix::fs::stat(path)?))
}

/// Opens `name` in `directory` for reading and writing; never blocks, follows no symbolic link.
///
/// # Errors
/// `NotFound`; the kernel's others.
pub fn open_in(directory: BorrowedFd<'_>, name: &str) -> io::Result<OwnedFd> {
    let flags = OFlags::RDWR | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    Ok(rustix::fs::openat(directory, name, flags, Mode::empty())?)
}

/// Removes the name `name` from `directory`.
///
/// # Errors
/// `NotFound`; the kernel's others.
pub fn unlink_in(directory: BorrowedFd<'_>, name: &str) -> io::Result<()> {
    Ok(rustix::fs::unlinkat(directory, name, AtFlags::empty())?)
}

/// The bytes in all and still free in the file system that holds `fd`.
///
/// # Errors
/// The kernel's.
pub fn room(fd: BorrowedFd<'_>) -> io::Result<(u64, u64)> {
    let system = rustix::fs::fstatvfs(fd)?;
    Ok((system.f_blocks.saturating_mul(system.f_frsize), system.f_bavail.saturating_mul(system.f_frsize)))
}

#[allow(clippy::useless_conversion, reason = "the number of links has 32 bits on aarch64")]
fn describe(stat: &rustix::fs::Stat) -> Stat {
    let kind = FileType::from_raw_mode(stat.st_mode);
    Stat {
        device: stat.st_dev,
        inode: stat.st_ino,
        links: stat.st_nlink.into(),
        uid: stat.st_uid,
        gid: stat.st_gid,
        mode: stat.st_mode & 0o7777,
        bytes: u64::try_from(stat.st_size).unwrap_or(0),
        // Counted in units of 512 bytes, whatever the file system's blocks.
        taken_bytes: u64::try_from(stat.st_blocks).unwrap_or(0).saturating_mul(512),
        is_regular: kind == FileType::RegularFile,
        is_directory: kind == FileType::Directory,
    }
}
