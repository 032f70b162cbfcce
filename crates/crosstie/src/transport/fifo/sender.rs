//! The sending end of a FIFO.

use std::io::{self, IoSlice};
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;

use crosstie_core::Deadline;

use super::super::sending::{Owed, Sending, is_lack_of_room};
use super::super::{Options, retry};
use super::receiver::open_refusal;
use super::{BATCH, END, HEADER_BYTES, Header, OPEN, PIECE_BYTES_MAX};
use crate::contract::{SendError, SendMessages};
use crate::error::{Error, Result};
use crate::os::byte_stream::ByteStream;
use crate::os::{fifo, random};

/// The sending end of a FIFO; others may send into it at the same time, without a lock.
///
/// Dropping it sends the end mark, and waits for room in order to; while panicking it does not,
/// so that the receiver sees a death.
#[derive(Debug)]
pub struct FifoSender {
    sending: Sending,
    /// Gone after the end mark: the receiver's end is when nobody has the FIFO open.
    stream: Option<ByteStream>,
    writer: u64,
    pid: u32,
    /// The number of the message that was begun last.
    number: u32,
    /// The rest of that message, when its deadline passed inside it, its offset and the message's
    /// length.
    owed: Option<(Owed, u32, u32)>,
}

/// Sends into the FIFO at `path`, and waits until the options' deadline for somebody who receives
/// from it.
///
/// # Errors
/// `TimedOut` when nobody received from it in time, `AlreadyExists` when the path is something else,
/// `NotPermitted`.
///
/// # Death
/// A receiver's end, clean or not, is [`Closed`](SendError::Closed) to its senders: a FIFO cannot
/// tell.
///
/// # Cost
/// One system call a message of up to 4,064 bytes, one more for each further 4,064; a batch puts as
/// many small messages as fit into one.
pub fn sender(path: impl AsRef<Path>, options: &Options) -> Result<FifoSender> {
    let path = path.as_ref();
    let object = format!("fifo:{}", path.display());
    let fd =
        retry::until_there(
            &object,
            "nobody receives from it",
            options.deadline,
            || match fifo::open_to_write(path) {
                Ok(fd) => Ok(fd),
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
                Err(error) => Err(open_refusal(error, path, &object)),
            },
        )?;
    let fail = |error| Error::os("open", &object, error);
    let mut sender = FifoSender {
        stream: Some(ByteStream::new(fd).map_err(fail)?),
        writer: random::word().map_err(fail)?,
        sending: Sending::new(object.clone(), options.message_bytes_max.min(u32::MAX as usize)),
        pid: std::process::id(),
        number: 0,
        owed: None,
    };
    match sender.write(OPEN, 0, 0, &[], Deadline::NEVER) {
        // A receiver that went away just now is told with the first message.
        Ok(()) => Ok(sender),
        Err(error) => match sender.sending.fail(error, || true) {
            SendError::Failed(error) => Err(error),
            _ => Ok(sender),
        },
    }
}

impl FifoSender {
    /// Writes one packet.
    fn write(&self, flags: u16, offset: u32, total: u32, piece: &[u8], deadline: Deadline) -> io::Result<()> {
        let header = Header { flags, writer: self.writer, number: self.number, offset, total, pid: self.pid };
        let Some(stream) = &self.stream else { return Err(io::ErrorKind::NotConnected.into()) };
        // The kernel takes a packet whole or not at all.
        stream.write(&[IoSlice::new(&header.to_bytes()), IoSlice::new(piece)], deadline)?;
        Ok(())
    }

    /// Sends what must go out before the next message: the rest of the last one.
    fn settle(&mut self, deadline: Deadline) -> Result<(), SendError> {
        let Some((mut owed, offset, total)) = self.owed.take() else { return Ok(()) };
        let Err((error, written)) = self.write_pieces(owed.rest(), offset, total, deadline) else {
            return Ok(());
        };
        owed.advance(written);
        let offset = offset.saturating_add(u32::try_from(written).unwrap_or(0));
        self.owed = Some((owed, offset, total));
        Err(self.fail(error))
    }

    /// Writes `bytes`, which begin at `offset` of a message, in packets; an error says how many
    /// bytes went out before it.
    fn write_pieces(
        &self,
        bytes: &[u8],
        offset: u32,
        total: u32,
        deadline: Deadline,
    ) -> Result<(), (io::Error, usize)> {
        let mut written = 0;
        let mut at = offset;
        for piece in bytes.chunks(PIECE_BYTES_MAX) {
            self.write(0, at, total, piece, deadline).map_err(|error| (error, written))?;
            written += piece.len();
            at = at.saturating_add(u32::try_from(piece.len()).unwrap_or(0));
        }
        Ok(())
    }

