//! A socket file's name: taken when it is free, reclaimed only by proof, given back when ours.
//!
//! A socket file outlives its process. Whoever wants its name takes a turn in the directory (one
//! process at a time), connects to it, and only if the kernel refuses because nobody listens puts
//! an own socket in its place by `rename`, so that there is always exactly one file of that name.

use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crosstie_core::Deadline;

use crate::error::{Error, ErrorKind, Result};
use crate::os::clock;
use crate::os::unix::{self, DirectoryTurn, UnixKind, UnixName};

/// A listening socket and the name that it has.
#[derive(Debug)]
pub(crate) struct Listening {
    pub(crate) fd: OwnedFd,
    /// Kept for its drop.
    _file: Option<SocketFile>,
}

/// A socket file of ours; removed on drop if the name still leads to it.
#[derive(Debug)]
struct SocketFile {
    path: PathBuf,
    device: u64,
    inode: u64,
    owner_pid: u32,
}

/// Listens under `name`.
///
/// # Errors
/// `Busy` when somebody listens there, `AlreadyExists` when the path is no socket.
pub(crate) fn listen(name: &UnixName, kind: UnixKind, object: &str) -> Result<Listening> {
    match name {
        UnixName::Abstract(_) => match unix::listen(name, kind) {
            Ok(fd) => Ok(Listening { fd, _file: None }),
            Err(error) => Err(refusal("listen on", error, object)),
        },
        UnixName::Path(path) => listen_at(path, kind, object),
    }
}

fn listen_at(path: &Path, kind: UnixKind, object: &str) -> Result<Listening> {
    let directory = directory_of(path);
    let _turn = DirectoryTurn::take(directory, turn_deadline()).map_err(|error| match error.kind() {
        io::ErrorKind::TimedOut => Error::new("listen on", object, ErrorKind::TimedOut)
            .because(format!("another process keeps {} locked", directory.display()))
            .advise("use a folder of your own"),
        io::ErrorKind::NotFound => no_folder("listen on", directory, object),
        _ => refusal("listen on", error, object),
    })?;
    let fd = match unix::listen(&UnixName::Path(path.to_owned()), kind) {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
            prove_stale("listen on", path, kind, object)?;
            replace(path, directory, kind, object)?
        }
        answer => answer.map_err(|error| refusal("listen on", error, object))?,
    };
    let file = fs::symlink_metadata(path).map_err(|error| refusal("listen on", error, object))?;
    let file = SocketFile {
        path: path.to_owned(),
        device: file.dev(),
        inode: file.ino(),
        owner_pid: std::process::id(),
    };
    Ok(Listening { fd, _file: Some(file) })
}

/// The folder in which `path` lies.
fn directory_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// A turn takes microseconds; who keeps one for seconds means ill, and must not hang us.
fn turn_deadline() -> Deadline {
    clock::deadline_in(Duration::from_secs(2))
}

/// Proves that `path` is a socket file that nobody listens on.
fn prove_stale(operation: &'static str, path: &Path, kind: UnixKind, object: &str) -> Result<()> {
    let kind_of_file = match fs::symlink_metadata(path) {
        Ok(file) => file.file_type(),
        // Gone meanwhile: free.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(refusal(operation, error, object)),
    };
    if !kind_of_file.is_socket() {
        return Err(no_socket(operation, kind_of_file, object));
    }
    match unix::somebody_listens(path, kind) {
        Ok(false) => Ok(()),
        Ok(true) => Err(refusal(operation, io::ErrorKind::AddrInUse.into(), object)),
        Err(error) => Err(refusal(operation, error, object)),
    }
}

fn no_socket(operation: &'static str, kind: fs::FileType, object: &str) -> Error {
    Error::new(operation, object, ErrorKind::AlreadyExists)
        .because(format!("the path is {}", name_of(kind)))
        .advise("use another path, or remove it")
}

