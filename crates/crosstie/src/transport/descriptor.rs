//! `fd:N` and `-`: a descriptor that somebody handed over, whatever it leads to.
//!
//! A pipe, a stream socket, a terminal or a file: a file that a sender wrote is a recording, and a
//! receiver that reads it gets the same messages.

use std::os::fd::{AsRawFd, OwnedFd};

use super::Options;
use super::pipe::{PipeReceiver, PipeSender};
use super::single::SingleReceiver;
use super::stream::{Parting, StreamSender};
use super::stream_inbound::StreamInbound;
use super::unix::UnixConnection;
use crate::error::{Error, ErrorKind, Result};
use crate::os::byte_stream::{ByteStream, ByteStreamKind};

/// The sending end on a descriptor.
pub type DescriptorSender = PipeSender;
/// The receiving end on a descriptor.
pub type DescriptorReceiver = PipeReceiver;

fn open(fd: OwnedFd, object: String) -> Result<(ByteStream, String)> {
    match ByteStream::new(fd) {
        Ok(stream) => Ok((stream, object)),
        Err(error) => {
            Err(Error::os("open", object, error).advise("hand over a pipe, a stream socket or a file"))
        }
    }
}

/// A sender that writes frames to `fd`.
///
/// # Errors
/// `Unsupported` for a socket that is no stream.
pub fn sender(fd: OwnedFd, options: &Options) -> Result<DescriptorSender> {
    let object = format!("fd:{}", fd.as_raw_fd());
    sender_as(fd, object, options)
}

/// As [`sender()`], under the name that the user knows `fd` by.
pub(crate) fn sender_as(fd: OwnedFd, object: String, options: &Options) -> Result<DescriptorSender> {
    let (stream, object) = open(fd, object)?;
    let parting = match stream.kind() {
        ByteStreamKind::Socket => Parting::Finish,
        _ => Parting::Leave,
    };
    Ok(StreamSender::new(stream, object, options.message_bytes_max, parting))
}

/// Both directions on a connected stream socket.
///
/// # Errors
/// `Unsupported` for what is no stream socket.
pub fn connection(fd: OwnedFd, options: &Options) -> Result<UnixConnection> {
    let object = format!("fd:{}", fd.as_raw_fd());
    let (stream, object) = open(fd, object)?;
    if stream.kind() != ByteStreamKind::Socket {
        return Err(Error::new("open", object, ErrorKind::Unsupported)
            .because("it has no two directions")
            .advise("hand over a connected stream socket"));
    }
    let sender =
        StreamSender::new(stream.clone(), object.clone(), options.message_bytes_max, Parting::Finish);
    let inbound = StreamInbound::new(stream, options.message_bytes_max);
    Ok((sender, SingleReceiver::new(inbound, object, None)))
}

/// A receiver that reads frames from `fd`.
///
/// # Errors
/// `Unsupported` for a socket that is no stream.
///
/// # Examples
/// ```
/// use crosstie::Deadline;
/// use crosstie::contract::{ReceiveMessages, SendMessages};
/// use crosstie::transport::{Options, descriptor};
///
/// let recording = tempfile::NamedTempFile::new()?;
/// let file = std::fs::File::create(recording.path())?;
/// let mut tx = descriptor::sender(file.into(), &Options::default())?;
/// tx.send(b"for later", Deadline::NEVER)?;
/// drop(tx);
/// let file = std::fs::File::open(recording.path())?;
/// let mut rx = descriptor::receiver(file.into(), &Options::default())?;
/// assert_eq!(rx.recv(Deadline::NEVER)?.payload, b"for later");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn receiver(fd: OwnedFd, options: &Options) -> Result<DescriptorReceiver> {
    let object = format!("fd:{}", fd.as_raw_fd());
    receiver_as(fd, object, options)
}

/// As [`receiver()`], under the name that the user knows `fd` by.
pub(crate) fn receiver_as(fd: OwnedFd, object: String, options: &Options) -> Result<DescriptorReceiver> {
    let (stream, object) = open(fd, object)?;
    Ok(SingleReceiver::new(StreamInbound::new(stream, options.message_bytes_max), object, None))
}
