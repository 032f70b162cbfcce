//! A pipe: two ends for a parent and its child, or for two threads.

use std::os::fd::OwnedFd;

use super::Options;
use super::single::SingleReceiver;
use super::stream::{Parting, StreamSender};
use super::stream_inbound::StreamInbound;
use crate::error::{Error, Result};
use crate::os;
use crate::os::byte_stream::ByteStream;

/// The sending end of a pipe.
pub type PipeSender = StreamSender;
/// The receiving end of a pipe.
pub type PipeReceiver = SingleReceiver<StreamInbound>;

/// The room that is asked for, in bytes: what `/proc/sys/fs/pipe-max-size` allows everybody.
pub(crate) const ROOM_BYTES: usize = 1 << 20;

/// A new pipe as its two ends.
///
/// # Errors
/// `NoSpace` or `Failed` when no descriptor is left.
///
/// # Death
/// What a dead sender had sent whole is received, then
/// [`PeerDied`](crate::contract::RecvError::PeerDied). A receiver's end, clean or not, is
/// [`Closed`](crate::contract::SendError::Closed) to the sender: a pipe cannot tell.
///
/// # Cost
/// One system call a message that need not wait; the reader takes up to 64 KiB of messages in one.
///
/// # Examples
/// ```
/// use crosstie::Deadline;
/// use crosstie::contract::{ReceiveMessages, RecvError, SendMessages};
/// use crosstie::transport::{Options, pipe};
///
/// let (mut tx, mut rx) = pipe::pair(&Options::default())?;
/// tx.send(b"hello", Deadline::NEVER)?;
/// tx.close()?;
/// assert_eq!(rx.recv(Deadline::NEVER)?.payload, b"hello");
/// assert!(matches!(rx.recv(Deadline::NEVER), Err(RecvError::Closed)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn pair(options: &Options) -> Result<(PipeSender, PipeReceiver)> {
    let (reader, writer) = descriptors()?;
    let open = |fd: OwnedFd| ByteStream::new(fd).map_err(|error| Error::os("create", "pipe:", error));
    let limit = options.message_bytes_max;
    let sender = StreamSender::new(open(writer)?, "pipe:".to_owned(), limit, Parting::Leave);
    let receiver = SingleReceiver::new(StreamInbound::new(open(reader)?, limit), "pipe:".to_owned(), None);
    Ok((sender, receiver))
}

/// A new pipe as (reading, writing) descriptors, to hand one of them to a child.
///
/// # Errors
/// When no descriptor is left.
pub fn descriptors() -> Result<(OwnedFd, OwnedFd)> {
    let create = |error| Error::os("create", "pipe:", error);
    let (reader, writer) = os::pipe::pair().map_err(create)?;
    os::pipe::enlarge(&writer, ROOM_BYTES).map_err(create)?;
    Ok((reader, writer))
}
