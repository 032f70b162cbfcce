//! [`RingReceiver`]: the receiving end of a ring, and [`RingMessage`]: a message read in place.

use std::mem::ManuallyDrop;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;

use crosstie_core::atomic::spin_loop;
use crosstie_core::ring::asleep::Asleep;
use crosstie_core::ring::memory::Memory;
use crosstie_core::ring::spsc::{Consumer, Corrupt, Record};
use crosstie_core::word::role::{Ending, Role};
use crosstie_core::{Deadline, OwnerId};

use super::super::doorbell::{Doorbell, Sight};
use super::bell::RingBell;
use super::cells::Cells;
use super::options::RingOptions;
use super::peer::Peer;
use super::shared::{End, Shared, corrupt};
use crate::channel::WaitMode;
use crate::channel::patience::{Next, Patience, Stay};
use crate::contract::{Readiness, RecvError};
use crate::error::Result;
use crate::ledger::Domain;

/// Looks of the fast path, when the mode allows spinning: about a round trip between two processors.
const LOOKS: u32 = 64;

/// The receiving end of a ring; one lives at a time.
///
/// # Death
/// Killed at any instruction: the message in hand and all behind it are delivered to the next
/// receiver; the first of them says so by [`RingMessage::is_redelivered`].
///
/// # Cost
/// No system call while messages are there and the sender is awake.
pub struct RingReceiver {
    consumer: Consumer<Cells>,
    shared: Arc<Shared>,
    me: OwnerId,
    wait: WaitMode,
    /// Looks that cost less than leaving the fast path.
    looks: u32,
    message_bytes_max: usize,
    follows: bool,
    /// The last message that was taken and is not acknowledged yet.
    held: Option<Record>,
    /// The one before it.
    held_before: Option<Record>,
    /// An end that was met behind held messages, and is settled with their acknowledgement.
    met_end: Option<Role>,
    /// Position of the message that a dead receiver may have had in hand.
    redelivered_at: Option<u64>,
    /// What ends a wait from another thread, once somebody has asked for it.
    bell: Option<RingBell>,
    /// Where it waits as a descriptor, once somebody has asked for it.
    doorbell: Option<Box<Doorbell>>,
}

impl RingReceiver {
    /// Opens the receiving end of the ring `name` in `domain`; makes the ring if there is none.
    ///
    /// An empty ring whose senders are gone counts as new: its first message is waited for.
    ///
    /// # Errors
    /// As [`RingSender::open`](super::RingSender::open).
    pub fn open(domain: &'static Domain, name: &str, options: &RingOptions) -> Result<Self> {
        let (shared, me) = Shared::enter(domain, name, options, End::Consumer)?;
        let shared = Arc::new(shared);
        let attached = Consumer::attach(Cells::new(&shared), shared.barrier());
        let consumer = attached.map_err(|fault| {
            shared.leave(End::Consumer, me, Ending::Clean, 0);
            corrupt(shared.name(), fault)
        })?;
        let redelivered_at = shared.replaced_dead().then(|| consumer.head());
        let role = shared.read(End::Producer);
        if matches!(shared.judge(role), Peer::Left | Peer::Died) && matches!(consumer.peek(), Ok(None)) {
            shared.settle(End::Producer, role);
        }
        Ok(Self {
            consumer,
            message_bytes_max: options.message_bytes_max.min(shared.payload_bytes_max()),
            shared,
            me,
            wait: options.wait,
            looks: if options.wait == WaitMode::Block { 0 } else { LOOKS },
            follows: false,
            held: None,
            held_before: None,
            met_end: None,
            redelivered_at,
            bell: None,
            doorbell: None,
        })
    }

    /// What ends a wait of this end as its deadline would, from another thread.
    pub(crate) fn bell(&mut self) -> RingBell {
        self.bell.get_or_insert_with(|| RingBell::new(&self.shared)).clone()
    }

    /// Goes on through any number of senders: their ends are not reported.
    #[must_use]
    pub fn follow(mut self) -> Self {
        self.follows = true;
        self
    }

