//! [`Directory`]: the open directory in which segments have their names.
//!
//! It is one user's own, or was made to be shared by a group ([`Directory::create_shared`]). What tells
//! the latter is a mode that nobody else can give it: setuid and setgid, and all for owner and group.
//! Setgid alone says little, because a directory takes it and the group over from the one that it is
//! made in, whoever makes it. Setuid, which means nothing on a directory, cannot be had so: only
//! chmod sets it, and that takes setgid away unless the group is the caller's own.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::os::directory as os;

/// The permission bits of a directory that was made to be shared.
pub const SHARED_MODE: u32 = 0o6770;

/// A directory, held open; its path is for messages only.
#[derive(Debug)]
pub struct Directory {
    fd: OwnedFd,
    path: PathBuf,
    /// What it was when it was opened.
    stat: os::Stat,
}

impl Directory {
    /// Opens the directory at `path`; a symbolic link in the last place is refused.
    ///
    /// # Errors
    /// `NotFound`, `NotPermitted`, and `Failed` for what is no directory.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self> {
        let path = path.into();
        let fd = os::open(&path).map_err(|error| {
            let not_one = error.kind() != std::io::ErrorKind::NotFound && !path.is_dir();
            let error = Error::os("open directory", path.display().to_string(), error);
            if not_one { error.advise("name a directory, not a file or a symbolic link") } else { error }
        })?;
        let stat = os::stat(fd.as_fd())
            .map_err(|error| Error::os("open directory", path.display().to_string(), error))?;
        Ok(Self { fd, path, stat })
    }

    /// Creates a directory that the members of the group `gid` share, and whoever owns it; the files in
    /// it are theirs too.
    ///
    /// # Errors
    /// `AlreadyExists`; `NotPermitted` for a group that this process is not in.
    ///
    /// # Examples
    /// ```
    /// use crosstie::os::process;
    /// use crosstie::region::Directory;
    /// let folder = tempfile::tempdir().unwrap();
    /// let shared = Directory::create_shared(folder.path().join("team"), process::effective_gid())?;
    /// assert!(shared.is_shared() && shared.file_mode() == 0o660);
    /// assert!(!Directory::open(folder.path())?.is_shared());
    /// # Ok::<(), crosstie::Error>(())
    /// ```
    pub fn create_shared(path: impl Into<PathBuf>, gid: u32) -> Result<Self> {
        let path = path.into();
        os::create_for_group(&path, gid, SHARED_MODE).map_err(|error| {
            let is_refused = error.kind() == std::io::ErrorKind::PermissionDenied;
            let error = Error::os("create shared directory", path.display().to_string(), error);
            if is_refused {
                error.advise(format!("be a member of group {gid} (`sg`, `newgrp`), or let root create it"))
            } else {
                error
            }
        })?;
        Self::open(path)
    }

    /// Whether it was made to be shared by a group.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        self.stat.mode == SHARED_MODE
    }

    /// What it was when it was opened.
    #[must_use]
    pub fn stat(&self) -> &os::Stat {
        &self.stat
    }

    /// Where it was when it was opened.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The permission bits of the files in it: who may use the directory may use them.
    #[must_use]
    pub fn file_mode(&self) -> u32 {
        if self.is_shared() { 0o660 } else { 0o600 }
    }

    /// The path of the file `name` in it, for messages.
    #[must_use]
    pub fn display(&self, name: &str) -> String {
        self.path.join(name).display().to_string()
    }
}

impl AsFd for Directory {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}
