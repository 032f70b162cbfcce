//! [`TopicSender`]: a publishing end of a topic, and [`Loan`]: a message written in place.

use crosstie_core::Deadline;
use crosstie_core::queue::member::{Leaving, Part};
use crosstie_core::ring::sleepers::Awaits;
use crosstie_core::ring::spsc::Corrupt;
use crosstie_core::topic::memory::{Memory, Mode};
use crosstie_core::topic::publisher::{Committed, Publisher, Room};
use std::os::fd::{AsFd, BorrowedFd};

use super::memory::Cells;
use super::options::TopicOptions;
use super::shared;
use crate::channel::WaitMode;
use crate::channel::doorbell::{Doorbell, Sight};
use crate::channel::membership::Membership;
use crate::channel::patience::{Next, Patience, Stay};
use crate::contract::{Readiness, SendError};
use crate::error::{Error, ErrorKind, Result};
use crate::ledger::Domain;

/// A publishing end of a topic; any number of them publish at a time.
///
/// # Death
/// Killed at any instruction: every message whose `send` returned is published, the one under way is published whole
/// or not at all; its number is passed over. Subscribers are told
/// [`PeerDied`](crate::contract::RecvError::PeerDied) when the last publisher has gone and one of them died.
///
/// # Cost
/// No system call unless a subscriber sleeps, or (lossless) one has not read for as long as there are places. A lossy
/// publisher does not look at subscribers at all.
///
/// # Examples
/// ```
/// use crosstie::Deadline;
/// use crosstie::channel::topic::{TopicOptions, TopicReceiver, TopicSender};
/// use crosstie::ledger::Domain;
/// let folder = tempfile::tempdir().unwrap();
/// let domain = Domain::open(folder.path().join("domain"))?;
/// let options = TopicOptions::default();
/// let mut first = TopicReceiver::open(domain, "ticks", &options)?;
/// let mut second = TopicReceiver::open(domain, "ticks", &options)?;
/// let mut sender = TopicSender::open(domain, "ticks", &options)?;
/// sender.send(b"tick", Deadline::NEVER)?;
/// assert_eq!(first.recv(Deadline::NEVER)?.to_vec(), b"tick");
/// assert_eq!(second.recv(Deadline::NEVER)?.to_vec(), b"tick");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct TopicSender {
    publisher: Publisher<Cells>,
    membership: Membership<Cells>,
    wait: WaitMode,
    mode: Mode,
    message_bytes_max: usize,
    /// A number is claimed whose message is neither published nor abandoned.
    has_claim: bool,
    ended: bool,
    /// Where it waits as a descriptor, once somebody has asked for it.
    doorbell: Option<Box<Doorbell>>,
}

impl TopicSender {
    /// Opens a publishing end of the topic `name` in `domain`; makes the topic if there is none.
    ///
    /// # Errors
    /// [`Mismatch`](crate::ErrorKind::Mismatch) for another mode, number of places, longest message or version (both
    /// named), [`NoSpace`](crate::ErrorKind::NoSpace) when /dev/shm is full or 1,024 ends are open.
    pub fn open(domain: &'static Domain, name: &str, options: &TopicOptions) -> Result<Self> {
        let membership = shared::enter(domain, name, options, Part::Sender)?;
        let seat = membership.seat();
        let cells = membership.words().clone();
        let mode = cells.geometry().mode;
        let message_bytes_max = cells.geometry().payload_bytes_max as usize;
        let publisher = Publisher::new(cells, seat.index, membership.barrier())
            .map_err(|fault| membership.fault(fault))
            .inspect_err(|_| membership.leave(Leaving::Clean))?;
        let (wait, has_claim, ended) = (options.wait, false, false);
        let this =
            Self { publisher, membership, wait, mode, message_bytes_max, has_claim, ended, doorbell: None };
        if seat.is_inherited && this.publisher.recover_own() > 0 {
            this.membership.rouse_all();
        }
        this.recover();
        Ok(this)
    }

