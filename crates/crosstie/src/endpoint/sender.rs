//! [`Sender`]: the end that messages go into.

use std::fmt;
use std::marker::PhantomData;
use std::os::fd::BorrowedFd;
use std::time::Duration;

use super::address::Address;
use super::capabilities::Capabilities;
use super::loan::Loan;
use super::mechanism::SendEnd;
use super::message::Message;
use super::open;
use super::options::Options;
use super::receiver::unpollable;
use crate::Deadline;
use crate::channel::queue::QueueSender;
use crate::channel::ring::Senders;
use crate::contract::{Readiness, SendError};
use crate::error::{Error, Result};
use crate::os::clock;
use crate::os::poll::{self, Interest};
use crate::os::unix::{self, Credentials};

/// The end that messages of type `T` go into; [`Sender<[u8]>`](Sender) sends plain bytes.
///
/// # Death
/// Dropping it tells the receiver a clean end, except while panicking. A process that is killed
/// tells none: the receiver gets every whole message, then `PeerDied`.
///
/// # Examples
/// ```
/// use crosstie::endpoint::Sender;
/// let (mut tx, mut rx) = crosstie::pair::<(u32, String)>()?;
/// tx.send(&(7, "seven".into()))?;
/// tx.close()?;
/// assert_eq!(rx.recv()?, (7, "seven".to_owned()));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Sender<T: Message + ?Sized = [u8]> {
    end: SendEnd,
    mechanism: &'static str,
    scratch: Vec<u8>,
    message: PhantomData<fn(&T)>,
}

/// As many messages are encoded and sent in one go.
const BATCH_COUNT_MAX: usize = 1024;

impl<T: Message + ?Sized> Sender<T> {
    /// Opens the sending end of `address`; waits for the receiver on mechanisms that need one
    /// (fifo, unix, unixpacket, tcp), and for its turn at a ring where senders take turns (`ring:NAME?senders=turns`).
    ///
    /// # Errors
    /// What is wrong with the address, or why the mechanism refuses.
    ///
    /// # Examples
    /// ```
    /// use crosstie::endpoint::Sender;
    /// let error = Sender::<u32>::open("unix-socket:/run/x").unwrap_err();
    /// assert_eq!(error.kind(), crosstie::ErrorKind::Usage);
    /// ```
    pub fn open(address: &str) -> Result<Self> {
        Self::open_with(address, &Options::default())
    }

    /// As [`Sender::open`], with options; those in the address win.
    ///
    /// # Errors
    /// As [`Sender::open`]; [`ErrorKind::TimedOut`](crate::ErrorKind::TimedOut) if no receiver, or
    /// its turn, came before [`Options::open_deadline`].
    pub fn open_with(address: &str, options: &Options) -> Result<Self> {
        Self::open_at(&address.parse()?, options)
    }

    /// As [`Sender::open_with`], to an address that was parsed before.
    ///
    /// # Errors
    /// As [`Sender::open_with`].
    pub fn open_at(address: &Address, options: &Options) -> Result<Self> {
        open::sender(address, options).map(|end| Self::from_end(end, address.mechanism()))
    }

    /// The sending end of a queue.
    pub(crate) fn of_queue(end: QueueSender) -> Self {
        Self::from_end(SendEnd::Queue(Box::new(end)), "queue")
    }

    pub(super) fn from_end(end: SendEnd, mechanism: &'static str) -> Self {
        Self { end, mechanism, scratch: Vec::new(), message: PhantomData }
    }

    /// Sends `message`; blocks while there is no room.
    ///
    /// # Errors
    /// One variant per thing to do: see [`SendError`].
    pub fn send(&mut self, message: &T) -> Result<(), SendError> {
        self.send_until(message, Deadline::NEVER)
    }

    /// Sends `message` if there is room now.
    ///
    /// # Errors
    /// [`SendError::Full`] if there is none; else as [`Sender::send`].
    pub fn try_send(&mut self, message: &T) -> Result<(), SendError> {
        self.send_until(message, Deadline::NOW)
    }

    /// Sends `message`; waits at most `timeout` for room.
    ///
    /// # Errors
    /// [`SendError::TimedOut`]; else as [`Sender::send`].
    pub fn send_for(&mut self, message: &T, timeout: Duration) -> Result<(), SendError> {
        self.send_until(message, clock::deadline_in(timeout))
    }

