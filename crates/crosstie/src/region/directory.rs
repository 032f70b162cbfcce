//! [`Directory`]: the open directory in which segments have their names.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::os::directory as os;

/// A directory, held open; its path is for messages only.
#[derive(Debug)]
pub struct Directory {
    fd: OwnedFd,
    path: PathBuf,
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
        Ok(Self { fd, path })
    }

    /// Where it was when it was opened.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The permission bits of the files in it: who may use the directory may use them.
    #[must_use]
    pub fn file_mode(&self) -> u32 {
        0o600
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
