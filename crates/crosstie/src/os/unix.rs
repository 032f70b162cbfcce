//! Unix sockets: names, listening, connecting, and who is at the other end.
#![expect(unsafe_code, reason = "rustix's SO_PEERCRED cannot hold the pid 0")]

use std::fmt;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};

use crosstie_core::Deadline;
use rustix::fs::{FlockOperation, Mode, OFlags};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};

use super::{clock, poll};

/// The longest path or abstract name of a Unix socket, in bytes.
pub const NAME_BYTES_MAX: usize = 107;

/// What a Unix socket is called.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum UnixName {
    /// A file of type socket; it stays when its process dies.
    Path(PathBuf),
    /// A name of the network namespace; it goes with its process. May hold any bytes.
    Abstract(Vec<u8>),
}

impl fmt::Display for UnixName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) => path.display().fmt(f),
            Self::Abstract(name) => write!(f, "@{}", name.escape_ascii()),
        }
    }
}

/// Which of the two connected kinds of Unix sockets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnixKind {
    /// Bytes in order (`SOCK_STREAM`).
    Stream,
    /// Packets with boundaries, in order (`SOCK_SEQPACKET`).
    Packet,
}

impl UnixKind {
    fn of_socket(self) -> SocketType {
        match self {
            Self::Stream => SocketType::STREAM,
            Self::Packet => SocketType::SEQPACKET,
        }
    }
}

/// Who is at the other end, as the kernel saw it when the connection was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// Process id; 0 when that process lies in another PID namespace.
    pub pid: u32,
    /// User id.
    pub uid: u32,
    /// Group id.
    pub gid: u32,
}

fn address(name: &UnixName) -> io::Result<SocketAddrUnix> {
    let too_long = |length: usize| {
        io::Error::new(
            io::ErrorKind::InvalidInput,
            format!("the name has {length} bytes, a Unix socket's has at most {NAME_BYTES_MAX}"),
        )
    };
    match name {
        UnixName::Path(path) => SocketAddrUnix::new(path).map_err(|_| too_long(path.as_os_str().len())),
        UnixName::Abstract(name) => SocketAddrUnix::new_abstract_name(name).map_err(|_| too_long(name.len())),
    }
}

/// Two connected sockets without a name, close-on-exec.
///
/// # Errors
/// When no descriptor is left.
pub fn pair(kind: UnixKind) -> io::Result<(OwnedFd, OwnedFd)> {
    let flags = SocketFlags::CLOEXEC;
    Ok(rustix::net::socketpair(AddressFamily::UNIX, kind.of_socket(), flags, None)?)
}

/// A socket that listens under `name`, which must be free; its `accept` never blocks.
///
/// # Errors
/// `AddrInUse` when the name exists, whoever has it; `InvalidInput` when it is too long.
pub fn listen(name: &UnixName, kind: UnixKind) -> io::Result<OwnedFd> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let fd = rustix::net::socket_with(AddressFamily::UNIX, kind.of_socket(), flags, None)?;
    rustix::net::bind(&fd, &address(name)?)?;
    // The kernel caps it at net.core.somaxconn.
    rustix::net::listen(&fd, i32::MAX)?;
    Ok(fd)
}

/// Connects to whoever listens under `name`; never waits.
///
/// # Errors
/// `NotFound` or `ConnectionRefused` when nobody listens (the latter proves it for a path),
/// `WouldBlock` when the listener's queue is full, `Unsupported` when a socket of the other kind
/// listens there.
pub fn connect(name: &UnixName, kind: UnixKind) -> io::Result<OwnedFd> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let fd = rustix::net::socket_with(AddressFamily::UNIX, kind.of_socket(), flags, None)?;
    match rustix::net::connect(&fd, &address(name)?) {
        Err(Errno::PROTOTYPE) => {
            return Err(io::Error::new(io::ErrorKind::Unsupported, "a socket of another kind listens there"));
        }
        answer => answer?,
    }
    rustix::io::ioctl_fionbio(&fd, false)?;
    Ok(fd)
}