    /// Lends the next message; dropping it acknowledges it, except while panicking.
    ///
    /// Blocks while there is none, until `deadline`.
    ///
    /// # Errors
    /// [`RecvError::Empty`] (only for [`Deadline::NOW`]), [`RecvError::TimedOut`]; once everything
    /// sent was delivered, once for each sender that ended: [`RecvError::Closed`] or
    /// [`RecvError::PeerDied`]; [`RecvError::TooLarge`] for a message above this end's own limit, which
    /// stays the next one: a receiver with a higher limit gets it.
    #[inline(always)]
    pub fn recv(&mut self, deadline: Deadline) -> Result<RingMessage<'_>, RecvError> {
        let record = self.next(deadline)?;
        Ok(RingMessage { receiver: self, record, dropped: Dropped::Acknowledges })
    }

    /// As [`RingReceiver::recv`], but dropping the message holds it: the next call goes on behind
    /// it, and [`RingReceiver::acknowledge`] acknowledges all that are held.
    ///
    /// What is held takes room: whoever waits here with a full ring in hand waits for a sender that
    /// waits for room.
    ///
    /// # Errors
    /// As [`RingReceiver::recv`].
    #[inline]
    pub fn recv_held(&mut self, deadline: Deadline) -> Result<RingMessage<'_>, RecvError> {
        let record = self.next(deadline)?;
        // What comes behind a met end is a new sender's.
        self.met_end = None;
        self.held_before = self.held.replace(record);
        Ok(RingMessage { receiver: self, record, dropped: Dropped::Holds })
    }

    /// Acknowledges every message that is held.
    #[inline]
    pub fn acknowledge(&mut self) {
        if let Some(record) = self.held.take() {
            self.acknowledge_to(record);
        }
        if let Some(end) = self.met_end.take() {
            self.shared.settle(End::Producer, end);
        }
    }

    /// Holds the message no more that was taken last: it is received again. Once between two
    /// messages.
    pub fn put_back(&mut self) {
        self.held = self.held_before.take();
        self.met_end = None;
    }

    /// Holds no message any more: all of them are received again.
    pub fn put_all_back(&mut self) {
        self.held = None;
        self.met_end = None;
    }

    #[inline(always)]
    fn next(&mut self, deadline: Deadline) -> Result<Record, RecvError> {
        if !self.shared.is_ours() {
            return Err(self.shared.inherited().into());
        }
        let mut looks = self.looks;
        let record = loop {
            if let Some(record) = self.consumer.poll(self.held) {
                break record;
            }
            if looks == 0 || deadline.is_now() {
                break self.await_message(deadline)?;
            }
            looks -= 1;
            spin_loop();
        };
        let length = record.payload_bytes as usize;
        if length > self.message_bytes_max {
            return Err(RecvError::TooLarge { length, limit: self.message_bytes_max });
        }
        Ok(record)
    }

    /// The next message, behind those that are held.
    fn look(&self) -> std::result::Result<Option<Record>, Corrupt> {
        match self.held {
            None => self.consumer.peek(),
            Some(held) => self.consumer.peek_behind(held),
        }
    }

    #[inline(always)]
    fn acknowledge_to(&mut self, record: Record) {
        if !self.shared.is_ours() {
            return;
        }
        self.consumer.ack(record);
        if let Some(asleep) = self.consumer.must_wake_producer() {
            self.shared.wake(self.shared.control().producer_waits(), asleep);
        }
    }

    /// The descriptor that polls readable when this end must look again, while it is [armed](RingReceiver::arm); the same
    /// for its life.
    ///
    /// # Errors
    /// When no descriptor or no room for a FIFO in the domain's directory is left.
    pub fn pollable(&mut self) -> Result<BorrowedFd<'_>> {
        self.open_doorbell().map(|doorbell| (*doorbell).as_fd())
    }

    fn open_doorbell(&mut self) -> Result<&mut Doorbell> {
        if !self.shared.is_ours() {
            return Err(self.shared.inherited());
        }
        let doorbell = match self.doorbell.take() {
            Some(doorbell) => doorbell,
            None => Box::new(self.shared.doorbell(End::Consumer)?),
        };
        Ok(self.doorbell.insert(doorbell))
    }

    /// Makes [`RingReceiver::pollable`] poll readable as soon as there may be something for [`RingReceiver::recv`]: a message, the
    /// sender's end, its death. Call it after a `recv` that found nothing, and before each wait.
    ///
    /// # Errors
    /// As [`RingReceiver::pollable`].
    ///
    /// # Cost
    /// Four system calls; the sender's next message costs it one more.
    pub fn arm(&mut self) -> Result<Readiness> {
        let sight = Sight::of(self.shared.barrier());
        let peer = self.shared.peer(End::Producer);
        let watch = match peer {
            Peer::Alive(peer) | Peer::Next(peer) if peer != self.me => Some(peer),
            Peer::Alive(_) | Peer::Next(_) | Peer::Awaited => None,
            Peer::Left | Peer::Died => return Ok(Readiness::Ready),
        };
        let doorbell = self.open_doorbell()?;
        let is_prepared = doorbell.prepare(watch.as_slice(), sight)?;
        let asleep = Asleep::AtDoorbell(doorbell.number());
        self.consumer.announce_sleep(asleep);
        self.shared.heavy_barrier();
        let is_rung = self.bell.as_ref().is_some_and(RingBell::is_rung);
        let is_empty = matches!(self.look(), Ok(None)) && !is_rung;
        if is_prepared && is_empty && self.shared.peer(End::Producer) == peer {
            return Ok(Readiness::Armed);
        }
        self.consumer.end_sleep();
        Ok(Readiness::Ready)
    }

    /// The largest message that this end accepts, in bytes.
    #[must_use]
    pub fn message_bytes_max(&self) -> usize {
        self.message_bytes_max
    }

    /// The process id of the living sender, if there is one.
    #[must_use]
    pub fn sender_pid(&self) -> Option<u32> {
        self.sender().and_then(|sender| self.shared.pid_of(sender))
    }

    /// Whether nothing is there to receive.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        matches!(self.look(), Ok(None))
    }

    /// Who the living sender is, if there is one.
    pub(crate) fn sender(&self) -> Option<OwnerId> {
        match self.shared.peer(End::Producer) {
            Peer::Alive(sender) => Some(sender),
            _ => None,
        }
    }

    #[cold]
    fn await_message(&mut self, deadline: Deadline) -> Result<Record, RecvError> {
        let mut patience = Patience::new(self.wait, deadline);
        let found = self.find_message(deadline, &mut patience);
        if let Some(slept_ns) = patience.slept_ns() {
            self.shared.waits_of(End::Consumer).count_wait(slept_ns);
        }
        found
    }

    fn find_message(&mut self, deadline: Deadline, patience: &mut Patience) -> Result<Record, RecvError> {
        loop {
            // What breaks the ring is told by the look behind.
            let polled = patience.round(|| Ok(self.consumer.poll(self.held)));
            if let Some(record) = self.checked(polled)? {
                return Ok(record);
            }
            // What the peer is, is read before the last look: an end seen here comes after all messages.
            let role = self.shared.read(End::Producer);
            let peer = self.shared.judge(role);
            if let Some(record) = self.checked(self.look())? {
                return Ok(record);
            }
            let watch = self.meet_peer(role, peer)?;
            if self.bell.as_ref().is_some_and(RingBell::hear) {
                return Err(RecvError::TimedOut);
            }
            match patience.next() {
                Next::Spin => {}
                Next::GiveUp if deadline.is_now() => return Err(RecvError::Empty),
                Next::GiveUp => return Err(RecvError::TimedOut),
                Next::Sleep => self.sleep(peer, watch, patience.stay())?,
            }
        }
    }

    /// Sleeps until there may be a message, or the peer's state changes.
    fn sleep(&mut self, peer: Peer, watch: Option<OwnerId>, stay: Stay) -> Result<(), RecvError> {
        let seen = self.shared.changes();
        self.consumer.announce_sleep(Asleep::OnWord);
        self.shared.heavy_barrier();
        let is_rung = self.bell.as_ref().is_some_and(RingBell::is_rung);
        let still_empty = matches!(self.look(), Ok(None)) && !is_rung;
        let slept = if still_empty && self.shared.peer(End::Producer) == peer {
            self.shared.sleep(End::Consumer, seen, watch, stay)
        } else {
            Ok(())
        };
        self.consumer.end_sleep();
        Ok(slept?)
    }

    /// Whom to watch while the ring is empty; an end is reported once, or passed over by a follower.
    fn meet_peer(&mut self, role: Role, peer: Peer) -> Result<Option<OwnerId>, RecvError> {
        let end = match peer {
            Peer::Alive(peer) | Peer::Next(peer) => return Ok(Some(peer)),
            Peer::Awaited => return Ok(None),
            Peer::Left => RecvError::Closed,
            Peer::Died => RecvError::PeerDied,
        };
        // Behind held messages the end stays: whoever receives them again must meet it again.
        self.met_end = self.held.is_some().then_some(role);
        let is_over = self.met_end.is_some() || self.shared.settle(End::Producer, role);
        if is_over && !self.follows { Err(end) } else { Ok(None) }
    }

    fn checked(
        &self,
        looked: std::result::Result<Option<Record>, Corrupt>,
    ) -> Result<Option<Record>, RecvError> {
        looked.map_err(|fault| corrupt(self.shared.name(), fault).into())
    }
}

