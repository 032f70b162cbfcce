//! A queue that an end has entered: the segment, its seat, others' deaths, sleeping, leaving.

use std::sync::Arc;

use crosstie_core::atomic::AtomicU32;
use crosstie_core::queue::control::Control;
use crosstie_core::queue::end::End;
use crosstie_core::queue::member::{self, Ends, Leaving, Part, Seat};
use crosstie_core::queue::memory::{MEMBERS, Memory};
use crosstie_core::queue::recovery::Recovered;
use crosstie_core::ring::sleepers::{Awaits, Sleepers};
use crosstie_core::ring::spsc::{Barrier, Corrupt};
use crosstie_core::{Deadline, OwnerId};

use super::beside::Beside;
use super::layout::{self, Layout};
use super::memory::Cells;
use super::options::QueueOptions;
use crate::error::{Error, ErrorKind, Result};
use crate::ledger::{Domain, Wait};
use crate::os::{clock, futex, membarrier, process};
use crate::region::{Segment, removal};

/// How long a sleeper that cannot fence the others sleeps before it looks again.
const SLICE_NS: u64 = 50_000_000;
/// How often an opener starts anew because the queue was removed under it.
const TRIES_MAX: u32 = 64;

/// A queue that this process has entered with one end.
pub(super) struct Shared {
    domain: &'static Domain,
    segment: Arc<Segment>,
    layout: Layout,
    name: String,
    barrier: Barrier,
    me: OwnerId,
    seat: Seat,
    /// The process that opened the end.
    epoch: u64,
}

impl Shared {
    /// Opens or makes the queue `name` and takes a seat in it for this process.
    pub(super) fn enter(
        domain: &'static Domain,
        name: &str,
        options: &QueueOptions,
        part: Part,
    ) -> Result<Self> {
        Self::enter_what(domain, name, part, || open(domain, name, options))
    }

    /// As [`Shared::enter`], of a queue that is there.
    pub(super) fn enter_existing(
        domain: &'static Domain,
        name: &str,
        options: &QueueOptions,
        part: Part,
    ) -> Result<Self> {
        Self::enter_what(domain, name, part, || open_existing(domain, name, options))
    }

    fn enter_what(
        domain: &'static Domain,
        name: &str,
        part: Part,
        open: impl Fn() -> Result<(Arc<Segment>, Layout)>,
    ) -> Result<Self> {
        let me = domain.process_owner()?;
        let barrier =
            if membarrier::register_global_expedited() { Barrier::Asymmetric } else { Barrier::Fence };
        for _ in 0..TRIES_MAX {
            let (segment, layout) = open()?;
            let cells = Cells::new(&segment, layout);
            let seat = member::enter(&cells, me, part, |id| domain.confirm_alive(id))
                .ok_or_else(|| all_seats_taken(name))?;
            let epoch = process::fork_epoch();
            let shared = Self { domain, segment, layout, name: name.to_owned(), barrier, me, seat, epoch };
            // A remover marks the segment, then looks for members; a member enters, then looks at the mark.
            if shared.segment.is_live() {
                shared.rouse_all();
                return Ok(shared);
            }
            member::leave(&cells, seat, Leaving::Clean);
        }
        Err(Error::new("open", object(name), ErrorKind::Busy)
            .because("it was removed and created again all the time")
            .advise("try again"))
    }

