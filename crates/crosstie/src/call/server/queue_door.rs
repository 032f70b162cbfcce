//! [`QueueDoor`]: a queue through which the calls of all clients come, to this server and to others.
//!
//! Each worker that waits has a *seat*, a receiving end of the queue, and takes one call with it, which stays in its
//! hands until it is answered: so the queue knows which calls a server had when it died.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crosstie_core::OwnerId;
use crosstie_core::atomic::AtomicU32;

use super::super::board::{Board, ClientPlace, calls_queue, sweep};
use super::super::client::queue_of_calls;
use super::super::frame::{HEAD_BYTES_MAX, Head, PREFIX_BYTES, Prefix, SERVERS_MAX};
use super::super::refusal::Refusal;
use super::conversation::Conversation;
use super::desk::Desk;
use super::taken::{Came, Sent};
use crate::Deadline;
use crate::channel::queue::{Beside, QueueBell, QueueOptions, QueueReceiver, QueueSender};
#[cfg(feature = "tokio")]
use crate::contract::Readiness;
use crate::contract::RecvError;
use crate::endpoint::{Address, Body, Options, Sender};
use crate::error::{Error, ErrorKind, Result};
use crate::ledger::Domain;
use crate::ledger::calls::{Busy, key_of_calls};
#[cfg(feature = "tokio")]
use crate::os::poll::Poller;
use crate::os::{clock, poll};

/// How long is waited at a time while a client has no room for its replies.
const SLICE_NS: u64 = 1_000_000;

/// Where the calls to a queue come in.
pub(super) struct QueueDoor {
    domain: &'static Domain,
    name: String,
    key: u64,
    options: QueueOptions,
    /// The longest frame, in bytes.
    frame_bytes_max: usize,
    seats: Arc<Seats>,
    bell: QueueBell,
    guests: Mutex<HashMap<u64, Arc<Conversation>>>,
    /// Those that have no room for their replies.
    owed: Mutex<Vec<Arc<Conversation>>>,
}

/// The seats on which nobody sits; `None` once the server is closed.
struct Seats(Mutex<Option<Vec<QueueReceiver>>>);

/// A call in hand: it is done when this is dropped.
pub(super) struct Hand {
    /// Behind a lock only so that a call may be looked at by several threads.
    seat: Mutex<Option<QueueReceiver>>,
    seats: Arc<Seats>,
    domain: &'static Domain,
    /// Of the queue of calls in the ledger.
    key: u64,
    ticket: u64,
}

impl Hand {
    /// Notes in the ledger that the calling thread does this call, and no other one until the answer is dropped.
    pub(super) fn busy(&self) -> Option<Busy> {
        Busy::note(self.domain, self.key, self.ticket)
    }
}

impl Drop for Hand {
    fn drop(&mut self) {
        let Some(seat) = lock(&self.seat).take() else { return };
        seat.acknowledge();
        self.seats.give_back(seat);
    }
}

impl Seats {
    fn give_back(&self, seat: QueueReceiver) {
        if let Some(free) = lock(&self.0).as_mut() {
            free.push(seat);
        }
    }
}

/// What ends a wait for calls: the bell, or that a client has gone.
struct News<'a>(&'a QueueDoor);

