//! What the two locks of a [`Shared`](super::shared::Shared) guard: [`State`] and [`Reader`].

use std::collections::VecDeque;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use crosstie_core::OwnerId;
use crosstie_core::atomic::AtomicU64;

use super::super::frame::Head;
use super::call_wait::CallWait;
#[cfg(feature = "tokio")]
use super::driver::Watch;
use super::line::{ReplyFile, ReplyQueue};
use super::outgoing::Outgoing;
use super::slots::Slots;
use crate::Deadline;
use crate::contract::SendError;
use crate::endpoint::{Receiver, Room};

/// The sending end and the calls.
pub(super) struct State {
    pub(super) sender: Option<Outgoing>,
    pub(super) is_connecting: bool,
    /// Somebody has the turn to read.
    pub(super) is_read: bool,
    /// Threads that sleep on `changed`.
    pub(super) sleepers_count: usize,
    /// The kernel has the beginning of a frame, this end the rest.
    pub(super) owes_rest: bool,
    /// Frames that found no room and that nobody waits to send.
    pub(super) outbox: VecDeque<Vec<u8>>,
    pub(super) slots: Slots,
    /// Names the conversation.
    pub(super) token: u64,
}

/// The receiving end.
#[derive(Default)]
pub(super) struct Reader {
    pub(super) receiver: Option<Receiver<[u8]>>,
    /// The replies and their servers, where calls go through a queue.
    pub(super) queue: Option<Box<ReplyQueue>>,
    pub(super) lifeline: Option<OwnedFd>,
    pub(super) _file: Option<ReplyFile>,
    pub(super) greeting: Greeting,
    pub(super) room: Room,
    /// Where a driver waits for what comes.
    #[cfg(feature = "tokio")]
    pub(super) watch: Option<Watch>,
}

/// How far the two sides of a conversation know each other.
#[derive(Default)]
pub(super) struct Greeting {
    pub(super) token: u64,
    /// Nothing of another conversation can come.
    pub(super) is_alone: bool,
    pub(super) is_welcomed: bool,
    /// On a ring: who sent when this client was welcomed.
    pub(super) welcomed_by: Option<OwnerId>,
}

impl Greeting {
    /// Whether the server has not heard anything yet, and nobody else will instead of it.
    pub(super) fn is_unheard(&self) -> bool {
        self.is_alone && !self.is_welcomed
    }
}

impl Reader {
    /// Notes who welcomed this client, where another server can take the place without a trace of the one before.
    pub(super) fn note_server(&mut self) {
        if self.greeting.is_welcomed && self.greeting.welcomed_by.is_none() {
            self.greeting.welcomed_by = self.receiver.as_ref().and_then(Receiver::ring_sender);
        }
    }

    /// Whether another server is there than the one that welcomed this client.
    pub(super) fn is_succeeded(&self) -> bool {
        let sender = self.receiver.as_ref().and_then(Receiver::ring_sender);
        self.greeting.is_welcomed && sender.is_some() && sender != self.greeting.welcomed_by
    }

    /// Whether nothing has come from the server that welcomed this client, and it is there yet.
    #[inline]
    pub(super) fn is_undisturbed(&self) -> bool {
        let is_there = |receiver: &Receiver<[u8]>| receiver.ring_sender() == self.greeting.welcomed_by;
        self.greeting.welcomed_by.is_some()
            && self.receiver.as_ref().is_some_and(|receiver| receiver.is_empty_ring() && is_there(receiver))
    }
}

impl State {
    /// Whether something that was begun, or that nobody waits for, is still to be sent.
    pub(super) fn owes(&self) -> bool {
        self.owes_rest || !self.outbox.is_empty()
    }

    /// The call `id` is over, and its caller knows.
    pub(super) fn close(&mut self, id: u32) {
        self.slots.close(id);
        if let Some(queue) = self.sender.as_mut().and_then(Outgoing::queue) {
            queue.close(id);
        }
    }

    /// The wait for the call `id`, as others see it, where they can.
    pub(super) fn wait_for(
        &mut self,
        id: u32,
        deadline: Deadline,
        server: &Arc<AtomicU64>,
    ) -> Option<CallWait> {
        match self.sender.as_mut()?.queue() {
            Some(queue) => queue.wait_for(id, deadline),
            None if deadline.is_never() => CallWait::for_one(server, (self.token, id)),
            None => None,
        }
    }

    /// Sends one frame, behind what is owed; never waits.
    #[inline]
    pub(super) fn send(&mut self, head: Head, body: &[u8]) -> Result<(), SendError> {
        if self.owes() {
            self.flush()?;
        }
        let Some(sender) = &mut self.sender else { return Err(SendError::Closed) };
        sender.send(head, body)?;
        self.owes_rest = matches!(sender.settle(), Err(SendError::Full));
        Ok(())
    }

    /// Sends what is owed, as far as there is room.
    pub(super) fn flush(&mut self) -> Result<(), SendError> {
        let Some(sender) = &mut self.sender else { return Ok(()) };
        if self.owes_rest {
            sender.settle()?;
            self.owes_rest = false;
        }
        while let Some(frame) = self.outbox.front() {
            sender.send_kept(frame)?;
            self.outbox.pop_front();
            self.owes_rest = matches!(sender.settle(), Err(SendError::Full));
            if self.owes_rest {
                return Err(SendError::Full);
            }
        }
        Ok(())
    }
}