    /// Brings back what others have left who are dead, and what this seat's last holder has left.
    pub(super) fn take_over(&self, end: &mut End<Cells>) -> Result<()> {
        if self.seat.is_inherited {
            let recovered = end.recover_own().map_err(|fault| corrupt(&self.name, fault))?;
            self.wake_after(recovered);
        }
        self.recover(end).map(|_| ())
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn barrier(&self) -> Barrier {
        self.barrier
    }

    pub(super) fn seat(&self) -> u16 {
        self.seat.index
    }

    pub(super) fn layout(&self) -> &Layout {
        &self.layout
    }

    /// The word on which senders sleep; `None` never, since the file was found to be long enough.
    pub(super) fn senders_word(&self) -> Option<&AtomicU32> {
        let control = self.segment.shared::<Control>(layout::CONTROL_OFFSET).ok()?;
        Some(control.senders().word())
    }

    pub(super) fn cells(&self) -> Cells {
        Cells::new(&self.segment, self.layout)
    }

    pub(super) fn fault(&self, fault: Corrupt) -> Error {
        corrupt(&self.name, fault)
    }

    pub(super) fn is_alive(&self, id: OwnerId) -> bool {
        self.domain.is_alive(id)
    }

    /// Brings back what the dead have left; answers whether that was anything.
    #[cold]
    pub(super) fn recover(&self, end: &mut End<Cells>) -> Result<bool> {
        let recovered = end.recover(|id| self.is_alive(id)).map_err(|fault| self.fault(fault))?;
        self.wake_after(recovered);
        Ok(recovered != Recovered::default())
    }

    /// Wakes whom it may concern that something was recovered.
    pub(super) fn wake_after(&self, recovered: Recovered) {
        if recovered != Recovered::default() {
            self.rouse_all();
        }
    }

    /// Which senders there are, and which there were.
    pub(super) fn ends(&self) -> Ends {
        Ends::of(&self.cells(), |id| self.is_alive(id))
    }

    /// Whether a living end of this kind is there.
    pub(super) fn has(&self, part: Part) -> bool {
        let cells = self.cells();
        (0..MEMBERS)
            .filter_map(|index| cells.member(index).read())
            .any(|(id, its_part)| its_part == part && self.is_alive(id))
    }

    /// Whether this process opened the end, rather than inherit it by a fork (HAZARDS H6).
    #[inline]
    pub(super) fn is_ours(&self) -> bool {
        process::fork_epoch() == self.epoch
    }

    /// Why an end that was inherited by a fork does nothing.
    #[cold]
    pub(super) fn inherited(&self) -> Error {
        Error::new("use", object(&self.name), ErrorKind::Unsupported)
            .because("this end belongs to the process that this one was forked from")
            .advise("open an end in the process that uses it")
    }

    /// Gives the seat up and tells the others; nothing is in this end's hands any more.
    pub(super) fn leave(&self, leaving: Leaving) {
        member::leave(&self.cells(), self.seat, leaving);
        self.rouse_all();
    }

    /// Makes everybody look again, whatever they sleep for.
    pub(super) fn rouse_all(&self) {
        let cells = self.cells();
        for sleepers in [cells.control().receivers(), cells.control().senders()] {
            sleepers.rouse();
            wake(sleepers);
        }
    }

    /// Sleeps among `sleepers` until somebody makes a change, somebody who takes part dies, or
    /// the deadline; not at all if `look`, which looks once more, finds something or fails.
    pub(super) fn sleep<E: From<Error>>(
        &self,
        sleepers: &Sleepers,
        awaits: Awaits,
        beside: &dyn Beside,
        deadline: Deadline,
        look: impl FnOnce() -> std::result::Result<bool, E>,
    ) -> std::result::Result<(), E> {
        let seen = sleepers.announce(awaits);
        membarrier::global_expedited();
        let other = beside.word();
        // Whoever comes later rouses; whose death can leave something for us to do is watched (HAZARDS H2).
        let Some(mut watch) = self.others() else { return Ok(()) };
        watch.extend(beside.lives());
        if look()? || beside.has_come() {
            return Ok(());
        }
        let until = match self.barrier {
            Barrier::Asymmetric => deadline,
            // Nobody can fence for this process, so an announcement may be overlooked: short sleeps.
            Barrier::Fence => deadline.min(Deadline::at_ns(clock::now_ns()).after_ns(SLICE_NS)),
        };
        let Some(until) = beside.before_sleep(until) else { return Ok(()) };
        match self.domain.wait_while((sleepers.word(), seen), other.as_slice(), &watch, until) {
            Wait::Woken | Wait::OwnerDied | Wait::TimedOut => Ok(()),
            Wait::DomainRemoved => Err(E::from(
                Error::new("wait on", object(&self.name), ErrorKind::NotFound)
                    .because(format!("the domain {} was removed", self.domain.name()))
                    .advise(
                        "open it anew; if this happens at logout, enable lingering (loginctl enable-linger)",
                    ),
            )),
        }
    }

    /// Everybody else who takes part, once each; `None` if one of them is dead.
    fn others(&self) -> Option<Vec<OwnerId>> {
        let cells = self.cells();
        let mut others = Vec::new();
        for index in 0..MEMBERS {
            let Some((id, _)) = cells.member(index).read() else { continue };
            if !self.is_alive(id) {
                return None;
            }
            if id != self.me && !others.contains(&id) {
                others.push(id);
            }
        }
        Some(others)
    }
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("queue", &self.name).finish_non_exhaustive()
    }
}

