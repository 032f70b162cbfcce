//! [`Conversation`]: one client as its server has it: the replies' direction, and its calls in flight.

use std::collections::VecDeque;
use std::os::fd::BorrowedFd;
use std::sync::Arc;

use crosstie_core::word::call::CallWords;

use super::super::board::Board;
use super::super::frame::{self, CALLS_MAX, CallHead, HEAD_BYTES_MAX, Head, WINDOW_COST};
use super::super::lock::{Lock, Locked};
use super::super::refusal::Refusal;
use super::queue_door::Hand;
use super::spare;
use super::taken::{Flow, Heard, Sent, Taken};
use crate::contract::SendError;
use crate::endpoint::{Body, Sender};
use crate::error::ErrorKind;
use crate::ledger::sign::ticket_of;
use crate::os::byte_stream;
use crate::{Deadline, os::clock};

const UNGREETED: &str = "calls without a greeting";

/// One client.
pub(super) struct Conversation {
    /// What its descriptor is known by at the door.
    pub(super) key: u64,
    pub(super) client_pid: Option<u32>,
    /// Its sending end goes on to the next client.
    is_on_ring: bool,
    /// The longest request, in bytes, where the mechanism does not see to it.
    request_bytes_max: usize,
    /// Where calls come through a queue: what the client says of them.
    board: Option<Board>,
    talk: Lock<Talk>,
}

/// What is said and to be said.
pub(super) struct Talk {
    pub(super) sender: Option<Sender<[u8]>>,
    /// Nobody tells its sending end of room: it waits for it. Only on a ring, whose one client stalls
    /// nobody but itself, and only where threads serve.
    waits_for_room: bool,
    is_greeted: bool,
    /// What the client named the conversation by.
    token: u64,
    /// The client knows what the server is known by in the ledger.
    is_named: bool,
    is_over: bool,
    calls: Vec<Entry>,
    /// Of those that wait for a worker.
    waiting_bytes: usize,
    /// The kernel has the beginning of a frame, this end the rest.
    owes_rest: bool,
    /// The client is watched for room too.
    pub(super) is_watched_for_room: bool,
    /// Frames that found no room.
    outbox: VecDeque<Vec<u8>>,
    /// The calls whose answers are among these, in the hands of this server until they are out.
    hands: Vec<Arc<Hand>>,
}

/// A call in flight.
#[derive(Clone, Copy, Debug)]
struct Entry {
    id: u32,
    is_cancelled: bool,
    /// What its stream may send yet, in cost; below 0 by one reply at most.
    credit: i64,
    /// What stood on the board when it was looked at last.
    taken_cost: u64,
}

impl Conversation {
    /// A client of a socket or a FIFO.
    pub(super) fn new(key: u64, sender: Sender<[u8]>) -> Arc<Self> {
        Self::over(key, Some(sender), false, usize::MAX)
    }

    /// The client of a ring.
    pub(super) fn on_ring(sender: Sender<[u8]>, request_bytes_max: usize) -> Arc<Self> {
        Self::over(0, Some(sender), true, request_bytes_max)
    }

    /// The client that `token` names at a queue.
    pub(super) fn on_queue(
        token: u64,
        sender: Sender<[u8]>,
        board: Board,
        client_pid: Option<u32>,
        request_bytes_max: usize,
    ) -> Arc<Self> {
        let talk = Lock::new(Talk::new(Some(sender), Greeting::Needless));
        let (key, is_on_ring, board) = (token, false, Some(board));
        Arc::new(Self { key, client_pid, is_on_ring, request_bytes_max, board, talk })
    }

    fn over(key: u64, sender: Option<Sender<[u8]>>, is_on_ring: bool, request_bytes_max: usize) -> Arc<Self> {
        let client_pid = sender.as_ref().and_then(Sender::peer).map(|peer| peer.pid);
        let talk = Talk { waits_for_room: is_on_ring, ..Talk::new(sender, Greeting::Awaited) };
        let talk = Lock::new(talk);
        Arc::new(Self { key, client_pid, is_on_ring, request_bytes_max, board: None, talk })
    }

