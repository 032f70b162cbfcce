//! The lock that `crosstie lock NAME` takes, for C.
#![expect(unsafe_code, reason = "pointers of the caller's; a guard stays beside the lock that it is of")]

mod short;

use std::ffi::c_char;
use std::mem::{MaybeUninit, transmute};
use std::ptr;
use std::sync::{Mutex, PoisonError};

use crosstie::sync::{Access, AnyLock, AnyLockGuard, AnyTurn, Condvar, Policy, Shared, Shortcut};
use crosstie::{Deadline, ErrorKind};

use crate::handle::table::number;
use crate::handle::{self, Body, Caller, OnWay};
use crate::status::{Failure, crosstie_error, crosstie_status};
use crate::time::deadline;
use crate::turn::{Held, crosstie_turn};
use crate::{options, place, wall};

/// A lock that processes share by its name: the one that `crosstie lock NAME` takes, or that Rust and Python open. Never look inside.
#[derive(Debug)]
pub struct crosstie_lock(());

/// Take it alone.
pub const CROSSTIE_EXCLUSIVE: u32 = 0;
/// Take it beside others who share it.
pub const CROSSTIE_SHARED: u32 = 1;

/// Of a new lock: taken alone or shared; first come, first served. What the shell makes.
pub const CROSSTIE_LOCK_READERS_WRITER: u32 = 0;
/// Of a new lock: a mutex, taken alone only; half the cost. Whoever is awake takes it, until the first in the queue has waited for 0.5 ms.
pub const CROSSTIE_LOCK_MUTEX: u32 = 1;
/// Of a new lock: a mutex, first come, first served.
pub const CROSSTIE_LOCK_FAIR_MUTEX: u32 = 2;

/// What is taken belongs to the thread that took it: only that thread can release it, its end is an owner's death, and a
/// deadlock that it would close is told.
pub const CROSSTIE_OWNER_THREAD: u32 = 0;
/// What is taken belongs to the process: any of its threads can release it. No deadlock is told in which it takes part, for any
/// thread could end that. Starts one thread of the library that sleeps as long as the process lives.
pub const CROSSTIE_OWNER_PROCESS: u32 = 1;

/// How a lock is opened. Begin it with `CROSSTIE_LOCK_OPTIONS_INIT`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct crosstie_lock_options {
    /// sizeof(crosstie_lock_options), set by the caller.
    pub size: usize,
    /// The directory of its domain; NULL: `$CROSSTIE_DOMAIN`, else the user's own.
    pub domain: *const c_char,
    /// What to make where it is missing: `CROSSTIE_LOCK_READERS_WRITER`, `CROSSTIE_LOCK_MUTEX`, `CROSSTIE_LOCK_FAIR_MUTEX`.
    pub make: u32,
    /// Whom it belongs to when it is taken by this handle: `CROSSTIE_OWNER_THREAD`, `CROSSTIE_OWNER_PROCESS`.
    pub owner: u32,
}

// SAFETY: repr(C), begins with its size, numbers and a pointer only.
unsafe impl options::Sized for crosstie_lock_options {
    const NAME: &'static str = "crosstie_lock_options";
    const BYTES_FIRST: usize = 24;
    const ZERO: Self = Self { size: size_of::<Self>(), domain: ptr::null(), make: 0, owner: 0 };
}

/// What a handle of a lock leads to.
pub(crate) struct Lock {
    lock: AnyLock,
    of: Of,
}

/// Whom what is taken belongs to.
enum Of {
    /// The thread, where it is kept.
    Thread,
    /// The process: kept here.
    Process(Mutex<Vec<AnyLockGuard>>),
}

impl Body for Lock {
    type Handle = crosstie_lock;
    const NAME: &'static str = "crosstie_lock";
    const KIND: u8 = 1;

