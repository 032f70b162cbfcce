//! UDP: sockets that are bound or connected.

use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;

use rustix::net::{SocketFlags, SocketType, sockopt};

use super::tcp::family;

/// The longest payload of a datagram, in bytes.
pub const DATAGRAM_BYTES_MAX: usize = 65_507;

/// How much the kernel is asked to hold for a slow receiver, in bytes.
const RECEIVE_ROOM_BYTES: usize = 8 << 20;

fn socket(address: SocketAddr) -> io::Result<OwnedFd> {
    let fd = rustix::net::socket_with(family(address), SocketType::DGRAM, SocketFlags::CLOEXEC, None)?;
    // Only a privileged process may go beyond net.core.rmem_max.
    if sockopt::set_socket_recv_buffer_size_force(&fd, RECEIVE_ROOM_BYTES).is_err() {
        sockopt::set_socket_recv_buffer_size(&fd, RECEIVE_ROOM_BYTES)?;
    }
    Ok(fd)
}

/// A socket that receives what is sent to `address`.
///
/// # Errors
/// `AddrInUse` when another is bound there, `AddrNotAvailable` when it is not this machine's.
pub fn bind(address: SocketAddr) -> io::Result<OwnedFd> {
    let fd = socket(address)?;
    rustix::net::bind(&fd, &address)?;
    Ok(fd)
}

/// A socket that sends to `address` and receives from it alone.
///
/// # Errors
/// When no route leads there.
pub fn connect(address: SocketAddr) -> io::Result<OwnedFd> {
    let fd = socket(address)?;
    rustix::net::connect(&fd, &address)?;
    Ok(fd)
}
