//! [`RingSender`]: the sending end of a ring, and [`Loan`]: a message written in place.

use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;

use crosstie_core::ring::asleep::Asleep;
use crosstie_core::ring::spsc::Producer;
use crosstie_core::word::role::{Ending, Role};
use crosstie_core::{Deadline, OwnerId};

use super::super::doorbell::{Doorbell, Sight};
use super::cells::Cells;
use super::loan::Loan;
use super::options::RingOptions;
use super::peer::Peer;
use super::shared::{End, Shared, corrupt};
use super::turn::{self, Turn};
use crate::channel::WaitMode;
use crate::channel::patience::{Next, Patience};
use crate::contract::{Readiness, SendError};
use crate::error::Result;
use crate::ledger::Domain;

/// The sending end of a ring; one lives at a time.
///
/// # Death
/// Killed at any instruction: every message whose `send` returned is delivered, the one under way
/// is delivered whole or not at all, and the receiver is told [`PeerDied`](crate::contract::RecvError::PeerDied).
/// A new sender goes on behind the last committed message.
///
/// # Cost
/// No system call while there is room and the receiver is awake.
pub struct RingSender {
    pub(super) producer: Producer<Cells>,
    pub(super) shared: Arc<Shared>,
    me: OwnerId,
    wait: WaitMode,
    message_bytes_max: usize,
    /// The receiver that this sender has met: its end is reported once.
    peer: Option<OwnerId>,
    /// The receiver's role when it was looked at first, or reported last: old news.
    known: Role,
    /// Whether it waited for its turn.
    takes_turns: bool,
    ended: bool,
    /// Bytes of the message that was refused last because there was no room.
    refused: u32,
    /// Where it waits as a descriptor, once somebody has asked for it.
    doorbell: Option<Box<Doorbell>>,
}

impl RingSender {
    /// Opens the sending end of the ring `name` in `domain`; makes the ring if there is none.
    ///
    /// # Errors
    /// [`Busy`](crate::ErrorKind::Busy) while another living process has this end (named),
    /// [`Mismatch`](crate::ErrorKind::Mismatch) for another capacity or version (both named),
    /// [`NoSpace`](crate::ErrorKind::NoSpace) when /dev/shm is full.
    pub fn open(domain: &'static Domain, name: &str, options: &RingOptions) -> Result<Self> {
        let (shared, me) = Shared::enter(domain, name, options, End::Producer)?;
        let shared = Arc::new(shared);
        let attached = Producer::attach(Cells::new(&shared), shared.barrier());
        let producer = attached.map_err(|fault| {
            shared.leave(End::Producer, me, Ending::Clean, 0);
            corrupt(shared.name(), fault)
        })?;
        let message_bytes_max = options.message_bytes_max.min(shared.payload_bytes_max());
        let known = shared.read(End::Consumer);
        let peer = match shared.judge(known) {
            Peer::Alive(peer) => Some(peer),
            _ => None,
        };
        let (wait, takes_turns, ended, refused, doorbell) = (options.wait, false, false, 0, None);
        Ok(Self {
            producer,
            shared,
            me,
            wait,
            message_bytes_max,
            peer,
            known,
            takes_turns,
            ended,
            refused,
            doorbell,
        })
    }

