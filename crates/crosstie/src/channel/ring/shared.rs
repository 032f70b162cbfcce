//! The segment of a ring, its layout, and who holds its two ends.
//!
//! | offset in the file | holds |
//! |---|---|
//! | 0 | the segment's header, 128 bytes |
//! | 128 | [`Control`]: positions and sleepers, 512 bytes |
//! | 640 | role of the producer, on a line pair of its own |
//! | 768 | role of the consumer, on a line pair of its own |
//! | 896 | how often a role was taken or left: who waits for that sleeps on it |
//! | 1024 | [`Statistics`]: what has happened so far, 256 bytes |
//! | 4096 | the cells, mapped twice in a row |
#![expect(unsafe_code, reason = "refers to words that other processes map")]

use std::cell::Cell;
use std::sync::Mutex;

use crosstie_core::atomic::{AtomicU32, Ordering};
use crosstie_core::layout::header::{Kind, layout_hash};
use crosstie_core::ring::asleep::{self, Asleep};
use crosstie_core::ring::control::Control;
use crosstie_core::ring::record::{CAPACITY_BYTES_MAX, CAPACITY_BYTES_MIN, CELL_BYTES, Geometry};
use crosstie_core::ring::spsc::{Barrier, Corrupt};
use crosstie_core::ring::statistics::{Statistics, Waits};
use crosstie_core::word::role::{Ending, NotTaken, Role, RoleWord};
use crosstie_core::word::waiting::Mode;
use crosstie_core::{Deadline, OwnerId, crash_point};

use super::super::doorbell::{self, Doorbell, Ringer};
use super::super::patience::Stay;
use super::options::{CAPACITY_BYTES, RingOptions};
use super::peer::Peer;
use super::turn::{self, Turn};
use crate::error::{Error, ErrorKind, Result};
use crate::ledger::noted::{Noted, key_of_channel};
use crate::ledger::{Domain, Wait};
use crate::os::memory::MirroredMapping;
use crate::os::{clock, futex, membarrier, process};
use crate::region::{Segment, SegmentSpec, Sizes, Space, removal};
use crate::sync::object;

const LAYOUT: u64 = layout_hash(
    "ring: control @128 (acked, credit, consumer_waits, producer_waits {number:31, doorbell:1}, 128 apart), producer @640, \
     consumer @768 (left: place @16, in turn @61), changes @896, sent @1024 (messages, bytes, waits, longest wait, deaths), received @1152 (waits, longest wait, deaths), cells @4096: commit word {length:32, lap tag:32}, payload, 64-byte records",
);
const CONTROL_OFFSET: usize = 128;
const PRODUCER_OFFSET: usize = 640;
const CONSUMER_OFFSET: usize = 768;
const CHANGES_OFFSET: usize = 896;
const STATISTICS_OFFSET: usize = 1024;
const CELLS_OFFSET: u64 = 4096;
/// How long a sleeper that cannot fence its peer sleeps before it looks again.
const SLICE_NS: u64 = 50_000_000;
/// What the word of an end that sleeps on it holds.
pub(super) const ON_WORD: u32 = 1;
/// How often an opener starts anew because the ring was removed under it.
const TRIES_MAX: u32 = 64;

/// One end of a ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Producer,
    Consumer,
}

impl End {
    fn other(self) -> Self {
        match self {
            Self::Producer => Self::Consumer,
            Self::Consumer => Self::Producer,
        }
    }
}

/// A ring that this process has entered.
pub(super) struct Shared {
    domain: &'static Domain,
    segment: Segment,
    cells: MirroredMapping,
    name: String,
    /// Its key in the ledger.
    key: u64,
    /// Rings the other end.
    ringer: Ringer,
    barrier: Barrier,
    replaced_dead: bool,
    /// The sender's turn, where it waited for one.
    turn: Mutex<Option<Turn>>,
    /// The process that opened the end.
    epoch: u64,
}

