//! A number of permits that have owners: what `crosstie sem NAME` takes, for C.
#![expect(
    unsafe_code,
    reason = "pointers of the caller's; a permit stays beside the semaphore that it is of"
)]

use std::ffi::c_char;
use std::mem::transmute;
use std::ptr;
use std::sync::{Mutex, PoisonError};

use crosstie::ErrorKind;
use crosstie::sync::semaphore::{AcquireOwned as _, OwnedPermit};
use crosstie::sync::{Permit, Semaphore, Shared};

use crate::handle::table::number;
use crate::handle::{Body, Caller};
use crate::lock::{CROSSTIE_OWNER_PROCESS, CROSSTIE_OWNER_THREAD};
use crate::status::{Failure, crosstie_error, crosstie_status};
use crate::time::deadline;
use crate::turn::{Held, crosstie_turn};
use crate::{options, place, wall};

/// Permits that processes share by a name, as `crosstie sem NAME` takes them: each has an owner, and comes back when that dies. Never look
/// inside.
#[derive(Debug)]
pub struct crosstie_semaphore(());

/// How a semaphore is opened. Begin it with `CROSSTIE_SEMAPHORE_OPTIONS_INIT`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct crosstie_semaphore_options {
    /// sizeof(crosstie_semaphore_options), set by the caller.
    pub size: usize,
    /// The directory of its domain; NULL: `$CROSSTIE_DOMAIN`, else the user's own.
    pub domain: *const c_char,
    /// Whom a permit belongs to that is taken by this handle: `CROSSTIE_OWNER_THREAD`, `CROSSTIE_OWNER_PROCESS`.
    pub owner: u32,
    /// 0.
    pub reserved: u32,
}

// SAFETY: repr(C), begins with its size, numbers and a pointer only.
unsafe impl options::Sized for crosstie_semaphore_options {
    const NAME: &'static str = "crosstie_semaphore_options";
    const BYTES_FIRST: usize = 24;
    const ZERO: Self = Self { size: size_of::<Self>(), domain: ptr::null(), owner: 0, reserved: 0 };
}

/// What a handle of a semaphore leads to.
struct Permits {
    semaphore: Shared<Semaphore>,
    of: Of,
}

/// Whom what is taken belongs to.
enum Of {
    /// The thread, where it is kept.
    Thread,
    /// The process: kept here.
    Process(Mutex<Vec<OwnedPermit<Shared<Semaphore>>>>),
}

impl Body for Permits {
    type Handle = crosstie_semaphore;
    const NAME: &'static str = "crosstie_semaphore";
    const KIND: u8 = 2;

    fn may_close(&self) -> Result<(), Failure> {
        match &self.of {
            Of::Process(held) if !held.lock().unwrap_or_else(PoisonError::into_inner).is_empty() => {
                let text = format!("a permit of {} is held by this handle", self.semaphore.name());
                Err(Failure::new(ErrorKind::Busy, text).advise("release it before it is closed"))
            }
            _ => Ok(()),
        }
    }
}

impl Permits {
    fn acquire(&self, handle: u64, caller: &Caller, deadline_ns: u64) -> Result<crosstie_turn, Failure> {
        let deadline = deadline(deadline_ns);
        match &self.of {
            Of::Thread => {
                caller.has_room()?;
                let permit = self.semaphore.acquire_until(deadline)?;
                let turn = crosstie_turn::of_permit(permit.token(), permit.index());
                // SAFETY: the permit borrows `self.semaphore`. The caller keeps it by this handle, and a handle by which
                // somebody has a turn is not closed (`handle::table` I1); so the semaphore outlives it.
                let permit = unsafe { transmute::<Permit<'_>, Permit<'static>>(permit) };
                caller.keep(handle, Held::Permit(permit));
                Ok(turn)
            }
            Of::Process(held) => {
                let permit = self.semaphore.acquire_owned_until(deadline)?;
                let turn = crosstie_turn::of_permit(permit.token(), permit.index());
                held.lock().unwrap_or_else(PoisonError::into_inner).push(permit);
                Ok(turn)
            }
        }
    }

    fn release(&self, handle: u64, caller: &Caller) -> Result<(), Failure> {
        let was_held = match &self.of {
            Of::Thread => caller.end(handle, |held| matches!(held, Held::Permit(permit) if permit.is_held())),
            Of::Process(held) => {
                held.lock().unwrap_or_else(PoisonError::into_inner).pop().map(|permit| permit.is_held())
            }
        };
        let name = self.semaphore.name();
        match was_held {
            Some(true) => Ok(()),
            Some(false) => {
                Err(Failure::new(ErrorKind::Lost, format!("a permit of {name} was taken away by force")))
            }
            None => {
                let who = if matches!(self.of, Of::Thread) { "this thread" } else { "this process" };
                Err(Failure::new(ErrorKind::Usage, format!("{who} has no permit of {name} by this handle")))
            }
        }
    }
}