    /// As [`RingSender::open`], but waits until the sender of now has [handed over](RingSender::hand_over), ended or died: many
    /// senders take turns. First come, first served; who waits is in line at `lock:ring.NAME`. The receiver is told an end only
    /// when one of them ends while nobody stands in line.
    ///
    /// [`Sender`](crate::endpoint::Sender) has the same by the address alone: `ring:NAME?senders=turns`.
    ///
    /// # Errors
    /// As [`RingSender::open`]; [`TimedOut`](crate::ErrorKind::TimedOut).
    ///
    /// # Death
    /// A sender that is killed, while it sends, waits or hands over, holds nobody up; the receiver is told only of one that had the role.
    ///
    /// # Examples
    /// ```
    /// use crosstie::Deadline;
    /// use crosstie::channel::ring::{RingOptions, RingReceiver, RingSender};
    /// use crosstie::ledger::Domain;
    /// let folder = tempfile::tempdir().unwrap();
    /// let domain = Domain::open(folder.path().join("domain"))?;
    /// let options = RingOptions::default();
    /// let mut receiver = RingReceiver::open(domain, "log", &options)?;
    /// let mut first = RingSender::open_in_turn(domain, "log", &options, Deadline::NEVER)?;
    /// let second = std::thread::spawn(move || {
    ///     let mut second = RingSender::open_in_turn(domain, "log", &options, Deadline::NEVER).unwrap();
    ///     second.send(b"two", Deadline::NEVER).unwrap();
    /// });
    /// first.send(b"one", Deadline::NEVER)?;
    /// first.hand_over();
    /// // No end between the two: the stream goes on.
    /// assert_eq!(receiver.recv(Deadline::NEVER)?.to_vec(), b"one");
    /// assert_eq!(receiver.recv(Deadline::NEVER)?.to_vec(), b"two");
    /// # second.join().unwrap();
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn open_in_turn(
        domain: &'static Domain,
        name: &str,
        options: &RingOptions,
        deadline: Deadline,
    ) -> Result<Self> {
        turn::open_in_turn(domain, name, options, deadline)
    }

    /// Hands the sending end over: who waits for its turn goes on behind the last message, and the receiver is told no end. Where
    /// nobody waits, the receiver waits for whoever comes.
    ///
    /// # Death
    /// Killed at any instruction: the role is free, at the exact committed position; the receiver is told the death, or nothing if the
    /// role was given up before.
    pub fn hand_over(mut self) {
        self.end(Ending::HandedOver);
    }

    pub(super) fn take_turn(&mut self, turn: Turn) {
        self.takes_turns = true;
        self.shared.take_turn(turn);
    }

    /// Whether it waited for its turn, and others may wait for theirs.
    #[must_use]
    pub fn takes_turns(&self) -> bool {
        self.takes_turns
    }

    /// Sends one message; blocks while the ring is full, until `deadline`.
    ///
    /// Messages wait in the ring for a receiver that has not come yet, or for the successor of one
    /// that ended; only a full ring looks whether anybody is there.
    ///
    /// # Errors
    /// [`SendError::Full`] (only for [`Deadline::NOW`]), [`SendError::TimedOut`],
    /// [`SendError::TooLarge`]; while the ring is full and the receiver that was there has left or
    /// died, once each: [`SendError::Closed`], [`SendError::PeerDied`].
    #[inline(always)]
    pub fn send(&mut self, payload: &[u8], deadline: Deadline) -> Result<(), SendError> {
        self.make_room(payload.len(), deadline)?;
        self.producer.push(payload);
        self.shared.statistics().count_sent(1, payload.len() as u64);
        self.wake();
        Ok(())
    }

    /// As [`RingSender::send`], of a message in two parts, the first of 55 bytes at most.
    #[inline(always)]
    pub(crate) fn send_parts(&mut self, parts: [&[u8]; 2], deadline: Deadline) -> Result<(), SendError> {
        let length = self.make_room(parts[0].len() + parts[1].len(), deadline)?;
        self.producer.push_parts(parts);
        self.shared.statistics().count_sent(1, u64::from(length));
        self.wake();
        Ok(())
    }

    /// Sends several messages in order with at most one wake-up; answers how many were sent: all, unless the ring filled up after the first.
    ///
    /// # Errors
    /// As [`RingSender::send`], about the first message.
    pub fn send_batch(&mut self, payloads: &[&[u8]], deadline: Deadline) -> Result<usize, SendError> {
        let (mut sent, mut bytes) = (0, 0);
        for payload in payloads {
            let fits = if sent == 0 {
                self.make_room(payload.len(), deadline).map(|_| true)?
            } else {
                let length = self.admit(payload.len());
                matches!(length, Ok(length) if self.producer.fits(length).unwrap_or(false))
            };
            if !fits {
                break;
            }
            self.producer.push(payload);
            (sent, bytes) = (sent + 1, bytes + payload.len() as u64);
        }
        self.shared.statistics().count_sent(sent as u64, bytes);
        self.wake();
        Ok(sent)
    }

