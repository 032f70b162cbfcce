//! [`Receiver`]: the end that messages come out of.

use std::fmt;
use std::marker::PhantomData;
use std::os::fd::BorrowedFd;
use std::time::Duration;

use crosstie_core::OwnerId;

use super::address::Address;
use super::batch::Batch;
use super::capabilities::Capabilities;
use super::mechanism::RecvEnd;
use super::message::Message;
use super::open;
use super::options::Options;
use super::payload::{Doing, Lent, OnArrival, Payload};
use crate::Deadline;
use crate::channel::queue::QueueReceiver;
use crate::channel::ring::{RingBell, Senders};
use crate::contract::{Losses, Readiness, RecvError};
use crate::error::{Error, ErrorKind, Result};
use crate::os::clock;
use crate::os::poll::{self, Interest};
use crate::os::unix::{self, Credentials};

/// The end that messages of type `T` come out of; [`Receiver<[u8]>`](Receiver) gives plain bytes.
///
/// Iterating it gives `Result`s and ends after a clean end; a sender that died is one `Err`, so
/// that a death cannot pass for the end.
///
/// # Death
/// Every whole message that a dead sender had sent is delivered before `PeerDied`. What happens to
/// messages that a dead receiver had not taken is in docs/delivery.md, by mechanism.
///
/// # Examples
/// ```
/// let (mut tx, rx) = crosstie::pair::<u32>()?;
/// for number in 0..3 {
///     tx.send(&number)?;
/// }
/// tx.close()?;
/// let numbers: Result<Vec<u32>, _> = rx.into_iter().collect();
/// assert_eq!(numbers?, [0, 1, 2]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Receiver<T: Message + ?Sized = [u8]> {
    pub(super) end: RecvEnd,
    mechanism: &'static str,
    /// Of a ring: whether its senders take turns, as the address says.
    senders: Senders,
    scratch: Vec<u8>,
    message: PhantomData<fn() -> T::Owned>,
}

impl<T: Message + ?Sized> Receiver<T> {
    /// Opens the receiving end of `address`.
    ///
    /// # Errors
    /// What is wrong with the address, or why the mechanism refuses.
    ///
    /// # Examples
    /// ```
    /// use crosstie::endpoint::Receiver;
    /// let error = Receiver::<u32>::open("tcp:localhost").unwrap_err();
    /// assert!(error.to_string().contains("the port is missing"));
    /// ```
    pub fn open(address: &str) -> Result<Self> {
        Self::open_with(address, &Options::default())
    }

    /// As [`Receiver::open`], with options; those in the address win.
    ///
    /// # Errors
    /// As [`Receiver::open`].
    pub fn open_with(address: &str, options: &Options) -> Result<Self> {
        Self::open_at(&address.parse()?, options)
    }

    /// As [`Receiver::open_with`], of an address that was parsed before.
    ///
    /// # Errors
    /// As [`Receiver::open`].
    pub fn open_at(address: &Address, options: &Options) -> Result<Self> {
        let senders = address.senders(options);
        let opened = open::receiver(address, options);
        opened.map(|end| Self { senders, ..Self::from_end(end, address.mechanism()) })
    }

    pub(super) fn from_end(end: RecvEnd, mechanism: &'static str) -> Self {
        Self { end, mechanism, senders: Senders::One, scratch: Vec::new(), message: PhantomData }
    }

    /// Receives the next message; blocks while there is none.
    ///
    /// # Errors
    /// One variant per thing to do: see [`RecvError`].
    pub fn recv(&mut self) -> Result<T::Owned, RecvError> {
        self.recv_until(Deadline::NEVER)
    }

    /// Receives the next message if there is one now.
    ///
    /// # Errors
    /// [`RecvError::Empty`] if there is none; else as [`Receiver::recv`].
    pub fn try_recv(&mut self) -> Result<T::Owned, RecvError> {
        self.recv_until(Deadline::NOW)
    }

    /// Receives the next message; waits at most `timeout` for it.
    ///
    /// # Errors
    /// [`RecvError::TimedOut`]; else as [`Receiver::recv`].
    pub fn recv_for(&mut self, timeout: Duration) -> Result<T::Owned, RecvError> {
        self.recv_until(clock::deadline_in(timeout))
    }

    /// Receives the next message; waits for it until `deadline`.
    ///
    /// # Errors
    /// [`RecvError::TimedOut`]; else as [`Receiver::recv`].
    pub fn recv_until(&mut self, deadline: Deadline) -> Result<T::Owned, RecvError> {
        let payload = self.end.recv(deadline)?;
        T::arrive(&payload, &mut self.scratch).map_err(RecvError::Malformed)
    }