    /// Says the end to a receiver that has not read everything yet.
    fn say_end(&mut self) -> Result<(), SendError> {
        let said = self.sending.check(0).and_then(|()| self.settle(Deadline::NEVER)).and_then(|()| {
            let said = self.write(END, 0, 0, &[], Deadline::NEVER);
            said.map_err(|error| self.fail(error))
        });
        match said {
            Ok(()) => {
                self.sending.set_closed();
                Ok(())
            }
            Err(SendError::Closed) => {
                // A FIFO cannot tell why nobody reads, but what nobody has read.
                if self
                    .stream
                    .as_ref()
                    .is_some_and(|fifo| fifo.unread_bytes().is_ok_and(|unread| unread == 0))
                {
                    self.sending.set_all_taken();
                }
                self.sending.unless_all_was_taken(said)
            }
            Err(error) => Err(error),
        }
    }

    fn fail(&mut self, error: io::Error) -> SendError {
        self.sending.fail(error, || true)
    }
}

impl SendMessages for FifoSender {
    fn send(&mut self, payload: &[u8], deadline: Deadline) -> Result<(), SendError> {
        self.sending.check(payload.len())?;
        let Ok(total) = u32::try_from(payload.len()) else {
            return Err(SendError::TooLarge { length: payload.len(), limit: self.sending.limit() });
        };
        self.settle(deadline)?;
        self.number = self.number.wrapping_add(1);
        if payload.len() <= PIECE_BYTES_MAX {
            let sent = self.write(0, 0, total, payload, deadline);
            sent.map_err(|error| self.fail(error))?;
            self.sending.count(1);
            return Ok(());
        }
        match self.write_pieces(payload, 0, total, deadline) {
            Ok(()) => {
                self.sending.count(1);
                Ok(())
            }
            Err((error, written)) if written > 0 && is_lack_of_room(&error) => {
                let offset = u32::try_from(written).unwrap_or(0);
                self.owed = Some((Owed::new(payload[written..].to_vec()), offset, total));
                self.sending.count(1);
                Ok(())
            }
            Err((error, _)) => Err(self.fail(error)),
        }
    }

    fn send_batch(&mut self, payloads: &[&[u8]], deadline: Deadline) -> Result<usize, SendError> {
        let mut packet = Vec::new();
        let mut count = 0;
        for payload in payloads {
            let Ok(length) = u16::try_from(payload.len()) else { break };
            if payload.len() > self.sending.limit() || packet.len() + 2 + payload.len() > PIECE_BYTES_MAX {
                break;
            }
            packet.extend_from_slice(&length.to_le_bytes());
            packet.extend_from_slice(payload);
            count += 1;
        }
        if count < 2 {
            let Some(first) = payloads.first() else { return Ok(0) };
            return self.send(first, deadline).map(|()| 1);
        }
        self.sending.check(0)?;
        self.settle(deadline)?;
        self.write(BATCH, 0, 0, &packet, deadline).map_err(|error| self.fail(error))?;
        self.sending.count(count);
        Ok(count)
    }

    fn settle(&mut self, deadline: Deadline) -> Result<(), SendError> {
        self.sending.check(0)?;
        FifoSender::settle(self, deadline)
    }

    fn break_off(&mut self) {
        self.sending.set_closed();
    }

    fn close(&mut self) -> Result<(), SendError> {
        if self.sending.is_closed() {
            return Ok(());
        }
        self.say_end()?;
        self.stream = None;
        Ok(())
    }

    fn deliver(&mut self, deadline: Deadline) -> Result<(), SendError> {
        if !self.sending.is_closed() {
            self.say_end()?;
        }
        // Gone when it was delivered before; not closed when the receiver ended and had read all.
        let Some(stream) = self.stream.as_ref().filter(|_| self.sending.is_closed()) else { return Ok(()) };
        let unread = stream.until_read(deadline).map_err(|error| self.fail(error))?;
        self.stream = None;
        // Nobody reads any more: all but the end mark must be read.
        if unread > HEADER_BYTES && self.sending.has_sent() { Err(SendError::Closed) } else { Ok(()) }
    }

    fn message_bytes_max(&self) -> usize {
        self.sending.limit()
    }

    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        self.stream.as_ref().map(ByteStream::as_fd)
    }
}

impl Drop for FifoSender {
    fn drop(&mut self) {
        if self.sending.ends_on_drop() {
            // Nobody is left to hear of a failure.
            let _ = self.close();
        }
    }
}
