//! [`ByteStream`]: reads and writes bytes on a pipe, a stream socket or a file, until a deadline.
//!
//! The descriptor's own blocking mode is never changed, because others may share it. Without a
//! deadline an operation that need not wait is one system call.

use std::io::{self, IoSlice};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Arc, OnceLock};

use crosstie_core::Deadline;
use rustix::fs::{FileType, OFlags};
use rustix::io::{Errno, ReadWriteFlags};
use rustix::net::{RecvFlags, SendAncillaryBuffer, SendFlags, Shutdown, SocketType, sockopt};

use super::gather::{SHORT_BYTES, gather};
use super::poll::{self, Interest};
use super::{clock, signal, tcp};

/// As many bytes as a pipe that polls as writable takes without blocking.
const PIPE_ROOM_BYTES: usize = 4096;

/// What kind of kernel object a descriptor leads to, as far as reading and writing differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ByteStreamKind {
    /// A pipe or a FIFO.
    Pipe,
    /// A connected stream socket.
    Socket,
    /// A regular file, a terminal, a device.
    File,
}

/// A descriptor for bytes in order; clones share it.
#[derive(Clone, Debug)]
pub struct ByteStream {
    fd: Arc<OwnedFd>,
    kind: ByteStreamKind,
    signal_kills: bool,
    /// Its owner opened it so that no read or write ever waits.
    never_waits: bool,
    /// Of a connection whose last clone waits until everything is delivered.
    delivery: Option<Arc<Delivery>>,
}

impl ByteStream {
    /// Takes over a descriptor.
    ///
    /// # Errors
    /// `Unsupported` for a socket that is no stream, `InvalidInput` for a directory.
    pub fn new(fd: OwnedFd) -> io::Result<Self> {
        let kind = match FileType::from_raw_mode(rustix::fs::fstat(&fd)?.st_mode) {
            FileType::Fifo => ByteStreamKind::Pipe,
            FileType::Socket if sockopt::socket_type(&fd)? == SocketType::STREAM => ByteStreamKind::Socket,
            FileType::Socket => {
                return Err(io::Error::new(io::ErrorKind::Unsupported, "the socket is not a stream"));
            }
            FileType::Directory => {
                return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is a directory"));
            }
            _ => ByteStreamKind::File,
        };
        let signal_kills = kind != ByteStreamKind::Socket && signal::broken_pipe_kills();
        let never_waits = rustix::fs::fcntl_getfl(&fd)?.contains(OFlags::NONBLOCK);
        Ok(Self { fd: Arc::new(fd), kind, signal_kills, never_waits, delivery: None })
    }

    /// The same connection, whose last clone waits on drop until the other machine's kernel has
    /// everything, if this direction was finished before.
    #[must_use]
    pub fn delivering_at_its_end(mut self) -> Self {
        self.delivery = Some(Arc::new(Delivery { fd: Arc::clone(&self.fd), is_finished: OnceLock::new() }));
        self
    }

    /// What it leads to.
    #[must_use]
    pub fn kind(&self) -> ByteStreamKind {
        self.kind
    }