    /// The queue behind it, where there is one.
    pub(super) fn queue(&self) -> Option<&QueueReceiver> {
        match &self.end {
            RecvEnd::Queue(end) => Some(end),
            RecvEnd::Ring(_) | RecvEnd::Topic(_) | RecvEnd::Kernel(_) => None,
        }
    }

    /// Lends a dead letter of a queue, if there is one: a message that was delivered too often. Dropping it
    /// removes it, except while panicking.
    ///
    /// # Errors
    /// [`RecvError::Empty`] if there is none, and on every other mechanism.
    pub fn recv_dead_letter(&self) -> Result<Payload<'_>, RecvError> {
        match &self.end {
            RecvEnd::Queue(end) => Ok(Payload::new(Lent::Queue(Doing::new(end.recv_dead_letter()?)))),
            RecvEnd::Ring(_) | RecvEnd::Topic(_) | RecvEnd::Kernel(_) => Err(RecvError::Empty),
        }
    }

    /// The next message of what has arrived, without a system call where several came with one.
    pub(crate) fn recv_arrived(&mut self) -> Result<Payload<'_>, RecvError> {
        match &mut self.end {
            RecvEnd::Ring(end) => Ok(Payload::new(Lent::Ring(end.recv(Deadline::NOW)?))),
            RecvEnd::Queue(end) => Ok(Payload::new(Lent::Queue(Doing::new(end.recv(Deadline::NOW)?)))),
            RecvEnd::Topic(end) => Ok(Payload::new(Lent::Topic(end.recv(Deadline::NOW)?))),
            RecvEnd::Kernel(end) => Ok(Payload::new(Lent::Private(end.recv_arrived()?))),
        }
    }

    /// As [`ReceiveMessages::is_drained`].
    pub(crate) fn is_drained(&self) -> bool {
        match &self.end {
            RecvEnd::Ring(_) | RecvEnd::Queue(_) | RecvEnd::Topic(_) => false,
            RecvEnd::Kernel(end) => end.is_drained(),
        }
    }

    /// What ends a wait on a ring as its deadline would, from another thread.
    pub(crate) fn bell(&mut self) -> Option<RingBell> {
        match &mut self.end {
            RecvEnd::Ring(end) => Some(end.bell()),
            RecvEnd::Queue(_) | RecvEnd::Topic(_) | RecvEnd::Kernel(_) => None,
        }
    }

    /// What tells the sender of the last message, or of what came instead, from all others, on a FIFO.
    pub(crate) fn last_sender_id(&self) -> Option<u64> {
        match &self.end {
            RecvEnd::Ring(_) | RecvEnd::Queue(_) | RecvEnd::Topic(_) => None,
            RecvEnd::Kernel(end) => end.last_sender_id(),
        }
    }

    /// For iterating: acknowledges the message before, holds the next.
    pub(super) fn recv_next(&mut self) -> Result<T::Owned, RecvError> {
        let payload = match &mut self.end {
            RecvEnd::Ring(end) => {
                end.acknowledge();
                Payload::new(Lent::Ring(end.recv_held(Deadline::NEVER)?))
            }
            RecvEnd::Queue(end) => {
                end.acknowledge();
                Payload::new(Lent::Held(end.recv_held(Deadline::NEVER)?))
            }
            RecvEnd::Topic(end) => {
                end.acknowledge();
                Payload::new(Lent::Topic(end.recv_held(Deadline::NEVER)?))
            }
            RecvEnd::Kernel(end) => Payload::new(Lent::Private(end.recv(Deadline::NEVER)?)),
        };
        T::arrive(&payload, &mut self.scratch).map_err(RecvError::Malformed)
    }

    /// Acknowledges every message that is held.
    #[inline]
    pub(crate) fn acknowledge_held(&mut self) {
        self.end.acknowledge();
    }

    /// Lends the next message's bytes without a copy where the mechanism allows it; dropping them
    /// acknowledges the message. Blocks while there is none.
    ///
    /// # Errors
    /// As [`Receiver::recv`].
    pub fn recv_bytes(&mut self) -> Result<Payload<'_>, RecvError> {
        self.recv_bytes_until(Deadline::NEVER)
    }

    /// As [`Receiver::recv_bytes`], until `deadline`.
    ///
    /// # Errors
    /// As [`Receiver::recv_until`].
    #[inline]
    pub fn recv_bytes_until(&mut self, deadline: Deadline) -> Result<Payload<'_>, RecvError> {
        self.end.recv(deadline)
    }

    /// As [`Receiver::recv_bytes_until`], of who knows before what is to become of the message: lets `then` have it.
    ///
    /// # Errors
    /// As [`Receiver::recv_until`].
    ///
    /// # Cost
    /// Of a ring's message less than [`Receiver::recv_bytes_until`]: it is moved nowhere.
    ///
    /// # Examples
    /// ```
    /// use crosstie::Deadline;
    /// use crosstie::endpoint::{OnArrival, Payload};
    /// struct Into<'a>(&'a mut [u8]);
    /// impl OnArrival for Into<'_> {
    ///     type Answer = usize;
    ///     #[inline(always)]
    ///     fn arrived(self, payload: &Payload<'_>) -> usize {
    ///         payload.copy_to(self.0)
    ///     }
    /// }
    /// let (mut tx, mut rx) = crosstie::pair::<[u8]>()?;
    /// tx.send(b"hello")?;
    /// let mut room = [0; 64];
    /// assert_eq!(rx.recv_with(Deadline::NEVER, Into(&mut room))?, 5);
    /// assert_eq!(&room[..5], b"hello");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline(always)]
    pub fn recv_with<A: OnArrival>(&mut self, deadline: Deadline, then: A) -> Result<A::Answer, RecvError> {
        self.end.recv_with(deadline, then)
    }

    /// Messages that are acknowledged together; the batch waits for its first until `deadline`.
    ///
    /// # Examples
    /// ```
    /// use crosstie::contract::RecvError;
    /// let (mut tx, mut rx) = crosstie::pair::<str>()?;
    /// tx.send_batch(&["one", "two"], crosstie::Deadline::NEVER)?;
    /// let mut lines = Vec::new();
    /// let mut batch = rx.batch(crosstie::Deadline::NEVER);
    /// while lines.len() < 6 {
    ///     batch.take()?.append_to(&mut lines);
    /// }
    /// assert!(matches!(batch.take(), Err(RecvError::Empty)));
    /// batch.acknowledge(); // `lines` is safe
    /// assert_eq!(lines, b"onetwo");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn batch(&mut self, deadline: Deadline) -> Batch<'_> {
        Batch::new(&mut self.end, deadline)
    }

    /// Who is at the other end of a connected Unix socket, as the kernel saw it. With many senders
    /// each message says it: [`Payload::sender_pid`].
    #[must_use]
    pub fn peer(&self) -> Option<Credentials> {
        self.as_fd().and_then(|fd| unix::peer(fd).ok()).filter(|peer| peer.pid != 0)
    }

    /// Whether this is a ring without a message.
    #[inline]
    pub(crate) fn is_empty_ring(&self) -> bool {
        matches!(&self.end, RecvEnd::Ring(end) if end.is_empty())
    }

    /// Who the living sender of a ring is, if there is one.
    pub(crate) fn ring_sender(&self) -> Option<OwnerId> {
        match &self.end {
            RecvEnd::Ring(end) => end.sender(),
            _ => None,
        }
    }

    /// Ends as a process that dies does: senders are told a death, once this process ends, and on a
    /// ring nothing more is acknowledged. For whoever could not keep what was sent.
    pub fn break_off(self) {
        std::mem::forget(self.end);
    }

    /// What its mechanism can, and its limit.
    #[must_use]
    pub fn caps(&self) -> Capabilities {
        // invariant: ends are made with the name of a mechanism, and each has a row (tested).
        let found = Capabilities::of(self.mechanism).expect("a mechanism").limited(self.message_bytes_max());
        match &self.end {
            RecvEnd::Ring(_) => found.of_senders(self.senders),
            RecvEnd::Topic(end) => found.of_mode(end.mode()),
            _ => found,
        }
    }

    /// The largest message that this end accepts, in bytes.
    #[must_use]
    pub fn message_bytes_max(&self) -> usize {
        match &self.end {
            RecvEnd::Ring(end) => end.message_bytes_max(),
            RecvEnd::Queue(end) => end.message_bytes_max(),
            RecvEnd::Topic(end) => end.message_bytes_max(),
            RecvEnd::Kernel(end) => end.message_bytes_max(),
        }
    }

    /// The address that this end listens on, with the port that the kernel chose, where it listens
    /// on a network or a socket.
    ///
    /// # Examples
    /// ```
    /// use crosstie::endpoint::{Receiver, Sender};
    /// let mut rx = Receiver::<str>::open("tcp:127.0.0.1:0")?;
    /// let mut tx = Sender::<str>::open(rx.address().unwrap())?;
    /// tx.send("hello")?;
    /// assert_eq!(rx.recv()?, "hello");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn address(&self) -> Option<&str> {
        match &self.end {
            RecvEnd::Ring(_) | RecvEnd::Queue(_) | RecvEnd::Topic(_) => None,
            RecvEnd::Kernel(end) => end.address(),
        }
    }

    /// The descriptor to poll for readability while this end is [armed](Receiver::arm), for `epoll` and its like; the same
    /// for its life. Read nothing from it.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] where there is none; when no descriptor is left.
    pub fn pollable(&mut self) -> Result<BorrowedFd<'_>> {
        match &mut self.end {
            RecvEnd::Ring(end) => end.pollable(),
            RecvEnd::Queue(end) => end.pollable(),
            RecvEnd::Topic(end) => end.pollable(),
            RecvEnd::Kernel(end) => end.descriptor().ok_or_else(unpollable),
        }
    }

    /// Makes [`Receiver::pollable`] poll readable as soon as [`Receiver::try_recv`] may find something: a message, an end, a
    /// death. Call it after a `try_recv` that found nothing, and before each wait; [`Readiness::Ready`] says that waiting is
    /// not needed.
    ///
    /// # Errors
    /// As [`Receiver::pollable`].
    ///
    /// # Death
    /// The death of the sender's process ends the wait, once the kernel has taken its memory down. A sender whose
    /// program is replaced (`exec`) with its end open is missed until somebody else comes.
    ///
    /// # Cost
    /// A few system calls, and one for who sends the next message. A wait costs no processor time.
    ///
    /// # Examples
    /// ```
    /// use crosstie::contract::{Readiness, RecvError};
    /// use crosstie::endpoint::{Options, Receiver, Sender};
    /// use crosstie::os::poll::Poller;
    /// let folder = tempfile::tempdir()?;
    /// let options = Options { domain: Some(folder.path().join("domain")), ..Options::default() };
    /// let mut rx = Receiver::<u32>::open_with("ring:jobs", &options)?;
    /// let poller = Poller::new()?; // or your own epoll
    /// poller.add(rx.pollable()?, 0)?;
    /// let mut tx = Sender::<u32>::open_with("ring:jobs", &options)?;
    /// std::thread::spawn(move || tx.send(&7).unwrap());
    /// let message = loop {
    ///     match rx.try_recv() {
    ///         Err(RecvError::Empty) if rx.arm()? == Readiness::Armed => {
    ///             poller.wait(crosstie::Deadline::NEVER, &mut Vec::new())?;
    ///         }
    ///         Err(RecvError::Empty) => {}
    ///         other => break other?,
    ///     }
    /// };
    /// assert_eq!(message, 7);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn arm(&mut self) -> Result<Readiness> {
        match &mut self.end {
            RecvEnd::Ring(end) => return end.arm(),
            RecvEnd::Queue(end) => return end.arm(),
            RecvEnd::Topic(end) => return end.arm(),
            RecvEnd::Kernel(_) => {}
        }
        let ready = poll::wait(self.pollable()?, Interest::Readable, Deadline::NOW);
        let is_ready = ready.map_err(|error| Error::os("wait for", "a message", error))?;
        Ok(if is_ready { Readiness::Ready } else { Readiness::Armed })
    }

    /// What the mechanism itself knows to be lost, duplicated or reordered; all 0 unless it is udp, or a topic
    /// that may lose messages.
    #[must_use]
    pub fn losses(&self) -> Losses {
        match &self.end {
            RecvEnd::Ring(_) | RecvEnd::Queue(_) => Losses::default(),
            RecvEnd::Topic(end) => Losses { lost: end.lost(), ..Losses::default() },
            RecvEnd::Kernel(end) => end.losses(),
        }
    }

    /// The descriptor of the kernel's channel; shared memory has none, see [`Receiver::pollable`].
    #[must_use]
    pub fn as_fd(&self) -> Option<BorrowedFd<'_>> {
        match &self.end {
            RecvEnd::Ring(_) | RecvEnd::Queue(_) | RecvEnd::Topic(_) => None,
            RecvEnd::Kernel(end) => end.descriptor(),
        }
    }
}

pub(super) fn unpollable() -> Error {
    Error::new("wait for", "this mechanism", ErrorKind::Unsupported)
        .because("it has no descriptor to poll")
        .advise("wait for it in a thread")
}

impl<T: Message + ?Sized> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver").field("descriptor", &self.as_fd()).finish_non_exhaustive()
    }
}
