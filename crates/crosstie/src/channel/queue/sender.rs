//! [`QueueSender`]: a sending end of a queue.

use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;

use crosstie_core::Deadline;
use crosstie_core::queue::end::{Ticket, Whereabouts};
use crosstie_core::queue::member::{Leaving, Part};
use crosstie_core::queue::memory::Memory;
use crosstie_core::queue::producer::{Producer, Room, Search};
use crosstie_core::ring::sleepers::Awaits;

use super::beside::Receivers;
use super::loan::Loan;
use super::memory::Cells;
use super::options::{FullPolicy, QueueOptions};
use super::shared::Shared;
use crate::channel::WaitMode;
use crate::channel::doorbell::{Doorbell, Sight};
use crate::channel::patience::{Next, Patience, Stay};
use crate::contract::{Readiness, SendError};
use crate::error::Result;
use crate::ledger::Domain;

/// So many fruitless rounds of a sender that never sleeps lie between two looks at every place.
const EXACT_ROUNDS: u32 = 16;

/// A sending end of a queue; any number of them send at a time.
///
/// # Death
/// Killed at any instruction: every message whose `send` returned is delivered, the one under way is
/// delivered whole or not at all. Receivers are told
/// [`PeerDied`](crate::contract::RecvError::PeerDied) when the last sender has gone and one of them died.
///
/// # Cost
/// No system call while there is room and no receiver sleeps; each that sleeps is woken.
///
/// # Examples
/// ```
/// use crosstie::Deadline;
/// use crosstie::channel::queue::{QueueOptions, QueueReceiver, QueueSender};
/// use crosstie::ledger::Domain;
/// let folder = tempfile::tempdir().unwrap();
/// let domain = Domain::open(folder.path().join("domain"))?;
/// let mut sender = QueueSender::open(domain, "jobs", &QueueOptions::default())?;
/// sender.send(b"draw the owl", Deadline::NEVER)?;
/// let receiver = QueueReceiver::open(domain, "jobs", &QueueOptions::default())?;
/// let job = receiver.recv(Deadline::NEVER)?;
/// assert_eq!(job.to_vec(), b"draw the owl");
/// job.done()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct QueueSender {
    pub(super) producer: Producer<Cells>,
    pub(super) shared: Arc<Shared>,
    wait: WaitMode,
    full: FullPolicy,
    message_bytes_max: usize,
    /// A place is taken whose message is neither sent nor abandoned.
    pub(super) has_place: bool,
    ended: bool,
    /// Bytes of the message that was refused last because there was no room.
    refused: u32,
    /// Where it waits as a descriptor, once somebody has asked for it.
    doorbell: Option<Box<Doorbell>>,
}

impl QueueSender {
    /// Opens a sending end of the queue `name` in `domain`; makes the queue if there is none.
    ///
    /// # Errors
    /// [`Mismatch`](crate::ErrorKind::Mismatch) for another number of places, room, deliveries, lease or
    /// version (both named), [`NoSpace`](crate::ErrorKind::NoSpace) when /dev/shm is full or 1,024 ends
    /// are open.
    pub fn open(domain: &'static Domain, name: &str, options: &QueueOptions) -> Result<Self> {
        Self::over(Shared::enter(domain, name, options, Part::Sender)?, options)
    }

    /// As [`QueueSender::open`], of a queue that is there.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound); as [`QueueSender::open`].
    pub(crate) fn open_existing(domain: &'static Domain, name: &str, options: &QueueOptions) -> Result<Self> {
        Self::over(Shared::enter_existing(domain, name, options, Part::Sender)?, options)
    }

    fn over(shared: Shared, options: &QueueOptions) -> Result<Self> {
        let entered = Producer::new(shared.cells(), shared.seat().index, shared.barrier())
            .map_err(|fault| shared.fault(fault))
            .and_then(|mut producer| shared.take_over(producer.end()).map(|()| producer));
        let producer = entered.inspect_err(|_| shared.leave(Leaving::Clean))?;
        Ok(Self {
            producer,
            wait: options.wait,
            full: options.full,
            message_bytes_max: options.message_bytes_max.min(shared.layout().geometry.payload_bytes_max()),
            shared: Arc::new(shared),
            has_place: false,
            ended: false,
            refused: 0,
            doorbell: None,
        })
    }