    #[inline(always)]
    pub(super) fn lock(&self) -> Locked<'_, Talk> {
        self.talk.lock()
    }

    /// Takes a frame in that is no call.
    ///
    /// # Errors
    /// What its sender must not have sent; the conversation is of no more use.
    pub(super) fn hear(&self, head: Head) -> Result<Heard, &'static str> {
        let mut talk = self.lock();
        if talk.is_over {
            return Ok(Heard::Noted);
        }
        match head {
            Head::Hello(token) if !talk.is_greeted => {
                (talk.is_greeted, talk.token) = (true, token);
                let welcome = Head::Welcome(token);
                self.send(&mut talk, welcome, welcome.own_body());
                Ok(Heard::Greeted)
            }
            _ if !talk.is_greeted => Err(UNGREETED),
            Head::Cancel(id) => {
                let Some(entry) = talk.entry(id) else { return Ok(Heard::Noted) };
                entry.is_cancelled = true;
                Ok(Heard::Cancelled(id))
            }
            Head::Credit(id, cost) => {
                if let Some(entry) = talk.entry(id) {
                    let window = WINDOW_COST.cast_signed();
                    let cost = i64::try_from(cost).unwrap_or(window);
                    entry.credit = entry.credit.saturating_add(cost).min(window);
                }
                Ok(Heard::Noted)
            }
            _ => Err("a frame that only a server sends"),
        }
    }

    /// Takes a call in, which keeps its conversation; `None` for one that is refused.
    ///
    /// # Errors
    /// As [`Conversation::hear`].
    #[inline(always)]
    pub(super) fn hear_call(
        self: Arc<Self>,
        id: u32,
        head: CallHead,
        body: Body<'_>,
    ) -> Result<Option<Box<Taken>>, &'static str> {
        let mut talk = self.lock();
        if talk.is_over {
            return Ok(None);
        }
        if !talk.is_greeted {
            return Err(UNGREETED);
        }
        if talk.calls.len() + frame::last_count(&talk.outbox) >= CALLS_MAX {
            return Err("more calls at a time than a conversation has");
        }
        if talk.entry(id).is_some() {
            return Err("two calls under one id");
        }
        talk.calls.push(Entry { id, is_cancelled: false, credit: WINDOW_COST.cast_signed(), taken_cost: 0 });
        if let Some(refusal) = self.refusal_of(body.bytes().len()) {
            self.finish(&mut talk, id, Head::Refusal(id), &refusal.to_body());
            return Ok(None);
        }
        let deadline = match head.left_ns {
            Some(left_ns) => Deadline::at_ns(clock::now_ns()).after_ns(left_ns),
            None => Deadline::NEVER,
        };
        let (ticket, is_named) = (ticket_of(talk.token, id), talk.is_named);
        let is_early = self.is_on_ring && !talk.waits_for_room && talk.owes();
        drop(talk);
        let (conversation, body, hand, waiting) = (self, spare::own(body), None, None);
        let taken =
            Taken { conversation, id, head, deadline, body, hand, ticket, waiting, is_named, is_early };
        Ok(Some(Box::new(taken)))
    }

    /// Why a request of so many bytes is not taken in.
    fn refusal_of(&self, bytes: usize) -> Option<Refusal> {
        (bytes > self.request_bytes_max).then(|| {
            let text = format!("{bytes} bytes, the server's limit is {}", self.request_bytes_max);
            Refusal::of_kind(ErrorKind::TooLarge, text)
        })
    }

    /// What its calls take that wait for a worker, in bytes.
    pub(super) fn waiting_bytes(&self) -> usize {
        self.lock().waiting_bytes
    }

    /// A call that takes so many bytes waits for a worker.
    pub(super) fn waits(&self, bytes: usize) {
        self.lock().waiting_bytes += bytes;
    }

    /// It waits no more.
    pub(super) fn waits_no_more(&self, bytes: usize) {
        let mut talk = self.lock();
        talk.waiting_bytes = talk.waiting_bytes.saturating_sub(bytes);
    }

    /// Sends the last frame of the call `id`; of a call that has had it, nothing.
    ///
    /// # Errors
    /// [`SendError::TooLarge`]: the call is still to be answered.
    pub(super) fn answer(&self, id: u32, head: Head, body: &[u8]) -> Result<Sent, SendError> {
        let mut talk = self.lock();
        let limit = talk.limit();
        if body.len() > limit {
            return Err(SendError::TooLarge { length: body.len(), limit });
        }
        Ok(self.finish(&mut talk, id, head, body))
    }

    /// Refuses the call `id`.
    pub(super) fn refuse(&self, id: u32, refusal: &Refusal) -> Sent {
        let mut body = refusal.to_body();
        let mut talk = self.lock();
        body.truncate(talk.limit());
        self.finish(&mut talk, id, Head::Refusal(id), &body)
    }

    fn finish(&self, talk: &mut Talk, id: u32, head: Head, body: &[u8]) -> Sent {
        let Some(at) = talk.calls.iter().position(|entry| entry.id == id) else { return Sent::Whole };
        talk.calls.swap_remove(at);
        self.send(talk, head, body)
    }

    /// Sends one reply of many, if the client has room for it.
    ///
    /// # Errors
    /// [`SendError::TooLarge`], [`SendError::Full`] without room.
    pub(super) fn send_item(&self, id: u32, body: &[u8]) -> Result<Sent, SendError> {
        let mut talk = self.lock();
        let limit = talk.limit();
        if body.len() > limit {
            return Err(SendError::TooLarge { length: body.len(), limit });
        }
        self.read_board(&mut talk, id);
        match talk.flow(id) {
            Flow::Ended => return Err(SendError::Closed),
            Flow::Stopped => return Err(SendError::Full),
            Flow::Open => {}
        }
        let cost = i64::try_from(frame::cost(body.len())).unwrap_or(i64::MAX);
        if let Some(entry) = talk.entry(id) {
            entry.credit = entry.credit.saturating_sub(cost);
        }
        Ok(self.send(&mut talk, Head::Item(id), body))
    }

    /// Sends a frame, or keeps it until there is room. A client that is gone needs none.
    fn send(&self, talk: &mut Talk, head: Head, body: &[u8]) -> Sent {
        let head_room = &mut [0; HEAD_BYTES_MAX];
        let until = if talk.waits_for_room { Deadline::NEVER } else { Deadline::NOW };
        if talk.owes() && !talk.waits_for_room {
            talk.outbox.push_back(head.to_frame(body));
            return Sent::Owed;
        }
        let Some(sender) = &mut talk.sender else { return Sent::Whole };
        match sender.send_parts(head.write(head_room), body, until) {
            Ok(()) => talk.owes_rest = matches!(sender.settle(Deadline::NOW), Err(SendError::Full)),
            Err(SendError::Full) => talk.outbox.push_back(head.to_frame(body)),
            // The client's end is met by who reads.
            Err(_) => {}
        }
        if talk.owes() { Sent::Owed } else { Sent::Whole }
    }

    /// Whether a stream may send.
    pub(super) fn flow(&self, id: u32) -> Flow {
        let mut talk = self.lock();
        self.read_board(&mut talk, id);
        talk.flow(id)
    }

    /// Takes in what stands of the call `id` on the client's board, if it has one.
    fn read_board(&self, talk: &mut Talk, id: u32) {
        let (Some(board), Some(entry)) = (&self.board, talk.entry(id)) else { return };
        entry.is_cancelled |= !board.is_wanted(id);
        // What is not the call's any more does no harm: nobody waits for it.
        let taken_cost = board.call(id).map_or(0, CallWords::taken);
        let more = taken_cost.saturating_sub(entry.taken_cost);
        let window = WINDOW_COST.cast_signed();
        let more = i64::try_from(more).unwrap_or(window);
        entry.credit = entry.credit.saturating_add(more).min(window);
        entry.taken_cost = taken_cost;
    }

    /// Waits until the client's board says something new of the call `id`, `is_there`, or `deadline`; false where
    /// there is no board, or something waits for room.
    pub(super) fn await_board(&self, id: u32, deadline: Deadline, is_there: impl Fn() -> bool) -> bool {
        let Some(board) = self.board.as_ref().filter(|_| !self.owes()) else { return false };
        let (Some(words), Some(client)) = (board.call(id), board.client()) else { return true };
        let (word, seen) = words.changes();
        if !is_there() {
            // Whatever ended it, the caller looks again.
            let _ = board.domain().wait(word, seen, &[client], deadline);
        }
        true
    }

    pub(super) fn board(&self) -> Option<&Board> {
        self.board.as_ref()
    }

    /// Whether a client that has a board has left or died.
    pub(super) fn has_left(&self) -> bool {
        self.board.as_ref().is_some_and(|board| board.client().is_none())
    }

    /// Sends a frame about a call that this server has not taken.
    pub(super) fn tell(&self, head: Head, body: &[u8]) -> Sent {
        self.send(&mut self.lock(), head, body)
    }

    /// Tells the client what the server is known by in the ledger.
    pub(super) fn name(&self, token: u64) {
        let mut talk = self.lock();
        if !std::mem::replace(&mut talk.is_named, true) {
            self.send(&mut talk, Head::Name(token), &[]);
        }
    }

    /// Sends a frame to a client that is there, if it has room now; answers whether it has it, or is not there.
    pub(super) fn tell_now(&self, head: Head, body: &[u8]) -> bool {
        let mut talk = self.lock();
        let Some(sender) = talk.sender.as_mut().filter(|sender| sender.has_receiver() == Some(true)) else {
            return true;
        };
        let sent = sender.send_parts(head.write(&mut [0; HEAD_BYTES_MAX]), body, Deadline::NOW);
        !matches!(sent, Err(SendError::Full))
    }

    /// Whether nobody waits for the call `id` any more.
    pub(super) fn is_cancelled(&self, id: u32) -> bool {
        let mut talk = self.lock();
        self.read_board(&mut talk, id);
        talk.is_over || talk.entry(id).is_none_or(|entry| entry.is_cancelled)
    }

    /// The answer of a call waits for room: the call is in hand until it is out.
    pub(super) fn keep(&self, taken: &Taken) {
        let mut talk = self.lock();
        if talk.owes() {
            talk.hands.extend(taken.hand.clone());
        }
    }

    /// Whether the client has said hello.
    pub(super) fn is_greeted(&self) -> bool {
        self.lock().is_greeted
    }

    /// The conversation of the next client, over the same end.
    pub(super) fn succeed(&self) -> Arc<Self> {
        let sender = self.lock().sender.take();
        let next = Self::over(self.key, sender, self.is_on_ring, self.request_bytes_max);
        next.lock().waits_for_room = self.lock().waits_for_room;
        next
    }

    /// Whether what finds no room on a ring waits here, and not who sends it.
    #[cfg(feature = "tokio")]
    pub(super) fn keep_replies(&self, keeps: bool) {
        self.lock().waits_for_room = self.is_on_ring && !keeps;
    }

    /// Sends what waits for room, as far as there is; whether something still waits.
    pub(super) fn settle(&self) -> bool {
        let mut talk = self.lock();
        talk.flush();
        !talk.waits_for_room && talk.owes()
    }

    /// Whether something waits for room.
    pub(super) fn owes(&self) -> bool {
        let talk = self.lock();
        !talk.waits_for_room && talk.owes()
    }

    /// The client is gone, or cut off for what it did: it is told why, if it may hear it.
    pub(super) fn end(&self, farewell: Option<&Refusal>) {
        let mut talk = self.lock();
        if let Some(refusal) = farewell {
            self.send(&mut talk, Head::Farewell, &refusal.to_body());
        }
        talk.is_over = true;
        talk.calls.clear();
        talk.outbox.clear();
        talk.hands.clear();
        talk.owes_rest = false;
        // A ring's end goes on to the next client; others need not be waited for.
        if !self.is_on_ring
            && let Some(sender) = talk.sender.take()
            && let Some(fd) = sender.as_fd()
        {
            let _ = byte_stream::cut_off(fd);
        }
    }
}

