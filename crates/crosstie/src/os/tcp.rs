//! TCP: listening, connecting within a deadline, and what the other side has acknowledged.
#![expect(unsafe_code, reason = "SIOCOUTQ has no wrapper")]

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::time::Duration;

use crosstie_core::Deadline;
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, sockopt};

use super::poll::{self, Interest};

/// The first keep-alive probe after so much silence…
const KEEP_ALIVE_IDLE: Duration = Duration::from_secs(60);
/// …the next ones so far apart…
const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(10);
/// …and the connection is dead when so many were not answered.
const KEEP_ALIVE_COUNT: u32 = 6;

pub(super) fn family(address: SocketAddr) -> AddressFamily {
    if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 }
}

/// A socket that listens on `address`; its `accept` never blocks.
///
/// # Errors
/// `AddrInUse` when another listens there, `AddrNotAvailable` when it is not this machine's.
pub fn listen(address: SocketAddr) -> io::Result<OwnedFd> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let fd = rustix::net::socket_with(family(address), SocketType::STREAM, flags, None)?;
    // Connections of a receiver that ended just now do not keep the port.
    sockopt::set_socket_reuseaddr(&fd, true)?;
    rustix::net::bind(&fd, &address)?;
    // The kernel caps it at net.core.somaxconn.
    rustix::net::listen(&fd, i32::MAX)?;
    Ok(fd)
}

/// The address that a socket is bound to.
///
/// # Errors
/// When it is no internet socket.
pub fn local_address(fd: impl AsFd) -> io::Result<SocketAddr> {
    Ok(SocketAddr::try_from(rustix::net::getsockname(fd)?)?)
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
            answer => {
                let fd = answer?;
                prepare(&fd)?;
                return Ok(fd);
            }
        }
    }
}

/// Connects to whoever listens on `address`, until `deadline`.
///
/// # Errors
/// `ConnectionRefused` when nobody listens, `TimedOut` when nobody answered in time.
pub fn connect(address: SocketAddr, deadline: Deadline) -> io::Result<OwnedFd> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let fd = rustix::net::socket_with(family(address), SocketType::STREAM, flags, None)?;
    match rustix::net::connect(&fd, &address) {
        Ok(()) => {}
        Err(Errno::INPROGRESS | Errno::INTR) => {
            if !poll::wait(fd.as_fd(), Interest::Writable, deadline)? {
                return Err(io::ErrorKind::TimedOut.into());
            }
            sockopt::socket_error(&fd)??;
        }
        Err(error) => return Err(error.into()),
    }
    // A port of the kernel's own choice can be the one that is asked for: then it reached itself.
    if local_address(&fd)? == address {
        return Err(io::ErrorKind::ConnectionRefused.into());
    }
    rustix::io::ioctl_fionbio(&fd, false)?;
    prepare(&fd)?;
    Ok(fd)
}

fn prepare(fd: &OwnedFd) -> io::Result<()> {
    sockopt::set_tcp_nodelay(fd, true)?;
    sockopt::set_socket_keepalive(fd, true)?;
    sockopt::set_tcp_keepidle(fd, KEEP_ALIVE_IDLE)?;
    sockopt::set_tcp_keepintvl(fd, KEEP_ALIVE_INTERVAL)?;
    Ok(sockopt::set_tcp_keepcnt(fd, KEEP_ALIVE_COUNT)?)
}

/// How many bytes of a connection the other side's kernel has not acknowledged, the end included.
///
/// # Errors
/// When it is no stream socket.
pub fn unacknowledged_bytes(fd: impl AsFd) -> io::Result<usize> {
    let mut count: libc::c_int = 0;
    // SAFETY: SIOCOUTQ (= TIOCOUTQ) writes one int, which `count` is.
    let answer = unsafe { libc::ioctl(fd.as_fd().as_raw_fd(), libc::TIOCOUTQ, &raw mut count) };
    if answer == 0 { Ok(usize::try_from(count).unwrap_or(0)) } else { Err(io::Error::last_os_error()) }
}
