//! Frames over bytes in order: the sender's end of a pipe, a socket, a file.

use std::io::{self, IoSlice};
use std::os::fd::{AsFd, BorrowedFd};

use crosstie_core::Deadline;

use super::frame;
use super::preamble::{PREAMBLE_BYTES, STREAM};
use super::sending::{Owed, Sending, is_lack_of_room};
use crate::contract::{SendError, SendMessages};
use crate::error::{Error, ErrorKind, Result};
use crate::os::byte_stream::ByteStream;
use crate::os::fd_passing::{self, DESCRIPTORS_MAX};
use crate::os::unix::is_unix_socket;

/// A batch goes out in writes of about this many bytes.
const BATCH_BYTES: usize = 64 << 10;
/// A message above this is written from where it lies, never copied into a batch.
const COPY_BYTES_MAX: usize = 16 << 10;

/// How a stream ends for its sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Parting {
    /// The end mark lies in the pipe or file: nothing more to do.
    Leave,
    /// Half-close the socket; the kernel has what was sent.
    Finish,
    /// Half-close and wait until the other machine's kernel has it.
    Deliver,
}

/// The sending end of frames over bytes in order.
///
/// Dropping it sends the end mark, and waits for room in order to; while panicking it does not,
/// so that the receiver sees a death.
#[derive(Debug)]
pub struct StreamSender {
    sending: Sending,
    stream: ByteStream,
    /// What the next write must begin with: the preamble, or the rest of a message whose
    /// beginning the kernel took before its deadline passed.
    unsent: Owed,
    parting: Parting,
    hears_goodbye: bool,
}

impl StreamSender {
    pub(crate) fn new(stream: ByteStream, object: String, limit: usize, parting: Parting) -> Self {
        Self {
            sending: Sending::new(object, limit.min(frame::LENGTH_MAX)),
            stream,
            unsent: Owed::new(STREAM.preamble().to_vec()),
            parting,
            hears_goodbye: false,
        }
    }

    /// A sender to a receiver of many: the other direction brings nothing but a goodbye. It
    /// announces itself before its first message, so that its death will be noticed.
    pub(crate) fn announced(mut self) -> Result<Self> {
        self.hears_goodbye = true;
        match self.flush(Deadline::NEVER) {
            // A receiver that went away just now is told with the first message.
            Ok(()) | Err(SendError::Closed | SendError::PeerDied) => Ok(self),
            Err(SendError::Failed(error)) => Err(error),
            Err(error) => Err(Error::new("open", self.sending.object(), error.kind())),
        }
    }