    /// Lends `length` bytes of the ring to write a message in place; [`Loan::commit`] sends it.
    ///
    /// Blocks while the ring is full, until `deadline`. A loan that is dropped was never sent.
    ///
    /// # Errors
    /// As [`RingSender::send`].
    pub fn reserve(&mut self, length: usize, deadline: Deadline) -> Result<Loan<'_>, SendError> {
        let reserved = self.make_room(length, deadline)?;
        let offset = self.producer.reserve(reserved);
        Ok(Loan { sender: self, offset, length: reserved })
    }

    /// Says that this end is done: the receiver gets everything, then a clean end; of one that waited for its turn only if
    /// nobody stands in line.
    ///
    /// Dropping the sender does the same, except while panicking: then the receiver sees a death.
    pub fn close(&mut self) {
        self.end(Ending::Clean);
    }

    /// Ends as a death does: the receiver gets everything, and then is told that this end died. Another may take its place at once.
    pub fn break_off(&mut self) {
        self.end(Ending::BrokenOff);
    }

    /// Whether a living process has the receiving end now.
    #[must_use]
    pub fn has_receiver(&self) -> bool {
        matches!(self.shared.peer(End::Consumer), Peer::Alive(_))
    }

    /// Whether the sender before this one died; else it left, or there was none.
    pub(crate) fn succeeds_dead(&self) -> bool {
        self.shared.replaced_dead()
    }

    /// The largest message that this end accepts, in bytes.
    #[must_use]
    pub fn message_bytes_max(&self) -> usize {
        self.message_bytes_max
    }

    /// The ring's size, in bytes.
    #[must_use]
    pub fn capacity_bytes(&self) -> usize {
        self.shared.capacity_bytes()
    }

    /// The descriptor that polls readable when this end must look again, while it is [armed](RingSender::arm); the same for
    /// its life.
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
            None => Box::new(self.shared.doorbell(End::Producer)?),
        };
        Ok(self.doorbell.insert(doorbell))
    }

    /// Makes [`RingSender::pollable`] poll readable as soon as the message may fit that was refused last, or the receiver
    /// has left or died. Call it after a `send` that found no room, and before each wait.
    ///
    /// # Errors
    /// As [`RingSender::pollable`].
    ///
    /// # Cost
    /// Four system calls; the receiver's next acknowledgement costs it one more.
    pub fn arm(&mut self) -> Result<Readiness> {
        let sight = Sight::of(self.shared.barrier());
        let role = self.shared.read(End::Consumer);
        let peer = self.shared.judge(role);
        let watch = match peer {
            Peer::Alive(peer) if peer != self.me => Some(peer),
            Peer::Left | Peer::Died if self.peer.is_some() || role != self.known => {
                return Ok(Readiness::Ready);
            }
            _ => None,
        };
        if self.ended {
            return Ok(Readiness::Ready);
        }
        let doorbell = self.open_doorbell()?;
        let is_prepared = doorbell.prepare(watch.as_slice(), sight)?;
        let asleep = Asleep::AtDoorbell(doorbell.number());
        self.producer.announce_sleep(asleep);
        self.shared.heavy_barrier();
        let is_full = matches!(self.producer.fits(self.refused), Ok(false));
        if is_prepared && is_full && self.shared.peer(End::Consumer) == peer {
            return Ok(Readiness::Armed);
        }
        self.producer.end_sleep();
        Ok(Readiness::Ready)
    }

    fn end(&mut self, ending: Ending) {
        if !self.ended {
            self.ended = true;
            // Before a successor can have made its own.
            self.doorbell = None;
            let ending = match ending {
                Ending::Clean if self.takes_turns => Ending::InTurn,
                ending => ending,
            };
            self.shared.leave(End::Producer, self.me, ending, self.producer.tail());
        }
    }

    /// Checks a length against the limit.
    #[inline(always)]
    fn admit(&self, length: usize) -> Result<u32, SendError> {
        if length > self.message_bytes_max {
            return Err(SendError::TooLarge { length, limit: self.message_bytes_max });
        }
        if self.ended {
            return Err(SendError::Closed);
        }
        if !self.shared.is_ours() {
            return Err(self.shared.inherited().into());
        }
        u32::try_from(length).map_err(|_| SendError::TooLarge { length, limit: self.message_bytes_max })
    }

    /// Returns once a message of `length` fits.
    #[inline(always)]
    fn make_room(&mut self, length: usize, deadline: Deadline) -> Result<u32, SendError> {
        let length = self.admit(length)?;
        if self.producer.fits_surely(length) {
            return Ok(length);
        }
        self.await_room(length, deadline).map(|()| length)
    }

    #[cold]
    fn await_room(&mut self, length: u32, deadline: Deadline) -> Result<(), SendError> {
        let mut patience = Patience::new(self.wait, deadline);
        let found = self.find_room(length, deadline, &mut patience);
        if let Some(slept_ns) = patience.slept_ns() {
            self.shared.waits_of(End::Producer).count_wait(slept_ns);
        }
        found
    }

    fn find_room(
        &mut self,
        length: u32,
        deadline: Deadline,
        patience: &mut Patience,
    ) -> Result<(), SendError> {
        loop {
            let producer = &mut self.producer;
            let fits = patience.round(|| producer.fits_lazily(length).map(|fits| fits.then_some(())));
            if self.fits_after(fits, length)? {
                return Ok(());
            }
            let watch = self.meet_peer()?;
            match patience.next() {
                Next::Spin => {}
                Next::GiveUp if deadline.is_now() => {
                    self.refused = length;
                    return Err(SendError::Full);
                }
                Next::GiveUp => return Err(SendError::TimedOut),
                Next::Sleep => {
                    let seen = self.shared.changes();
                    self.producer.announce_sleep(Asleep::OnWord);
                    self.shared.heavy_barrier();
                    let fits = self.producer.fits(length).map(|fits| fits.then_some(()));
                    let slept = if matches!(fits, Ok(None)) && watch == self.meet_peer()? {
                        self.shared.sleep(End::Producer, seen, watch, patience.stay())
                    } else {
                        Ok(())
                    };
                    self.producer.end_sleep();
                    slept?;
                }
            }
        }
    }

    /// Turns the outcome of looking lazily into an exact one.
    fn fits_after(
        &mut self,
        lazily: std::result::Result<Option<()>, crosstie_core::ring::spsc::Corrupt>,
        length: u32,
    ) -> Result<bool, SendError> {
        let fits = match lazily {
            Ok(Some(())) => Ok(true),
            Ok(None) => self.producer.fits(length),
            Err(fault) => Err(fault),
        };
        fits.map_err(|fault| corrupt(self.shared.name(), fault).into())
    }

    /// Whom to watch while waiting for room; the end of a receiver that came since this sender
    /// opened the ring, or was there, is reported once.
    fn meet_peer(&mut self) -> Result<Option<OwnerId>, SendError> {
        let role = self.shared.read(End::Consumer);
        let end = match self.shared.judge(role) {
            Peer::Alive(peer) => {
                self.peer = Some(peer);
                return Ok(Some(peer));
            }
            // Receivers take no turns.
            Peer::Awaited | Peer::Next(_) => return Ok(None),
            Peer::Left => SendError::Closed,
            Peer::Died => SendError::PeerDied,
        };
        if self.peer.take().is_none() && role == self.known {
            return Ok(None);
        }
        self.known = role;
        Err(end)
    }

    #[inline(always)]
    pub(super) fn wake(&self) {
        if let Some(asleep) = self.producer.must_wake_consumer() {
            self.shared.wake(self.shared.control().consumer_waits(), asleep);
        }
    }
}

impl Drop for RingSender {
    fn drop(&mut self) {
        self.end(if std::thread::panicking() { Ending::BrokenOff } else { Ending::Clean });
    }
}

impl std::fmt::Debug for RingSender {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RingSender").field("ring", &self.shared.name()).finish_non_exhaustive()
    }
}
