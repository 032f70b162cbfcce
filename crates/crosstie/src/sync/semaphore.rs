//! [`Semaphore`]: a number of permits that have owners and come back when those die.

mod awaited;
mod held_permits;
mod transfer;

use std::convert::Infallible;
use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;
use std::panic::Location;
use std::time::Duration;

use crosstie_core::layout::header::layout_hash;
use crosstie_core::turns::semaphore as turns;
use crosstie_core::word::head::{Counters, Head};
use crosstie_core::word::permits::Permit as Cell;
use crosstie_core::word::waiting::Mode;
use crosstie_core::{Deadline, OwnerId};

pub use self::awaited::AcquireAsync;
use self::held_permits::HeldPermits;
pub use self::transfer::{AcquireOwned, NotTransferred};
use super::held::{Noted, one};
use super::object::{self, Object, Wanted};
use super::refusal::{LockError, LockResult, Occupied};
use super::shared::Shared;
use super::taker::Taker;
use crate::error::{Error, ErrorKind, Result};
use crate::ledger::Domain;
use crate::ledger::attach::{Known, latest};
use crate::ledger::command::CommandOwner;
use crate::os::clock;

/// The most permits that a semaphore has.
pub const PERMITS_MAX: usize = 1024;

/// A number of permits, each of which has an owner: what limits how many use something at once.
///
/// Each permit has an index, so that a holder knows *which* of several things it may use, and a fencing
/// number of its own. For the counting semaphore of the textbooks, where one waits and another posts (the
/// bounded buffer), take [`CountingSemaphore`](super::CountingSemaphore): mixing the two is what makes System V's `SEM_UNDO` unsound.
///
/// # Death
/// A dead owner's permits are free at once; who waits first is woken by the death itself.
///
/// # Fairness
/// First come, first served: nobody that comes later is served before, also when a large request waits.
///
/// # Cost
/// Without others: one exchange to take, one to give back, no system call. 16 bytes a permit, 16 KiB in all.
///
/// # Examples
/// ```
/// use crosstie::sync::Semaphore;
/// # let folder = tempfile::tempdir().unwrap();
/// # let domain = crosstie::ledger::Domain::open(folder.path().join("d"))?;
/// let gpus = Semaphore::open_or_create_in(domain, "gpu", 2)?;
/// let one = gpus.acquire()?;
/// let other = gpus.acquire()?;
/// assert_ne!(one.index(), other.index());
/// assert!(gpus.try_acquire().is_err());
/// drop(one);
/// assert!(gpus.try_acquire().is_ok());
/// # Ok::<(), crosstie::Error>(())
/// ```
///
/// # Source
/// The protocol: `crosstie_core::word::permits`.
#[repr(C)]
pub struct Semaphore {
    head: Head,
    permits: [Cell; PERMITS_MAX],
}

#[expect(unsafe_code, reason = "promises what an object is")]
mod promises {
    use super::{Head, Object, Semaphore, layout_hash};

    // SAFETY: repr(C), begins with its head, atomics only.
    unsafe impl Object for Semaphore {
        const KIND: &'static str = "sem";
        const SHAPE: u64 = 1;
        const LAYOUT: u64 = layout_hash("semaphore 1: head (total as patience), permits 1024x16");

        fn describe() -> String {
            "Semaphore".to_owned()
        }

        fn head(&self) -> &Head {
            &self.head
        }
    }
}

impl Semaphore {
    /// A semaphore on the heap with `total` permits.
    ///
    /// # Panics
    /// If `total` is 0 or above [`PERMITS_MAX`].
    #[must_use]
    pub const fn new(total: u32) -> Self {
        assert!(total > 0 && total as usize <= PERMITS_MAX, "1 to 1,024 permits");
        Self { head: Head::new(total), permits: [const { Cell::free() }; PERMITS_MAX] }
    }

    /// Opens the semaphore `name` of the default domain, or makes it with `total` permits.
    ///
    /// # Errors
    /// `Usage` for a number that is none; `Mismatch` (86) when it has another number of permits, both named; as
    /// [`Domain::open_default`].
    pub fn open_or_create(name: &str, total: u32) -> Result<Shared<Self>> {
        Self::open_or_create_in(Domain::open_default()?, name, total)
    }

