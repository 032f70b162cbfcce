//! One incoming connection, whatever keeps the messages' boundaries on it.

use std::io;
use std::ops::Range;
use std::os::fd::{BorrowedFd, OwnedFd};

use crosstie_core::Deadline;

use crate::contract::RecvError;
use crate::error::{Error, ErrorKind};

/// What the bytes that have arrived hold next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// A whole message, at this place in the connection's memory.
    Message(Range<usize>),
    /// The end mark: the sender is done.
    End,
    /// More must arrive first.
    Incomplete,
}

/// Bytes that break the protocol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Breach {
    /// Another protocol or version: what came instead.
    Mismatch(String),
    /// An announced length above the limit.
    TooLarge {
        /// The announced length, in bytes.
        length: usize,
        /// The largest that is accepted.
        limit: usize,
    },
    /// What cannot follow here.
    Corrupt(&'static str),
}

impl Breach {
    /// As the receiver on `object` reports it.
    pub(crate) fn report(self, object: &str) -> RecvError {
        match self {
            Self::TooLarge { length, limit } => RecvError::TooLarge { length, limit },
            Self::Mismatch(text) => Error::new("receive from", object, ErrorKind::Mismatch)
                .because(text)
                .advise("use Crosstie of the same version and the same kind of address at both ends")
                .into(),
            Self::Corrupt(text) => {
                Error::new("receive from", object, ErrorKind::Corrupt).because(text).into()
            }
        }
    }
}

/// One incoming connection: bytes or packets in, messages out.
pub trait Inbound: Send + Sized {
    /// Takes over an accepted connection.
    fn of_connection(fd: OwnedFd, limit: usize) -> io::Result<Self>;
    /// The next message of what has arrived; makes no system call.
    fn step(&mut self) -> Result<Step, Breach>;
    /// Lets more arrive, with one system call when it need not wait; 0 when the peer is gone.
    fn fill(&mut self, deadline: Deadline) -> io::Result<usize>;
    /// The message that a step named.
    fn message(&self, range: Range<usize>) -> &[u8];
    /// Whether another fill is likely to bring something at once.
    fn may_have_more(&self) -> bool;
    /// Whether the last fill has shown that nothing more lies in the kernel.
    fn is_drained(&self) -> bool;
    /// Whether the preamble has arrived: who sends none is no sender.
    fn has_begun(&self) -> bool;
    /// The largest message that is accepted.
    fn limit(&self) -> usize;
    /// The descriptor.
    fn descriptor(&self) -> BorrowedFd<'_>;
    /// Tells the sender that the receiver ends cleanly after so many of its messages; never waits.
    fn say_goodbye(&mut self, taken_count: u64);
}

/// Whether the peer vanished, as opposed to a failure of this end.
pub(crate) fn is_gone(error: &io::Error) -> bool {
    use io::ErrorKind as Io;
    match error.kind() {
        // NotConnected: what `shutdown` answers once a reset has come.
        Io::ConnectionReset | Io::ConnectionAborted | Io::BrokenPipe | Io::NotConnected => true,
        // The kernel's own: keep-alive probes were not answered. A deadline of ours has no number.
        Io::TimedOut => error.raw_os_error().is_some(),
        _ => false,
    }
}

/// What an attempt to read that brought nothing means to the caller.
pub(crate) fn refusal(error: io::Error, object: &str) -> RecvError {
    match error.kind() {
        io::ErrorKind::WouldBlock => RecvError::Empty,
        io::ErrorKind::TimedOut => RecvError::TimedOut,
        _ => Error::os("receive from", object, error).into(),
    }
}
