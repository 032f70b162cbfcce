//! What every sending end knows about itself: its limit, and whether and how it has ended.

use std::io;

use super::inbound::is_gone;
use crate::contract::SendError;
use crate::error::{Error, ErrorKind};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Open,
    /// This end said that it is done.
    Closed,
    /// The receiver said that it is done, or its mechanism cannot tell.
    ReceiverEnded,
    ReceiverDied,
}

/// The state of a sending end.
#[derive(Debug)]
pub(crate) struct Sending {
    object: String,
    limit: usize,
    state: State,
    /// Messages that the kernel took.
    sent_count: u64,
    /// Messages that the receiver took, as it said when it ended.
    taken_count: Option<u64>,
    owner_pid: u32,
}

impl Sending {
    pub(crate) fn new(object: String, limit: usize) -> Self {
        let state = State::Open;
        Self { object, limit, state, sent_count: 0, taken_count: None, owner_pid: std::process::id() }
    }

    pub(crate) fn limit(&self) -> usize {
        self.limit
    }

    pub(crate) fn object(&self) -> &str {
        &self.object
    }

    /// Whether a message of `length` bytes may be sent now.
    #[inline]
    pub(crate) fn check(&self, length: usize) -> Result<(), SendError> {
        if self.state == State::Open && length <= self.limit { Ok(()) } else { Err(self.refuse(length)) }
    }

    #[cold]
    fn refuse(&self, length: usize) -> SendError {
        match self.state {
            State::Open => SendError::TooLarge { length, limit: self.limit },
            State::Closed => Error::new("send to", &self.object, ErrorKind::Closed)
                .because("this end was closed before")
                .into(),
            State::ReceiverEnded => SendError::Closed,
            State::ReceiverDied => SendError::PeerDied,
        }
    }

    /// What the kernel's refusal means; asks `said_goodbye` when the receiver is gone.
    #[cold]
    pub(crate) fn fail(&mut self, error: io::Error, said_goodbye: impl FnOnce() -> bool) -> SendError {
        match error.kind() {
            io::ErrorKind::WouldBlock => SendError::Full,
            _ if is_gone(&error) => {
                self.state = if said_goodbye() { State::ReceiverEnded } else { State::ReceiverDied };
                self.refuse(0)
            }
            io::ErrorKind::TimedOut => SendError::TimedOut,
            _ => Error::os("send to", &self.object, error).into(),
        }
    }

    /// So many more messages went out.
    #[inline]
    pub(crate) fn count(&mut self, messages: usize) {
        self.sent_count += messages as u64;
    }

    pub(crate) fn has_sent(&self) -> bool {
        self.sent_count > 0
    }

    /// The receiver said goodbye, and how many messages it took.
    pub(crate) fn hear_goodbye(&mut self, taken_count: u64) {
        self.state = State::ReceiverEnded;
        self.taken_count = Some(taken_count);
    }

    /// The receiver has ended, and the kernel shows that it had read everything.
    pub(crate) fn set_all_taken(&mut self) {
        self.taken_count = Some(self.sent_count);
    }

    /// What closing answers: a receiver that took everything need not be told the end.
    pub(crate) fn unless_all_was_taken(&self, closed: Result<(), SendError>) -> Result<(), SendError> {
        match closed {
            Err(SendError::Closed) if !self.has_sent() || self.taken_count == Some(self.sent_count) => Ok(()),
            answer => answer,
        }
    }

    /// Whether this end said already that it is done.
    pub(crate) fn is_closed(&self) -> bool {
        self.state == State::Closed
    }

    pub(crate) fn set_closed(&mut self) {
        self.state = State::Closed;
    }

    /// Whether dropping this end ends the messages cleanly: not while panicking, and not in a child
    /// of fork, whose parent goes on with it (H6).
    pub(crate) fn ends_on_drop(&self) -> bool {
        !std::thread::panicking() && self.owner_pid == std::process::id()
    }
}

/// Bytes that go out before anything else.
#[derive(Debug, Default)]
pub(crate) struct Owed {
    bytes: Vec<u8>,
    /// So many of them went out already.
    at: usize,
}

impl Owed {
    pub(crate) fn new(bytes: Vec<u8>) -> Self {
        Self { bytes, at: 0 }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.at == self.bytes.len()
    }

    /// What did not go out yet.
    pub(crate) fn rest(&self) -> &[u8] {
        &self.bytes[self.at..]
    }

    /// So many more went out.
    pub(crate) fn advance(&mut self, count: usize) {
        self.at = (self.at + count).min(self.bytes.len());
        if self.is_empty() {
            *self = Self::default();
        }
    }

    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }
}

/// Whether the kernel had no room before the deadline.
pub(crate) fn is_lack_of_room(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) && !is_gone(error)
}