/// Opens the semaphore `name`, and makes it with `permits` of them where it is missing; `options` may be NULL.
///
/// `CROSSTIE_E_MISMATCH` when it has another number of permits; `CROSSTIE_E_USAGE` for a number or name that is none.
///
/// Thread-safe; not async-signal-safe. Does not wait for others. The handle is the caller's, `crosstie_semaphore_close` frees it. After a
/// fork a handle of the parent's is refused in the child, which opens its own.
///
/// # Safety
/// `name` is a text that ends in a zero; `options` is NULL or begins with its size; `semaphore` can be written; `error` is NULL or
/// the caller's own.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crosstie_semaphore_open(
    name: *const c_char,
    permits: u32,
    options: *const crosstie_semaphore_options,
    semaphore: *mut *mut crosstie_semaphore,
    error: *mut crosstie_error,
) -> crosstie_status {
    let make = || {
        // SAFETY: it is NULL or begins with its size, which this function asks for.
        let options = unsafe { options::read(options) }?;
        // SAFETY: it is NULL or ends in a zero, which this function asks for.
        let name = unsafe { place::text("the semaphore's name", name) }?;
        let of = match options.owner {
            CROSSTIE_OWNER_THREAD => Of::Thread,
            CROSSTIE_OWNER_PROCESS => Of::Process(Mutex::new(Vec::new())),
            other => return Err(Failure::new(ErrorKind::Usage, format!("{other} is no owner of a permit"))),
        };
        // SAFETY: it is NULL or ends in a zero, which this function asks for.
        let domain = unsafe { place::domain(options.domain) }?;
        Ok(Permits { semaphore: Semaphore::open_or_create_in(domain, name, permits)?, of })
    };
    // SAFETY: both are as `wall::open` asks, which this function asks for.
    unsafe { wall::open(semaphore, error, make) }
}

/// Takes one permit, and waits for it until `deadline_ns`. `turn` says which of the permits it is (`index`, from 0: which GPU, which port).
///
/// `CROSSTIE_E_BUSY`, `CROSSTIE_E_TIMED_OUT`; `CROSSTIE_E_DEADLOCK` when no holder could ever give one back: `error` names them.
///
/// Thread-safe; not async-signal-safe. A child of fork has none of its parent's permits. Blocks until the deadline. Nothing is to be
/// freed: `crosstie_semaphore_release`.
///
/// # Safety
/// `turn` is NULL or begins with its size and can be written; `error` is NULL or the caller's own.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crosstie_semaphore_acquire(
    semaphore: *mut crosstie_semaphore,
    deadline_ns: u64,
    turn: *mut crosstie_turn,
    error: *mut crosstie_error,
) -> crosstie_status {
    let work = |body: &Permits, caller: &'static Caller| {
        // SAFETY: it is NULL or begins with its size, which this function asks for.
        unsafe { options::check(turn) }?;
        let told = body.acquire(number::<Permits>(semaphore), caller, deadline_ns)?;
        // SAFETY: `check` found its size right, and it can be written, which this function asks for.
        unsafe { told.tell(turn) };
        Ok(())
    };
    // SAFETY: `error` is NULL or the caller's own, which this function asks for.
    unsafe { wall::call(semaphore, error, work) }
}

/// Gives the permit back that was taken last by this handle.
///
/// `CROSSTIE_E_USAGE` when this thread (of `CROSSTIE_OWNER_PROCESS`: this process) has none by it.
///
/// Thread-safe; not async-signal-safe; a child of fork has none to give back. Never waits. Nothing is to be freed.
///
/// # Safety
/// `error` is NULL or the caller's own.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crosstie_semaphore_release(
    semaphore: *mut crosstie_semaphore,
    error: *mut crosstie_error,
) -> crosstie_status {
    let work = |body: &Permits, caller: &'static Caller| body.release(number::<Permits>(semaphore), caller);
    // SAFETY: `error` is NULL or the caller's own, which this function asks for.
    unsafe { wall::call(semaphore, error, work) }
}

/// Closes the handle; the semaphore itself stays.
///
/// `CROSSTIE_E_BUSY` while a permit is held by it, or a thread is inside a call with it.
///
/// Thread-safe; not async-signal-safe; a child of fork may close its parent's handle. Never waits. Frees the handle.
///
/// # Safety
/// `error` is NULL or the caller's own.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crosstie_semaphore_close(
    semaphore: *mut crosstie_semaphore,
    error: *mut crosstie_error,
) -> crosstie_status {
    // SAFETY: `error` is NULL or the caller's own, which this function asks for.
    unsafe { wall::close::<Permits>(semaphore, error) }
}