    /// As [`Semaphore::open_or_create`], in `domain`.
    ///
    /// # Errors
    /// As [`Semaphore::open_or_create`].
    pub fn open_or_create_in(domain: &'static Domain, name: &str, total: u32) -> Result<Shared<Self>> {
        if total == 0 || total as usize > PERMITS_MAX {
            return Err(Error::new("open", format!("sem:{name}"), ErrorKind::Usage)
                .because(format!("a semaphore has 1 to {PERMITS_MAX} permits, not {total}"))
                .advise("say how many may have one at once, the same number everywhere"));
        }
        let shared = object::open_or_create(
            domain,
            name,
            Wanted { parameter: u64::from(total), exact: false },
            || Self::new(total),
        )?;
        if shared.total() == total {
            return Ok(shared);
        }
        Err(Error::new("open", format!("sem:{name}"), ErrorKind::Mismatch)
            .because(format!("it has {} permits, asked for were {total}", shared.total()))
            .advise("use the same number everywhere, or change it: crosstie sem NAME -n N --resize"))
    }

    /// Opens the semaphore `name` of `domain`, which must exist, with as many permits as it has.
    ///
    /// # Errors
    /// `NotFound`; as [`Semaphore::open_or_create`].
    pub fn open_in(domain: &'static Domain, name: &str) -> Result<Shared<Self>> {
        object::open(domain, name, Wanted { parameter: 0, exact: false })
    }

    /// How many permits there are.
    #[must_use]
    pub fn total(&self) -> u32 {
        self.head.patience_us().min(PERMITS_MAX as u32)
    }

    /// Changes how many there are. Permits that are held above the new number stay held until they are given
    /// back. Who waits for more than the new number waits on: to its deadline, or until there are as many again.
    ///
    /// # Errors
    /// `Usage` for a number that is none.
    pub fn resize(&self, total: u32) -> Result<()> {
        if total == 0 || total as usize > PERMITS_MAX {
            return Err(Error::new("resize", "semaphore", ErrorKind::Usage)
                .because(format!("a semaphore has 1 to {PERMITS_MAX} permits, not {total}"))
                .advise("say how many may have one at once, the same number everywhere"));
        }
        self.head.set_patience_us(total);
        if let Ok(domain) = Domain::for_tag(self.head.tag()) {
            turns::gave_back(&self.head, &domain);
        }
        Ok(())
    }

