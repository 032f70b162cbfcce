//! What conversations, the desk and its workers pass to each other.

use std::sync::Arc;

use super::super::frame::CallHead;
use super::conversation::Conversation;
use super::queue_door::Hand;
use crate::Deadline;
use crate::ledger::sign::Waiting;

/// A call that a worker may take; behind a pointer, since it goes from hand to hand.
pub(super) struct Taken {
    pub(super) conversation: Arc<Conversation>,
    pub(super) id: u32,
    pub(super) head: CallHead,
    pub(super) deadline: Deadline,
    pub(super) body: Vec<u8>,
    /// Where calls come through a queue: its place there, until this is dropped.
    pub(super) hand: Option<Arc<Hand>>,
    /// What the call is known by in the ledger, where it is not the queue's.
    pub(super) ticket: u64,
    /// That it waits for a worker is said there, until this is dropped.
    pub(super) waiting: Option<Waiting>,
    /// Its client was told before what the server is known by.
    pub(super) is_named: bool,
    /// Its client, the only one of a ring, had not taken what it was sent when it came: it is given to nobody yet.
    pub(super) is_early: bool,
}

impl Taken {
    /// What it takes while it waits, in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.body.capacity().saturating_add(size_of::<Self>())
    }
}

/// What a frame of a client that is no call means for the desk.
pub(super) enum Heard {
    /// Nothing but what the conversation knows now.
    Noted,
    /// The client has said hello.
    Greeted,
    /// Nobody waits for this call any more.
    Cancelled(u32),
}

/// What somebody who stood at the door has got.
pub(super) enum Came {
    /// Nothing before the deadline.
    Nothing,
    /// Something that was noted where it belongs.
    Something,
    /// A call, alone, that waits nowhere yet.
    Call(Box<Taken>),
}

/// What became of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sent {
    /// The kernel has it, or nobody is there to have it.
    Whole,
    /// Some of it waits for room.
    Owed,
}

/// May a stream go on?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flow {
    Open,
    /// Until the client has taken more.
    Stopped,
    /// Nobody takes it any more.
    Ended,
}