    fn may_close(&self) -> Result<(), Failure> {
        match &self.of {
            Of::Process(held) if !held.lock().unwrap_or_else(PoisonError::into_inner).is_empty() => {
                Err(Failure::new(ErrorKind::Busy, format!("{} is held by this handle", self.lock.name()))
                    .advise("release it before it is closed"))
            }
            _ => Ok(()),
        }
    }
}

impl Lock {
    fn open(name: &str, options: &crosstie_lock_options) -> Result<Self, Failure> {
        let wrong = |what: &str, value: u32| {
            Failure::new(ErrorKind::Usage, format!("{value} is no {what} of a lock"))
        };
        let of = match options.owner {
            CROSSTIE_OWNER_THREAD => Of::Thread,
            CROSSTIE_OWNER_PROCESS => Of::Process(Mutex::new(Vec::new())),
            other => return Err(wrong("owner", other)),
        };
        // SAFETY: the text is the caller's and ends in a zero, as `crosstie_lock_open` asks.
        let domain = || unsafe { place::domain(options.domain) };
        let lock = match options.make {
            CROSSTIE_LOCK_READERS_WRITER => AnyLock::open_or_create_in(domain()?, name)?,
            CROSSTIE_LOCK_MUTEX => AnyLock::open_or_create_mutex_in(domain()?, name, Policy::Fast)?,
            CROSSTIE_LOCK_FAIR_MUTEX => AnyLock::open_or_create_mutex_in(domain()?, name, Policy::Fair)?,
            other => return Err(wrong("kind", other)),
        };
        Ok(Self { lock, of })
    }

    #[inline]
    fn take(
        &self,
        handle: u64,
        caller: &Caller,
        access: Access,
        deadline_ns: u64,
    ) -> Result<crosstie_turn, Failure> {
        let deadline = deadline(deadline_ns);
        match &self.of {
            Of::Thread => {
                caller.has_room()?;
                let (guard, turn) = self.lend(access, deadline)?;
                caller.keep(handle, Held::Lock(guard, access));
                if let (Some(shortcut), Access::Exclusive) = (self.lock.shortcut(), access) {
                    // SAFETY: only the lifetime is another. It borrows `self.lock`, and is followed only while the handle that leads
                    // here is open (`handle::recent`).
                    let shortcut =
                        unsafe { transmute::<Shortcut<'_>, MaybeUninit<Shortcut<'static>>>(shortcut) };
                    handle::remember::<Self>(handle, caller, shortcut);
                }
                Ok(turn)
            }
            Of::Process(held) => {
                let guard = self.lock.lock_owned_until(access, deadline)?;
                let turn = told(&guard);
                held.lock().unwrap_or_else(PoisonError::into_inner).push(guard);
                Ok(turn)
            }
        }
    }