impl Shared {
    /// Opens or makes the ring `name` and takes `end` of it for this process.
    pub(super) fn enter(
        domain: &'static Domain,
        name: &str,
        options: &RingOptions,
        end: End,
    ) -> Result<(Self, OwnerId)> {
        let me = domain.process_owner()?;
        let barrier =
            if membarrier::register_global_expedited() { Barrier::Asymmetric } else { Barrier::Fence };
        for _ in 0..TRIES_MAX {
            let mut shared = Self::open(domain, name, options, barrier, end)?;
            let taken = shared.role(end).take(me, |holder| domain.confirm_alive(holder));
            shared.replaced_dead = taken.map_err(|refusal| shared.not_taken(end, refusal, me))?;
            if shared.replaced_dead {
                shared.waits_of(end).count_death();
            }
            // A remover marks the segment, then looks for holders; a holder registers, then looks at the mark.
            if shared.segment.is_live() {
                // One that was killed has left it.
                doorbell::forget(domain, &doorbell_name(name, end));
                shared.rouse(end);
                return Ok((shared, me));
            }
            shared.role(end).leave(me, Ending::Clean, 0);
        }
        Err(Error::new("open", name_of(name), ErrorKind::Busy)
            .because("it was removed and created again all the time")
            .advise("try again"))
    }

    fn open(
        domain: &'static Domain,
        name: &str,
        options: &RingOptions,
        barrier: Barrier,
        end: End,
    ) -> Result<Self> {
        let wanted = options.capacity_bytes.unwrap_or(CAPACITY_BYTES) as u64;
        if Geometry::new(wanted).is_none() {
            return Err(Error::new("open", name_of(name), ErrorKind::Usage)
                .because(format!("a ring cannot have {wanted} bytes"))
                .advise(format!("take a power of two from {CAPACITY_BYTES_MIN} to {CAPACITY_BYTES_MAX}")));
        }
        let segment =
            Segment::open_or_create(domain.directory(), &file_name(name), &spec(wanted), |_| Ok(()))?;
        let found = segment.header().data_bytes;
        if options.capacity_bytes.is_some() && found != wanted {
            return Err(Error::new("open", name_of(name), ErrorKind::Mismatch)
                .because(format!("it has a capacity of {found} bytes, asked for were {wanted}"))
                .advise(format!(
                    "leave the capacity out to take it as it is, or remove it: crosstie rm ring:{name}"
                )));
        }
        Self::of(domain, name, segment, barrier, end)
    }

    /// Opens the ring `name`, which must be there, without taking part in it, as seen from `end`.
    pub(super) fn look_into(domain: &'static Domain, name: &str, end: End) -> Result<Self> {
        let segment = Segment::open(domain.directory(), &file_name(name), &spec(CAPACITY_BYTES as u64))?;
        Self::of(domain, name, segment, Barrier::Fence, end)
    }

    fn of(domain: &'static Domain, name: &str, segment: Segment, barrier: Barrier, end: End) -> Result<Self> {
        let found = segment.header().data_bytes;
        let sound = Geometry::new(found).is_some() && segment.header().header_bytes == CELLS_OFFSET;
        if !sound {
            return Err(corrupt(name, Corrupt { field: "capacity", found, limit: CAPACITY_BYTES_MAX }));
        }
        let bytes = usize::try_from(found)
            .map_err(|_| corrupt(name, Corrupt { field: "capacity", found, limit: CAPACITY_BYTES_MAX }))?;
        let cells = segment.map_mirrored(CELLS_OFFSET, bytes)?;
        // The control words lie in the header's page, which the checks above have found to be there.
        segment.shared::<Control>(CONTROL_OFFSET)?;
        Ok(Self {
            domain,
            segment,
            cells,
            name: name.to_owned(),
            key: key_of_channel(&name_of(name)),
            ringer: Ringer::new(domain, doorbell_name(name, end.other())),
            barrier,
            replaced_dead: false,
            turn: Mutex::new(None),
            epoch: process::fork_epoch(),
        })
    }

