//! [`MessageSocket`]: a socket that keeps boundaries (Unix packets, UDP), until a deadline.

use std::io::{self, IoSlice, IoSliceMut};
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use crosstie_core::Deadline;
use rustix::io::Errno;
use rustix::net::{
    MMsgHdr, RecvAncillaryBuffer, RecvFlags, ReturnFlags, SendAncillaryBuffer, SendFlags, Shutdown,
};

use super::gather::{SHORT_BYTES, gather};
use super::poll::{self, Interest};

/// How many messages one call sends at most.
pub const BATCH_COUNT_MAX: usize = 64;

/// A socket whose reads and writes are whole messages; clones share it.
#[derive(Clone, Debug)]
pub struct MessageSocket {
    fd: Arc<OwnedFd>,
}

/// What one receive brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Received {
    /// How many bytes were written; 0 is the end on a connected socket.
    pub length: usize,
    /// The message was longer than the room for it; the rest is lost.
    pub is_cut: bool,
    /// Where it came from, on internet sockets.
    pub from: Option<SocketAddr>,
}

impl MessageSocket {
    /// Takes over a socket.
    #[must_use]
    pub fn new(fd: OwnedFd) -> Self {
        Self { fd: Arc::new(fd) }
    }

    /// Sends one message made of `slices`.
    ///
    /// # Errors
    /// `WouldBlock` when there is no room and `deadline` is [`Deadline::NOW`], `TimedOut` when it
    /// passed first; else what the kernel answers, never an interruption or a signal.
    pub fn send(&self, slices: &[IoSlice<'_>], deadline: Deadline) -> io::Result<()> {
        let flags = send_flags(deadline);
        let mut room = [0; SHORT_BYTES];
        let short = gather(slices, &mut room);
        self.retry(Interest::Writable, deadline, || match short {
            Some(short) => rustix::net::send(&self.fd, short, flags),
            None => rustix::net::sendmsg(&self.fd, slices, &mut SendAncillaryBuffer::default(), flags),
        })?;
        Ok(())
    }

    /// Sends one message made of `slices` to an address.
    ///
    /// # Errors
    /// As [`MessageSocket::send`].
    pub fn send_to(&self, slices: &[IoSlice<'_>], to: SocketAddr, deadline: Deadline) -> io::Result<()> {
        let flags = send_flags(deadline);
        self.retry(Interest::Writable, deadline, || {
            rustix::net::sendmsg_addr(&self.fd, &to, slices, &mut SendAncillaryBuffer::default(), flags)
        })?;
        Ok(())
    }

    /// Sends several messages, each of two parts, with one system call; answers how many went out,
    /// at least one and at most [`BATCH_COUNT_MAX`].
    ///
    /// # Errors
    /// As [`MessageSocket::send`], about the first.
    pub fn send_several(&self, messages: &[[IoSlice<'_>; 2]], deadline: Deadline) -> io::Result<usize> {
        let messages = &messages[..messages.len().min(BATCH_COUNT_MAX)];
        let mut controls: Vec<_> = messages.iter().map(|_| SendAncillaryBuffer::default()).collect();
        let mut headers: Vec<_> = messages
            .iter()
            .zip(&mut controls)
            .map(|(slices, control)| MMsgHdr::new(slices, control))
            .collect();
        let flags = send_flags(deadline);
        self.retry(Interest::Writable, deadline, || rustix::net::sendmmsg(&self.fd, &mut headers, flags))
    }

    /// Receives one message on a connected socket; answers its length, which is more than `room` has
    /// when the message was longer and the rest is lost. 0 is the end.
    ///
    /// Cheaper for the kernel than [`MessageSocket::recv`]: no list of slices, no address.
    ///
    /// # Errors
    /// As [`MessageSocket::send`].
    pub fn recv_connected(&self, room: &mut [u8], deadline: Deadline) -> io::Result<usize> {
        let mut flags = RecvFlags::TRUNC;
        if !deadline.is_never() {
            flags |= RecvFlags::DONTWAIT;
        }
        self.retry(Interest::Readable, deadline, || {
            rustix::net::recv(&self.fd, &mut *room, flags).map(|(_, length)| length)
        })
    }

    /// Receives one message into `header`, then `rest`.
    ///
    /// # Errors
    /// As [`MessageSocket::send`].
    pub fn recv(&self, header: &mut [u8], rest: &mut [u8], deadline: Deadline) -> io::Result<Received> {
        let flags = if deadline.is_never() { RecvFlags::empty() } else { RecvFlags::DONTWAIT };
        let mut slices = [IoSliceMut::new(header), IoSliceMut::new(rest)];
        let answer = self.retry(Interest::Readable, deadline, || {
            rustix::net::recvmsg(&self.fd, &mut slices, &mut RecvAncillaryBuffer::default(), flags)
        })?;
        Ok(Received {
            length: answer.bytes,
            is_cut: answer.flags.contains(ReturnFlags::TRUNC),
            from: answer.address.and_then(|address| SocketAddr::try_from(address).ok()),
        })
    }

    /// Says to the other end that nothing more comes.
    ///
    /// # Errors
    /// When the connection is gone already.
    pub fn finish(&self) -> io::Result<()> {
        Ok(rustix::net::shutdown(&self.fd, Shutdown::Write)?)
    }

    fn retry<T>(
        &self,
        interest: Interest,
        deadline: Deadline,
        mut call: impl FnMut() -> rustix::io::Result<T>,
    ) -> io::Result<T> {
        loop {
            match call() {
                Ok(answer) => return Ok(answer),
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => poll::wait_or_fail(self.fd.as_fd(), interest, deadline)?,
                Err(error) => return Err(error.into()),
            }
        }
    }
}

fn send_flags(deadline: Deadline) -> SendFlags {
    if deadline.is_never() { SendFlags::NOSIGNAL } else { SendFlags::NOSIGNAL | SendFlags::DONTWAIT }
}

/// Asks the kernel to hold `bytes` of messages that were not yet delivered; it may give less.
///
/// # Errors
/// When it is no socket.
pub fn enlarge_send_room(fd: impl AsFd, bytes: usize) -> io::Result<()> {
    Ok(rustix::net::sockopt::set_socket_send_buffer_size(fd, bytes)?)
}

impl AsFd for MessageSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}
