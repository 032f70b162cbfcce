//! Frames over bytes in order: one sender's and one receiver's end of a pipe, a socket, a file.

use std::io::{self, IoSlice};
use std::ops::Range;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use crosstie_core::Deadline;

use super::frame::{self, Decoder};
use super::inbound::{Breach, Inbound, Step, is_gone};
use super::preamble::{PREAMBLE_BYTES, STREAM};
use crate::contract::{SendError, SendMessages};
use crate::error::{Error, ErrorKind, Result};
use crate::os::byte_stream::ByteStream;

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

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Open,
    Closed,
    /// Nobody receives any more; whether the receiver said goodbye.
    ReceiverGone {
        said_goodbye: bool,
    },
}

/// The sending end of frames over bytes in order.
///
/// Dropping it sends the end mark, and waits for room in order to; while panicking it does not,
/// so that the receiver sees a death.
#[derive(Debug)]
pub struct StreamSender {
    stream: ByteStream,
    object: String,
    limit: usize,
    /// What the next write must begin with: the preamble, or the rest of a message whose
    /// beginning the kernel took before its deadline passed.
    unsent: Vec<u8>,
    state: State,
    parting: Parting,
    hears_goodbye: bool,
    owner_pid: u32,
}

impl StreamSender {
    pub(crate) fn new(stream: ByteStream, object: String, limit: usize, parting: Parting) -> Self {
        Self {
            stream,
            object,
            limit: limit.min(frame::LENGTH_MAX),
            unsent: STREAM.preamble().to_vec(),
            state: State::Open,
            parting,
            hears_goodbye: false,
            owner_pid: std::process::id(),
        }
    }

    /// The other direction brings nothing but a receiver's goodbye.
    pub(crate) fn hearing_goodbye(mut self) -> Self {
        self.hears_goodbye = true;
        self
    }

    /// Announces this sender before its first message, so that its death will be noticed.
    pub(crate) fn announce(&mut self, deadline: Deadline) -> Result<(), SendError> {
        self.flush(deadline)
    }

    fn check(&self, length: usize) -> Result<(), SendError> {
        match self.state {
            State::Open if length > self.limit => Err(SendError::TooLarge { length, limit: self.limit }),
            State::Open => Ok(()),
            State::Closed => Err(Error::new("send to", &self.object, ErrorKind::Closed)
                .because("this end was closed before")
                .into()),
            State::ReceiverGone { said_goodbye: true } => Err(SendError::Closed),
            State::ReceiverGone { said_goodbye: false } => Err(SendError::PeerDied),
        }
    }

    /// Writes what is still owed; `Full` or `TimedOut` when there is no room for all of it.
    pub(crate) fn flush(&mut self, deadline: Deadline) -> Result<(), SendError> {
        while !self.unsent.is_empty() {
            match self.stream.write(&[IoSlice::new(&self.unsent)], deadline) {
                Ok(count) => drop(self.unsent.drain(..count)),
                Err(error) => return Err(self.refusal(error)),
            }
        }
        Ok(())
    }

