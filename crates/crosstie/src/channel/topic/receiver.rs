//! [`TopicReceiver`]: a subscribing end of a topic, and [`Received`]: a message that it got.

use crosstie_core::Deadline;
use crosstie_core::queue::member::{Ends, Leaving, Part};
use crosstie_core::ring::sleepers::Awaits;
use crosstie_core::topic::memory::{Memory, Mode};
use crosstie_core::topic::subscriber::{Look, Message, Subscriber};
use std::os::fd::{AsFd, BorrowedFd};

use super::memory::Cells;
use super::options::TopicOptions;
use super::shared;
use crate::channel::WaitMode;
use crate::channel::doorbell::{Doorbell, Sight};
use crate::channel::membership::Membership;
use crate::channel::patience::{Next, Patience, Stay};
use crate::contract::{Readiness, RecvError};
use crate::error::Result;
use crate::ledger::Domain;
use crate::os::membarrier;

/// A subscribing end of a topic: it gets every message from where it begins on.
///
/// On a lossless topic it gets each exactly once; on a lossy one it is told which it has not got
/// ([`RecvError::Overrun`]); of the latest value it gets the newest.
///
/// It maps the messages read-only.
///
/// # Death
/// Killed at any instruction: publishers that waited for it go on at once.
///
/// # Cost
/// No system call while messages are there and no publisher waits for this end. On a lossless topic a message is read
/// where it lies; elsewhere it is copied once, and the copy is checked.
#[derive(Debug)]
pub struct TopicReceiver {
    subscriber: Subscriber<Cells>,
    membership: Membership<Cells>,
    mode: Mode,
    wait: WaitMode,
    /// The last message of a topic that may overwrite it.
    copy: Vec<u8>,
    /// The number of the message taken last.
    last: u64,
    /// Messages were taken by [`TopicReceiver::recv_held`] and not acknowledged.
    holds: bool,
    follows: bool,
    lost: u64,
    /// Numbers that are gone, found when this end was about to wait; not told yet.
    overrun: Option<(u64, u64)>,
    /// Where it waits as a descriptor, once somebody has asked for it.
    doorbell: Option<Box<Doorbell>>,
    /// Publishers whose end was reported: the largest ordinal.
    reported: u64,
}

impl TopicReceiver {
    /// Opens a subscribing end of the topic `name` in `domain`; makes the topic if there is none.
    ///
    /// Where nothing is left to read and the publishers are gone, the topic counts as new: its next message is waited
    /// for.
    ///
    /// # Errors
    /// As [`TopicSender::open`](super::TopicSender::open).
    pub fn open(domain: &'static Domain, name: &str, options: &TopicOptions) -> Result<Self> {
        let membership = shared::enter(domain, name, options, Part::Receiver)?;
        let (seat, barrier, cells) =
            (membership.seat().index, membership.barrier(), membership.words().clone());
        let mode = cells.geometry().mode;
        let subscriber = Subscriber::join(cells, seat, barrier, options.start, || {
            membarrier::global_expedited();
        })
        .map_err(|fault| membership.fault(fault))
        .inspect_err(|_| membership.leave(Leaving::Clean))?;
        // While it was joining, it held publishers up.
        membership.rouse_all();
        let mut this = Self {
            subscriber,
            membership,
            mode,
            wait: options.wait,
            copy: Vec::new(),
            last: 0,
            holds: false,
            follows: false,
            lost: 0,
            overrun: None,
            doorbell: None,
            reported: 0,
        };
        let Ends { has_sender, ended, .. } = this.membership.ends();
        if !has_sender && !this.subscriber.begins_too_early() && matches!(this.look(), Ok(Look::Nothing)) {
            this.reported = ended;
        }
        Ok(this)
    }

    /// Goes on through any number of publishers: their ends are not reported.
    #[must_use]
    pub fn follow(mut self) -> Self {
        self.follows = true;
        self
    }