    /// Sends `message`; waits for room until `deadline`.
    ///
    /// # Errors
    /// [`SendError::TimedOut`]; else as [`Sender::send`].
    #[inline]
    pub fn send_until(&mut self, message: &T, deadline: Deadline) -> Result<(), SendError> {
        let payload = message.encode(&mut self.scratch).map_err(SendError::Malformed)?;
        self.end.send(payload, deadline)
    }

    /// Sends a message as it was encoded.
    #[cfg(feature = "tokio")]
    pub(super) fn send_encoded(&mut self, payload: &[u8], deadline: Deadline) -> Result<(), SendError> {
        self.end.send(payload, deadline)
    }

    /// Sends a message whose bytes are `head`, a few, and then `body`.
    pub(crate) fn send_parts(
        &mut self,
        head: &[u8],
        body: &[u8],
        deadline: Deadline,
    ) -> Result<(), SendError> {
        match &mut self.end {
            SendEnd::Ring(end) => end.send_parts([head, body], deadline),
            SendEnd::Queue(end) => end.send_tracked(&[head, body], deadline).map(drop),
            SendEnd::Topic(end) => {
                self.scratch.clear();
                self.scratch.extend_from_slice(head);
                self.scratch.extend_from_slice(body);
                end.send(&self.scratch, deadline)
            }
            SendEnd::Kernel(end) => {
                self.scratch.clear();
                self.scratch.extend_from_slice(head);
                self.scratch.extend_from_slice(body);
                end.send(&self.scratch, deadline)
            }
        }
    }

    /// Sends what a deadline left of the last message.
    pub(crate) fn settle(&mut self, deadline: Deadline) -> Result<(), SendError> {
        match &mut self.end {
            SendEnd::Ring(_) | SendEnd::Queue(_) | SendEnd::Topic(_) => Ok(()),
            SendEnd::Kernel(end) => end.settle(deadline),
        }
    }