/// Whether a client says hello.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Greeting {
    Awaited,
    Needless,
}

impl Talk {
    fn new(sender: Option<Sender<[u8]>>, greeting: Greeting) -> Self {
        Self {
            sender,
            waits_for_room: false,
            is_greeted: greeting == Greeting::Needless,
            token: 0,
            is_named: false,
            is_over: false,
            calls: Vec::new(),
            waiting_bytes: 0,
            owes_rest: false,
            is_watched_for_room: false,
            outbox: VecDeque::new(),
            hands: Vec::new(),
        }
    }

    fn entry(&mut self, id: u32) -> Option<&mut Entry> {
        self.calls.iter_mut().find(|entry| entry.id == id)
    }

    fn limit(&self) -> usize {
        let limit = self.sender.as_ref().map_or(usize::MAX, Sender::message_bytes_max);
        limit.saturating_sub(HEAD_BYTES_MAX)
    }

    pub(super) fn owes(&self) -> bool {
        self.owes_rest || !self.outbox.is_empty()
    }

    fn flow(&mut self, id: u32) -> Flow {
        let (is_over, owes) = (self.is_over, self.owes());
        match self.entry(id) {
            Some(entry) if !is_over && !entry.is_cancelled => {
                if entry.credit > 0 && !owes {
                    Flow::Open
                } else {
                    Flow::Stopped
                }
            }
            _ => Flow::Ended,
        }
    }

    /// The descriptor that shows room, and the client's end; the same one as long as it is there.
    pub(super) fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        self.sender.as_ref()?.as_fd()
    }

    /// Sends what waits for room, as far as there is.
    pub(super) fn flush(&mut self) {
        self.send_kept();
        if !self.owes() {
            self.hands.clear();
        }
    }

    fn send_kept(&mut self) {
        let Some(sender) = &mut self.sender else { return };
        if self.owes_rest {
            match sender.settle(Deadline::NOW) {
                Err(SendError::Full) => return,
                _ => self.owes_rest = false,
            }
        }
        while let Some(frame) = self.outbox.front() {
            match sender.send_parts(&[], frame, Deadline::NOW) {
                Err(SendError::Full) => return,
                Ok(()) => {
                    self.outbox.pop_front();
                    self.owes_rest = matches!(sender.settle(Deadline::NOW), Err(SendError::Full));
                    if self.owes_rest {
                        return;
                    }
                }
                // The client's end is met by who reads.
                Err(_) => self.outbox.clear(),
            }
        }
    }
}
