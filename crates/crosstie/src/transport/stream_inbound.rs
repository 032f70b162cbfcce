//! Frames over bytes in order: the receiver's end of a pipe, a socket, a file.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::ops::Range;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use crosstie_core::Deadline;

use super::frame::Decoder;
use super::inbound::{Breach, Inbound, Step};
use super::single::SingleReceiver;
use super::stream::GOODBYE;
use crate::os::byte_stream::ByteStream;
use crate::os::fd_passing::{self, DESCRIPTORS_MAX};

/// The descriptors that a connection brings.
#[derive(Debug, Default)]
struct Descriptors {
    /// In the order in which they came; those of messages that were not yet taken.
    arrived: VecDeque<OwnedFd>,
    /// Those of the message that was taken last.
    of_message: Vec<OwnedFd>,
}

/// The receiving side of frames over bytes in order.
#[derive(Debug)]
pub struct StreamInbound {
    stream: ByteStream,
    decoder: Decoder,
    descriptors: Option<Descriptors>,
    /// The last read brought less than there was room for.
    is_drained: bool,
}

impl StreamInbound {
    pub(crate) fn new(stream: ByteStream, limit: usize) -> Self {
        Self { stream, decoder: Decoder::new(limit), descriptors: None, is_drained: false }
    }
}

impl Inbound for StreamInbound {
    fn of_connection(fd: OwnedFd, limit: usize) -> io::Result<Self> {
        Ok(Self::new(ByteStream::new(fd)?, limit))
    }

    #[inline]
    fn step(&mut self) -> Result<Step, Breach> {
        let step = self.decoder.step()?;
        match &mut self.descriptors {
            Some(descriptors) => descriptors.hand_out(&mut self.decoder, &step)?,
            // Nobody takes them: the kernel has closed them, their announcement goes too.
            None if matches!(step, Step::Message(_)) => self.decoder.forget_descriptors(),
            None => {}
        }
        Ok(step)
    }

    #[inline]
    fn fill(&mut self, deadline: Deadline) -> io::Result<usize> {
        let room = self.decoder.room();
        let room_bytes = room.len();
        let count = match &mut self.descriptors {
            None => {
                let read = self.stream.read(room, deadline);
                self.is_drained = read.as_ref().map_or(true, |&count| count < room_bytes);
                read?
            }
            // A read ends where descriptors came, whatever is behind them.
            Some(taken) => fd_passing::recv(self.stream.as_fd(), room, &mut taken.arrived, deadline)?,
        };
        self.decoder.filled(count);
        Ok(count)
    }

    #[inline]
    fn message(&self, range: Range<usize>) -> &[u8] {
        self.decoder.message(range)
    }

    fn may_have_more(&self) -> bool {
        // One read brought many messages; the wait that shows who else is ready is cheap beside it.
        false
    }

    fn is_drained(&self) -> bool {
        self.is_drained
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

    fn say_goodbye(&mut self, taken_count: u64) {
        // The sender may be gone or its side full; then it finds out from the kernel.
        let _ = self
            .stream
            .write(&[IoSlice::new(&GOODBYE), IoSlice::new(&taken_count.to_le_bytes())], Deadline::NOW);
    }
}

impl Descriptors {
    /// Gives a message those that were announced with it; what nobody announced is closed.
    fn hand_out(&mut self, decoder: &mut Decoder, step: &Step) -> Result<(), Breach> {
        if matches!(step, Step::Message(_)) {
            let count = decoder.take_descriptors();
            if count > self.arrived.len() {
                return Err(Breach::Corrupt("fewer descriptors than were announced"));
            }
            self.of_message = self.arrived.drain(..count).collect();
            if decoder.is_empty() {
                self.arrived.clear();
            }
        }
        if self.arrived.len() > 2 * DESCRIPTORS_MAX {
            return Err(Breach::Corrupt("more descriptors than were announced"));
        }
        Ok(())
    }
}

impl SingleReceiver<StreamInbound> {
    /// Takes the descriptors that come with messages from now on, which the kernel closes
    /// otherwise; to be said before the first message is received, on a Unix socket.
    pub fn take_descriptors(&mut self) {
        self.inbound_mut().descriptors.get_or_insert_default();
    }

    /// The descriptors that came with the message that was received last, all close-on-exec; each
    /// is handed out once.
    ///
    /// # Examples
    /// ```
    /// use std::io::Read;
    /// use std::os::fd::AsFd;
    /// use crosstie::Deadline;
    /// use crosstie::contract::ReceiveMessages;
    /// use crosstie::os::unix::{UnixKind, pair};
    /// use crosstie::transport::{Options, descriptor};
    ///
    /// let (a, b) = pair(UnixKind::Stream)?;
    /// let (mut tx, _) = descriptor::connection(a, &Options::default())?;
    /// let (_, mut rx) = descriptor::connection(b, &Options::default())?;
    /// rx.take_descriptors();
    ///
    /// let file = std::fs::File::open("/proc/self/comm")?;
    /// tx.send_with_descriptors(b"read this", &[file.as_fd()], Deadline::NEVER)?;
    /// assert_eq!(rx.recv(Deadline::NEVER)?.payload, b"read this");
    /// let mut file = std::fs::File::from(rx.descriptors().remove(0));
    /// assert!(file.read(&mut [0; 16])? > 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn descriptors(&mut self) -> Vec<OwnedFd> {
        self.inbound_mut()
            .descriptors
            .as_mut()
            .map(|taken| std::mem::take(&mut taken.of_message))
            .unwrap_or_default()
    }
}