/// Wakes everybody who sleeps among `sleepers`.
#[cold]
pub(super) fn wake(sleepers: &Sleepers) {
    futex::wake(sleepers.word(), u32::MAX);
}

fn open(domain: &'static Domain, name: &str, options: &QueueOptions) -> Result<(Arc<Segment>, Layout)> {
    let wanted = Layout::of(layout::wanted(name, options)?);
    let segment = Segment::open_or_create(domain.directory(), &file_name(name), &wanted.spec(), |_| Ok(()))?;
    let found = Layout::found(name, segment.header())?;
    layout::check(name, options, found.geometry)?;
    Ok((Arc::new(segment), found))
}

fn open_existing(
    domain: &'static Domain,
    name: &str,
    options: &QueueOptions,
) -> Result<(Arc<Segment>, Layout)> {
    let spec = Layout::of(layout::wanted(name, options)?).spec();
    let segment = Segment::open(domain.directory(), &file_name(name), &spec)?;
    let found = Layout::found(name, segment.header())?;
    layout::check(name, options, found.geometry)?;
    Ok((Arc::new(segment), found))
}

/// Opens the queue `name`, which must be there, without taking part in it.
pub(super) fn look_into(domain: &'static Domain, name: &str) -> Result<Cells> {
    let (segment, layout) = open_existing(domain, name, &QueueOptions::default())?;
    Ok(Cells::new(&segment, layout))
}

fn all_seats_taken(name: &str) -> Error {
    Error::new("open", object(name), ErrorKind::NoSpace)
        .because(format!("it has {MEMBERS} ends that living processes have open, and no room for more"))
        .advise("close some, or use several queues")
}

/// Removes the queue `name` from `domain`, with what waits in it.
///
/// # Errors
/// [`NotFound`](ErrorKind::NotFound); [`Busy`](ErrorKind::Busy) while a living process has an end of it.
///
/// # Examples
/// ```
/// use crosstie::channel::queue::{self, QueueOptions, QueueSender};
/// use crosstie::ledger::Domain;
/// let folder = tempfile::tempdir().unwrap();
/// let domain = Domain::open(folder.path().join("domain"))?;
/// let sender = QueueSender::open(domain, "jobs", &QueueOptions::default())?;
/// assert_eq!(queue::remove(domain, "jobs").unwrap_err().kind(), crosstie::ErrorKind::Busy);
/// drop(sender);
/// queue::remove(domain, "jobs")?;
/// # Ok::<(), crosstie::Error>(())
/// ```
pub fn remove(domain: &'static Domain, name: &str) -> Result<()> {
    let spec = Layout::of(layout::wanted(name, &QueueOptions::default())?).spec();
    removal::remove(domain.directory(), &file_name(name), &spec, |segment| {
        // Sizes that no queue has: nobody can have entered it.
        let layout = Layout::found(name, segment.header()).ok()?;
        (0..usize::from(MEMBERS)).find_map(|index| {
            let offset = layout.members + index * size_of::<member::Member>();
            let (id, part) = segment.shared::<member::Member>(offset).ok()?.read()?;
            let role = if part == Part::Sender { "sender" } else { "receiver" };
            domain.confirm_alive(id).then(|| {
                let who = domain.identity(id).map_or("a living process".to_owned(), |who| who.to_string());
                format!("{who} is a {role}")
            })
        })
    })
}

pub(super) fn object(name: &str) -> String {
    format!("queue:{name}")
}

fn file_name(name: &str) -> String {
    format!("queue.{name}")
}

/// The error for bytes in the queue that break its protocol.
pub(super) fn corrupt(name: &str, fault: Corrupt) -> Error {
    let Corrupt { field, found, limit } = fault;
    Error::new("use", object(name), ErrorKind::Corrupt)
        .because(format!("its {field} is {found}, at most {limit} is possible"))
        .advise(format!("somebody wrote into it who must not: remove it with `crosstie rm queue:{name}`"))
}