    /// Takes one permit, and waits for it as long as it takes.
    ///
    /// # Errors
    /// [`LockError::Deadlock`] when no holder could ever give one back; [`LockError::Failed`].
    #[inline(always)]
    #[track_caller]
    pub fn acquire(&self) -> LockResult<Permit<'_>> {
        self.acquire_until(Deadline::NEVER)
    }

    /// Takes one permit if one is free and nobody waits.
    ///
    /// # Errors
    /// [`LockError::Busy`]; as [`Semaphore::acquire`].
    #[track_caller]
    pub fn try_acquire(&self) -> LockResult<Permit<'_>> {
        self.acquire_until(Deadline::NOW)
    }

    /// Takes one permit, and waits for at most `timeout`.
    ///
    /// # Errors
    /// [`LockError::TimedOut`]; as [`Semaphore::acquire`].
    #[track_caller]
    pub fn acquire_for(&self, timeout: Duration) -> LockResult<Permit<'_>> {
        self.acquire_until(clock::deadline_in(timeout))
    }

    /// Takes one permit, and waits until `deadline`.
    ///
    /// # Errors
    /// [`LockError::TimedOut`]; as [`Semaphore::acquire`].
    #[inline(always)]
    #[track_caller]
    pub fn acquire_until(&self, deadline: Deadline) -> LockResult<Permit<'_>> {
        let site = Location::caller();
        let (me, index, token) = match self.take_at_once() {
            Some(taken) => taken,
            None => match self.take_contended(deadline, site) {
                Ok(taken) => taken,
                Err(refusal) => return Err(refusal.map(|never| match never {})),
            },
        };
        let noted = Noted::alone(me, &one(self.head.key(), Mode::Units, site));
        Ok(Permit { held: HeldPermits { semaphore: self, noted, index, token }, not_send: PhantomData })
    }

    /// Takes a permit if the thread is known, nobody waits, and the one at which it begins to look is free.
    #[inline(always)]
    fn take_at_once(&self) -> Option<(Known, u32, u64)> {
        let me = latest(&self.head)?;
        let (index, token) = turns::try_take_first(&self.head, &self.permits, me.id)?;
        Some((me, index, token))
    }

    /// Takes a permit the long way. It is noted where the guard is made, and stays.
    #[cold]
    #[inline(never)]
    fn take_contended(
        &self,
        deadline: Deadline,
        site: &'static Location<'static>,
    ) -> Result<(Known, u32, u64), LockError<Infallible>> {
        let mut places = [(0, 0)];
        let taker = Taker::thread_at(self.head.tag(), deadline, site).map_err(LockError::Failed)?;
        self.take_places(&taker, &mut places)?;
        let [(index, token)] = places;
        Ok((taker.me.known(), index, token))
    }

    /// Takes `count` permits at once, and waits for them until `deadline`: all or none.
    ///
    /// # Errors
    /// As [`Semaphore::acquire_until`]; [`LockError::Failed`] of kind `Usage` for more than there are.
    #[track_caller]
    pub fn acquire_many(&self, count: u32, deadline: Deadline) -> LockResult<Permits<'_>> {
        self.check_count(count)?;
        let mut places = vec![(0, 0); count as usize];
        let noted = self.take(Taker::thread(self.head.tag(), deadline), &mut places)?;
        Ok(Permits { semaphore: self, noted, places, not_send: PhantomData })
    }

    fn check_count<G>(&self, count: u32) -> Result<(), LockError<G>> {
        if count == 0 || count > self.total() {
            let name = Domain::for_tag(self.head.tag()).map(|domain| domain.object_name(self.head.key()));
            let advice = if count == 0 { "ask for one at least" } else { "ask for fewer, or make it larger" };
            return Err(LockError::Failed(
                Error::new("acquire", name.unwrap_or_default(), ErrorKind::Usage)
                    .because(format!("{count} permits were asked for, it has {}", self.total()))
                    .advise(advice),
            ));
        }
        Ok(())
    }

    /// Takes permits, one for each of `places`, and notes that.
    fn take<G>(&self, taker: Result<Taker>, places: &mut [(u32, u64)]) -> Result<Noted, LockError<G>> {
        let taker = taker.map_err(LockError::Failed)?;
        let units = self.take_places(&taker, places)?;
        Ok(taker.note(self.head.key(), Mode::Units, units))
    }

    fn take_places<G>(&self, taker: &Taker, places: &mut [(u32, u64)]) -> Result<u32, LockError<G>> {
        if self.head.key() == 0 {
            self.head.name(taker.domain().next_key());
        }
        let units = u32::try_from(places.len()).unwrap_or(u32::MAX);
        let request = taker.request(Mode::Units, units, self.total());
        let since = clock::now_ns();
        turns::acquire(&self.head, &self.permits, &taker.me, taker.owner, &request, places).map_err(
            |refused| {
                let holders = self.holders();
                LockError::refused(refused, taker.domain(), || {
                    Occupied::now(taker.domain(), &self.head, &holders, since)
                })
            },
        )?;
        Ok(units)
    }

    /// Who has permits now: index and owner.
    #[must_use]
    pub fn held_by(&self) -> Vec<(u32, OwnerId)> {
        let cells = (0..).zip(&self.permits);
        cells.filter_map(|(index, cell)| Some((index, cell.owner()?))).collect()
    }

    fn holders(&self) -> Vec<OwnerId> {
        let mut holders: Vec<_> = self.held_by().into_iter().map(|(_, owner)| owner).collect();
        holders.dedup();
        holders
    }

    /// What happened to it so far.
    #[must_use]
    pub fn counters(&self) -> Counters {
        // Others may have written any numbers.
        let acquisitions = self.permits.iter().map(Cell::uses).fold(0, u64::wrapping_add);
        Counters { acquisitions, ..self.head.counters() }
    }

    #[inline]
    fn give_back(&self, noted: &Noted, indices: impl Iterator<Item = u32>) {
        if !noted.is_ours() {
            return;
        }
        noted.forget();
        for cell in indices.filter_map(|index| self.permits.get(index as usize)) {
            cell.give_back(noted.owner);
        }
        if turns::has_waiters(&self.head) {
            self.tell_who_waits();
        }
    }

    #[cold]
    fn tell_who_waits(&self) {
        if let Ok(domain) = Domain::for_tag(self.head.tag()) {
            turns::gave_back(&self.head, &domain);
        }
    }
}