    fn not_taken(&self, end: End, refusal: NotTaken, me: OwnerId) -> Error {
        let role = if end == End::Producer { "sender" } else { "receiver" };
        let who = match refusal {
            NotTaken::Changing => {
                return Error::new("open", name_of(&self.name), ErrorKind::Corrupt)
                    .because(format!("who is its {role} changes all the time"))
                    .advise(format!(
                        "somebody writes into it who must not: remove it with `crosstie rm ring:{}`",
                        self.name
                    ));
            }
            NotTaken::Held(holder) if holder == me => "this very process".to_owned(),
            NotTaken::Held(holder) => match self.domain.identity(holder) {
                Some(holder) => format!("{holder}"),
                None => "another process".to_owned(),
            },
        };
        Error::new("open", name_of(&self.name), ErrorKind::Busy)
            .because(format!("{who} is its {role}, and a ring has one"))
            .advise("wait until it ends, or use another ring")
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn barrier(&self) -> Barrier {
        self.barrier
    }

    /// Whether this end's last holder had died.
    pub(super) fn replaced_dead(&self) -> bool {
        self.replaced_dead
    }

    pub(super) fn capacity_bytes(&self) -> usize {
        self.cells.len()
    }

    pub(super) fn payload_bytes_max(&self) -> usize {
        self.capacity_bytes() - crosstie_core::ring::record::COMMIT_BYTES as usize
    }

    #[inline]
    pub(super) fn control(&self) -> &Control {
        self.at(CONTROL_OFFSET)
    }

    fn role(&self, end: End) -> &RoleWord {
        self.at(match end {
            End::Producer => PRODUCER_OFFSET,
            End::Consumer => CONSUMER_OFFSET,
        })
    }

    /// A word of the header's page, by one of this module's constants.
    #[inline]
    fn at<T: crosstie_core::layout::shared::SharedLayout>(&self, offset: usize) -> &T {
        debug_assert!(
            offset + size_of::<T>() <= CELLS_OFFSET as usize && offset.is_multiple_of(align_of::<T>())
        );
        let value = self.segment.base().as_ptr().wrapping_add(offset).cast::<T>();
        // SAFETY: the constants above lie, aligned, in the page that `open` found to be mapped; T is
        // SharedLayout, so others may write it; it lives as long as the segment, that is, `self`.
        unsafe { &*value }
    }

    /// What the word on which `end` sleeps holds now.
    pub(super) fn word_of(&self, end: End) -> u64 {
        let word = match end {
            End::Producer => self.control().producer_waits(),
            End::Consumer => self.control().consumer_waits(),
        };
        // Acquire: the roles that are read behind it are not older.
        u64::from(word.load(Ordering::Acquire))
    }

    pub(super) fn turn(&self) -> &Mutex<Option<Turn>> {
        &self.turn
    }

    /// The cells, mapped twice in a row.
    pub(super) fn cells(&self) -> &MirroredMapping {
        &self.cells
    }

    /// What has happened so far.
    #[inline]
    pub(super) fn statistics(&self) -> &Statistics {
        self.at(STATISTICS_OFFSET)
    }

    /// What has happened to `end` so far.
    pub(super) fn waits_of(&self, end: End) -> &Waits {
        match end {
            End::Producer => self.statistics().producer(),
            End::Consumer => self.statistics().consumer(),
        }
    }

    /// How often a role was taken or left.
    pub(super) fn changes_word(&self) -> &AtomicU32 {
        self.at(CHANGES_OFFSET)
    }

    /// What that count is now: to be read before the roles upon which a sleep is decided.
    pub(super) fn changes(&self) -> u32 {
        asleep::changes(self.changes_word())
    }

    pub(super) fn domain(&self) -> &'static Domain {
        self.domain
    }