impl Drop for RingReceiver {
    fn drop(&mut self) {
        if !self.shared.is_ours() {
            return;
        }
        // Before a successor can have made its own.
        self.doorbell = None;
        let ending = if std::thread::panicking() { Ending::BrokenOff } else { Ending::Clean };
        self.consumer.publish_credit();
        self.shared.leave(End::Consumer, self.me, ending, self.consumer.head());
    }
}

impl std::fmt::Debug for RingReceiver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RingReceiver").field("ring", &self.shared.name()).finish_non_exhaustive()
    }
}

/// A message in the ring, lent until it is dropped, which acknowledges it,
/// and what was held before it, unless [`RingReceiver::recv_held`] lent it.
///
/// It lies in memory that the sender could still write if it broke the protocol, so its bytes are
/// copied out, or read through a raw pointer, never through a `&[u8]` (docs/memory-model.md).
pub struct RingMessage<'a> {
    receiver: &'a mut RingReceiver,
    record: Record,
    dropped: Dropped,
}

/// What dropping a message does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Dropped {
    Acknowledges,
    Holds,
}

impl RingMessage<'_> {
    /// Bytes of the message.
    #[inline]
    #[must_use]
    pub fn len(&self) -> usize {
        self.record.payload_bytes as usize
    }

    /// Whether the message is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.record.payload_bytes == 0
    }

    /// As dropping it, in line.
    #[inline(always)]
    pub(crate) fn acknowledge(self) {
        ManuallyDrop::new(self).end();
    }

    #[inline(always)]
    fn end(&mut self) {
        if self.dropped == Dropped::Acknowledges {
            self.receiver.held = None;
            self.receiver.acknowledge_to(self.record);
        }
    }

    /// Copies the message into the front of `into`, as much as fits; answers how many bytes.
    #[inline(always)]
    pub fn copy_to(&self, into: &mut [u8]) -> usize {
        let n = self.len().min(into.len());
        let offset = self.receiver.consumer.payload_offset(self.record);
        self.receiver.consumer.memory().read(offset, &mut into[..n]);
        n
    }

    /// Copies what is behind the first `at` bytes of the message, which must lie in its first cell, into the front of `into`, as much as fits.
    #[inline(always)]
    pub(crate) fn copy_behind(&self, at: usize, into: &mut [u8]) {
        let n = self.len().saturating_sub(at).min(into.len());
        let offset = self.receiver.consumer.payload_offset(self.record) + at as u64;
        self.receiver.consumer.memory().read(offset, &mut into[..n]);
    }

    /// Replaces the contents of `into` by the message; allocates only when it must grow.
    pub fn copy_into(&self, into: &mut Vec<u8>) {
        into.resize(self.len(), 0);
        self.copy_to(into);
    }

    /// A private copy of the message.
    #[must_use]
    pub fn to_vec(&self) -> Vec<u8> {
        let mut copy = Vec::new();
        self.copy_into(&mut copy);
        copy
    }

    /// The first byte of the message, valid for reads of [`RingMessage::len`] bytes until the drop.
    #[must_use]
    pub fn as_ptr(&self) -> *const u8 {
        let offset = self.receiver.consumer.payload_offset(self.record);
        self.receiver.consumer.memory().address(offset)
    }

    /// The process id of the sender, if it lives.
    #[inline]
    #[must_use]
    pub fn sender_pid(&self) -> Option<u32> {
        self.receiver.sender_pid()
    }

    /// Whether a receiver that died may have had this message in hand already.
    #[must_use]
    pub fn is_redelivered(&self) -> bool {
        self.receiver.redelivered_at == Some(self.record.position)
    }
}

impl std::fmt::Debug for RingMessage<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RingMessage").field("len", &self.len()).finish_non_exhaustive()
    }
}

impl Drop for RingMessage<'_> {
    #[inline(always)]
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.end();
        }
    }
}