    /// Publishes one message; on a lossless topic, waits while a living subscriber has not read the one whose place it
    /// takes.
    ///
    /// Messages are kept for subscribers that come later, as many as there are places.
    ///
    /// # Errors
    /// [`SendError::Full`] (only for [`Deadline::NOW`]), [`SendError::HeldUp`], which names the subscriber;
    /// [`SendError::TooLarge`]; [`SendError::Closed`] behind [`TopicSender::close`].
    #[inline]
    pub fn send(&mut self, payload: &[u8], deadline: Deadline) -> Result<(), SendError> {
        self.put(payload, deadline)?;
        self.wake();
        Ok(())
    }

    /// Publishes several messages in order with at most one wake-up; answers how many were published: all,
    /// unless a subscriber holds it up after the first.
    ///
    /// # Errors
    /// As [`TopicSender::send`], about the first message.
    pub fn send_batch(&mut self, payloads: &[&[u8]], deadline: Deadline) -> Result<usize, SendError> {
        let mut sent = 0;
        for payload in payloads {
            let until = if sent == 0 { deadline } else { Deadline::NOW };
            match self.put(payload, until) {
                Ok(()) => sent += 1,
                Err(error) if sent == 0 => return Err(error),
                Err(_) => break,
            }
        }
        self.wake();
        Ok(sent)
    }