    /// Takes it for the calling thread, which keeps it by its handle.
    #[inline]
    fn lend(&self, access: Access, deadline: Deadline) -> Result<(AnyLockGuard, crosstie_turn), Failure> {
        let guard = self.lock.lend_until(access, deadline)?;
        let turn = told(&guard);
        // SAFETY: the guard borrows `self.lock`. The caller keeps it by this handle, and a handle by which
        // somebody has a turn is not closed (`handle::table` I1); so the lock outlives it.
        Ok((unsafe { transmute::<AnyTurn<'_>, AnyLockGuard>(guard) }, turn))
    }

    /// Gives up what the calling thread has by `handle`, waits at `condition`, and takes it again; answers also whether the deadline came
    /// before a notification.
    pub(crate) fn wait_at(
        &self,
        condition: &Shared<Condvar>,
        handle: u64,
        caller: &Caller,
        deadline: Deadline,
    ) -> Result<(crosstie_turn, bool), Failure> {
        self.lengthen(handle, caller)?;
        let domain = self.lock.domain();
        if !ptr::eq(domain, condition.domain()) {
            let text = format!("{} lies in another domain than {}", condition.name(), self.lock.name());
            return Err(Failure::new(ErrorKind::Usage, text).advise("open both in one"));
        }
        let held = caller.away(handle).ok_or_else(|| self.not_held())?;
        if matches!(held, Held::Lock(_, Access::Shared)) {
            caller.back(handle, held);
            let text = format!("{} is shared with others: who waits has it alone", self.lock.name());
            return Err(Failure::new(ErrorKind::Usage, text).advise("take it CROSSTIE_EXCLUSIVE"));
        }
        let again = || self.lend(Access::Exclusive, Deadline::NEVER);
        match condition.wait_around(domain, deadline, || drop(held), again, Result::is_ok) {
            Ok((Ok((guard, turn)), is_late)) => {
                caller.back(handle, Held::Lock(guard, Access::Exclusive));
                Ok((turn, is_late))
            }
            Ok((Err(refusal), _)) => {
                caller.gone(handle);
                Err(refusal)
            }
            Err(error) => {
                caller.gone(handle);
                Err(error.into())
            }
        }
    }

    /// Notifies the first `count` who wait at `condition`; the caller has the lock.
    pub(crate) fn notify_at(&self, condition: &Shared<Condvar>, count: u32) -> Result<(), Failure> {
        Ok(condition.notify_around(self.lock.domain(), count)?)
    }

    /// Makes the turn by `handle`, if it was taken by the shortest way, one that can be asked.
    fn lengthen(&self, handle: u64, caller: &Caller) -> Result<(), Failure> {
        caller.lengthen(handle, |turn| {
            let guard = self.lock.guard(turn, self.lock.domain().thread_owner()?)?;
            // SAFETY: the guard borrows `self.lock`, which outlives it, as in `lend`.
            let guard = unsafe { transmute::<AnyTurn<'_>, AnyLockGuard>(guard) };
            Ok(Held::Lock(guard, Access::Exclusive))
        })
    }

    fn release(&self, handle: u64, caller: &Caller) -> Result<(), Failure> {
        let was_held = match &self.of {
            Of::Thread => {
                self.lengthen(handle, caller)?;
                // By a handle of a lock only locks are taken.
                caller.end(handle, |held| matches!(held, Held::Lock(guard, _) if guard.is_held()))
            }
            Of::Process(held) => {
                held.lock().unwrap_or_else(PoisonError::into_inner).pop().map(|guard| guard.is_held())
            }
        };
        match was_held {
            Some(true) => Ok(()),
            Some(false) => Err(self.lost()),
            None => Err(self.not_held()),
        }
    }

    fn mark_mended(&self, handle: u64, caller: &Caller) -> Result<(), Failure> {
        let marked = match &self.of {
            Of::Thread => {
                self.lengthen(handle, caller)?;
                caller.look(handle, |held| {
                    if let Held::Lock(guard, _) = held {
                        guard.mark_mended();
                    }
                })
            }
            Of::Process(held) => {
                let mut held = held.lock().unwrap_or_else(PoisonError::into_inner);
                held.last_mut().map(AnyTurn::mark_mended)
            }
        };
        marked.ok_or_else(|| self.not_held())
    }

    #[cold]
    fn lost(&self) -> Failure {
        Failure::new(
            ErrorKind::Lost,
            format!("{} was taken away by force while it was held", self.lock.name()),
        )
        .advise("look at what it protects: another may have had it at the same time")
    }

    #[cold]
    fn not_held(&self) -> Failure {
        let who = if matches!(self.of, Of::Thread) { "this thread" } else { "this process" };
        Failure::new(ErrorKind::Usage, format!("{who} does not have {} by this handle", self.lock.name()))
    }
}

#[inline]
fn told(guard: &AnyTurn<'_>) -> crosstie_turn {
    if guard.is_abandoned() {
        crosstie_turn::after_death(guard.token(), guard.dead_owner().as_ref())
    } else {
        crosstie_turn::clean(guard.token())
    }
}

/// Opens the lock `name`, and makes it where it is missing; `options` may be NULL. A mutex or a readers-and-writer lock of a Rust
/// program is opened by its name too; its data stay untouched.
///
/// `CROSSTIE_E_USAGE` for a name that is none; `CROSSTIE_E_NOT_PERMITTED`, `CROSSTIE_E_NO_SPACE`.
///
/// Thread-safe; not async-signal-safe. Does not wait for others. The handle is the caller's, `crosstie_lock_close` frees it. After a fork a handle
/// of the parent's is refused in the child, which opens its own.
///
/// # Safety
/// `name` is a text that ends in a zero; `options` is NULL or begins with its size; `lock` can be written; `error` is NULL or the
/// caller's own.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crosstie_lock_open(
    name: *const c_char,
    options: *const crosstie_lock_options,
    lock: *mut *mut crosstie_lock,
    error: *mut crosstie_error,
) -> crosstie_status {
    let make = || {
        // SAFETY: it is NULL or begins with its size, as this function asks.
        let options = unsafe { options::read(options) }?;
        // SAFETY: it is NULL or ends in a zero, as this function asks.
        Lock::open(unsafe { place::text("the lock's name", name) }?, &options)
    };
    // SAFETY: both are as `wall::open` asks, which this function asks for.
    unsafe { wall::open(lock, error, make) }
}

/// Takes the lock, `CROSSTIE_EXCLUSIVE` or `CROSSTIE_SHARED`, and waits for that until `deadline_ns`: `CROSSTIE_WAIT_FOREVER`,
/// `CROSSTIE_TRY`, or an instant of CLOCK_MONOTONIC (`crosstie_in_ns`).
///
/// That the last owner died is no status: the lock is held, and `turn` says `CROSSTIE_ABANDONED`. A lock without data says so once; a
/// mutex and what has data until somebody says that it is mended.
///
/// `CROSSTIE_E_BUSY` and `CROSSTIE_E_TIMED_OUT`: who has it stands in `error`. `CROSSTIE_E_DEADLOCK`: to wait would close the circle
/// that `error` names, also through `crosstie lock` commands around other programs; nothing was taken, the others go on waiting. Also for
/// who takes what it has.
///
/// Thread-safe: several threads may wait by one handle. Not async-signal-safe: a handler that interrupts a call is refused. A
/// child of fork has none of its parent's turns. Blocks until the deadline. Nothing is to be freed: `crosstie_lock_release`.
///
/// # Safety
/// `turn` is NULL or begins with its size and can be written; `error` is NULL or the caller's own.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crosstie_lock_take(
    lock: *mut crosstie_lock,
    access: u32,
    deadline_ns: u64,
    turn: *mut crosstie_turn,
    error: *mut crosstie_error,
) -> crosstie_status {
    // SAFETY: `turn` is as `way` asks, which this function asks for.
    let Some(way) = (unsafe { short::way(lock, access, turn) }) else {
        // SAFETY: both are as `take_long` asks, which this function asks for.
        return unsafe { take_long(lock, access, deadline_ns, turn, error) };
    };
    // Each has its registers to put away, none this function before it is known which.
    if way.shortcut().is_mutex() {
        // SAFETY: both are as `take_mutex` asks, which this function asks for.
        return unsafe { short::take_mutex(way, lock, deadline_ns, turn, error) };
    }
    // SAFETY: both are as `take_lock` asks, which this function asks for.
    unsafe { short::take_lock(way, lock, deadline_ns, turn, error) }
}

/// As [`crosstie_lock_take`], where there is anything to be said or to be waited for. It stands apart, so that the shortest way has
/// nothing to prepare for it.
///
/// # Safety
/// As [`crosstie_lock_take`].
#[cold]
#[inline(never)]
unsafe extern "C" fn take_long(
    lock: *mut crosstie_lock,
    access: u32,
    deadline_ns: u64,
    turn: *mut crosstie_turn,
    error: *mut crosstie_error,
) -> crosstie_status {
    let work = |body: &Lock, caller: &'static Caller| {
        let access = match access {
            CROSSTIE_EXCLUSIVE => Access::Exclusive,
            CROSSTIE_SHARED => Access::Shared,
            other => {
                let text = format!("{other} is neither CROSSTIE_EXCLUSIVE nor CROSSTIE_SHARED");
                return Err(Failure::new(ErrorKind::Usage, text));
            }
        };
        // SAFETY: it is NULL or begins with its size, as this function asks.
        unsafe { options::check(turn) }?;
        let told = body.take(number::<Lock>(lock), caller, access, deadline_ns)?;
        // SAFETY: `check` found its size right, and it can be written, which this function asks for.
        unsafe { told.tell(turn) };
        Ok(())
    };
    // SAFETY: `error` is NULL or the caller's own, which this function asks for.
    unsafe { wall::call(lock, error, work) }
}

/// Releases what was taken last by this handle.
///
/// `CROSSTIE_E_USAGE` when this thread (of `CROSSTIE_OWNER_PROCESS`: this process) has not taken it. `CROSSTIE_E_LOST`: it was taken away by
/// force meanwhile (`crosstie unlock --force`), so that another may have had it at the same time.
///
/// Thread-safe; not async-signal-safe; a child of fork has nothing to release. Never waits. Nothing is to be freed.
///
/// # Safety
/// `error` is NULL or the caller's own.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crosstie_lock_release(
    lock: *mut crosstie_lock,
    error: *mut crosstie_error,
) -> crosstie_status {
    let Some(way) = OnWay::enter(number::<Lock>(lock)) else {
        // SAFETY: `error` is NULL or the caller's own, which this function asks for.
        return unsafe { release_long(lock, error) };
    };
    if way.shortcut().is_mutex() {
        // SAFETY: `error` is NULL or the caller's own, which this function asks for.
        return unsafe { short::release_mutex(way, lock, error) };
    }
    // SAFETY: `error` is NULL or the caller's own, which this function asks for.
    unsafe { short::release_lock(way, lock, error) }
}