    /// Writes `slices`; once their first byte is out, what the deadline cuts off is owed.
    pub(crate) fn write_all(
        &mut self,
        slices: &mut [IoSlice<'_>],
        deadline: Deadline,
    ) -> Result<(), SendError> {
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
                    rest.iter().for_each(|slice| self.unsent.extend_from_slice(slice));
                    return Ok(());
                }
                Err(error) => return Err(self.refusal(error)),
            }
        }
    }

    #[cold]
    pub(crate) fn refusal(&mut self, error: io::Error) -> SendError {
        match error.kind() {
            io::ErrorKind::WouldBlock => SendError::Full,
            _ if is_gone(&error) => {
                let said_goodbye = self.receiver_said_goodbye();
                self.state = State::ReceiverGone { said_goodbye };
                if said_goodbye { SendError::Closed } else { SendError::PeerDied }
            }
            io::ErrorKind::TimedOut => SendError::TimedOut,
            _ => Error::os("send to", &self.object, error).into(),
        }
    }

    /// Where only this end sends messages on a socket, a receiver that ends cleanly says so in
    /// the other direction. Elsewhere nobody can tell, and the end is not called a death.
    fn receiver_said_goodbye(&self) -> bool {
        if !self.hears_goodbye {
            return true;
        }
        let mut bytes = [0; GOODBYE.len()];
        matches!(self.stream.read(&mut bytes, Deadline::NOW), Ok(count) if bytes[..count] == GOODBYE)
    }

    /// The messages at the front of `payloads` that go out as one write, as frames.
    fn gather(&self, payloads: &[&[u8]], batch: &mut Vec<u8>) -> usize {
        let mut count = 0;
        for payload in payloads {
            let fits = payload.len() <= COPY_BYTES_MAX.min(self.limit);
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

/// What a receiver that ends cleanly sends to its senders.
pub(crate) const GOODBYE: [u8; PREAMBLE_BYTES + frame::HEADER_BYTES] = {
    let [a, b, c, d, e, f, g, h] = STREAM.preamble();
    let [i, j, k, l] = frame::END_MARK.to_le_bytes();
    [a, b, c, d, e, f, g, h, i, j, k, l]
};

pub(crate) fn is_lack_of_room(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) && !is_gone(error)
}

impl SendMessages for StreamSender {
    #[inline]
    fn send(&mut self, payload: &[u8], deadline: Deadline) -> Result<(), SendError> {
        self.check(payload.len())?;
        let Some(header) = frame::header(payload.len()) else {
            return Err(SendError::TooLarge { length: payload.len(), limit: self.limit });
        };
        if self.unsent.is_empty() {
            return self.write_all(&mut [IoSlice::new(&header), IoSlice::new(payload)], deadline);
        }
        self.flush(deadline)?;
        self.write_all(&mut [IoSlice::new(&header), IoSlice::new(payload)], deadline)
    }

    fn send_batch(&mut self, payloads: &[&[u8]], deadline: Deadline) -> Result<usize, SendError> {
        let mut batch = Vec::new();
        let count = match payloads {
            [] => return Ok(0),
            [one] => return self.send(one, deadline).map(|()| 1),
            several => self.gather(several, &mut batch),
        };
        if count == 0 {
            return self.send(payloads[0], deadline).map(|()| 1);
        }
        self.check(0)?;
        self.flush(deadline)?;
        self.write_all(&mut [IoSlice::new(&batch)], deadline)?;
        Ok(count)
    }

    fn close(&mut self) -> Result<(), SendError> {
        if self.state == State::Closed {
            return Ok(());
        }
        self.check(0)?;
        self.flush(Deadline::NEVER)?;
        self.write_all(&mut [IoSlice::new(&frame::END_MARK.to_le_bytes())], Deadline::NEVER)?;
        self.state = State::Closed;
        if self.parting == Parting::Leave {
            return Ok(());
        }
        let finished = self.stream.finish();
        if self.parting == Parting::Deliver && finished.is_ok() {
            return self.stream.drain().map_err(|error| self.refusal(error));
        }
        finished.map_err(|error| self.refusal(error))
    }

    fn message_bytes_max(&self) -> usize {
        self.limit
    }

    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        Some(self.stream.as_fd())
    }
}

impl Drop for StreamSender {
    fn drop(&mut self) {
        // A child of fork must not end what its parent goes on with (H6).
        if !std::thread::panicking() && self.owner_pid == std::process::id() {
            // Nobody is left to hear of a failure.
            let _ = self.close();
        }
    }
}

/// The receiving side of frames over bytes in order.
#[derive(Debug)]
pub struct StreamInbound {
    stream: ByteStream,
    decoder: Decoder,
}

impl StreamInbound {
    pub(crate) fn new(stream: ByteStream, limit: usize) -> Self {
        Self { stream, decoder: Decoder::new(limit) }
    }
}

impl Inbound for StreamInbound {
    fn of_connection(fd: OwnedFd, limit: usize) -> io::Result<Self> {
        Ok(Self::new(ByteStream::new(fd)?, limit))
    }

    #[inline]
    fn step(&mut self) -> Result<Step, Breach> {
        self.decoder.step()
    }

    #[inline]
    fn fill(&mut self, deadline: Deadline) -> io::Result<usize> {
        let count = self.stream.read(self.decoder.room(), deadline)?;
        self.decoder.filled(count);
        Ok(count)
    }

    #[inline]
    fn message(&self, range: Range<usize>) -> &[u8] {
        self.decoder.message(range)
    }

    fn has_begun(&self) -> bool {
        self.decoder.has_begun()
    }

    fn limit(&self) -> usize {
        self.decoder.limit()
    }

    fn descriptor(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }

    fn say_goodbye(&mut self) {
        // The sender may be gone or its side full; then it finds out from the kernel.
        let _ = self.stream.write(&[IoSlice::new(&GOODBYE)], Deadline::NOW);
    }
}
