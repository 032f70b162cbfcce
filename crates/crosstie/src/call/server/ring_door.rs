//! [`RingDoor`]: a pair of rings, with one client at a time.
//!
//! A ring outlives its server, and the next one goes on in it: behind what the one before has said, and with calls that the
//! client sent to it. So a server that finds a client there begins with a FAREWELL in the name of the one before (F5), and
//! throws away what comes in front of a greeting. A HELLO stays in the ring until its WELCOME is out, so that a client was
//! either welcomed, and hears the FAREWELL, or its HELLO is the first that the next server reads.

use std::sync::Arc;

use super::super::frame::{Head, head_bytes};
use super::super::lock::{Lock, Locked};
use super::super::refusal::Refusal;
use super::conversation::Conversation;
use super::desk::{Desk, End};
use super::spare;
use super::taken::Came;
use crate::Deadline;
use crate::channel::ring::RingBell;
#[cfg(feature = "tokio")]
use crate::contract::Readiness;
use crate::contract::RecvError;
use crate::endpoint::{Frame, Receiver, Room, Sender};
use crate::error::{Error, ErrorKind};
use crate::os::clock;
#[cfg(feature = "tokio")]
use crate::os::poll::Poller;

/// How long is waited at a time while the client has no room for the notice, or for replies that wait here.
const SLICE_NS: u64 = 1_000_000;

/// What the client sends.
#[cfg(feature = "tokio")]
const CALLS: u64 = 0;
/// Room for the replies.
#[cfg(feature = "tokio")]
const ROOM: u64 = 1;

/// Where the client of a pair of rings comes in.
pub(super) struct RingDoor {
    guest: Lock<Guest>,
    bell: Option<RingBell>,
}

struct Guest {
    receiver: Option<Receiver<[u8]>>,
    visit: Visit,
    room: Room,
    /// The rings' own bytes are not what they must be.
    is_broken: bool,
}

/// Who is there.
struct Visit {
    /// The client that is there, or was there last.
    conversation: Arc<Conversation>,
    /// What the client of the server before is to be told, until it is.
    notice: Option<Refusal>,
    /// A client has said hello to this server.
    is_greeted: bool,
}

impl RingDoor {
    /// Both rings, and the longest request, in bytes.
    pub(super) fn new(sender: Sender<[u8]>, mut receiver: Receiver<[u8]>, request_bytes_max: usize) -> Self {
        let bell = receiver.bell();
        let notice = Some(notice_of_successor(&sender));
        let conversation = Conversation::on_ring(sender, request_bytes_max);
        let receiver = Some(receiver);
        let mut visit = Visit { conversation, notice, is_greeted: false };
        visit.give_notice();
        let guest = Guest { receiver, visit, room: Room::default(), is_broken: false };
        Self { guest: Lock::new(guest), bell }
    }

    fn lock(&self) -> Locked<'_, Guest> {
        self.guest.lock()
    }

    #[inline(always)]
    pub(super) fn attend(&self, desk: &Desk, deadline: Deadline) -> Result<Came, Box<RecvError>> {
        let guest = &mut *self.lock();
        let came = guest.take_in(desk, deadline);
        // Bytes that are broken bring nobody any more.
        if guest.is_broken {
            guest.receiver = None;
        }
        came
    }

    /// Whether replies that find no room wait for it here.
    #[cfg(feature = "tokio")]
    pub(super) fn keep_replies(&self, keeps: bool) {
        self.lock().visit.conversation.keep_replies(keeps);
    }

    /// Has `poller` told of what the client sends, of its end, and of room where that is waited for.
    #[cfg(feature = "tokio")]
    pub(super) fn arm_in(&self, poller: &Poller) -> Result<Readiness, RecvError> {
        let guest = &mut *self.lock();
        let failed = |error| Error::os("wait for calls at", "a ring", error);
        let Some(receiver) = &mut guest.receiver else { return Ok(Readiness::Ready) };
        poller.keep(receiver.pollable()?, CALLS).map_err(failed)?;
        if receiver.arm()? == Readiness::Ready {
            return Ok(Readiness::Ready);
        }
        let mut talk = guest.visit.conversation.lock();
        if guest.visit.notice.is_none() && !talk.owes() {
            return Ok(Readiness::Armed);
        }
        let Some(sender) = &mut talk.sender else { return Ok(Readiness::Armed) };
        poller.keep(sender.pollable()?.0, ROOM).map_err(failed)?;
        Ok(sender.arm()?)
    }

    /// Whether the client has not taken what it was sent.
    pub(super) fn owes(&self) -> bool {
        self.lock().visit.conversation.owes()
    }

    pub(super) fn ring_bell(&self) {
        if let Some(bell) = &self.bell {
            bell.ring();
        }
    }

    pub(super) fn close(&self) {
        // A stream that stands at the door keeps its end until it leaves.
        if let Some(mut guest) = self.guest.try_lock() {
            guest.receiver = None;
        }
    }
}

