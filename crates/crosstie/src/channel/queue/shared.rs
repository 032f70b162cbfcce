//! A queue that an end has entered: its membership, and what the dead have left in it.

use std::ops::Deref;
use std::sync::Arc;

use crosstie_core::atomic::AtomicU32;
use crosstie_core::queue::control::Control;
use crosstie_core::queue::end::End;
use crosstie_core::queue::member::Part;
use crosstie_core::queue::recovery::Recovered;
use crosstie_core::ring::sleepers::{Awaits, Sleepers};
use crosstie_core::ring::spsc::Corrupt;

use super::beside::Beside;
use super::layout::{self, Layout};
use super::memory::Cells;
use super::options::QueueOptions;
use crate::channel::membership::{self, KeptBy, Membership};
use crate::channel::patience::Stay;
use crate::error::{Error, Result};
use crate::ledger::Domain;
use crate::region::Segment;

/// A queue that this process has entered with one end.
#[derive(Debug)]
pub(super) struct Shared {
    membership: Membership<Cells>,
    layout: Layout,
}

impl Deref for Shared {
    type Target = Membership<Cells>;

    fn deref(&self) -> &Membership<Cells> {
        &self.membership
    }
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
        open: impl Fn() -> Result<(Arc<Segment>, Cells)>,
    ) -> Result<Self> {
        let membership = Membership::enter(domain, &object(name), part, open)?;
        let layout = membership.words().layout();
        Ok(Self { membership, layout })
    }

    /// Brings back what others have left who are dead, and what this seat's last holder has left.
    pub(super) fn take_over(&self, end: &mut End<Cells>) -> Result<()> {
        if self.seat().is_inherited {
            let recovered = end.recover_own().map_err(|fault| self.fault(fault))?;
            self.wake_after(recovered);
        }
        self.recover(end).map(|_| ())
    }

    pub(super) fn layout(&self) -> &Layout {
        &self.layout
    }

    /// The word on which senders sleep; `None` never, since the file was found to be long enough.
    pub(super) fn senders_word(&self) -> Option<&AtomicU32> {
        let control = self.segment().shared::<Control>(layout::CONTROL_OFFSET).ok()?;
        Some(control.senders().word())
    }

    pub(super) fn cells(&self) -> Cells {
        self.words().clone()
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

    /// As [`Membership::sleep`], until `beside` comes too.
    pub(super) fn sleep_beside<E: From<Error>>(
        &self,
        sleepers: &Sleepers,
        awaits: Awaits,
        beside: &dyn Beside,
        stay: Stay,
        look: impl FnOnce() -> std::result::Result<bool, E>,
    ) -> std::result::Result<(), E> {
        let Some(mut watched) = self.watch(sleepers, awaits) else { return Ok(()) };
        let other = beside.word();
        watched.extend(beside.lives());
        if look()? || beside.has_come() {
            return Ok(());
        }
        let Some(until) = beside.before_sleep(stay.until) else { return Ok(()) };
        self.wait_on(sleepers, watched, other.as_slice(), stay.until(until)).map_err(E::from)
    }
}

fn open(domain: &'static Domain, name: &str, options: &QueueOptions) -> Result<(Arc<Segment>, Cells)> {
    let wanted = Layout::of(layout::wanted(name, options)?);
    let segment = Segment::open_or_create(domain.directory(), &file_name(name), &wanted.spec(), |_| Ok(()))?;
    let found = Layout::found(name, segment.header())?;
    layout::check(name, options, found.geometry)?;
    let segment = Arc::new(segment);
    let cells = Cells::new(&segment, found);
    Ok((segment, cells))
}

fn open_existing(
    domain: &'static Domain,
    name: &str,
    options: &QueueOptions,
) -> Result<(Arc<Segment>, Cells)> {
    let spec = Layout::of(layout::wanted(name, options)?).spec();
    let segment = Segment::open(domain.directory(), &file_name(name), &spec)?;
    let found = Layout::found(name, segment.header())?;
    layout::check(name, options, found.geometry)?;
    let segment = Arc::new(segment);
    let cells = Cells::new(&segment, found);
    Ok((segment, cells))
}

/// Opens the queue `name`, which must be there, without taking part in it.
pub(super) fn look_into(domain: &'static Domain, name: &str) -> Result<Cells> {
    open_existing(domain, name, &QueueOptions::default()).map(|(_, cells)| cells)
}

/// Removes the queue `name` from `domain`, with what waits in it.
///
/// # Errors
/// [`NotFound`](crate::ErrorKind::NotFound); [`Busy`](crate::ErrorKind::Busy) while a living process has an end of it.
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
    remove_unless(domain, name, KeptBy::Anybody)
}

/// As [`remove`], unless an end of `kept_by` is there.
pub(in crate::channel) fn remove_unless(domain: &'static Domain, name: &str, kept_by: KeptBy) -> Result<()> {
    let spec = Layout::of(layout::wanted(name, &QueueOptions::default())?).spec();
    membership::remove(domain, &file_name(name), &spec, kept_by, |segment| {
        Layout::found(name, segment.header()).ok().map(|layout| layout.members)
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
    membership::corrupt(&object(name), fault)
}
