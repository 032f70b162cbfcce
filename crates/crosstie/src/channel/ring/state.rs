//! [`RingState`]: what a ring holds now, as far as one look without stopping anybody can tell.

use std::sync::Arc;
use std::time::Duration;

use crosstie_core::OwnerId;
use crosstie_core::ring::backlog::Backlog;
use crosstie_core::ring::statistics::Waited;
use crosstie_core::word::role::Role;
use crosstie_core::word::waiting::Mode;

use super::cells::Cells;
use super::peer::Peer;
use super::shared::{End, ON_WORD, Shared};
use crate::channel::enders::Enders;
use crate::error::Result;
use crate::ledger::Domain;

/// What a ring holds now.
///
/// # Examples
/// ```
/// use crosstie::Deadline;
/// use crosstie::channel::ring::{RingOptions, RingSender, RingState};
/// use crosstie::ledger::Domain;
/// let folder = tempfile::tempdir().unwrap();
/// let domain = Domain::open(folder.path().join("domain"))?;
/// let mut sender = RingSender::open(domain, "orders", &RingOptions::default())?;
/// sender.send(b"one", Deadline::NEVER)?;
/// sender.send(b"two", Deadline::NEVER)?;
/// let state = RingState::of(domain, "orders")?;
/// assert_eq!((state.waiting, state.bytes), (2, 128));
/// assert_eq!((state.sent, state.sent_bytes, state.sender_waits.count), (2, 6, 0));
/// assert!(state.sender.is_some() && state.receiver.is_none());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RingState {
    /// Messages that were sent and not acknowledged; one that the receiver has in hand is among them.
    pub waiting: u64,
    /// Bytes of the ring that they take.
    pub bytes: u64,
    /// Bytes of the ring.
    pub capacity_bytes: usize,
    /// The living sender.
    pub sender: Option<OwnerId>,
    /// The living receiver.
    pub receiver: Option<OwnerId>,
    /// A sender or receiver, or one of each, died, and the other side has not been told yet; also where a later one has left
    /// in order since.
    pub ended_by_death: bool,
    /// Messages that were sent since the ring was made; one less for each sender that was killed right behind its last.
    pub sent: u64,
    /// The bytes in them.
    pub sent_bytes: u64,
    /// What its senders have waited for, and how many of them died.
    pub sender_waits: RingWaits,
    /// The same of its receivers.
    pub receiver_waits: RingWaits,
}

/// What one end of a ring has waited for since the ring was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RingWaits {
    /// How often it slept until there was room, or a message. A short wait, in which it only looked again and again, is none.
    pub count: u64,
    /// The longest of these waits.
    pub longest: Duration,
    /// How many who had this end were killed, as far as a successor or the other end has seen.
    pub deaths: u64,
}

impl RingWaits {
    fn of(Waited { count, longest_ns, deaths }: Waited) -> Self {
        Self { count, longest: Duration::from_nanos(longest_ns), deaths }
    }
}

impl RingState {
    /// Looks at the ring `name` of `domain`, without taking part in it.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound); as [`RingSender::open`](super::RingSender::open).
    ///
    /// # Cost
    /// Some system calls, and a look at each message that waits.
    pub fn of(domain: &'static Domain, name: &str) -> Result<Self> {
        let shared = Arc::new(Shared::look_into(domain, name, End::Consumer)?);
        let Backlog { messages, bytes } = Backlog::of(&Cells::new(&shared));
        let [sender, receiver] = [End::Producer, End::Consumer].map(|end| shared.peer(end));
        let living = |peer| if let Peer::Alive(id) = peer { Some(id) } else { None };
        let (sent, sent_bytes) = shared.statistics().sent();
        let [sender_waits, receiver_waits] =
            [End::Producer, End::Consumer].map(|end| RingWaits::of(shared.waits_of(end).read()));
        Ok(Self {
            waiting: messages,
            bytes,
            capacity_bytes: shared.capacity_bytes(),
            sender: living(sender),
            receiver: living(receiver),
            ended_by_death: sender == Peer::Died || receiver == Peer::Died,
            sent,
            sent_bytes,
            sender_waits,
            receiver_waits,
        })
    }
}

/// Who could end a wait for a message from the ring `name`, or for room in it, whose sleeper's word held `seen`.
pub(in crate::channel) fn enders(
    domain: &'static Domain,
    name: &str,
    (mode, seen): (Mode, u64),
) -> Result<Option<Enders>> {
    let shared = Shared::look_into(domain, name, End::Consumer)?;
    let (own, other) = match mode {
        Mode::Room => (End::Producer, End::Consumer),
        _ => (End::Consumer, End::Producer),
    };
    // Woken, and not gone on yet.
    let is_asleep = seen == u64::from(ON_WORD) && shared.word_of(own) == seen;
    Ok(match shared.read(other) {
        Role::Held { by, predecessor_died: false } if is_asleep && domain.is_alive(by) => {
            Some(Enders { owners: vec![by], is_open: false })
        }
        // Nobody is there, or an end is still to be told.
        _ => None,
    })
}