/// Whether somebody listens under the socket file `path`, asked by connecting without waiting.
///
/// # Errors
/// What `connect` answers, except that nobody listens.
pub fn somebody_listens(path: &Path, kind: UnixKind) -> io::Result<bool> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let fd = rustix::net::socket_with(AddressFamily::UNIX, kind.of_socket(), flags, None)?;
    match rustix::net::connect(&fd, &address(&UnixName::Path(path.to_owned()))?) {
        Err(Errno::CONNREFUSED | Errno::NOENT) => Ok(false),
        // Its queue is full, or its listener is of the other kind: it lives.
        Ok(()) | Err(Errno::AGAIN | Errno::PROTOTYPE) => Ok(true),
        Err(error) => Err(error.into()),
    }
}

/// Takes the next connection of a listening socket, if one waits.
///
/// # Errors
/// `WouldBlock` when none waits; when no descriptor is left.
pub fn accept(listener: impl AsFd) -> io::Result<OwnedFd> {
    loop {
        match rustix::net::accept_with(&listener, SocketFlags::CLOEXEC) {
            // A connection that was gone before it was taken is nobody's business.
            Err(Errno::INTR | Errno::CONNABORTED) => {}
            answer => return Ok(answer?),
        }
    }
}

/// Who made the other end of a connected Unix socket.
///
/// # Errors
/// When it is no connected Unix socket.
pub fn peer(fd: impl AsFd) -> io::Result<Credentials> {
    if !is_unix_socket(&fd) {
        // TCP sockets answer, with nobody.
        return Err(io::ErrorKind::Unsupported.into());
    }
    // Not rustix's: its pid cannot be 0, which the kernel answers across PID namespaces.
    let mut answer = libc::ucred { pid: 0, uid: 0, gid: 0 };
    let mut length = libc::socklen_t::try_from(size_of::<libc::ucred>()).unwrap_or(0);
    // SAFETY: `answer` is valid for writes of `length` bytes, any bytes are a ucred.
    let refused = unsafe {
        libc::getsockopt(
            fd.as_fd().as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_PEERCRED,
            (&raw mut answer).cast(),
            &raw mut length,
        )
    };
    if refused != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(Credentials { pid: answer.pid.cast_unsigned(), uid: answer.uid, gid: answer.gid })
}

/// Whether `fd` is a Unix socket.
#[must_use]
pub fn is_unix_socket(fd: impl AsFd) -> bool {
    rustix::net::sockopt::socket_domain(fd).is_ok_and(|domain| domain == AddressFamily::UNIX)
}

/// A turn in a directory: while it lives, no other process has one there.
///
/// The kernel ends it with the process.
#[derive(Debug)]
pub struct DirectoryTurn {
    _fd: OwnedFd,
}

impl DirectoryTurn {
    /// Waits for the turn in `directory`, until `deadline`; `None` where this user may not read the
    /// directory, so that nobody can take turns there.
    ///
    /// # Errors
    /// `TimedOut` when another process did not give its turn back; when there is no such directory.
    pub fn take(directory: &Path, deadline: Deadline) -> io::Result<Option<Self>> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let fd = match rustix::fs::open(directory, flags, Mode::empty()) {
            Err(Errno::ACCESS) => return Ok(None),
            answer => answer?,
        };
        loop {
            match rustix::fs::flock(&fd, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => return Ok(Some(Self { _fd: fd })),
                Err(Errno::AGAIN) if deadline.is_over(clock::now_ns()) => {
                    return Err(io::ErrorKind::TimedOut.into());
                }
                Err(Errno::AGAIN) => poll::pause(TURN_PAUSE_NS, deadline),
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// How often a turn is asked for.
const TURN_PAUSE_NS: u64 = 1_000_000;