    /// Sends a message whose bytes are `parts` in a row, and answers by what it is found again.
    ///
    /// # Errors
    /// As [`QueueSender::send`].
    pub(crate) fn send_tracked(&mut self, parts: &[&[u8]], deadline: Deadline) -> Result<Ticket, SendError> {
        let length = self.admit(parts.iter().map(|part| part.len()).sum())?;
        let room = self.make_room(length, deadline)?.ok_or(SendError::Full)?;
        let mut at = 0;
        for part in parts {
            self.producer.memory().write(room.place, at, part);
            at += part.len();
        }
        let ticket = room.ticket();
        self.commit(room, length)?;
        self.wake();
        Ok(ticket)
    }

    /// What became of a message that this end had sent.
    pub(crate) fn whereabouts(&mut self, ticket: Ticket) -> Whereabouts {
        self.producer.end().whereabouts(ticket)
    }

    /// Takes back a message that this end had sent, unless somebody has, or had, it in hand; answers whether it did.
    pub(crate) fn withdraw(&mut self, ticket: Ticket) -> bool {
        let is_withdrawn = self.producer.withdraw(ticket);
        self.wake_senders();
        is_withdrawn
    }

    /// Brings back what the dead have left.
    ///
    /// # Errors
    /// [`Corrupt`](crate::ErrorKind::Corrupt).
    pub(crate) fn recover(&mut self) -> Result<bool> {
        self.shared.recover(self.producer.end())
    }

    /// Who receives what this end sends.
    pub(crate) fn receivers(&self) -> Receivers {
        Receivers::new(&self.shared)
    }

    /// Sends one message; while the queue is full, does what its [`FullPolicy`] says.
    ///
    /// Messages wait for receivers that have not come yet. That a receiver died is no sender's concern:
    /// another one does its work.
    ///
    /// # Errors
    /// [`SendError::Full`] (only for [`Deadline::NOW`] and [`FullPolicy::Error`]),
    /// [`SendError::TimedOut`], [`SendError::TooLarge`]; [`SendError::Closed`] behind
    /// [`QueueSender::close`].
    #[inline]
    pub fn send(&mut self, payload: &[u8], deadline: Deadline) -> Result<(), SendError> {
        if self.put(payload, deadline)? {
            self.wake();
        }
        Ok(())
    }

    /// Sends several messages in order with at most one wake-up; answers how many were sent: all,
    /// unless the queue filled up after the first.
    ///
    /// # Errors
    /// As [`QueueSender::send`], about the first message.
    pub fn send_batch(&mut self, payloads: &[&[u8]], deadline: Deadline) -> Result<usize, SendError> {
        let mut sent = 0;
        for payload in payloads {
            let until = if sent == 0 { deadline } else { Deadline::NOW };
            match self.put(payload, until) {
                Ok(_) => sent += 1,
                Err(error) if sent == 0 => return Err(error),
                Err(_) => break,
            }
        }
        self.wake();
        Ok(sent)
    }

