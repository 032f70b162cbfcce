//! [`Outgoing`]: what carries a client's frames: an end of the mechanism, or a queue and the client's own board.

use std::os::fd::BorrowedFd;
use std::sync::Arc;

use crosstie_core::queue::end::{Ticket, Whereabouts};
#[cfg(feature = "tokio")]
use crosstie_core::ring::sleepers::Awaits;

use super::super::board::{self, Board};
use super::super::frame::{HEAD_BYTES_MAX, Head, PREFIX_BYTES, Prefix, SERVERS_MAX, SLOT_BITS};
use super::call_wait::CallWait;
use crate::Deadline;
#[cfg(feature = "tokio")]
use crate::channel::queue::Beside as _;
use crate::channel::queue::{QueueSender, Receivers};
#[cfg(feature = "tokio")]
use crate::contract::Readiness;
use crate::contract::SendError;
use crate::endpoint::Sender;
use crate::error::Result;
use crate::ledger::calls::key_of_calls;
use crate::os::clock;

/// What carries a client's frames.
pub(super) enum Outgoing {
    /// Every frame is a message.
    Line(Sender<[u8]>),
    /// Calls are messages of a queue, all else stands on the board.
    Queue(Box<CallQueue>),
}

/// Calls through a queue.
pub(super) struct CallQueue {
    sender: QueueSender,
    board: Arc<Board>,
    servers: Arc<Receivers>,
    /// Of the queue of calls in the ledger.
    key: u64,
    /// By the slot of the call.
    sent: Vec<Option<SentCall>>,
}

#[derive(Clone, Copy)]
struct SentCall {
    id: u32,
    ticket: Ticket,
    is_idempotent: bool,
    taken_cost: u64,
}

impl Outgoing {
    /// Sends one frame; never waits.
    #[inline]
    pub(super) fn send(&mut self, head: Head, body: &[u8]) -> Result<(), SendError> {
        match self {
            Self::Line(sender) => {
                sender.send_parts(head.write(&mut [0; HEAD_BYTES_MAX]), body, Deadline::NOW)
            }
            Self::Queue(queue) => queue.send(head, body),
        }
    }

    /// Sends what a deadline left of the last message.
    pub(super) fn settle(&mut self) -> Result<(), SendError> {
        match self {
            Self::Line(sender) => sender.settle(Deadline::NOW),
            Self::Queue(_) => Ok(()),
        }
    }

    /// Sends a frame that was kept; never waits.
    pub(super) fn send_kept(&mut self, frame: &[u8]) -> Result<(), SendError> {
        match self {
            Self::Line(sender) => sender.send_parts(&[], frame, Deadline::NOW),
            // The board always has room, and a call is not kept.
            Self::Queue(_) => Ok(()),
        }
    }

    pub(super) fn as_fd(&self) -> Option<BorrowedFd<'_>> {
        match self {
            Self::Line(sender) => sender.as_fd(),
            Self::Queue(_) => None,
        }
    }

    /// The largest frame, in bytes.
    pub(super) fn message_bytes_max(&self) -> usize {
        match self {
            Self::Line(sender) => sender.message_bytes_max(),
            Self::Queue(queue) => queue.sender.message_bytes_max().saturating_sub(PREFIX_BYTES),
        }
    }

    /// The queue of calls, if it is one.
    pub(super) fn queue(&mut self) -> Option<&mut CallQueue> {
        match self {
            Self::Line(_) => None,
            Self::Queue(queue) => Some(queue),
        }
    }
}

impl CallQueue {
    pub(super) fn new(sender: QueueSender, board: Arc<Board>) -> Self {
        let servers = Arc::new(sender.receivers());
        let key = key_of_calls(&board::calls_queue(&board.place().name));
        Self { sender, board, servers, key, sent: Vec::new() }
    }

    /// Who answers.
    pub(super) fn servers(&self) -> &Arc<Receivers> {
        &self.servers
    }