/// As [`crosstie_lock_release`], where there is anything to be said.
///
/// # Safety
/// As [`crosstie_lock_release`].
#[cold]
#[inline(never)]
unsafe extern "C" fn release_long(lock: *mut crosstie_lock, error: *mut crosstie_error) -> crosstie_status {
    let work = |body: &Lock, caller: &'static Caller| body.release(number::<Lock>(lock), caller);
    // SAFETY: `error` is NULL or the caller's own, which this function asks for.
    unsafe { wall::call(lock, error, work) }
}

/// Says, while the lock is held, that what it protects is whole again: the next owner is not told `CROSSTIE_ABANDONED` any more.
///
/// `CROSSTIE_E_USAGE` when it is not held by this handle.
///
/// Thread-safe; not async-signal-safe; as before a fork after it. Never waits. Nothing is to be freed.
///
/// # Safety
/// `error` is NULL or the caller's own.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crosstie_lock_mark_mended(
    lock: *mut crosstie_lock,
    error: *mut crosstie_error,
) -> crosstie_status {
    let work = |body: &Lock, caller: &'static Caller| body.mark_mended(number::<Lock>(lock), caller);
    // SAFETY: `error` is NULL or the caller's own, which this function asks for.
    unsafe { wall::call(lock, error, work) }
}

/// Closes the handle; the lock itself stays, for others and for later.
///
/// `CROSSTIE_E_BUSY` while a thread has it by this handle or is inside a call with it; `CROSSTIE_E_USAGE` for NULL and for what is
/// closed already.
///
/// Thread-safe; not async-signal-safe; a child of fork may close its parent's handle, which changes nothing in the parent. Never waits. Frees
/// the handle.
///
/// # Safety
/// `error` is NULL or the caller's own.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crosstie_lock_close(
    lock: *mut crosstie_lock,
    error: *mut crosstie_error,
) -> crosstie_status {
    // SAFETY: `error` is NULL or the caller's own, which this function asks for.
    unsafe { wall::close::<Lock>(lock, error) }
}