    pub(super) fn is_alive(&self, id: OwnerId) -> bool {
        self.domain.is_alive(id)
    }

    /// What the holder of `end` is now.
    pub(super) fn peer(&self, end: End) -> Peer {
        self.judge(self.read(end))
    }

    /// What the role of `end` says now.
    pub(super) fn read(&self, end: End) -> Role {
        self.role(end).read()
    }

    /// What `role` means to the other end.
    pub(super) fn judge(&self, role: Role) -> Peer {
        match role {
            Role::Vacant => Peer::Awaited,
            Role::Held { by, .. } if self.domain.is_alive(by) => Peer::Alive(by),
            Role::Held { .. } | Role::Left { died: true, .. } => Peer::Died,
            Role::Left { in_turn: true, .. } => {
                turn::next(self.domain, &self.name).map_or(Peer::Left, Peer::Next)
            }
            Role::Left { in_turn: false, .. } => Peer::Left,
        }
    }

    /// The end that `seen` says was reported: `end` is vacant again, unless its role changed since.
    pub(super) fn settle(&self, end: End, seen: Role) -> bool {
        let is_settled = self.role(end).settle(seen);
        if is_settled && matches!(seen, Role::Held { .. }) {
            self.waits_of(end).count_death();
        }
        is_settled
    }

    /// Gives `end` up at `position` and tells the other one. A fork child gives up nothing.
    pub(super) fn leave(&self, end: End, me: OwnerId, ending: Ending, position: u64) {
        if self.is_ours() {
            self.role(end).leave(me, ending, position / CELL_BYTES);
            crash_point!("ring.left");
            if end == End::Producer {
                self.pass_turn();
            }
            // Behind the lock: a receiver may be waiting to learn that nobody has it any more.
            self.rouse(end);
        }
    }

    /// Whether this process opened the end, rather than inherit it by a fork (HAZARDS H6).
    #[inline]
    pub(super) fn is_ours(&self) -> bool {
        process::is_fork_epoch(self.epoch)
    }

    /// Why an end that was inherited by a fork does nothing.
    #[cold]
    pub(super) fn inherited(&self) -> Error {
        Error::new("use", name_of(&self.name), ErrorKind::Unsupported)
            .because("this end belongs to the process that this one was forked from")
            .advise("open an end in the process that uses it")
    }

    /// Wakes whoever waits for something that `end` has just done to its role: the other end, and who waits for the role.
    pub(super) fn rouse(&self, end: End) {
        let waits = match end {
            End::Producer => self.control().consumer_waits(),
            End::Consumer => self.control().producer_waits(),
        };
        asleep::count_change(self.changes_word());
        futex::wake(self.changes_word(), u32::MAX);
        // Where the kernel lets nobody sleep on two words.
        futex::wake(waits, u32::MAX);
        self.ringer.ring_whichever();
    }

    /// Wakes the other end, which sleeps in this way by `waits`.
    #[cold]
    pub(super) fn wake(&self, waits: &AtomicU32, asleep: Asleep) {
        match asleep {
            Asleep::OnWord => {
                futex::wake(waits, u32::MAX);
            }
            Asleep::AtDoorbell(number) => self.ringer.ring(number),
        }
    }

    /// Makes the doorbell of `end`, which this process holds.
    pub(super) fn doorbell(&self, end: End) -> Result<Doorbell> {
        Doorbell::new(self.domain, doorbell_name(&self.name, end))
    }

    /// Makes the announcement of a sleep visible to an end that leaves its own fence out.
    pub(super) fn heavy_barrier(&self) {
        membarrier::global_expedited();
    }