    /// Reads what is there, at least one byte; 0 is the end.
    ///
    /// # Errors
    /// `WouldBlock` when there is nothing and `deadline` is [`Deadline::NOW`], `TimedOut` when it
    /// passed first; else what the kernel answers, never an interruption.
    pub fn read(&self, bytes: &mut [u8], deadline: Deadline) -> io::Result<usize> {
        if self.kind != ByteStreamKind::Socket && !self.never_waits && !deadline.is_never() {
            self.wait(Interest::Readable, deadline)?;
        }
        loop {
            let answer = match self.kind {
                ByteStreamKind::Socket if deadline.is_never() => {
                    rustix::net::recv(&self.fd, &mut *bytes, RecvFlags::empty()).map(|(n, _)| n)
                }
                ByteStreamKind::Socket => {
                    rustix::net::recv(&self.fd, &mut *bytes, RecvFlags::DONTWAIT).map(|(n, _)| n)
                }
                _ => rustix::io::read(&self.fd, &mut *bytes),
            };
            match answer {
                Ok(n) => return Ok(n),
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => self.wait(Interest::Readable, deadline)?,
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Writes what there is room for, at least one byte; all of it when `deadline` is
    /// [`Deadline::NEVER`] and no signal interrupts.
    ///
    /// # Errors
    /// As [`ByteStream::read`]; `BrokenPipe` when nobody reads any more, without a signal.
    pub fn write(&self, slices: &[IoSlice<'_>], deadline: Deadline) -> io::Result<usize> {
        loop {
            let answer = match self.kind {
                ByteStreamKind::Socket => self.write_socket(slices, deadline),
                _ if self.signal_kills => {
                    signal::without_broken_pipe_signal(|| self.write_file(slices, deadline))
                }
                _ => self.write_file(slices, deadline),
            };
            match answer {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.wait(Interest::Writable, deadline)?;
                }
                answer => return answer,
            }
        }
    }

    fn write_socket(&self, slices: &[IoSlice<'_>], deadline: Deadline) -> io::Result<usize> {
        let mut flags = SendFlags::NOSIGNAL;
        if !deadline.is_never() {
            flags |= SendFlags::DONTWAIT;
        }
        let mut room = [0; SHORT_BYTES];
        let sent = match (slices, gather(slices, &mut room)) {
            (_, Some(short)) => rustix::net::send(&self.fd, short, flags)?,
            ([one], None) => rustix::net::send(&self.fd, one, flags)?,
            _ => rustix::net::sendmsg(&self.fd, slices, &mut SendAncillaryBuffer::default(), flags)?,
        };
        Ok(sent)
    }

    fn write_file(&self, slices: &[IoSlice<'_>], deadline: Deadline) -> io::Result<usize> {
        if self.kind == ByteStreamKind::File || self.never_waits || deadline.is_never() {
            let mut room = [0; SHORT_BYTES];
            return Ok(match (slices, gather(slices, &mut room)) {
                (_, Some(short)) => rustix::io::write(&self.fd, short)?,
                ([one], None) => rustix::io::write(&self.fd, one)?,
                _ => rustix::io::writev(&self.fd, slices)?,
            });
        }
        // An offset of -1 is "where it stands"; the flag is this call's own, unlike O_NONBLOCK.
        match rustix::io::pwritev2(&self.fd, slices, u64::MAX, ReadWriteFlags::NOWAIT) {
            Err(Errno::OPNOTSUPP | Errno::NOSYS) => self.write_what_fits(slices),
            answer => Ok(answer?),
        }
    }

    /// For kernels and pipes without RWF_NOWAIT: a pipe that polls as writable has one page free.
    fn write_what_fits(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        if !poll::wait(self.fd.as_fd(), Interest::Writable, Deadline::NOW)? {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let mut piece = Vec::with_capacity(PIPE_ROOM_BYTES);
        for slice in slices {
            let room = PIPE_ROOM_BYTES - piece.len();
            piece.extend_from_slice(&slice[..slice.len().min(room)]);
        }
        Ok(rustix::io::write(&self.fd, &piece)?)
    }

    /// Says to the other end of a socket that nothing more comes; nothing on what is no socket.
    ///
    /// # Errors
    /// When the connection is gone already.
    pub fn finish(&self) -> io::Result<()> {
        match self.kind {
            ByteStreamKind::Socket => rustix::net::shutdown(&self.fd, Shutdown::Write)?,
            _ => return Ok(()),
        }
        if let Some(delivery) = &self.delivery {
            let _ = delivery.is_finished.set(());
        }
        Ok(())
    }

    /// Waits until the other machine's kernel has everything that was written to a connection
    /// which is finished; at once where there is no other machine.
    ///
    /// # Errors
    /// When the connection breaks first.
    pub fn drain(&self) -> io::Result<()> {
        drain(&self.fd)
    }

    /// How many bytes lie in a pipe that nobody has read; both of its ends may ask.
    ///
    /// # Errors
    /// When it is no pipe.
    pub fn unread_bytes(&self) -> io::Result<usize> {
        if self.kind != ByteStreamKind::Pipe {
            return Err(io::ErrorKind::Unsupported.into());
        }
        Ok(usize::try_from(rustix::io::ioctl_fionread(&self.fd)?).unwrap_or(usize::MAX))
    }

    /// Waits until everything in a pipe is read, or nobody is left who reads; answers how many bytes
    /// are unread then.
    ///
    /// # Errors
    /// As [`ByteStream::read`], and when it is no pipe.
    pub fn until_read(&self, deadline: Deadline) -> io::Result<usize> {
        let mut pause_ns = 50_000;
        loop {
            let now_ns = clock::now_ns();
            let slice = Deadline::at_ns(now_ns.saturating_add(pause_ns)).min(deadline);
            match self.unread_bytes()? {
                0 => return Ok(0),
                _ if poll::wait(self.fd.as_fd(), Interest::Hangup, slice)? => return self.unread_bytes(),
                _ if deadline.is_now() => return Err(io::ErrorKind::WouldBlock.into()),
                _ if deadline.is_over(now_ns) => return Err(io::ErrorKind::TimedOut.into()),
                _ => pause_ns = (pause_ns * 2).min(10_000_000),
            }
        }
    }

    fn wait(&self, interest: Interest, deadline: Deadline) -> io::Result<()> {
        poll::wait_or_fail(self.fd.as_fd(), interest, deadline)
    }
}

/// Ends both directions of a connection at once: what was not read is lost, and nothing waits.
///
/// # Errors
/// When it is no connection, or gone already.
pub fn cut_off(fd: impl AsFd) -> io::Result<()> {
    Ok(rustix::net::shutdown(fd, Shutdown::Both)?)
}

/// Waits until the other machine's kernel has everything.
///
/// Without it a connection that its process leaves while the peer is slow is given up by the kernel
/// after some minutes.
fn drain(fd: &OwnedFd) -> io::Result<()> {
    let mut pause_ns = 50_000;
    while tcp::unacknowledged_bytes(fd)? > 0 {
        let slice = Deadline::at_ns(clock::now_ns().saturating_add(pause_ns));
        if poll::wait(fd.as_fd(), Interest::Hangup, slice)? {
            return Ok(sockopt::socket_error(fd)??);
        }
        pause_ns = (pause_ns * 2).min(10_000_000);
    }
    Ok(())
}

/// What a connection's last clone waits for: the kernel answers what arrives at a closed socket, and
/// what a closed socket had not read, with a reset, which would destroy what is still under way.
#[derive(Debug)]
struct Delivery {
    fd: Arc<OwnedFd>,
    is_finished: OnceLock<()>,
}

impl Drop for Delivery {
    fn drop(&mut self) {
        if self.is_finished.get().is_some() {
            // A connection that broke delivers nothing more, and nobody is left to hear of it.
            let _ = drain(&self.fd);
        }
    }
}

impl AsFd for ByteStream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}
