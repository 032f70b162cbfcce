//! The things on which processes take turns, opened, taken and given.

use crosstie::ledger::Domain;
use crosstie::ledger::command::CommandOwner;
use crosstie::sync::event::Reset;
use crosstie::sync::lock::Access;
use crosstie::sync::mutex::LockOwned;
use crosstie::sync::semaphore::{AcquireOwned, CommandPermits, OwnedPermit};
use crosstie::sync::wait_any::{Waitable, wait_any_until};
use crosstie::sync::{
    AnyLock, AnyLockGuard, Condvar, CountingSemaphore, Event, Lock, LockError, LockGuard, LockResult,
    Monitor, Mutex, MutexGuard, OwnedMutexGuard, Permit, Permits, Policy, RwLock, RwLockReadGuard,
    RwLockWriteGuard, Semaphore, Shared, lock_all_until,
};
use crosstie::{Deadline, Error, OwnerId};

use super::buffer::{mend_inside, mend_under, take_inside, take_under};
use super::data::{Data, change, mend};
use super::storing;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Thing {
    FairMutex,
    FastMutex,
    /// A fast one that is given up by a store until somebody waits.
    StoringMutex,
    /// A fast one whose next owner sees whether it may store.
    TestingMutex,
    RwLock,
    /// One whose readers end by a store until a writer waits.
    StoringRwLock,
    /// One whose next reader sees whether it may store.
    TestingRwLock,
    Lock,
    Semaphore,
    Counting,
    /// Resets itself.
    Event,
    /// A buffer: a mutex and a condition.
    Condvar,
    /// A buffer.
    Monitor,
    /// A counting semaphore beside an event that nobody sets: whichever comes first.
    Any,
    /// Two mutexes, taken together.
    All,
    /// A buffer whose condition others can see.
    ExactMonitor,
}

/// In what way units are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// All of them, for the calling thread.
    Alone,
    /// One, beside others, for the calling thread.
    One,
    /// Two at once.
    Two,
    /// For the calling process: a mutex, or one permit.
    Owned,
    /// For a command that the calling process is about to start: a lock, or one permit.
    Command,
}

/// Why nothing was taken.
#[derive(Debug)]
pub enum Refusal {
    /// Not to be had at once, or not until the deadline.
    NotNow,
    Failed(String),
}

impl Thing {
    /// How many units it has.
    pub fn total(self) -> u64 {
        match self {
            _ if self.has_readers() => 4,
            Self::Semaphore => 2,
            _ => 1,
        }
    }

    /// Whether many may share it.
    pub fn has_readers(self) -> bool {
        matches!(self, Self::RwLock | Self::StoringRwLock | Self::TestingRwLock | Self::Lock)
    }

    /// How many units are taken in this way.
    pub fn cost(self, way: Way) -> u64 {
        match way {
            Way::Alone => self.total(),
            Way::One => 1,
            Way::Two => 2,
            Way::Owned | Way::Command if self == Self::Semaphore => 1,
            Way::Owned | Way::Command => self.total(),
        }
    }

    /// Whether units belong to who took them, and come back at its death.
    pub fn has_owners(self) -> bool {
        let unowned =
            [Self::Counting, Self::Event, Self::Condvar, Self::Monitor, Self::ExactMonitor, Self::Any];
        !unowned.contains(&self)
    }

    /// Whether it tells that an owner died inside.
    pub fn tells_deaths(self) -> bool {
        !matches!(self, Self::Semaphore | Self::Counting | Self::Event | Self::Any)
    }