    /// Receives the next message.
    ///
    /// Blocks while there is none, until `deadline`. On a lossless topic the message is read where it lies, and holds
    /// publishers up until it is dropped.
    ///
    /// # Errors
    /// [`RecvError::Empty`] (only for [`Deadline::NOW`]), [`RecvError::TimedOut`]; [`RecvError::Overrun`] where messages
    /// were overwritten; once everything is read and every publisher has gone since the last such answer:
    /// [`RecvError::Closed`], or [`RecvError::PeerDied`] if one of them died.
    #[inline]
    pub fn recv(&mut self, deadline: Deadline) -> Result<Received<'_>, RecvError> {
        self.acknowledge();
        let message = self.next(deadline)?;
        Ok(Received { receiver: self, message, is_held: false })
    }

    /// As [`TopicReceiver::recv`], but what was received is not acknowledged when it is dropped, only by
    /// [`TopicReceiver::acknowledge`].
    ///
    /// # Errors
    /// As [`TopicReceiver::recv`].
    pub fn recv_held(&mut self, deadline: Deadline) -> Result<Received<'_>, RecvError> {
        let message = self.next(deadline)?;
        self.holds = true;
        Ok(Received { receiver: self, message, is_held: true })
    }

    /// Says that every message received so far may be overwritten.
    #[inline]
    pub fn acknowledge(&mut self) {
        self.holds = false;
        if self.membership.is_ours() && self.subscriber.acknowledge() {
            self.membership.wake(Part::Sender);
        }
    }

    /// Goes back to the message received last, if it is not acknowledged.
    pub fn put_back(&mut self) {
        self.subscriber.put_back(self.last);
    }

    /// Goes back to the first message that is not acknowledged.
    pub fn put_all_back(&mut self) {
        self.subscriber.put_all_back();
        self.holds = false;
    }

    /// What becomes of messages that a subscriber has not read.
    pub(crate) fn mode(&self) -> Mode {
        self.mode
    }

    /// The largest message that this end accepts, in bytes.
    #[must_use]
    pub fn message_bytes_max(&self) -> usize {
        self.membership.words().geometry().payload_bytes_max as usize
    }

    /// How many messages were overwritten before this end read them.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.lost
    }

    /// The descriptor that polls readable when this end must look again, while it is [armed](TopicReceiver::arm); the same for
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

    /// Makes [`TopicReceiver::pollable`] poll readable as soon as there may be something for [`TopicReceiver::recv`]: a message, a
    /// gap, the last publisher's end, somebody's death. Call it after a `recv` that found nothing, and before each wait.
    ///
    /// # Errors
    /// As [`TopicReceiver::pollable`].
    ///
    /// # Cost
    /// Five system calls; who publishes the next message makes three for each subscriber that waits so.
    pub fn arm(&mut self) -> Result<Readiness> {
        self.open_doorbell()?;
        if self.overrun.is_some() {
            return Ok(Readiness::Ready);
        }
        let Some(mut doorbell) = self.doorbell.take() else { return Ok(Readiness::Ready) };
        let (membership, subscriber, overrun) = (&self.membership, &mut self.subscriber, &mut self.overrun);
        let ends = membership.ends();
        let is_over = !ends.has_sender && ends.ended > self.reported;
        let sight = Sight::of(membership.barrier());
        let readiness = membership.arm(&mut doorbell, Some(Awaits::Something), sight, || {
            match subscriber.look(|id| membership.is_alive(id)) {
                Ok(Look::Nothing) => is_over || membership.ends() != ends,
                Ok(Look::Lost(from, to)) => {
                    *overrun = Some((from, to));
                    true
                }
                // What is broken says so to `recv`.
                Ok(Look::Message(_)) | Err(_) => true,
            }
        });
        self.doorbell = Some(doorbell);
        readiness
    }

    #[inline]
    fn next(&mut self, deadline: Deadline) -> Result<Message, RecvError> {
        if !self.membership.is_ours() {
            return Err(self.membership.inherited().into());
        }
        let message = match self.take()? {
            Some(message) => message,
            None => self.await_message(deadline)?,
        };
        self.last = message.number;
        Ok(message)
    }

    #[inline]
    fn look(&mut self) -> Result<Look, RecvError> {
        let membership = &self.membership;
        self.subscriber.look(|id| membership.is_alive(id)).map_err(|fault| membership.fault(fault).into())
    }

    /// The next message, copied where it may be overwritten, if there is one.
    #[inline]
    fn take(&mut self) -> Result<Option<Message>, RecvError> {
        let found = match self.overrun.take() {
            Some((from, to)) => Look::Lost(from, to),
            None => self.look()?,
        };
        match found {
            Look::Nothing => Ok(None),
            Look::Lost(from, to) => {
                self.lost += to - from;
                Err(RecvError::Overrun { from, to })
            }
            Look::Message(message) => {
                if self.mode != Mode::Lossless {
                    // Its length was checked against the topic's limit.
                    self.copy.resize(message.length as usize, 0);
                    self.subscriber.memory().read(message.slot, &mut self.copy);
                    if !self.subscriber.is_whole(&message) {
                        // Overwritten meanwhile: the next look finds what follows.
                        return Ok(None);
                    }
                }
                self.subscriber.take(&message);
                Ok(Some(message))
            }
        }
    }

    #[cold]
    fn await_message(&mut self, deadline: Deadline) -> Result<Message, RecvError> {
        let mut patience = Patience::new(self.wait, deadline);
        loop {
            if let Some(message) = patience.round(|| self.take())? {
                return Ok(message);
            }
            // Numbers without a message hold nobody up.
            if !self.holds {
                self.acknowledge();
            }
            self.tell_deaths();
            // What the publishers are is read before the last look: an end seen here comes after all messages.
            let ends = self.membership.ends();
            if let Some(message) = self.take()? {
                return Ok(message);
            }
            self.meet_end(ends)?;
            match patience.next() {
                Next::Spin => {}
                Next::GiveUp if deadline.is_now() => return Err(RecvError::Empty),
                Next::GiveUp => return Err(RecvError::TimedOut),
                Next::Sleep => {
                    if let Some(message) = self.sleep(ends, patience.stay())? {
                        return Ok(message);
                    }
                }
            }
        }
    }

    /// Notes who has died, so that it can be told; entries of dead subscribers come free.
    fn tell_deaths(&self) {
        if self.subscriber.tell_deaths(|id| self.membership.is_alive(id)) {
            self.membership.rouse_all();
        }
    }

    /// An end is reported once, when nothing is left; a follower passes it over.
    fn meet_end(&mut self, ends: Ends) -> Result<(), RecvError> {
        if ends.has_sender || ends.ended <= self.reported {
            return Ok(());
        }
        let has_died = ends.died > self.reported;
        self.reported = ends.ended;
        match has_died {
            _ if self.follows => Ok(()),
            true => Err(RecvError::PeerDied),
            false => Err(RecvError::Closed),
        }
    }

    /// Sleeps until there may be a message, or nothing more; answers one that was found on the last look.
    fn sleep(&mut self, ends: Ends, stay: Stay) -> Result<Option<Message>, RecvError> {
        let mut found = None;
        let cells = self.membership.words().clone();
        let announced = cells.control().subscribers();
        let watched = self.membership.watch(announced, Awaits::Something);
        let Some(watched) = watched else { return Ok(None) };
        if let Some(message) = self.take()? {
            found = Some(message);
        } else if self.membership.ends() == ends {
            self.membership.wait_on(announced, watched, &[], stay)?;
        }
        Ok(found)
    }
}