impl Beside for News<'_> {
    fn word(&self) -> Option<(&AtomicU32, u32)> {
        // The bell makes the queue's own sleepers look; clients take part in the queue, and are watched there.
        None
    }

    fn has_come(&self) -> bool {
        self.0.bell.is_rung() || lock(&self.0.guests).values().any(|guest| guest.has_left())
    }

    fn lives(&self) -> Vec<OwnerId> {
        Vec::new()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl QueueDoor {
    /// Takes part in the queue of the calls to `queue:NAME`.
    pub(super) fn open(address: &Address, name: &str, options: &Options) -> Result<Self> {
        let (domain, options) = queue_of_calls(address, options)?;
        sweep(domain, name);
        let frame_bytes_max = options.message_bytes_max.saturating_sub(PREFIX_BYTES);
        // A message above a limit would stay in it: each is taken, and refused if it is too long.
        let options = QueueOptions { message_bytes_max: usize::MAX, ..options };
        let seat = Self::sit(domain, name, &options)?;
        Ok(Self {
            domain,
            name: name.to_owned(),
            key: key_of_calls(&calls_queue(name)),
            bell: seat.bell(),
            seats: Arc::new(Seats(Mutex::new(Some(vec![seat])))),
            options,
            frame_bytes_max,
            guests: Mutex::default(),
            owed: Mutex::default(),
        })
    }

    fn sit(domain: &'static Domain, name: &str, options: &QueueOptions) -> Result<QueueReceiver> {
        Ok(QueueReceiver::open(domain, &calls_queue(name), options)?.follow())
    }

    /// A free seat, or one more.
    fn seat(&self) -> std::result::Result<QueueReceiver, RecvError> {
        match lock(&self.seats.0).as_mut() {
            None => return Err(RecvError::Closed),
            Some(free) => {
                if let Some(seat) = free.pop() {
                    return Ok(seat);
                }
            }
        }
        Ok(Self::sit(self.domain, &self.name, &self.options)?)
    }

    /// So many workers wait for calls from now on: there are as many seats as workers, taken or not, so that it can be told
    /// whether all of them are busy.
    pub(super) fn set_seats(&self, workers: usize) -> Result<()> {
        let mut surplus = Vec::new();
        if let Some(free) = lock(&self.seats.0).as_mut() {
            while free.len() < workers {
                free.push(Self::sit(self.domain, &self.name, &self.options)?);
            }
            surplus = free.split_off(workers.max(1).min(free.len()));
        }
        drop(surplus);
        Ok(())
    }

    /// Waits for a call, or `deadline`, and takes it in.
    ///
    /// # Errors
    /// What a stranger did, or why nothing can come.
    pub(super) fn attend(&self, desk: &Desk, deadline: Deadline) -> std::result::Result<Came, RecvError> {
        let was_owed = self.owes();
        let is_owed = self.flush();
        if was_owed {
            // Who found that something waits for room may wait for what stands on a board now.
            desk.tell_all();
        }
        let slice = Deadline::at_ns(clock::now_ns()).after_ns(SLICE_NS);
        let until = if is_owed { deadline.min(slice) } else { deadline };
        let seat = self.seat()?;
        let mut message = Vec::new();
        let (deliveries, ticket) = match seat.recv_held_beside(until, &News(self)) {
            Ok(Some(held)) => {
                message.resize(held.len(), 0);
                held.copy_to(&mut message);
                (held.deliveries(), held.ticket().to_bits())
            }
            came => {
                let came = came.map(|_| ());
                self.seats.give_back(seat);
                return match came {
                    Ok(()) => {
                        self.bell.hear();
                        self.see_out(desk);
                        Ok(Came::Something)
                    }
                    Err(RecvError::Empty | RecvError::TimedOut) if is_owed && until < deadline => {
                        Ok(Came::Something)
                    }
                    Err(RecvError::Empty | RecvError::TimedOut) => Ok(Came::Nothing),
                    Err(error) => Err(error),
                };
            }
        };
        let (seats, domain, key) = (Arc::clone(&self.seats), self.domain, self.key);
        let hand = Hand { seat: Mutex::new(Some(seat)), seats, domain, key, ticket };
        self.take_in(desk, hand, &message, deliveries)
    }

    /// Takes in one message of the queue.
    fn take_in(
        &self,
        desk: &Desk,
        hand: Hand,
        message: &[u8],
        deliveries: u32,
    ) -> std::result::Result<Came, RecvError> {
        let corrupt =
            |text| Error::new("receive from", &desk.object, ErrorKind::Corrupt).because(text).into();
        let (prefix, frame) = Prefix::read(message).map_err(corrupt)?;
        // Nobody is there to answer to.
        let Some(guest) = self.guest(prefix.token) else { return Ok(Came::Something) };
        let heard = Head::split(frame).and_then(|(head, body)| match head {
            Head::Call(id, mut call) => {
                let servers_max = if call.is_idempotent { SERVERS_MAX } else { 1 };
                if deliveries > servers_max {
                    self.tell_death(desk, &guest, id);
                    return Ok(None);
                }
                call.is_repeated |= deliveries > 1;
                // What it waited here is a part of what its caller waits.
                let waited_ns = clock::now_ns().saturating_sub(prefix.sent_ns);
                call.left_ns = call.left_ns.map(|left_ns| left_ns.saturating_sub(waited_ns));
                Arc::clone(&guest).hear_call(id, call, Body::Lent(body))
            }
            _ => Err("a frame that does not go through a queue"),
        });
        match heard {
            Ok(Some(mut taken)) => {
                if guest.is_cancelled(taken.id) {
                    desk.refuse(&taken, &Refusal::of_kind(ErrorKind::TimedOut, "cancelled"));
                } else {
                    taken.hand = Some(Arc::new(hand));
                    return Ok(Came::Call(taken));
                }
                Ok(Came::Something)
            }
            Ok(None) => Ok(Came::Something),
            Err(text) => {
                lock(&self.guests).remove(&prefix.token);
                let error: RecvError = corrupt(text);
                desk.end(&guest, Some(&Refusal::of_kind(ErrorKind::Corrupt, error.to_string())));
                Err(error)
            }
        }
    }

    /// A call that died with its server, or killed too many: its caller is told so.
    fn tell_death(&self, desk: &Desk, guest: &Arc<Conversation>, id: u32) {
        let refusal = Refusal::of_kind(ErrorKind::PeerDied, "the server died with the call in hand");
        if guest.tell(Head::Refusal(id), &refusal.to_body()) == Sent::Owed {
            desk.await_room(guest);
        }
    }

    /// The client that `token` names, if it is there.
    fn guest(&self, token: u64) -> Option<Arc<Conversation>> {
        if let Some(guest) = lock(&self.guests).get(&token) {
            return Some(Arc::clone(guest));
        }
        let place = ClientPlace { name: self.name.clone(), token };
        let board = Board::open(self.domain, place.clone()).ok()?;
        let client = board.client()?;
        let sender = QueueSender::open_existing(self.domain, &place.replies(), &self.reply_options()).ok()?;
        let pid = self.domain.identity(client).map(|client| client.pid);
        let sender = Sender::of_queue(sender);
        let request_bytes_max = self.frame_bytes_max.saturating_sub(HEAD_BYTES_MAX);
        let guest = Conversation::on_queue(token, sender, board, pid, request_bytes_max);
        Some(Arc::clone(lock(&self.guests).entry(token).or_insert(guest)))
    }

    /// The client made the queue of its replies: it is taken as it is.
    fn reply_options(&self) -> QueueOptions {
        let (wait, message_bytes_max) = (self.options.wait, self.frame_bytes_max);
        QueueOptions { wait, message_bytes_max, ..QueueOptions::default() }
    }

    /// Ends the conversations whose clients have gone.
    fn see_out(&self, desk: &Desk) {
        let mut gone = Vec::new();
        lock(&self.guests).retain(|_, guest| {
            let stays = !guest.has_left();
            if !stays {
                gone.push(Arc::clone(guest));
            }
            stays
        });
        for guest in gone {
            lock(&self.owed).retain(|owed| !Arc::ptr_eq(owed, &guest));
            desk.end(&guest, None);
            if let Some(board) = guest.board() {
                Board::remove(self.domain, board.place());
            }
        }
    }

    /// Has `poller` told of calls, of clients that come, go or die.
    #[cfg(feature = "tokio")]
    pub(super) fn arm_in(&self, poller: &Poller) -> std::result::Result<Readiness, RecvError> {
        let mut seat = self.seat()?;
        let armed = seat.pollable().and_then(|fd| {
            let added = poller.keep(fd, 0);
            added.map_err(|error| Error::os("wait for calls at", &self.name, error))
        });
        let readiness = armed.and_then(|()| seat.arm());
        // The last one that is given back is the next that is taken.
        self.seats.give_back(seat);
        let has_news = News(self).has_come();
        Ok(if has_news { Readiness::Ready } else { readiness? })
    }

    pub(super) fn ring_bell(&self) {
        self.bell.ring();
    }

    /// What waits for room to be sent to `conversation` is sent when there is.
    pub(super) fn await_room(&self, conversation: &Arc<Conversation>) {
        let mut owed = lock(&self.owed);
        if !owed.iter().any(|other| Arc::ptr_eq(other, conversation)) {
            owed.push(Arc::clone(conversation));
        }
    }

    /// Sends what waits for room as far as there is; whether some still waits.
    fn flush(&self) -> bool {
        let mut owed = lock(&self.owed);
        owed.retain(|conversation| {
            conversation.lock().flush();
            conversation.owes()
        });
        !owed.is_empty()
    }

    /// Sends what waits for room, and pauses while some still waits; whether anything did.
    pub(super) fn mind_room(&self, deadline: Deadline) -> bool {
        let is_owed = self.owes();
        if self.flush() {
            poll::pause(SLICE_NS, deadline);
        }
        is_owed
    }

    pub(super) fn owes(&self) -> bool {
        !lock(&self.owed).is_empty()
    }

    pub(super) fn close(&self) {
        // Calls that wait in the queue wait for the next server; those in hand have their seats with them.
        lock(&self.seats.0).take();
        lock(&self.owed).clear();
        lock(&self.guests).clear();
        // A client that left while this server had its queue open could not remove it.
        sweep(self.domain, &self.name);
    }
}