    /// Lends the next message's place, `length` bytes, to write it there; [`Loan::commit`] publishes it.
    ///
    /// The loan has its number already: what others publish meanwhile is delivered behind it. A loan that is dropped was
    /// never published.
    ///
    /// # Errors
    /// As [`TopicSender::send`].
    pub fn reserve(&mut self, length: usize, deadline: Deadline) -> Result<Loan<'_>, SendError> {
        self.admit(length)?;
        let room = self.make_room(deadline)?;
        Ok(Loan { sender: self, room: Some(room), length })
    }

    /// Says that this end is done: when all publishers have, subscribers get everything, then a clean end.
    ///
    /// Dropping the sender does the same, except while panicking: then subscribers are told a death.
    pub fn close(&mut self) {
        self.end(Leaving::Clean);
    }

    /// Ends as a death does: subscribers get everything, and then are told that this end died. Another may take its place at once.
    pub fn break_off(&mut self) {
        self.end(Leaving::BrokenOff);
    }

    /// Whether a living process has a subscribing end now.
    #[must_use]
    pub fn has_receiver(&self) -> bool {
        self.membership.has(Part::Receiver)
    }

    /// What becomes of messages that a subscriber has not read.
    pub(crate) fn mode(&self) -> Mode {
        self.mode
    }

    /// The largest message that this end accepts, in bytes.
    #[must_use]
    pub fn message_bytes_max(&self) -> usize {
        self.message_bytes_max
    }

    #[inline]
    fn put(&mut self, payload: &[u8], deadline: Deadline) -> Result<(), SendError> {
        let length = self.admit(payload.len())?;
        loop {
            let room = self.make_room(deadline)?;
            self.publisher.memory().write(room.slot, 0, payload);
            match self.commit(room, length) {
                None => return Ok(()),
                // Others went once around while this end stood still: the message gets a new number.
                Some(room) => self.abandon(room),
            }
        }
    }

    /// Publishes what was written; the room, if the topic has gone on by a lap meanwhile.
    #[inline]
    fn commit(&mut self, room: Room, length: u32) -> Option<Room> {
        match self.publisher.commit(room, length) {
            Committed::Published => {
                self.has_claim = false;
                None
            }
            Committed::Lapped(room) => Some(room),
        }
    }

    fn abandon(&mut self, room: Room) {
        self.publisher.abandon(room);
        self.has_claim = false;
        if self.publisher.must_wake_publishers() {
            self.membership.wake(Part::Sender);
        }
    }

    /// Checks a length against the limit.
    #[inline]
    fn admit(&self, length: usize) -> Result<u32, SendError> {
        if self.ended {
            return Err(SendError::Closed);
        }
        if !self.membership.is_ours() {
            return Err(self.membership.inherited().into());
        }
        let too_large = SendError::TooLarge { length, limit: self.message_bytes_max };
        if length > self.message_bytes_max {
            return Err(too_large);
        }
        u32::try_from(length).map_err(|_| too_large)
    }

    /// The next number's place.
    #[inline]
    fn make_room(&mut self, deadline: Deadline) -> Result<Room, SendError> {
        // A loan that was forgotten, not dropped: subscribers would wait for it for ever.
        if self.has_claim {
            self.forget_claim();
        }
        let room = match self.claim()? {
            Some(room) => room,
            None => self.await_room(deadline)?,
        };
        self.has_claim = true;
        Ok(room)
    }

    #[inline]
    fn claim(&mut self) -> Result<Option<Room>, SendError> {
        let membership = &self.membership;
        let claimed = self.publisher.reserve(|id| membership.is_alive(id));
        claimed.map_err(|fault: Corrupt| membership.fault(fault).into())
    }

    #[cold]
    fn forget_claim(&mut self) {
        self.has_claim = false;
        if self.publisher.recover_own() > 0 {
            self.membership.rouse_all();
        }
    }

    /// The descriptor that polls readable when this end must look again, while it is [armed](TopicSender::arm); the same for
    /// its life.
    ///
    /// # Errors
    /// When no descriptor or no room for a FIFO in the domain's directory is left.
    pub fn pollable(&mut self) -> Result<BorrowedFd<'_>> {
        self.open_doorbell()?;
        self.doorbell.as_ref().map(|doorbell| doorbell.as_fd()).ok_or_else(|| self.membership.inherited())
    }

    fn open_doorbell(&mut self) -> Result<()> {
        if self.doorbell.is_none() {
            self.doorbell = Some(Box::new(self.membership.doorbell()?));
        }
        Ok(())
    }

    /// Makes [`TopicSender::pollable`] poll readable as soon as there may be room for the message that was refused last, or
    /// somebody has died. Call it after a `send` that found no room, and before each wait.
    ///
    /// # Errors
    /// As [`TopicSender::pollable`].
    ///
    /// # Cost
    /// Five system calls; the subscriber that reads what held it up makes three.
    pub fn arm(&mut self) -> Result<Readiness> {
        self.open_doorbell()?;
        let Some(mut doorbell) = self.doorbell.take() else { return Ok(Readiness::Ready) };
        // A dead subscriber holds nobody up; its seat comes free here.
        self.recover();
        let (membership, publisher) = (&self.membership, &mut self.publisher);
        let sight = Sight::of(membership.barrier());
        let readiness = membership.arm(&mut doorbell, Some(Awaits::Something), sight, || {
            publisher.has_room(|id| membership.is_alive(id))
        });
        self.doorbell = Some(doorbell);
        readiness
    }

    /// Brings back what the dead have left; answers whether that was anything.
    #[cold]
    fn recover(&self) -> bool {
        let has_recovered = self.publisher.recover(|id| self.membership.is_alive(id)) > 0;
        if has_recovered {
            self.membership.rouse_all();
        }
        has_recovered
    }

    #[cold]
    fn await_room(&mut self, deadline: Deadline) -> Result<Room, SendError> {
        let mut patience = Patience::new(self.wait, deadline);
        loop {
            if let Some(room) = patience.round(|| self.claim())? {
                return Ok(room);
            }
            match patience.next() {
                Next::Spin => {}
                Next::GiveUp if deadline.is_now() => return Err(SendError::Full),
                Next::GiveUp => return Err(self.held_up()),
                Next::Sleep => {
                    // A dead subscriber holds nobody up; its seat comes free here.
                    self.recover();
                    if let Some(room) = self.sleep(patience.stay())? {
                        return Ok(room);
                    }
                }
            }
        }
    }

    /// Sleeps until there may be room; answers one that was found on the last look.
    fn sleep(&mut self, stay: Stay) -> Result<Option<Room>, SendError> {
        let (membership, publisher) = (&self.membership, &mut self.publisher);
        let mut found = None;
        membership.sleep(membership.words().control().publishers(), Awaits::Something, stay, || {
            found = publisher
                .reserve(|id| membership.is_alive(id))
                .map_err(|fault| SendError::from(membership.fault(fault)))?;
            Ok::<_, SendError>(found.is_some())
        })?;
        Ok(found)
    }

    /// Who has not read in time.
    #[cold]
    fn held_up(&self) -> SendError {
        let membership = &self.membership;
        let object = membership.object();
        let Some((index, next)) = self.publisher.slowest(|id| membership.is_alive(id)) else {
            return SendError::TimedOut;
        };
        let cells = membership.words();
        let behind =
            crosstie_core::topic::subscriber::tail(cells).map_or(0, |tail| tail.saturating_sub(next));
        let who = crosstie_core::queue::member::Roster::member(cells, index).read();
        let who = who.and_then(|(id, _)| membership.domain().identity(id));
        let who = who.map_or("a subscriber".to_owned(), |who| who.to_string());
        let error = Error::new("publish to", object, ErrorKind::TimedOut)
            .because(format!("{who} has not read its last {behind} messages"))
            .advise("let it read or end it; or use a topic that may lose messages: ?mode=lossy");
        SendError::HeldUp(error)
    }

    #[inline]
    fn wake(&self) {
        if self.publisher.must_wake_subscribers() {
            self.membership.wake(Part::Receiver);
        }
    }

    fn end(&mut self, leaving: Leaving) {
        if self.ended || !self.membership.is_ours() {
            return;
        }
        self.ended = true;
        if self.has_claim {
            self.forget_claim();
        }
        // Before a successor can have made its own.
        self.doorbell = None;
        self.membership.leave(leaving);
    }
}

