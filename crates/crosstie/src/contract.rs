//! What every mechanism promises, whether the kernel or shared memory carries it.
//!
//! A mechanism of the kernel implements [`SendMessages`] and [`ReceiveMessages`] over bytes; the ring
//! has the same methods and the same errors, but lends its messages in place. Typed messages,
//! addresses and the four forms (`try_`, plain, `_for`, `_until`) are built once, in `endpoint`.
//!
//! | promise | of |
//! |---|---|
//! | a message arrives whole, with its boundaries, or not at all | all |
//! | nothing above the limit is sent or accepted | all |
//! | a clean end ([`RecvError::Closed`]) and a death ([`RecvError::PeerDied`]) differ | all but udp, fd |
//! | what was received before the end is delivered first | all |

use std::fmt;
use std::os::fd::BorrowedFd;

use crate::error::{Error, ErrorKind};
use crosstie_core::Deadline;

/// The largest message, in bytes, unless an option says otherwise: 64 MiB.
pub const MESSAGE_BYTES_MAX: usize = 64 << 20;

/// What an end that waits for descriptors does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readiness {
    /// Try: there may be something, or the other end's end.
    Ready,
    /// Wait until the descriptor is ready.
    Armed,
}

/// Why a message was not sent.
#[derive(Debug)]
#[non_exhaustive]
pub enum SendError {
    /// No room now (`try_send` only): send it later.
    Full,
    /// The deadline passed and nothing of the message was sent.
    TimedOut,
    /// The deadline passed while a subscriber of a lossless topic had not read; the error names it.
    HeldUp(Error),
    /// Above the limit, both in bytes: split it, or raise the limit on both sides.
    TooLarge {
        /// The message's length.
        length: usize,
        /// The largest length that this end accepts.
        limit: usize,
    },
    /// The message's type refused to be encoded: this message is not sent, the next ones can be.
    Malformed(Error),
    /// The receiver has ended: stop sending.
    Closed,
    /// The receiver died: what it had not taken is delivered or lost as docs/delivery.md says.
    PeerDied,
    /// Anything else; the channel is of no more use to this end.
    Failed(Error),
}

/// Why no message was received.
#[derive(Debug)]
#[non_exhaustive]
pub enum RecvError {
    /// Nothing there now (`try_recv` only): ask later.
    Empty,
    /// The deadline passed first.
    TimedOut,
    /// Messages of a lossy topic were overwritten before this end read them: go on, the next ones follow. A number
    /// whose publisher died before it was published counts too.
    Overrun {
        /// The first number that is lost.
        from: u64,
        /// The number that comes next.
        to: u64,
    },
    /// A message that is not of the expected type: it is passed over, the next ones are not lost.
    Malformed(Error),
    /// A clean end: every sender said that it is done, and everything sent was delivered.
    Closed,
    /// A sender died before a clean end; every whole message that it sent was delivered.
    PeerDied,
    /// A sender announced a message above the limit, both in bytes.
    TooLarge {
        /// The announced length.
        length: usize,
        /// The largest length that this end accepts.
        limit: usize,
    },
    /// Anything else; the channel is of no more use to this end.
    Failed(Error),
}

macro_rules! hot_error {
    ($name:ident, $now:ident, $own:pat => $kind:expr, $shown:pat => $text:expr) => {
        impl $name {
            /// The kind in the one error table; decides the exit code.
            #[must_use]
            pub fn kind(&self) -> ErrorKind {
                match self {
                    Self::$now => ErrorKind::Busy,
                    Self::TimedOut => ErrorKind::TimedOut,
                    Self::TooLarge { .. } => ErrorKind::TooLarge,
                    Self::Closed => ErrorKind::Closed,
                    Self::PeerDied => ErrorKind::PeerDied,
                    Self::Malformed(error) | Self::Failed(error) => error.kind(),
                    $own => $kind,
                }
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self {
                    Self::TooLarge { length, limit } => write!(
                        f,
                        "too large: {length} bytes, the limit is {limit}; raise it on both sides with ?max={length} (a ring's and a queue's is its room: ?capacity=)"
                    ),
                    Self::Malformed(error) | Self::Failed(error) => error.fmt(f),
                    $shown => write!(f, "{}", $text),
                    other => f.write_str(other.kind().phrase()),
                }
            }
        }
        impl std::error::Error for $name {
            fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
                match self {
                    Self::Malformed(error) | Self::Failed(error) => Some(error),
                    _ => None,
                }
            }
        }
        impl From<Error> for $name {
            fn from(error: Error) -> Self {
                Self::Failed(error)
            }
        }
    };
}
hot_error!(SendError, Full, Self::HeldUp(error) => error.kind(), Self::HeldUp(error) => error);
hot_error!(
    RecvError,
    Empty,
    Self::Overrun { .. } => ErrorKind::Lost,
    Self::Overrun { from, to } => format_args!("messages {from} to {} were overwritten before they were read: {} lost", to.saturating_sub(1), to.saturating_sub(*from))
);