    /// Lends room for a message of `length` bytes to write it in place; [`Loan::commit`] sends it.
    ///
    /// A loan that is dropped was never sent.
    ///
    /// # Errors
    /// As [`QueueSender::send`]; [`SendError::Full`] also where the policy would drop the message.
    pub fn reserve(&mut self, length: usize, deadline: Deadline) -> Result<Loan<'_>, SendError> {
        let admitted = self.admit(length)?;
        let room = self.make_room(admitted, deadline)?.ok_or(SendError::Full)?;
        Ok(Loan { sender: self, room: Some(room), length })
    }

    /// Says that this end is done: when all senders have, receivers get everything, then a clean end.
    ///
    /// Dropping the sender does the same, except while panicking: then receivers are told a death.
    pub fn close(&mut self) {
        self.end(Leaving::Clean);
    }

    /// Ends as a death does: receivers get everything, and then are told that this end died. Another may take its place at once.
    pub fn break_off(&mut self) {
        self.end(Leaving::BrokenOff);
    }

    /// Whether a living process has a receiving end now.
    #[must_use]
    pub fn has_receiver(&self) -> bool {
        self.shared.has(Part::Receiver)
    }

    /// The largest message that this end accepts, in bytes.
    #[must_use]
    pub fn message_bytes_max(&self) -> usize {
        self.message_bytes_max
    }

    /// The descriptor that polls readable when this end must look again, while it is [armed](QueueSender::arm); the same for
    /// its life.
    ///
    /// # Errors
    /// When no descriptor or no room for a FIFO in the domain's directory is left.
    pub fn pollable(&mut self) -> Result<BorrowedFd<'_>> {
        self.open_doorbell()?;
        self.doorbell.as_ref().map(|doorbell| doorbell.as_fd()).ok_or_else(|| self.shared.inherited())
    }

    fn open_doorbell(&mut self) -> Result<()> {
        if self.doorbell.is_none() {
            self.doorbell = Some(Box::new(self.shared.doorbell()?));
        }
        Ok(())
    }

    /// Makes [`QueueSender::pollable`] poll readable as soon as the message may fit that was refused last, or somebody has
    /// died. Call it after a `send` that found no room, and before each wait.
    ///
    /// # Errors
    /// As [`QueueSender::pollable`].
    ///
    /// # Cost
    /// Five system calls; who acknowledges the next message makes three for each sender that waits so.
    pub fn arm(&mut self) -> Result<Readiness> {
        self.arm_for(Some(Awaits::Something), || false)
    }

    /// As [`QueueSender::arm`], for what comes beside room: somebody's coming, going or death, behind which `has_come` looks. With `None` for
    /// that alone: then nobody who makes room does anything for this end.
    pub(crate) fn arm_for(
        &mut self,
        awaits: Option<Awaits>,
        has_come: impl FnOnce() -> bool,
    ) -> Result<Readiness> {
        self.open_doorbell()?;
        let Some(mut doorbell) = self.doorbell.take() else { return Ok(Readiness::Ready) };
        let (producer, refused) = (&mut self.producer, self.refused);
        let sight = Sight::of(self.shared.barrier());
        let readiness = self.shared.arm(&mut doorbell, awaits, sight, || {
            let room = awaits.and_then(|_| producer.reserve(refused, Search::Everywhere));
            room.map(|room| producer.abandon(room)).is_some() || has_come()
        });
        self.doorbell = Some(doorbell);
        self.wake_senders();
        readiness
    }

    /// Sends one message without a wake-up; false if it was dropped.
    #[inline]
    fn put(&mut self, payload: &[u8], deadline: Deadline) -> Result<bool, SendError> {
        let length = self.admit(payload.len())?;
        let Some(room) = self.make_room(length, deadline)? else { return Ok(false) };
        self.producer.memory().write(room.place, 0, payload);
        self.commit(room, length)?;
        Ok(true)
    }

    #[inline]
    pub(super) fn commit(&mut self, room: Room, length: u32) -> Result<(), SendError> {
        self.producer.commit(room, length).map_err(|fault| self.shared.fault(fault))?;
        self.has_place = false;
        Ok(())
    }

    /// Checks a length against the limit.
    #[inline]
    fn admit(&self, length: usize) -> Result<u32, SendError> {
        if self.ended {
            return Err(SendError::Closed);
        }
        if !self.shared.is_ours() {
            return Err(self.shared.inherited().into());
        }
        let too_large = SendError::TooLarge { length, limit: self.message_bytes_max };
        if length > self.message_bytes_max {
            return Err(too_large);
        }
        u32::try_from(length).map_err(|_| too_large)
    }

    /// A place for a message of `length`; `None` if it is to be dropped.
    #[inline]
    fn make_room(&mut self, length: u32, deadline: Deadline) -> Result<Option<Room>, SendError> {
        // A loan that was forgotten, not dropped: its place would never come free.
        if self.has_place {
            self.forget_place()?;
        }
        let room = match self.producer.reserve(length, Search::Near) {
            Some(room) => Ok(Some(room)),
            None => self.await_room(length, deadline),
        };
        // Also behind a success: on the way to it a run of chunks may have been let go.
        self.wake_senders();
        self.has_place = matches!(room, Ok(Some(_)));
        room
    }

    #[cold]
    fn forget_place(&mut self) -> Result<(), SendError> {
        self.has_place = false;
        let recovered = self.producer.end().recover_own().map_err(|fault| self.shared.fault(fault))?;
        self.shared.wake_after(recovered);
        Ok(())
    }

    #[cold]
    fn await_room(&mut self, length: u32, deadline: Deadline) -> Result<Option<Room>, SendError> {
        let deadline = if self.full == FullPolicy::Block { deadline } else { Deadline::NOW };
        let mut patience = Patience::new(self.wait, deadline);
        let mut round = 0_u32;
        loop {
            round = round.wrapping_add(1);
            let producer = &mut self.producer;
            let near = patience.round(|| {
                let room = producer.has_room_ahead().then(|| producer.reserve(length, Search::Near));
                Ok::<_, SendError>(room.flatten())
            })?;
            if near.is_some() {
                return Ok(near);
            }
            let next = patience.next();
            if next == Next::Spin && !round.is_multiple_of(EXACT_ROUNDS) {
                continue;
            }
            if let Some(room) = self.producer.reserve(length, Search::Everywhere) {
                return Ok(Some(room));
            }
            // Places of the dead are free again, or their jobs go to others.
            if self.shared.recover(self.producer.end())?
                && let Some(room) = self.producer.reserve(length, Search::Everywhere)
            {
                return Ok(Some(room));
            }
            self.wake_senders();
            match next {
                Next::Spin => {}
                Next::GiveUp if self.full == FullPolicy::DropNewest => {
                    self.producer.control().count_dropped();
                    return Ok(None);
                }
                Next::GiveUp if deadline.is_now() => {
                    self.refused = length;
                    return Err(SendError::Full);
                }
                Next::GiveUp => return Err(SendError::TimedOut),
                Next::Sleep => {
                    if let Some(room) = self.sleep(length, patience.stay())? {
                        return Ok(Some(room));
                    }
                }
            }
        }
    }

    /// Sleeps until there may be room; answers a place that was found on the last look.
    fn sleep(&mut self, length: u32, stay: Stay) -> Result<Option<Room>, SendError> {
        let cells = self.shared.cells();
        let mut found = None;
        self.shared.sleep(cells.control().senders(), Awaits::Something, stay, || {
            found = self.producer.reserve(length, Search::Everywhere);
            Ok::<_, SendError>(found.is_some())
        })?;
        Ok(found)
    }

    /// Whoever looked while this end had a place in its hands that it let go again has found none.
    #[inline]
    pub(super) fn wake_senders(&mut self) {
        if self.producer.must_wake_senders() {
            self.shared.wake(Part::Sender);
        }
    }

    #[inline]
    pub(super) fn wake(&self) {
        if self.producer.must_wake_receivers() {
            self.shared.wake(Part::Receiver);
        }
    }

    fn end(&mut self, leaving: Leaving) {
        if self.ended || !self.shared.is_ours() {
            return;
        }
        self.ended = true;
        // What cannot be given back by a broken queue is recovered by nobody else either.
        if self.has_place {
            let _ = self.forget_place();
        }
        // Before a successor can have made its own.
        self.doorbell = None;
        self.shared.leave(leaving);
    }
}

impl Drop for QueueSender {
    fn drop(&mut self) {
        self.end(if std::thread::panicking() { Leaving::BrokenOff } else { Leaving::Clean });
    }
}