    /// Sends one message together with descriptors, which the receiver takes with
    /// [`SingleReceiver::descriptors`](super::SingleReceiver::descriptors). Only on a Unix socket.
    ///
    /// # Errors
    /// `Usage` above 253 descriptors, `Unsupported` where the socket is of another kind; else as
    /// [`SendMessages::send`].
    pub fn send_with_descriptors(
        &mut self,
        payload: &[u8],
        descriptors: &[BorrowedFd<'_>],
        deadline: Deadline,
    ) -> Result<(), SendError> {
        if descriptors.is_empty() {
            return self.send(payload, deadline);
        }
        let refuse = |kind| Error::new("send descriptors to", self.sending.object(), kind);
        if descriptors.len() > DESCRIPTORS_MAX {
            let text = format!("{} descriptors, a message has at most {DESCRIPTORS_MAX}", descriptors.len());
            return Err(refuse(ErrorKind::Usage).because(text).into());
        }
        if !is_unix_socket(&self.stream) {
            return Err(refuse(ErrorKind::Unsupported).because("only Unix sockets carry descriptors").into());
        }
        self.sending.check(payload.len())?;
        self.flush(deadline)?;
        let head = frame::header_with_descriptors(payload.len(), descriptors.len());
        let mut slices = [IoSlice::new(&head), IoSlice::new(payload)];
        match fd_passing::send(self.stream.as_fd(), &slices, descriptors, deadline) {
            Ok(count) => {
                self.sending.count(1);
                let mut rest = &mut slices[..];
                IoSlice::advance_slices(&mut rest, count);
                // Its beginning is out: whatever is not goes out first next time.
                rest.iter().for_each(|slice| self.unsent.push(slice));
                match self.flush(deadline) {
                    Err(SendError::Full | SendError::TimedOut) => Ok(()),
                    answer => answer,
                }
            }
            Err(error) => Err(self.fail(error)),
        }
    }

    /// Writes what is still owed; `Full` or `TimedOut` when there is no room for all of it.
    fn flush(&mut self, deadline: Deadline) -> Result<(), SendError> {
        while !self.unsent.is_empty() {
            match self.stream.write(&[IoSlice::new(self.unsent.rest())], deadline) {
                Ok(count) => self.unsent.advance(count),
                Err(error) => return Err(self.fail(error)),
            }
        }
        Ok(())
    }

    /// Writes `slices`; once their first byte is out, what the deadline cuts off is owed.
    fn write_all(&mut self, slices: &mut [IoSlice<'_>], deadline: Deadline) -> Result<(), SendError> {
        let mut rest = slices;
        let mut left: usize = rest.iter().map(|slice| slice.len()).sum();
        let whole = left;
        loop {
            match self.stream.write(rest, deadline) {
                Ok(count) if count == left => return Ok(()),
                Ok(count) => {
                    left -= count;
                    IoSlice::advance_slices(&mut rest, count);
                }
                Err(error) if left < whole && is_lack_of_room(&error) => {
                    rest.iter().for_each(|slice| self.unsent.push(slice));
                    return Ok(());
                }
                Err(error) => return Err(self.fail(error)),
            }
        }
    }

    /// A receiver of many that ends cleanly says so in the other direction. Elsewhere nobody can
    /// tell, and the end is not called a death.
    #[cold]
    fn fail(&mut self, error: io::Error) -> SendError {
        let (stream, hears_goodbye) = (&self.stream, self.hears_goodbye);
        let (mut goodbye, mut is_taken) = (None, false);
        let refusal = self.sending.fail(error, || {
            if !hears_goodbye {
                // Of a pipe the kernel says what nobody has read.
                is_taken = stream.unread_bytes().is_ok_and(|unread| unread == 0);
                return true;
            }
            goodbye = hear_goodbye(stream, Deadline::NOW).ok().flatten();
            goodbye.is_some()
        });
        match goodbye {
            Some(taken_count) => self.sending.hear_goodbye(taken_count),
            None if is_taken => self.sending.set_all_taken(),
            None => {}
        }
        refusal
    }

    fn say_end(&mut self) -> Result<(), SendError> {
        self.sending.check(0)?;
        self.flush(Deadline::NEVER)?;
        self.write_all(&mut [IoSlice::new(&frame::END_MARK.to_le_bytes())], Deadline::NEVER)?;
        self.sending.set_closed();
        let parted = match self.parting {
            Parting::Leave => Ok(()),
            Parting::Finish => self.stream.finish(),
            Parting::Deliver => self.stream.finish().and_then(|()| self.stream.drain()),
        };
        parted.map_err(|error| self.fail(error))
    }

    /// The messages at the front of `payloads` that go out as one write, as frames.
    fn gather(&self, payloads: &[&[u8]], batch: &mut Vec<u8>) -> usize {
        let mut count = 0;
        for payload in payloads {
            let fits = payload.len() <= COPY_BYTES_MAX.min(self.sending.limit());
            let Some(header) = frame::header(payload.len()).filter(|_| fits) else { break };
            if count > 0 && batch.len() + header.len() + payload.len() > BATCH_BYTES {
                break;
            }
            batch.extend_from_slice(&header);
            batch.extend_from_slice(payload);
            count += 1;
        }
        count
    }
}

/// What a receiver that ends cleanly said: how many messages it took. `None` when it hung up.
fn hear_goodbye(stream: &ByteStream, deadline: Deadline) -> io::Result<Option<u64>> {
    let mut bytes = [0; GOODBYE.len() + 8];
    let count = stream.read(&mut bytes, deadline)?;
    match bytes[..count].split_at_checked(GOODBYE.len()) {
        Some((goodbye, taken)) if goodbye == GOODBYE => {
            // A receiver of an older Crosstie does not say it: fewer than any sender counts.
            Ok(Some(taken.try_into().map_or(0, u64::from_le_bytes)))
        }
        _ if count == 0 => Ok(None),
        _ => Err(io::ErrorKind::ConnectionReset.into()),
    }
}

/// What a receiver that ends cleanly sends to its senders; behind it stands, as `u64` LE, how many
/// of the sender's messages it took.
pub(crate) const GOODBYE: [u8; PREAMBLE_BYTES + frame::HEADER_BYTES] = {
    let [a, b, c, d, e, f, g, h] = STREAM.preamble();
    let [i, j, k, l] = frame::END_MARK.to_le_bytes();
    [a, b, c, d, e, f, g, h, i, j, k, l]
};

impl SendMessages for StreamSender {
    #[inline]
    fn send(&mut self, payload: &[u8], deadline: Deadline) -> Result<(), SendError> {
        self.sending.check(payload.len())?;
        let Some(header) = frame::header(payload.len()) else {
            return Err(SendError::TooLarge { length: payload.len(), limit: self.sending.limit() });
        };
        if !self.unsent.is_empty() {
            self.flush(deadline)?;
        }
        self.write_all(&mut [IoSlice::new(&header), IoSlice::new(payload)], deadline)?;
        self.sending.count(1);
        Ok(())
    }

    fn send_batch(&mut self, payloads: &[&[u8]], deadline: Deadline) -> Result<usize, SendError> {
        let mut batch = Vec::new();
        let count = match payloads {
            [] => return Ok(0),
            [_] => 0,
            several => self.gather(several, &mut batch),
        };
        if count == 0 {
            return self.send(payloads[0], deadline).map(|()| 1);
        }
        self.sending.check(0)?;
        self.flush(deadline)?;
        self.write_all(&mut [IoSlice::new(&batch)], deadline)?;
        self.sending.count(count);
        Ok(count)
    }

    fn settle(&mut self, deadline: Deadline) -> Result<(), SendError> {
        self.sending.check(0)?;
        self.flush(deadline)
    }

    fn break_off(&mut self) {
        self.sending.set_closed();
    }

    fn close(&mut self) -> Result<(), SendError> {
        if self.sending.is_closed() {
            return Ok(());
        }
        let closed = self.say_end();
        self.sending.unless_all_was_taken(closed)
    }

    fn deliver(&mut self, deadline: Deadline) -> Result<(), SendError> {
        self.close()?;
        if !self.hears_goodbye || !self.sending.is_closed() {
            return Ok(());
        }
        match hear_goodbye(&self.stream, deadline) {
            // It hung up as it does behind the end mark.
            Ok(None) => Ok(()),
            Ok(Some(taken_count)) => {
                self.sending.hear_goodbye(taken_count);
                self.sending.unless_all_was_taken(Err(SendError::Closed))
            }
            Err(error) => {
                let refusal = Err(self.fail(error));
                self.sending.unless_all_was_taken(refusal)
            }
        }
    }

    fn message_bytes_max(&self) -> usize {
        self.sending.limit()
    }

    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        Some(self.stream.as_fd())
    }
}

impl Drop for StreamSender {
    fn drop(&mut self) {
        if self.sending.ends_on_drop() {
            // Nobody is left to hear of a failure.
            let _ = self.close();
        }
    }
}