    /// Sleeps as `end` while its word is 1 and no role has changed since `seen`, until it is woken, the watched owner dies, or the
    /// deadline; the caller looks again, whatever ended the sleep.
    pub(super) fn sleep(&self, end: End, seen: u32, watch: Option<OwnerId>, stay: Stay) -> Result<()> {
        let (waits, mode) = match end {
            End::Producer => (self.control().producer_waits(), Mode::Room),
            End::Consumer => (self.control().consumer_waits(), Mode::Message),
        };
        let _noted = Noted::new(self.domain, (self.key, mode), ON_WORD, (stay.since_ns, stay.deadline));
        let until = match self.barrier {
            Barrier::Asymmetric => stay.until,
            // Nobody can fence for this process, so an announcement may be overlooked: short sleeps.
            Barrier::Fence => stay.until.min(Deadline::at_ns(clock::now_ns()).after_ns(SLICE_NS)),
        };
        let changes = [(self.changes_word(), seen)];
        match self.domain.wait_while((waits, ON_WORD), &changes, watch.as_slice(), until) {
            Wait::Woken | Wait::OwnerDied | Wait::TimedOut | Wait::Interrupted => Ok(()),
            Wait::DomainRemoved => Err(Error::new("wait on", name_of(&self.name), ErrorKind::NotFound)
                .because(format!("the domain {} was removed", self.domain.name()))
                .advise(
                    "open it anew; if this happens at logout, enable lingering (loginctl enable-linger)",
                )),
        }
    }

    pub(super) fn pid_of(&self, owner: OwnerId) -> Option<u32> {
        self.domain.describe(owner).map(|described| described.pid())
    }
}

/// Removes the ring `name` from `domain`, with what waits in it.
///
/// # Errors
/// [`NotFound`](ErrorKind::NotFound); [`Busy`](ErrorKind::Busy) while a living process has an end of it.
pub fn remove(domain: &'static Domain, name: &str) -> Result<()> {
    let is_marked = Cell::new(false);
    removal::remove(domain.directory(), &file_name(name), &spec(CAPACITY_BYTES as u64), |segment| {
        let holder = [(PRODUCER_OFFSET, "sender"), (CONSUMER_OFFSET, "receiver")].into_iter().find_map(
            |(offset, role)| match segment.shared::<RoleWord>(offset).ok()?.read() {
                Role::Held { by, .. } if domain.confirm_alive(by) => {
                    let who =
                        domain.identity(by).map_or("a living process".to_owned(), |who| who.to_string());
                    Some(format!("{who} is its {role}"))
                }
                _ => None,
            },
        );
        // At the second look, behind the mark, nobody comes any more who could have made one.
        if holder.is_none() && is_marked.replace(true) {
            for end in [End::Producer, End::Consumer] {
                doorbell::forget(domain, &doorbell_name(name, end));
            }
        }
        holder
    })?;
    // Where its senders stood in line; one that somebody stands in stays.
    object::remove_unused(domain, "lock", &turn::line_of(name)).map(drop)
}

fn name_of(name: &str) -> String {
    format!("ring:{name}")
}

fn file_name(name: &str) -> String {
    format!("ring.{name}")
}

fn doorbell_name(name: &str, end: End) -> String {
    let role = if end == End::Producer { "sender" } else { "receiver" };
    format!("doorbell.ring-{role}.{name}")
}

fn spec(capacity_bytes: u64) -> SegmentSpec {
    SegmentSpec {
        kind: Kind::new("ring"),
        layout: LAYOUT,
        header_bytes: CELLS_OFFSET,
        data_bytes: capacity_bytes,
        params: [0; 4],
        sizes: Sizes::AsFound,
        space: Space::Whole,
    }
}

/// The error for bytes in the ring that break its protocol.
pub(super) fn corrupt(name: &str, fault: Corrupt) -> Error {
    let Corrupt { field, found, limit } = fault;
    Error::new("use", name_of(name), ErrorKind::Corrupt)
        .because(format!("its {field} is {found}, at most {limit} is possible"))
        .advise(format!("somebody wrote into it who must not: remove it with `crosstie rm ring:{name}`"))
}