    /// Its objects: kinds, the one with the data first.
    pub fn kinds(self) -> &'static [&'static str] {
        match self {
            Self::FairMutex
            | Self::FastMutex
            | Self::StoringMutex
            | Self::TestingMutex
            | Self::RwLock
            | Self::StoringRwLock
            | Self::TestingRwLock
            | Self::Lock => &["lock"],
            Self::All => &["lock", "lock"],
            Self::Any => &["count", "event"],
            Self::Semaphore => &["sem"],
            Self::Counting => &["count"],
            Self::Event => &["event"],
            Self::Condvar => &["lock", "cond"],
            Self::Monitor | Self::ExactMonitor => &["monitor"],
        }
    }

    /// Kinds and names of its objects where it has the name `name`.
    pub fn objects(self, name: &str) -> Vec<(&'static str, String)> {
        let name_of = |at| if self == Self::All && at > 0 { format!("{name}-{at}") } else { name.to_owned() };
        self.kinds().iter().enumerate().map(|(at, kind)| (*kind, name_of(at))).collect()
    }

    pub fn open(self, domain: &'static Domain, name: &str) -> Result<Opened, Error> {
        let data = || [0, 0, 1];
        Ok(match self {
            Self::FairMutex => Opened::Mutex(Mutex::open_or_create_with(domain, name, Policy::Fair, data)?),
            Self::FastMutex => Opened::Mutex(Mutex::open_or_create_with(domain, name, Policy::Fast, data)?),
            Self::StoringMutex => {
                let mutex = Mutex::open_or_create_with(domain, name, Policy::Fast, data)?;
                Opened::Mutex(storing::from_the_first(mutex))
            }
            Self::TestingMutex => {
                let mutex = Mutex::open_or_create_with(domain, name, Policy::Fast, data)?;
                Opened::Mutex(storing::fenced(mutex))
            }
            Self::RwLock => Opened::RwLock(RwLock::open_or_create_in(domain, name, data)?),
            Self::StoringRwLock => {
                Opened::RwLock(storing::from_the_first(RwLock::open_or_create_in(domain, name, data)?))
            }
            Self::TestingRwLock => {
                Opened::RwLock(storing::fenced(RwLock::open_or_create_in(domain, name, data)?))
            }
            Self::Lock => Opened::Lock(Lock::open_or_create_in(domain, name)?),
            Self::Semaphore => Opened::Semaphore(Semaphore::open_or_create_in(domain, name, 2)?),
            Self::Counting => Opened::Counting(CountingSemaphore::open_or_create_in(domain, name, 1)?),
            Self::Event => Opened::Event(Event::open_or_create_in(domain, name, Reset::Automatic)?),
            Self::Condvar => {
                let mutex = Mutex::open_or_create_with(domain, name, Policy::Fair, data)?;
                Opened::Condvar(mutex, Condvar::open_or_create_in(domain, name)?)
            }
            Self::Monitor => {
                Opened::Monitor(Monitor::open_or_create_in(domain, name, data)?, Condition::Closure)
            }
            Self::ExactMonitor => {
                Opened::Monitor(Monitor::open_or_create_in(domain, name, data)?, Condition::Data)
            }
            Self::Any => {
                let counting = CountingSemaphore::open_or_create_in(domain, name, 1)?;
                Opened::Any(counting, Event::open_or_create_in(domain, name, Reset::Automatic)?)
            }
            Self::All => {
                let open = |(_, name): &(_, String)| Mutex::open_or_create_in(domain, name, data);
                let objects = self.objects(name);
                Opened::All(open(&objects[0])?, open(&objects[1])?)
            }
        })
    }
}

/// How a condition is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    Closure,
    Data,
}

/// A thing that is open.
#[derive(Clone)]
pub enum Opened {
    Mutex(Shared<Mutex<Data>>),
    RwLock(Shared<RwLock<Data>>),
    Lock(Shared<Lock>),
    Semaphore(Shared<Semaphore>),
    Counting(Shared<CountingSemaphore>),
    Event(Shared<Event>),
    Condvar(Shared<Mutex<Data>>, Shared<Condvar>),
    Monitor(Shared<Monitor<Data>>, Condition),
    Any(Shared<CountingSemaphore>, Shared<Event>),
    All(Shared<Mutex<Data>>, Shared<Mutex<Data>>),
}

/// What was taken, and what was told with it.
pub struct Taken<'a> {
    pub guard: Guard<'a>,
    /// An owner had died inside.
    pub is_told: bool,
    /// The data, as they were found.
    pub found: Option<Data>,
    pub token: Option<u64>,
}