    /// Sends several messages in order with as few system calls as the mechanism allows; answers
    /// how many were sent, at least one unless it is an error.
    ///
    /// Blocks until `deadline` while there is no room for the first.
    ///
    /// # Errors
    /// As [`Sender::send_until`], about the first message that was not sent.
    ///
    /// # Examples
    /// ```
    /// let (mut tx, mut rx) = crosstie::pair::<str>()?;
    /// assert_eq!(tx.send_batch(&["one", "two"], crosstie::Deadline::NEVER)?, 2);
    /// assert_eq!((rx.recv()?, rx.recv()?), ("one".into(), "two".into()));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn send_batch(&mut self, messages: &[&T], deadline: Deadline) -> Result<usize, SendError> {
        let mut scratches = Vec::new();
        let messages = &messages[..messages.len().min(BATCH_COUNT_MAX)];
        let payloads = T::encode_all(messages, &mut scratches).map_err(SendError::Malformed)?;
        match &mut self.end {
            SendEnd::Ring(end) => end.send_batch(&payloads, deadline),
            SendEnd::Queue(end) => end.send_batch(&payloads, deadline),
            SendEnd::Topic(end) => end.send_batch(&payloads, deadline),
            SendEnd::Kernel(end) => end.send_batch(&payloads, deadline),
        }
    }

    /// Lends room for a message of `len` bytes, to be written in place and then committed; dropping
    /// the loan sends nothing. On a ring, a queue or a topic the room is its own; elsewhere it is private memory.
    ///
    /// # Errors
    /// As [`Sender::send_until`].
    ///
    /// # Examples
    /// ```
    /// let (mut tx, mut rx) = crosstie::pair::<[u8]>()?;
    /// let mut loan = tx.reserve(5, crosstie::Deadline::NEVER)?;
    /// loan.write_at(0, b"hel");
    /// loan.write_at(3, b"lo");
    /// loan.commit()?;
    /// assert_eq!(rx.recv()?, b"hello");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn reserve(&mut self, len: usize, deadline: Deadline) -> Result<Loan<'_>, SendError> {
        let limit = self.message_bytes_max();
        if len > limit {
            return Err(SendError::TooLarge { length: len, limit });
        }
        match &mut self.end {
            SendEnd::Ring(end) => end.reserve(len, deadline).map(Loan::in_ring),
            SendEnd::Queue(end) => end.reserve(len, deadline).map(Loan::in_queue),
            SendEnd::Topic(end) => end.reserve(len, deadline).map(Loan::in_topic),
            SendEnd::Kernel(end) => Ok(Loan::private(end.as_mut(), &mut self.scratch, len, deadline)),
        }
    }

    /// Says that this end is done: the receiver gets everything, then a clean end.
    ///
    /// # Errors
    /// If the end mark could not be sent.
    pub fn close(mut self) -> Result<(), SendError> {
        self.say_end()
    }

    pub(super) fn say_end(&mut self) -> Result<(), SendError> {
        match &mut self.end {
            SendEnd::Ring(end) => {
                end.close();
                Ok(())
            }
            SendEnd::Queue(end) => {
                end.close();
                Ok(())
            }
            SendEnd::Topic(end) => {
                end.close();
                Ok(())
            }
            SendEnd::Kernel(end) => end.close(),
        }
    }

    /// Says that this end is done, and waits until the receiver has taken everything: for whoever
    /// must not take a message for delivered that a receiver left lying. After a timeout it may be
    /// called again.
    ///
    /// A ring, a queue or a topic keeps what is not taken, so nothing is waited for there; pipe, fd and udp cannot
    /// tell.
    ///
    /// # Errors
    /// [`SendError::Closed`] when the receiver ended before, [`SendError::PeerDied`],
    /// [`SendError::TimedOut`].
    ///
    /// # Examples
    /// ```
    /// use crosstie::Deadline;
    /// use crosstie::endpoint::{Receiver, Sender};
    /// let folder = tempfile::tempdir()?;
    /// let address = format!("unix:{}", folder.path().join("s").display());
    /// let mut rx = Receiver::<str>::open(&address)?;
    /// let mut tx = Sender::<str>::open(&address)?;
    /// tx.send("one")?;
    /// tx.send("two")?;
    /// assert_eq!(rx.recv()?, "one");
    /// drop(rx);
    /// assert_eq!(tx.deliver(Deadline::NEVER).unwrap_err().kind(), crosstie::ErrorKind::Closed);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn deliver(&mut self, deadline: Deadline) -> Result<(), SendError> {
        match &mut self.end {
            SendEnd::Ring(end) => {
                end.close();
                Ok(())
            }
            SendEnd::Queue(end) => {
                end.close();
                Ok(())
            }
            SendEnd::Topic(end) => {
                end.close();
                Ok(())
            }
            SendEnd::Kernel(end) => end.deliver(deadline),
        }
    }

    /// What its mechanism can, and its limit.
    #[must_use]
    pub fn caps(&self) -> Capabilities {
        // invariant: ends are made with the name of a mechanism, and each has a row (tested).
        let found = Capabilities::of(self.mechanism).expect("a mechanism").limited(self.message_bytes_max());
        match &self.end {
            SendEnd::Ring(end) if end.takes_turns() => found.of_senders(Senders::Turns),
            SendEnd::Topic(end) => found.of_mode(end.mode()),
            _ => found,
        }
    }

    /// The largest message that this end sends, in bytes.
    #[must_use]
    pub fn message_bytes_max(&self) -> usize {
        match &self.end {
            SendEnd::Ring(end) => end.message_bytes_max(),
            SendEnd::Queue(end) => end.message_bytes_max(),
            SendEnd::Topic(end) => end.message_bytes_max(),
            SendEnd::Kernel(end) => end.message_bytes_max(),
        }
    }

    /// Whether a living process has a receiving end of a ring, a queue or a topic now; elsewhere nobody knows.
    #[must_use]
    pub fn has_receiver(&self) -> Option<bool> {
        match &self.end {
            SendEnd::Ring(end) => Some(end.has_receiver()),
            SendEnd::Queue(end) => Some(end.has_receiver()),
            SendEnd::Topic(end) => Some(end.has_receiver()),
            SendEnd::Kernel(_) => None,
        }
    }

    /// Whether the sender of a ring before this one died with that end in its hands.
    pub(crate) fn succeeds_dead(&self) -> bool {
        matches!(&self.end, SendEnd::Ring(end) if end.succeeds_dead())
    }

    /// The descriptor of the kernel's channel; shared memory has none, see [`Sender::pollable`].
    #[must_use]
    pub fn as_fd(&self) -> Option<BorrowedFd<'_>> {
        match &self.end {
            SendEnd::Ring(_) | SendEnd::Queue(_) | SendEnd::Topic(_) => None,
            SendEnd::Kernel(end) => end.descriptor(),
        }
    }

    /// The descriptor to poll while this end is [armed](Sender::arm), for `epoll` and its like, and what for; the same
    /// for its life. Neither read nor write it.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported) where there is none; when no descriptor is left.
    pub fn pollable(&mut self) -> Result<(BorrowedFd<'_>, Interest)> {
        match &mut self.end {
            SendEnd::Ring(end) => end.pollable().map(|fd| (fd, Interest::Readable)),
            SendEnd::Queue(end) => end.pollable().map(|fd| (fd, Interest::Readable)),
            SendEnd::Topic(end) => end.pollable().map(|fd| (fd, Interest::Readable)),
            SendEnd::Kernel(end) => {
                let fd = end.descriptor().ok_or_else(unpollable)?;
                Ok((fd, Interest::Writable))
            }
        }
    }

    /// Makes [`Sender::pollable`] ready as soon as [`Sender::try_send`] of the message that was refused last may succeed,
    /// or the receiver has ended. Call it after a `try_send` that found no room, and before each wait;
    /// [`Readiness::Ready`] says that waiting is not needed.
    ///
    /// # Errors
    /// As [`Sender::pollable`].
    ///
    /// # Death
    /// As [`Receiver::arm`](super::Receiver::arm), with the ends the other way round.
    ///
    /// # Examples
    /// ```
    /// use crosstie::contract::{Readiness, SendError};
    /// use crosstie::os::poll;
    /// let (mut tx, mut rx) = crosstie::pair::<[u8]>()?;
    /// let message = vec![7; 100_000]; // more than a pipe holds: the rest follows
    /// while tx.try_send(&message).is_ok() {}
    /// assert_eq!(tx.arm()?, Readiness::Armed);
    /// let reader = std::thread::spawn(move || while rx.recv().is_ok() {});
    /// let (fd, interest) = tx.pollable()?;
    /// assert!(poll::wait(fd, interest, crosstie::Deadline::NEVER)?);
    /// tx.send(&message)?; // there is room
    /// tx.close()?;
    /// reader.join().unwrap();
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn arm(&mut self) -> Result<Readiness> {
        match &mut self.end {
            SendEnd::Ring(end) => return end.arm(),
            SendEnd::Queue(end) => return end.arm(),
            SendEnd::Topic(end) => return end.arm(),
            SendEnd::Kernel(_) => {}
        }
        let (fd, interest) = self.pollable()?;
        let ready = poll::wait(fd, interest, Deadline::NOW);
        let is_ready = ready.map_err(|error| Error::os("wait for", "room", error))?;
        Ok(if is_ready { Readiness::Ready } else { Readiness::Armed })
    }

    /// Who is at the other end of a Unix socket, as the kernel saw it; elsewhere nobody knows.
    #[must_use]
    pub fn peer(&self) -> Option<Credentials> {
        self.as_fd().and_then(|fd| unix::peer(fd).ok()).filter(|peer| peer.pid != 0)
    }

    /// Ends without a clean end: the receiver gets everything sent so far, then [`PeerDied`](crate::contract::RecvError::PeerDied), as behind a panic. For
    /// whoever must not pass an unfinished stream off as a whole one. The place at the channel is free: who tries again opens it anew.
    ///
    /// # Examples
    /// ```
    /// use crosstie::contract::RecvError;
    /// let (mut tx, mut rx) = crosstie::pair::<str>()?;
    /// tx.send("half of it")?;
    /// tx.break_off();
    /// assert_eq!(rx.recv()?, "half of it");
    /// assert!(matches!(rx.recv(), Err(RecvError::PeerDied)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn break_off(mut self) {
        match &mut self.end {
            SendEnd::Ring(end) => end.break_off(),
            SendEnd::Queue(end) => end.break_off(),
            SendEnd::Topic(end) => end.break_off(),
            SendEnd::Kernel(end) => end.break_off(),
        }
    }
}

impl<T: Message + ?Sized> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").field("descriptor", &self.as_fd()).finish_non_exhaustive()
    }
}
