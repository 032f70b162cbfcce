//! [`CallError`]: why a call has no reply.

use std::fmt;

use super::refusal::Refusal;
use crate::contract::{RecvError, SendError};
use crate::error::{Error, ErrorKind};
use crate::ledger::deadlock::Deadlock;

/// Why a call has no reply; one variant per thing to do.
#[derive(Debug)]
#[non_exhaustive]
pub enum CallError {
    /// There is no reply yet (the `try_` forms only): ask later.
    Pending,
    /// The deadline passed first; the server was told that nobody waits any more. Whether it had done
    /// the call is not known.
    TimedOut,
    /// The request is above the limit, both in bytes; nothing was sent.
    TooLarge {
        /// The request's length.
        length: usize,
        /// The largest that this end accepts.
        limit: usize,
    },
    /// The request refused to be encoded, or the reply is not of the expected type.
    Malformed(Error),
    /// The server answered that it does not reply, and why.
    Refused(Refusal),
    /// The server ended cleanly before it had answered. Whether it had done the call is not known.
    Closed,
    /// The server died with the call in hand. Whether it had done the call is not known; a call that was
    /// declared idempotent would have been given to the next server.
    PeerDied,
    /// To wait would close a circle: the server that would have to answer waits, itself or through others, for what the
    /// caller has. The call was given up, and the others go on.
    Deadlock(Deadlock),
    /// Anything else.
    Failed(Error),
}

impl CallError {
    /// The kind in the one error table; decides the exit code.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Pending => ErrorKind::Busy,
            Self::TimedOut => ErrorKind::TimedOut,
            Self::TooLarge { .. } => ErrorKind::TooLarge,
            Self::Refused(refusal) => refusal.kind(),
            Self::Closed => ErrorKind::Closed,
            Self::PeerDied => ErrorKind::PeerDied,
            Self::Deadlock(_) => ErrorKind::Deadlock,
            Self::Malformed(error) | Self::Failed(error) => error.kind(),
        }
    }
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge { length, limit } => write!(
                f,
                "too large: {length} bytes, the limit is {limit}; raise it on both sides with ?max={length} (a ring's and a queue's is its room: ?capacity=)"
            ),
            Self::Pending => f.write_str("there is no reply yet"),
            Self::Closed => f.write_str("the server has ended before it answered"),
            Self::PeerDied => f.write_str("the server died with the call in hand"),
            Self::Refused(refusal) => refusal.fmt(f),
            Self::Deadlock(deadlock) => deadlock.fmt(f),
            Self::Malformed(error) | Self::Failed(error) => error.fmt(f),
            Self::TimedOut => f.write_str(self.kind().phrase()),
        }
    }
}

impl std::error::Error for CallError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Malformed(error) | Self::Failed(error) => Some(error),
            Self::Refused(refusal) => Some(refusal),
            _ => None,
        }
    }
}

impl From<Error> for CallError {
    fn from(error: Error) -> Self {
        if error.kind() == ErrorKind::TimedOut { Self::TimedOut } else { Self::Failed(error) }
    }
}

/// Why a conversation is over, for all calls that it had.
#[derive(Clone, Debug)]
pub(super) enum Broken {
    Closed,
    PeerDied,
    /// The server ended before it had heard anything: nothing was done.
    Unheard,
    Failed {
        kind: ErrorKind,
        text: String,
    },
}

impl Broken {
    pub(super) fn of_send(error: &SendError) -> Self {
        match error {
            SendError::Closed => Self::Closed,
            SendError::PeerDied => Self::PeerDied,
            other => Self::Failed { kind: other.kind(), text: other.to_string() },
        }
    }

    pub(super) fn of_recv(error: &RecvError) -> Self {
        match error {
            RecvError::Closed => Self::Closed,
            RecvError::PeerDied => Self::PeerDied,
            other => Self::Failed { kind: other.kind(), text: other.to_string() },
        }
    }

    /// What a server says as its last word, or its successor in its name.
    pub(super) fn of_farewell(refusal: &Refusal) -> Self {
        match refusal.kind() {
            ErrorKind::PeerDied => Self::PeerDied,
            ErrorKind::Closed => Self::Closed,
            kind => Self::Failed { kind, text: refusal.text().to_owned() },
        }
    }

    pub(super) fn breach(text: &str) -> Self {
        Self::Failed { kind: ErrorKind::Corrupt, text: text.to_owned() }
    }

    /// As a caller at `address` is told it.
    pub(super) fn report(self, address: &str) -> CallError {
        match self {
            Self::Closed => CallError::Closed,
            Self::PeerDied | Self::Unheard => CallError::PeerDied,
            Self::Failed { kind, text } => CallError::Failed(Error::new("call", address, kind).because(text)),
        }
    }
}