pub enum Guard<'a> {
    Mutex(MutexGuard<'a, Data>),
    /// The data are the first one's.
    Both(MutexGuard<'a, Data>, MutexGuard<'a, Data>),
    OwnedMutex(OwnedMutexGuard<Data, Shared<Mutex<Data>>>),
    Read(RwLockReadGuard<'a, Data>),
    Write(RwLockWriteGuard<'a, Data>),
    Lock(LockGuard<&'a Lock>),
    Permit(Permit<'a>),
    Permits(Permits<'a>),
    OwnedPermit(OwnedPermit<Shared<Semaphore>>),
    /// The lock is given up before the command's slot.
    CommandLock(AnyLockGuard, #[expect(dead_code, reason = "kept for its drop")] CommandOwner),
    CommandPermits(
        #[expect(dead_code, reason = "kept for its drop")] CommandPermits,
        #[expect(dead_code, reason = "kept for its drop")] CommandOwner,
    ),
    /// A unit that nobody owns.
    Unit(&'a Opened),
}

/// Whether who is told of a death mends the data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mending {
    Mends,
    Leaves,
}

impl Opened {
    /// Takes units.
    ///
    /// # Errors
    /// See [`Refusal`].
    pub fn take(&self, way: Way, deadline: Deadline, mending: Mending) -> Result<Taken<'_>, Refusal> {
        let mut taken = match (self, way) {
            (Self::Mutex(mutex), Way::Owned) => {
                let (guard, is_told) = had(mutex.lock_owned_until(deadline))?;
                Taken::new(Guard::OwnedMutex(guard), is_told)
            }
            (Self::Mutex(mutex), _) => {
                let (guard, is_told) = had(mutex.lock_until(deadline))?;
                Taken::new(Guard::Mutex(guard), is_told)
            }
            (Self::RwLock(lock), Way::One) => {
                let (guard, is_told) = had(lock.read_until(deadline))?;
                Taken::new(Guard::Read(guard), is_told)
            }
            (Self::RwLock(lock), _) => {
                let (guard, is_told) = had(lock.write_until(deadline))?;
                Taken::new(Guard::Write(guard), is_told)
            }
            (Self::Lock(lock), Way::Command) => take_for_command(lock, deadline)?,
            (Self::Lock(lock), way) => {
                let access = if way == Way::One { Access::Shared } else { Access::Exclusive };
                let (guard, _) = had(lock.lock_until(access, deadline))?;
                let is_told = guard.is_abandoned();
                Taken::new(Guard::Lock(guard), is_told)
            }
            (Self::Semaphore(semaphore), Way::One) => {
                Taken::new(Guard::Permit(had(semaphore.acquire_until(deadline))?.0), false)
            }
            (Self::Semaphore(semaphore), Way::Owned) => {
                Taken::new(Guard::OwnedPermit(had(semaphore.acquire_owned_until(deadline))?.0), false)
            }
            (Self::Semaphore(semaphore), Way::Command) => {
                let owner = command_owner(semaphore.domain())?;
                let (permits, _) = had(semaphore.acquire_for_command(&owner, 1, deadline))?;
                Taken::new(Guard::CommandPermits(permits, owner), false)
            }
            (Self::Semaphore(semaphore), _) => {
                Taken::new(Guard::Permits(had(semaphore.acquire_many(2, deadline))?.0), false)
            }
            (Self::Counting(counting), _) => {
                had(counting.wait_until(deadline))?;
                Taken::new(Guard::Unit(self), false)
            }
            (Self::Event(event), _) => {
                had(event.wait_until(deadline))?;
                Taken::new(Guard::Unit(self), false)
            }
            (Self::Any(counting, event), _) => {
                let sources: [&dyn Waitable; 2] = [&**event, &**counting];
                had(wait_any_until(&sources, deadline))?;
                Taken::new(Guard::Unit(self), false)
            }
            (Self::All(first, second), _) => {
                let ((first, second), is_told) = had(lock_all_until((&**first, &**second), deadline))?;
                Taken::new(Guard::Both(first, second), is_told)
            }
            (Self::Condvar(mutex, condition), _) => {
                let (is_told, found) = take_under(mutex, condition, deadline, mending)?;
                return Ok(Taken { guard: Guard::Unit(self), is_told, found: Some(found), token: None });
            }
            (Self::Monitor(monitor, condition), _) => {
                let (is_told, found) = take_inside(monitor, *condition, deadline, mending)?;
                return Ok(Taken { guard: Guard::Unit(self), is_told, found: Some(found), token: None });
            }
        };
        taken.look(mending);
        Ok(taken)
    }

    /// Goes in, mends what a dead owner left, and goes out; answers whether it was told of one. Only for a
    /// buffer.
    ///
    /// # Errors
    /// See [`Refusal`].
    pub fn visit(&self) -> Result<bool, Refusal> {
        match self {
            Self::Condvar(mutex, condition) => {
                let (mut guard, is_told) = had(mutex.lock())?;
                mend_under(&mut guard, is_told, condition)?;
                Ok(is_told)
            }
            Self::Monitor(monitor, _) => {
                let (mut guard, is_told) = had(monitor.enter())?;
                mend_inside(&mut guard, is_told);
                Ok(is_told)
            }
            _ => Ok(false),
        }
    }

    /// What was transferred to the calling process, if there is any.
    ///
    /// # Errors
    /// See [`Refusal`].
    pub fn accept(&self) -> Result<Option<Taken<'static>>, Refusal> {
        let Self::Semaphore(semaphore) = self else { return Ok(None) };
        let accepted = semaphore.accept().map_err(|error| Refusal::Failed(error.to_string()))?;
        Ok(accepted.map(|permit| Taken::new(Guard::OwnedPermit(permit), false)))
    }

    /// Gives a unit that nobody owns; answers whether it was told of a death on that way.
    ///
    /// # Errors
    /// See [`Refusal`].
    pub fn give_unit(&self) -> Result<bool, Refusal> {
        let failed = |error: Error| Refusal::Failed(error.to_string());
        match self {
            Self::Counting(counting) | Self::Any(counting, _) => {
                counting.post().map(|()| false).map_err(failed)
            }
            Self::Event(event) => event.set().map(|()| false).map_err(failed),
            Self::Condvar(mutex, condition) => {
                let (mut guard, is_told) = had(mutex.lock())?;
                mend_under(&mut guard, is_told, condition)?;
                change(&mut guard, 1);
                condition.notify_one(&guard).map(|()| is_told).map_err(failed)
            }
            Self::Monitor(monitor, _) => {
                let (mut guard, is_told) = had(monitor.enter())?;
                mend_inside(&mut guard, is_told);
                change(&mut guard, 1);
                Ok(is_told)
            }
            _ => Ok(false),
        }
    }
}

impl Taken<'_> {
    fn new(guard: Guard<'_>, is_told: bool) -> Taken<'_> {
        Taken { guard, is_told, found: None, token: None }
    }

    /// Looks at the data and the fencing number, and mends what is to be mended.
    fn look(&mut self, mending: Mending) {
        let mends = self.is_told && mending == Mending::Mends;
        match &mut self.guard {
            Guard::Mutex(guard) => {
                (self.found, self.token) = (Some(**guard), Some(guard.token()));
                if mends {
                    mend(guard);
                    guard.mark_mended();
                }
            }
            Guard::Both(guard, other) => {
                (self.found, self.token) = (Some(**guard), Some(guard.token()));
                if mends {
                    mend(guard);
                    guard.mark_mended();
                    other.mark_mended();
                }
            }
            Guard::OwnedMutex(guard) => {
                (self.found, self.token) = (Some(**guard), Some(guard.token()));
                if mends {
                    mend(guard);
                    guard.mark_mended();
                }
            }
            Guard::Write(guard) => {
                (self.found, self.token) = (Some(**guard), Some(guard.token()));
                if mends {
                    mend(guard);
                    guard.mark_mended();
                }
            }
            Guard::Read(guard) => self.found = Some(**guard),
            _ => {}
        }
        match &self.guard {
            Guard::Lock(guard) => self.token = Some(guard.token()),
            Guard::CommandLock(guard, _) => self.token = Some(guard.token()),
            _ => {}
        }
    }

    /// The data, if they may be changed.
    pub fn data(&mut self) -> Option<&mut Data> {
        match &mut self.guard {
            Guard::Mutex(guard) | Guard::Both(guard, _) => Some(guard),
            Guard::OwnedMutex(guard) => Some(guard),
            Guard::Write(guard) => Some(guard),
            _ => None,
        }
    }

    /// Transfers permits to another process.
    ///
    /// # Errors
    /// See [`Refusal`].
    pub fn transfer_to(self, process: OwnerId) -> Result<(), Refusal> {
        let failed = |error: Error| Refusal::Failed(error.to_string());
        match self.guard {
            Guard::Permit(permit) => permit.transfer_to(process).map_err(|refused| failed(refused.error)),
            Guard::Permits(permits) => permits.transfer_to(process).map_err(|refused| failed(refused.error)),
            Guard::OwnedPermit(permit) => {
                permit.transfer_to(process).map_err(|refused| failed(refused.error))
            }
            _ => Err(Refusal::Failed("that cannot be transferred".to_owned())),
        }
    }

    /// Gives them back; answers as [`Opened::give_unit`].
    ///
    /// # Errors
    /// See [`Refusal`].
    pub fn give(self) -> Result<bool, Refusal> {
        match self.guard {
            Guard::Unit(opened) => opened.give_unit(),
            guard => {
                drop(guard);
                Ok(false)
            }
        }
    }
}

fn take_for_command(lock: &Shared<Lock>, deadline: Deadline) -> Result<Taken<'static>, Refusal> {
    let owner = command_owner(lock.domain())?;
    let name = lock.name().strip_prefix("lock:").unwrap_or_default();
    let any = AnyLock::open_or_create_in(lock.domain(), name)
        .map_err(|error| Refusal::Failed(error.to_string()))?;
    let (guard, _) = had(any.lock_for_command(&owner, Access::Exclusive, deadline))?;
    let is_told = guard.is_abandoned();
    Ok(Taken::new(Guard::CommandLock(guard, owner), is_told))
}

fn command_owner(domain: &'static Domain) -> Result<CommandOwner, Refusal> {
    domain.command_owner("crosstie-torture").map_err(|error| Refusal::Failed(error.to_string()))
}

/// A guard, and whether it came with a death.
pub fn had<G>(result: LockResult<G>) -> Result<(G, bool), Refusal> {
    match result {
        Ok(guard) => Ok((guard, false)),
        Err(LockError::Abandoned(guard)) => Ok((guard, true)),
        Err(LockError::Busy(_) | LockError::TimedOut(_)) => Err(Refusal::NotNow),
        Err(LockError::Deadlock(cycle)) => Err(Refusal::Failed(cycle.to_string())),
        Err(LockError::Failed(error)) => Err(Refusal::Failed(error.to_string())),
        Err(_) => Err(Refusal::Failed("poisoned".to_owned())),
    }
}