impl Drop for TopicReceiver {
    fn drop(&mut self) {
        if self.membership.is_ours() {
            self.subscriber.leave();
            // Before a successor can have made its own.
            self.doorbell = None;
            self.membership.leave(Leaving::Clean);
        }
    }
}

/// A message of a topic.
///
/// On a lossless topic it lies in memory that others could write if they broke the protocol, so its bytes are copied
/// out, or read through a raw pointer, never through a `&[u8]` (docs/memory-model.md). Elsewhere it is this end's own copy.
pub struct Received<'a> {
    receiver: &'a mut TopicReceiver,
    message: Message,
    is_held: bool,
}

impl Received<'_> {
    /// Its number: messages of a topic are numbered from 0 in the order in which everybody gets them.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.message.number
    }

    /// Bytes of the message.
    #[must_use]
    pub fn len(&self) -> usize {
        self.message.length as usize
    }

    /// Whether the message is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.message.length == 0
    }

    /// The bytes themselves, where they are this end's own copy.
    #[must_use]
    pub fn private(&self) -> Option<&[u8]> {
        if self.receiver.mode == Mode::Lossless { None } else { Some(&self.receiver.copy) }
    }

    /// Copies the message into the front of `into`, as much as fits; answers how many bytes.
    #[inline]
    pub fn copy_to(&self, into: &mut [u8]) -> usize {
        let n = self.len().min(into.len());
        match self.private() {
            Some(bytes) => into[..n].copy_from_slice(&bytes[..n]),
            None => self.receiver.membership.words().read(self.message.slot, &mut into[..n]),
        }
        n
    }

    /// A private copy of the message.
    #[must_use]
    pub fn to_vec(&self) -> Vec<u8> {
        let mut copy = vec![0; self.len()];
        self.copy_to(&mut copy);
        copy
    }

    /// The first byte of the message, valid for reads of [`Received::len`] bytes until the drop.
    #[must_use]
    pub fn as_ptr(&self) -> *const u8 {
        match self.private() {
            Some(bytes) => bytes.as_ptr(),
            None => self.receiver.membership.words().address(self.message.slot, self.len()),
        }
    }
}

impl Drop for Received<'_> {
    #[inline]
    fn drop(&mut self) {
        if !self.is_held {
            self.receiver.acknowledge();
        }
    }
}

impl std::fmt::Debug for Received<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Received")
            .field("number", &self.number())
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}