/// The sending end of a mechanism, over bytes.
pub trait SendMessages: Send {
    /// Sends one message; returns once the mechanism has it whole.
    ///
    /// Blocks while there is no room, until `deadline` ([`Deadline::NOW`] never blocks and answers
    /// [`SendError::Full`]). A message is sent whole or, on an error, not at all. Where a stream's
    /// deadline passes inside a message, this end keeps the rest, answers `Ok`, and sends it before
    /// anything else: with the next message, or with the end mark.
    ///
    /// # Errors
    /// One variant per thing to do: see [`SendError`].
    fn send(&mut self, payload: &[u8], deadline: Deadline) -> Result<(), SendError>;

    /// Sends several messages in order with as few system calls as the mechanism allows; answers
    /// how many were sent, at least one unless it is an error.
    ///
    /// # Errors
    /// As [`SendMessages::send`], about the first message that was not sent.
    fn send_batch(&mut self, payloads: &[&[u8]], deadline: Deadline) -> Result<usize, SendError> {
        match payloads.first() {
            Some(first) => self.send(first, deadline).map(|()| 1),
            None => Ok(0),
        }
    }

    /// Sends what a deadline left of a message (see [`SendMessages::send`]); nothing when all is out.
    ///
    /// # Errors
    /// As [`SendMessages::send`]: [`SendError::Full`] or [`SendError::TimedOut`] while some of it is
    /// still to be sent.
    fn settle(&mut self, deadline: Deadline) -> Result<(), SendError> {
        let _ = deadline;
        Ok(())
    }

    /// Says that this end is done: the receiver gets everything, then a clean end.
    ///
    /// Dropping a sender does the same, except while panicking: then the receiver sees a death.
    ///
    /// # Errors
    /// If the end mark could not be sent. A receiver that has ended and is known to have taken
    /// everything need not be told.
    fn close(&mut self) -> Result<(), SendError>;

    /// Ends without a clean end: dropped behind this, it leaves the receiver with everything that was sent, and then a death.
    fn break_off(&mut self);

    /// As [`SendMessages::close`], and then waits until the receiver has taken everything, where the
    /// mechanism can lose what a receiver had not taken and shows it (fifo, unix, unixpacket, tcp).
    /// After a timeout it may be called again.
    ///
    /// # Errors
    /// [`SendError::Closed`] when the receiver ended first, cleanly or on a FIFO in any way;
    /// [`SendError::PeerDied`]; [`SendError::TimedOut`].
    fn deliver(&mut self, deadline: Deadline) -> Result<(), SendError> {
        let _ = deadline;
        self.close()
    }

    /// The largest message that this end accepts, in bytes.
    fn message_bytes_max(&self) -> usize;

    /// The descriptor to poll for writability, where there is one.
    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        None
    }
}

/// The receiving end of a mechanism, over bytes.
pub trait ReceiveMessages: Send {
    /// Receives the next message into this end's private memory.
    ///
    /// Blocks while there is none, until `deadline` ([`Deadline::NOW`] never blocks and answers
    /// [`RecvError::Empty`]). An error never loses a message that had arrived whole.
    ///
    /// # Errors
    /// One variant per thing to do: see [`RecvError`].
    fn recv(&mut self, deadline: Deadline) -> Result<Arrived<'_>, RecvError>;

    /// As [`ReceiveMessages::recv`] with [`Deadline::NOW`], of what lies in this end's memory already;
    /// where several messages come with one system call, it makes none.
    ///
    /// # Errors
    /// As [`ReceiveMessages::recv`].
    fn recv_arrived(&mut self) -> Result<Arrived<'_>, RecvError> {
        self.recv(Deadline::NOW)
    }

    /// Whether the last read has shown that nothing more lies in the kernel: then a wait for what arrives misses nothing.
    fn is_drained(&self) -> bool {
        false
    }

    /// The largest message that this end accepts, in bytes.
    fn message_bytes_max(&self) -> usize;

    /// What tells the sender of the last message, or of what came instead of one, from all others, where the
    /// framing says it.
    fn last_sender_id(&self) -> Option<u64> {
        None
    }

    /// The address that this end listens on, with the port that the kernel chose, where it listens
    /// on a network or a socket.
    fn address(&self) -> Option<&str> {
        None
    }

    /// What the mechanism itself knows to be lost, duplicated or reordered; all 0 unless it is udp.
    fn losses(&self) -> Losses {
        Losses::default()
    }

    /// The descriptor to poll for readability, where there is one.
    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        None
    }
}

/// What a mechanism without delivery guarantee knows about its messages, in messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Losses {
    /// Sent and never received.
    pub lost: u64,
    /// Received more than once; only the first was delivered.
    pub duplicated: u64,
    /// Received after one that was sent later; delivered in the order of arrival.
    pub reordered: u64,
}

/// A message in the receiving end's private memory, until the next call on that end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrived<'a> {
    /// The payload.
    pub payload: &'a [u8],
    /// The sender's process id where the kernel or the framing says it.
    pub sender_pid: Option<u32>,
}