macro_rules! permit_methods {
    () => {
        /// Which of the permits it is, from 0.
        #[must_use]
        pub fn index(&self) -> u32 {
            self.held.index
        }

        /// The fencing number of this permit: larger than that of everyone who had it before.
        #[must_use]
        pub fn token(&self) -> u64 {
            self.held.token
        }

        /// Whether it is still held: false in a fork child, and when it was taken away by force.
        #[must_use]
        pub fn is_held(&self) -> bool {
            let cell = self.held.semaphore.permits.get(self.held.index as usize);
            self.held.noted.is_ours() && cell.and_then(Cell::owner) == Some(self.held.noted.owner)
        }
    };
}

/// A permit, held by this thread until it is dropped. No other thread can give it back, for it cannot be sent there:
///
/// ```compile_fail,E0277
/// use crosstie::sync::Permit;
/// fn give_back_elsewhere(permit: Permit<'static>) {
///     std::thread::spawn(move || drop(permit));
/// }
/// ```
pub struct Permit<'a> {
    held: HeldPermits<&'a Semaphore>,
    not_send: PhantomData<*mut ()>,
}

impl Permit<'_> {
    permit_methods!();
}

/// A permit, held by the process until it is dropped; may move between threads and across awaits.
pub struct OwnedPermit<H: Deref<Target = Semaphore>> {
    held: HeldPermits<H>,
}

impl<H: Deref<Target = Semaphore>> OwnedPermit<H> {
    permit_methods!();
}

/// Several permits, held by this thread until they are dropped.
pub struct Permits<'a> {
    semaphore: &'a Semaphore,
    noted: Noted,
    places: Vec<(u32, u64)>,
    not_send: PhantomData<*mut ()>,
}

impl Permits<'_> {
    /// Which of the permits they are, from 0.
    pub fn indices(&self) -> impl Iterator<Item = u32> + '_ {
        self.places.iter().map(|(index, _)| *index)
    }

    /// How many they are.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "there is one at least")]
    pub fn len(&self) -> usize {
        self.places.len()
    }
}

impl Drop for Permits<'_> {
    fn drop(&mut self) {
        self.semaphore.give_back(&self.noted, self.places.iter().map(|(index, _)| *index));
    }
}

/// Several permits, held by a command until they are dropped, or its program and who started it have ended.
pub struct CommandPermits {
    semaphore: Shared<Semaphore>,
    noted: Noted,
    places: Vec<(u32, u64)>,
}

impl CommandPermits {
    /// Which of the permits they are, from 0, and the fencing number of each.
    #[must_use]
    pub fn places(&self) -> &[(u32, u64)] {
        &self.places
    }
}

impl Drop for CommandPermits {
    fn drop(&mut self) {
        self.semaphore.give_back(&self.noted, self.places.iter().map(|(index, _)| *index));
    }
}

impl Shared<Semaphore> {
    /// Takes `count` permits for the command of `owner`, and waits until `deadline`: all or none.
    ///
    /// # Errors
    /// As [`Semaphore::acquire_many`].
    #[track_caller]
    pub fn acquire_for_command(
        &self,
        owner: &CommandOwner,
        count: u32,
        deadline: Deadline,
    ) -> LockResult<CommandPermits> {
        self.check_count(count)?;
        let mut places = vec![(0, 0); count as usize];
        let noted = self.take(Taker::command(owner, deadline), &mut places)?;
        Ok(CommandPermits { semaphore: self.clone(), noted, places })
    }
}

impl fmt::Debug for Semaphore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Semaphore").field("total", &self.total()).finish_non_exhaustive()
    }
}

impl fmt::Debug for Permit<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permit").field("index", &self.index()).finish_non_exhaustive()
    }
}

impl<H: Deref<Target = Semaphore>> fmt::Debug for OwnedPermit<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OwnedPermit").field("index", &self.index()).finish_non_exhaustive()
    }
}

impl fmt::Debug for Permits<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.indices()).finish()
    }
}

impl fmt::Debug for CommandPermits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.places.iter().map(|(index, _)| index)).finish()
    }
}