impl Drop for TopicSender {
    fn drop(&mut self) {
        self.end(if std::thread::panicking() { Leaving::BrokenOff } else { Leaving::Clean });
    }
}

/// The next message's place, lent to write it there.
///
/// The bytes lie in memory that a peer could write if it broke the protocol, so they are written
/// by copying or through a raw pointer, never through a `&mut [u8]`.
#[must_use = "a loan that is dropped was never published"]
#[derive(Debug)]
pub struct Loan<'a> {
    sender: &'a mut TopicSender,
    room: Option<Room>,
    length: usize,
}

impl Loan<'_> {
    /// Bytes that may be written.
    #[must_use]
    pub fn len(&self) -> usize {
        self.length
    }

    /// Whether the message is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Copies `bytes` into the message, from its byte `at` on.
    ///
    /// # Panics
    /// If they run beyond the loan.
    pub fn write_at(&mut self, at: usize, bytes: &[u8]) {
        let end = at.checked_add(bytes.len());
        assert!(end.is_some_and(|end| end <= self.length), "written beyond the loan");
        if let Some(room) = &self.room {
            self.sender.publisher.memory().write(room.slot, at, bytes);
        }
    }

    /// The first byte of the message, valid for writes of [`Loan::len`] bytes until the commit.
    #[must_use]
    pub fn as_mut_ptr(&mut self) -> *mut u8 {
        match &self.room {
            Some(room) => self.sender.publisher.memory().address(room.slot, self.length),
            None => std::ptr::null_mut(),
        }
    }

    /// Publishes the message.
    ///
    /// # Errors
    /// [`SendError::Failed`] when the topic is corrupt.
    pub fn commit(self) -> Result<(), SendError> {
        let length = self.length;
        self.commit_prefix(length)
    }

    /// Publishes the first `length` bytes as the message.
    ///
    /// Where others have gone once around meanwhile, it gets a new number, and is copied once.
    ///
    /// # Errors
    /// As [`Loan::commit`].
    ///
    /// # Panics
    /// If `length` is more than the loan's.
    pub fn commit_prefix(mut self, length: usize) -> Result<(), SendError> {
        assert!(length <= self.length, "committed beyond the loan");
        let Some(room) = self.room.take() else { return Ok(()) };
        let bytes = u32::try_from(length).unwrap_or(u32::MAX);
        if let Some(room) = self.sender.commit(room, bytes) {
            let mut copy = vec![0; length];
            self.sender.publisher.memory().read(room.slot, &mut copy);
            self.sender.abandon(room);
            return self.sender.send(&copy, Deadline::NEVER);
        }
        self.sender.wake();
        Ok(())
    }
}

impl Drop for Loan<'_> {
    fn drop(&mut self) {
        if let Some(room) = self.room.take()
            && self.sender.membership.is_ours()
        {
            self.sender.abandon(room);
            // Subscribers may wait behind it.
            self.sender.wake();
        }
    }
}