    /// The wait for the call `id`, as others see it.
    pub(super) fn wait_for(&self, id: u32, deadline: Deadline) -> Option<CallWait> {
        let sent = self.sent(id)?;
        let (domain, servers) = (self.board.domain(), Arc::clone(&self.servers));
        Some(CallWait::new(domain, (self.key, sent.ticket.to_bits()), servers, deadline))
    }

    /// Takes the call `id` back, which no server has had in hand: none of its frames comes any more.
    pub(super) fn withdraw(&mut self, id: u32) -> bool {
        self.sent(id).is_some_and(|sent| self.sender.withdraw(sent.ticket))
    }

    /// The call `id` is over, and its caller knows.
    pub(super) fn close(&mut self, id: u32) {
        if self.sent(id).is_some()
            && let Some(words) = self.board.call(id)
        {
            words.close();
        }
    }

    fn sent(&self, id: u32) -> Option<SentCall> {
        self.sent.get(slot_of(id)).copied().flatten().filter(|sent| sent.id == id)
    }

    fn send(&mut self, head: Head, body: &[u8]) -> Result<(), SendError> {
        match head {
            Head::Call(id, call) => {
                let Some(words) = self.board.call(id) else { return Err(SendError::Full) };
                words.open(id);
                let prefix = Prefix { token: self.board.place().token, sent_ns: clock::now_ns() };
                let head_room = &mut [0; HEAD_BYTES_MAX];
                let parts = [&prefix.to_bytes()[..], head.write(head_room), body];
                let ticket = self.sender.send_tracked(&parts, Deadline::NOW).map_err(without_prefix)?;
                let sent = SentCall { id, ticket, is_idempotent: call.is_idempotent, taken_cost: 0 };
                let slot = slot_of(id);
                if self.sent.len() <= slot {
                    self.sent.resize(slot + 1, None);
                }
                self.sent[slot] = Some(sent);
            }
            Head::Cancel(id) => {
                if let Some(words) = self.board.call(id) {
                    words.cancel();
                    board::wake(words.changes().0);
                }
            }
            Head::Credit(id, cost) => {
                let sent = self.sent.get_mut(slot_of(id)).and_then(Option::as_mut).filter(|it| it.id == id);
                if let (Some(sent), Some(words)) = (sent, self.board.call(id)) {
                    sent.taken_cost = sent.taken_cost.saturating_add(cost);
                    words.take(sent.taken_cost);
                    board::wake(words.changes().0);
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// The descriptor that tells of servers that come, go or die, and of room.
    #[cfg(feature = "tokio")]
    pub(super) fn pollable(&mut self) -> Result<BorrowedFd<'_>> {
        self.sender.pollable()
    }

    /// Arms it for servers, and for what is awaited beside them.
    #[cfg(feature = "tokio")]
    pub(super) fn arm(&mut self, awaits: Option<Awaits>) -> Result<Readiness> {
        let servers = &self.servers;
        self.sender.arm_for(awaits, || servers.has_come())
    }

    /// Brings back what dead servers had in hand, for those who live.
    pub(super) fn recover(&mut self) -> Result<()> {
        self.sender.recover().map(drop)
    }

    /// Whether no server has the call `id` that will answer it, nor will get it: unless its answer is here already.
    pub(super) fn is_lost(&mut self, id: u32) -> bool {
        let Some(sent) = self.sent(id) else { return false };
        let servers_max = if sent.is_idempotent { SERVERS_MAX } else { 1 };
        match self.sender.whereabouts(sent.ticket) {
            Whereabouts::Waiting(deliveries) => u32::from(deliveries) >= servers_max,
            Whereabouts::InHand(_, deliveries) => u32::from(deliveries) > servers_max,
            Whereabouts::DeadLetter | Whereabouts::Done => true,
        }
    }
}

fn slot_of(id: u32) -> usize {
    (id & ((1 << SLOT_BITS) - 1)) as usize
}

/// What is said of a length is said without the prefix.
fn without_prefix(error: SendError) -> SendError {
    match error {
        SendError::TooLarge { length, limit } => SendError::TooLarge {
            length: length.saturating_sub(PREFIX_BYTES),
            limit: limit.saturating_sub(PREFIX_BYTES),
        },
        other => other,
    }
}