/// What whoever had a conversation with the server before is told of it.
fn notice_of_successor(sender: &Sender<[u8]>) -> Refusal {
    if sender.succeeds_dead() {
        Refusal::of_kind(ErrorKind::PeerDied, "the server died, and another one is there")
    } else {
        Refusal::of_kind(ErrorKind::Closed, "the server has ended, and another one is there")
    }
}

impl Visit {
    /// Tells the client that is there that the server before has ended; answers whether that is done. Who comes later
    /// had nothing to do with it.
    fn give_notice(&mut self) -> bool {
        if let Some(notice) = self.notice.take()
            && !self.conversation.tell_now(Head::Farewell, &notice.to_body())
        {
            self.notice = Some(notice);
        }
        self.notice.is_none()
    }

    /// Takes in a frame of the client; `conversation` is counted for it.
    ///
    /// # Errors
    /// What its sender must not have sent.
    #[inline(always)]
    fn hear(
        &mut self,
        desk: &Desk,
        mut conversation: Arc<Conversation>,
        frame: Frame<'_>,
    ) -> Result<Came, &'static str> {
        let head = Head::read(frame.head(), frame.body.bytes())?;
        match head {
            // Of the server before: who sent it hears the notice.
            Head::Call(..) | Head::Cancel(_) | Head::Credit(..) if !self.is_greeted => {
                return Ok(Came::Something);
            }
            Head::Hello(_) => conversation = self.greet(desk),
            _ => {}
        }
        let call = desk.hear(conversation, head, frame.body)?;
        Ok(call.map_or(Came::Something, Came::Call))
    }

    /// A client says hello; answers its conversation.
    #[inline(never)]
    fn greet(&mut self, desk: &Desk) -> Arc<Conversation> {
        (self.is_greeted, self.notice) = (true, None);
        // What the one before still waits for goes nowhere.
        let next = self.conversation.succeed();
        desk.end(&std::mem::replace(&mut self.conversation, next), None);
        Arc::clone(&self.conversation)
    }
}

impl Guest {
    /// Takes in one frame, or the client's end.
    #[inline(always)]
    fn take_in(&mut self, desk: &Desk, deadline: Deadline) -> Result<Came, Box<RecvError>> {
        let Self { receiver, visit, room, is_broken } = self;
        let Some(receiver) = receiver else { return Ok(Came::Nothing) };
        let owes = visit.conversation.settle();
        let deadline = if visit.give_notice() && !owes {
            deadline
        } else {
            deadline.min(Deadline::at_ns(clock::now_ns()).after_ns(SLICE_NS))
        };
        // Before the wait: behind it somebody waits for the answer.
        let conversation = Arc::clone(&visit.conversation);
        room.refill(spare::take);
        let heard = match receiver.recv_frame(room, deadline, head_bytes) {
            Ok(frame) => visit.hear(desk, conversation, frame),
            Err(RecvError::Empty | RecvError::TimedOut) => return Ok(Came::Nothing),
            Err(error) => return visit.meet_end(desk, error, is_broken),
        };
        receiver.acknowledge_held();
        heard.map_err(|text| visit.cut_off(desk, text))
    }
}

impl Visit {
    #[cold]
    fn meet_end(&self, desk: &Desk, error: RecvError, is_broken: &mut bool) -> Result<Came, Box<RecvError>> {
        desk.end(&self.conversation, None);
        if matches!(error, RecvError::Closed | RecvError::PeerDied) {
            return Ok(Came::Something);
        }
        *is_broken = true;
        desk.end_for_good(End::Broken);
        Err(Box::new(error))
    }

    /// Ends the conversation with a client that broke the protocol; answers the error.
    #[cold]
    fn cut_off(&self, desk: &Desk, text: &'static str) -> Box<RecvError> {
        let error = Error::new("receive from", &desk.object, ErrorKind::Corrupt).because(text);
        let refusal = Refusal::of_kind(ErrorKind::Corrupt, error.to_string());
        desk.end(&self.conversation, Some(&refusal));
        Box::new(error.into())
    }
}