fn no_folder(operation: &'static str, directory: &Path, object: &str) -> Error {
    Error::new(operation, object, ErrorKind::NotFound)
        .because(format!("there is no folder {}", directory.display()))
        .advise("make it first, or check the path")
}

/// Refuses a name that nobody can listen under, whoever may start: not a socket, or in no folder.
///
/// # Errors
/// `AlreadyExists` or `NotFound`.
pub(crate) fn check_somebody_may_come(name: &UnixName, object: &str) -> Result<()> {
    let UnixName::Path(path) = name else { return Ok(()) };
    match fs::metadata(path) {
        Ok(file) if !file.file_type().is_socket() => Err(no_socket("open", file.file_type(), object)),
        Err(error) if error.kind() == io::ErrorKind::NotFound && !directory_of(path).exists() => {
            Err(no_folder("open", directory_of(path), object))
        }
        _ => Ok(()),
    }
}

/// Removes a socket file by proof that nobody listens on it.
///
/// # Errors
/// `Busy`, `NotFound`, `AlreadyExists` when it is no socket, `Usage` for an abstract name.
pub(crate) fn remove(name: &UnixName, object: &str) -> Result<()> {
    let operation = "remove";
    let UnixName::Path(path) = name else {
        return Err(Error::new(operation, object, ErrorKind::Usage)
            .because("an abstract name goes with its process")
            .advise("end the process"));
    };
    let gone = |error| refusal(operation, error, object);
    let _turn = DirectoryTurn::take(directory_of(path), turn_deadline()).map_err(gone)?;
    prove_stale(operation, path, UnixKind::Stream, object)?;
    fs::remove_file(path).map_err(gone)
}

/// Puts a new listening socket in the place of the stale one.
fn replace(path: &Path, directory: &Path, kind: UnixKind, object: &str) -> Result<OwnedFd> {
    let aside = directory.join(format!(".xt{:x}", std::process::id()));
    // Left by a process of this number that was killed just here.
    let _ = fs::remove_file(&aside);
    let fd = unix::listen(&UnixName::Path(aside.clone()), kind)
        .map_err(|error| refusal("listen on", error, object))?;
    let ours = fs::symlink_metadata(&aside).map_err(|error| refusal("listen on", error, object))?.ino();
    fs::rename(&aside, path).map_err(|error| {
        let _ = fs::remove_file(&aside);
        refusal("listen on", error, object)
    })?;
    // Where turns cannot be taken, another may have done the same at once.
    let is_ours = fs::symlink_metadata(path).is_ok_and(|file| file.ino() == ours);
    if is_ours { Ok(fd) } else { Err(refusal("listen on", io::ErrorKind::AddrInUse.into(), object)) }
}

/// What a file is, as a user says it.
pub(crate) fn name_of(kind: fs::FileType) -> &'static str {
    match kind {
        kind if kind.is_file() => "a regular file",
        kind if kind.is_dir() => "a directory",
        kind if kind.is_fifo() => "a FIFO",
        kind if kind.is_socket() => "a socket",
        kind if kind.is_symlink() => "a symbolic link",
        _ => "a device",
    }
}

fn refusal(operation: &'static str, error: io::Error, object: &str) -> Error {
    if error.kind() == io::ErrorKind::AddrInUse {
        return Error::new(operation, object, ErrorKind::Busy)
            .because("another process listens there")
            .advise("end it first, or use another name");
    }
    let usage = error.kind() == io::ErrorKind::InvalidInput;
    let error = Error::os(operation, object, error);
    if usage { error.of_kind(ErrorKind::Usage).advise("use a shorter path") } else { error }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if self.owner_pid != std::process::id() {
            return;
        }
        let Ok(_turn) = DirectoryTurn::take(directory_of(&self.path), turn_deadline()) else { return };
        let ours = fs::symlink_metadata(&self.path)
            .is_ok_and(|file| (file.dev(), file.ino()) == (self.device, self.inode));
        if ours {
            let _ = fs::remove_file(&self.path);
        }
    }
}
