//! [`QueueState`]: what a queue holds now, as far as one look without stopping anybody can tell.

use std::time::Duration;

use crosstie_core::OwnerId;
use crosstie_core::atomic::Ordering;
use crosstie_core::queue::job::{Job, State};
use crosstie_core::queue::member::Part;
use crosstie_core::queue::member::Roster;
use crosstie_core::queue::memory::{CHUNK_BYTES, MEMBERS, Memory};
use crosstie_core::word::waiting::Mode;

use super::memory::Cells;
use super::shared::look_into;
use crate::channel::enders::{Enders, living};
use crate::error::Result;
use crate::ledger::Domain;

/// What a queue holds now.
///
/// # Examples
/// ```
/// use crosstie::Deadline;
/// use crosstie::channel::queue::{QueueOptions, QueueSender, QueueState};
/// use crosstie::ledger::Domain;
/// let folder = tempfile::tempdir().unwrap();
/// let domain = Domain::open(folder.path().join("domain"))?;
/// let mut sender = QueueSender::open(domain, "jobs", &QueueOptions::default())?;
/// sender.send(b"one", Deadline::NEVER)?;
/// let state = QueueState::of(domain, "jobs")?;
/// assert_eq!((state.waiting, state.in_hand.len(), state.dead_letters), (1, 0, 0));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct QueueState {
    /// Messages that wait for a receiver.
    pub waiting: u32,
    /// Messages in the hands of receivers, one each.
    pub in_hand: Vec<InHand>,
    /// Messages that were delivered too often.
    pub dead_letters: u32,
    /// How many times a message went back to be delivered again, since the queue was made.
    pub redelivered: u64,
    /// How many messages were dropped because there was no room, since the queue was made.
    pub dropped: u64,
    /// Living senders.
    pub senders: u32,
    /// Living receivers.
    pub receivers: u32,
    /// Places for messages.
    pub places: u32,
    /// Room for messages above 128 bytes, in bytes.
    pub capacity_bytes: usize,
    /// After so many deliveries a message that comes back is a dead letter.
    pub deliveries_max: u8,
    /// How long a message may be in hand; zero is for ever.
    pub lease: Duration,
}

/// A message in a receiver's hands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct InHand {
    /// Whose hands; dead if nobody has recovered it yet, `None` if its seat has changed meanwhile.
    pub owner: Option<OwnerId>,
    /// How often it was delivered, this time included.
    pub deliveries: u32,
}

impl QueueState {
    /// Looks at the queue `name` of `domain`, without taking part in it.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound); as [`QueueSender::open`](super::QueueSender::open).
    pub fn of(domain: &'static Domain, name: &str) -> Result<Self> {
        let cells = look_into(domain, name)?;
        let geometry = cells.geometry();
        let mut state = Self {
            waiting: 0,
            in_hand: Vec::new(),
            dead_letters: 0,
            redelivered: cells.control().redelivered(),
            dropped: cells.control().dropped(),
            senders: 0,
            receivers: 0,
            places: geometry.jobs,
            capacity_bytes: geometry.chunks as usize * CHUNK_BYTES,
            deliveries_max: geometry.deliveries_max,
            lease: Duration::from_nanos(geometry.lease_ns),
        };
        for place in 0..geometry.jobs {
            // Acquire: what the word's last change published is there, for who reads on.
            let word = cells.job(place).load(Ordering::Acquire);
            if let Some(job) = Job::from_bits(word) {
                state.add(&cells, job);
            }
        }
        for (id, part) in (0..MEMBERS).filter_map(|index| cells.member(index).read()) {
            if domain.is_alive(id) {
                match part {
                    Part::Sender => state.senders += 1,
                    Part::Receiver => state.receivers += 1,
                }
            }
        }
        Ok(state)
    }

    fn add(&mut self, cells: &Cells, job: Job) {
        match job.state {
            // What is written now counts too: most of what is offered waits.
            State::Offered(_) | State::Queued => self.waiting += 1,
            State::Held(member) if member < MEMBERS => {
                let owner = cells.member(member).read().map(|(id, _)| id);
                self.in_hand.push(InHand { owner, deliveries: u32::from(job.deliveries) });
            }
            State::Dead => self.dead_letters += 1,
            State::Held(_) | State::Free => {}
        }
    }
}

/// Who could end a wait for a message from the queue `name`, or for room in it, whose sleepers' word held `seen`.
pub(in crate::channel) fn enders(
    domain: &'static Domain,
    name: &str,
    (mode, seen): (Mode, u64),
) -> Result<Option<Enders>> {
    let cells = look_into(domain, name)?;
    if mode == Mode::Room {
        let senders = cells.control().senders();
        let receivers = living(domain, &cells, Part::Receiver, (senders, seen));
        return Ok(receivers.map(|owners| Enders { owners, is_open: false }));
    }
    let state = QueueState::of(domain, name)?;
    // What is in hand comes back when its lease ends.
    if !state.in_hand.is_empty() && !state.lease.is_zero() {
        return Ok(None);
    }
    let Some(mut owners) = living(domain, &cells, Part::Sender, (cells.control().receivers(), seen)) else {
        return Ok(None);
    };
    for held in &state.in_hand {
        // Who lets it go without having done it gives it to the others.
        match held.owner {
            Some(owner) if owners.contains(&owner) => {}
            Some(owner) => owners.push(owner),
            None => return Ok(None),
        }
    }
    Ok(Some(Enders { owners, is_open: true }))
}
