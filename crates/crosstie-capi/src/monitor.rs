//! Data that one at a time enters, and waits inside for them to be as it needs them, for C.
//!
//! A program in C says of its data how many bytes they have, as one in Python does: an `AnyMonitor`.
#![expect(unsafe_code, reason = "pointers of the caller's; a stay stays beside the monitor that it is in")]

use std::ffi::{c_char, c_void};
use std::mem::transmute;

use crosstie::sync::any_monitor::BYTES_MAX;
use crosstie::sync::predicate::{Predicate, at_least, at_most, differs, equals};
use crosstie::sync::{AnyMonitor, AnyMonitorGuard, LockError, LockResult};
use crosstie::{Deadline, ErrorKind};

use crate::handle::table::number;
use crate::handle::{Body, Caller};
use crate::status::{Failure, crosstie_error, crosstie_status};
use crate::time::deadline;
use crate::turn::{Held, crosstie_turn};
use crate::{options, place, wall};

/// Data in shared memory, a lock around them, and waiting for what they should be, in one, by its name. Never look inside.
#[derive(Debug)]
pub struct crosstie_monitor(());

/// The most bytes that a monitor's data have.
pub const CROSSTIE_MONITOR_BYTES_MAX: usize = 32768;
const _: () = assert!(CROSSTIE_MONITOR_BYTES_MAX == BYTES_MAX, "the header has the number itself");

/// A number in the data that is to be so much or more.
pub const CROSSTIE_AT_LEAST: u32 = 1;
/// A number in the data that is to be so much or less.
pub const CROSSTIE_AT_MOST: u32 = 2;
/// A number in the data that is to be equal.
pub const CROSSTIE_EQUAL: u32 = 3;
/// A number in the data that is to be different.
pub const CROSSTIE_DIFFERENT: u32 = 4;

/// The most comparisons of one wait.
pub const CROSSTIE_COMPARISONS_MAX: usize = 3;

/// What is needed of a number in a monitor's data, for others to see when they leave it: `{CROSSTIE_FIELD(struct stock, count), CROSSTIE_AT_LEAST, 0, 1}`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct crosstie_comparison {
    /// Where it begins, in bytes from the beginning of the data: a multiple of its own bytes.
    pub offset: usize,
    /// Its bytes: 1, 2, 4 or 8.
    pub bytes: usize,
    /// `CROSSTIE_AT_LEAST`, `CROSSTIE_AT_MOST`, `CROSSTIE_EQUAL`, `CROSSTIE_DIFFERENT`.
    pub relation: u32,
    /// 1 where it is signed, else 0.
    pub is_signed: u32,
    /// What it is compared with; of a signed one, `(uint64_t)(int64_t)-1` and the like.
    pub number: u64,
}

fn told(stay: &AnyMonitorGuard<'_>) -> crosstie_turn {
    match stay.is_abandoned() {
        false => crosstie_turn::clean(stay.token()),
        true => crosstie_turn::after_death(stay.token(), stay.dead_owner().as_ref()),
    }
}

/// What is needed of the data.
fn needed<'d>(needs: &[crosstie_comparison], data: &'d [u64]) -> Predicate<'d> {
    let all = needs.iter().filter_map(|need| predicate(need, data)).reduce(Predicate::and);
    // Each was found to be one by `check`, and there is one at least.
    all.unwrap_or_else(|| equals(&data[0], data[0]))
}

/// Whoever is told of a death by a flag is inside all the same.
fn with_death<G>(waited: LockResult<G>) -> Result<G, LockError<G>> {
    waited.or_else(LockError::into_guard)
}

/// The number of `need` in the data.
fn predicate<'d>(need: &crosstie_comparison, data: &'d [u64]) -> Option<Predicate<'d>> {
    macro_rules! compared {
        ($($bytes:literal $signed:literal: $of:ty),+) => {
            match (need.bytes, need.is_signed) {
                $(($bytes, $signed) => {
                    let place = data.as_ptr().cast::<u8>().wrapping_add(need.offset).cast::<$of>();
                    // SAFETY: `check` found it inside the data and aligned, and any pattern of bytes is a number.
                    let place: &'d $of = unsafe { &*place };
                    // What goes beyond the number's width was refused by `check`.
                    let with = need.number as $of;
                    match need.relation {
                        CROSSTIE_AT_LEAST => Some(at_least(place, with)),
                        CROSSTIE_AT_MOST => Some(at_most(place, with)),
                        CROSSTIE_EQUAL => Some(equals(place, with)),
                        CROSSTIE_DIFFERENT => Some(differs(place, with)),
                        _ => None,
                    }
                })+
                _ => None,
            }
        };
    }
    compared!(1 0: u8, 1 1: i8, 2 0: u16, 2 1: i16, 4 0: u32, 4 1: i32, 8 0: u64, 8 1: i64)
}

/// Whether a comparison is one of a number in data of `data_bytes` bytes.
fn check(need: &crosstie_comparison, data_bytes: usize) -> Result<(), Failure> {
    let bits = 64 - 8 * u32::try_from(need.bytes.clamp(1, 8)).unwrap_or(8);
    let fits = match need.is_signed {
        0 => need.number << bits >> bits == need.number,
        _ => (need.number.cast_signed() << bits >> bits).cast_unsigned() == need.number,
    };
    let is_inside = need.offset.checked_add(need.bytes).is_some_and(|end| end <= data_bytes);
    let why = if !matches!(need.bytes, 1 | 2 | 4 | 8) || need.is_signed > 1 {
        format!("no number has {} bytes and is signed {}", need.bytes, need.is_signed)
    } else if !is_inside || !need.offset.is_multiple_of(need.bytes) {
        format!("no number of {} bytes lies at {} in data of {data_bytes}", need.bytes, need.offset)
    } else if !(CROSSTIE_AT_LEAST..=CROSSTIE_DIFFERENT).contains(&need.relation) {
        format!("{} is no relation", need.relation)
    } else if !fits {
        format!("{} is no number of {} bytes", need.number, need.bytes)
    } else {
        return Ok(());
    };
    Err(Failure::new(ErrorKind::Usage, why).advise("begin a comparison with CROSSTIE_FIELD"))
}

struct Entered(AnyMonitor);

impl Body for Entered {
    type Handle = crosstie_monitor;
    const NAME: &'static str = "crosstie_monitor";
    const KIND: u8 = 13;
}

impl Entered {
    fn enter(&self, until: Deadline) -> Result<AnyMonitorGuard<'static>, Failure> {
        let stay = with_death(self.0.enter_until(until))?;
        // SAFETY: the stay borrows the monitor. Its thread keeps it by the monitor's handle, and a handle by which somebody
        // has a turn is not closed (`handle::table` I1).
        Ok(unsafe { transmute::<AnyMonitorGuard<'_>, AnyMonitorGuard<'static>>(stay) })
    }

    /// The stay of the calling thread, taken out of its place.
    fn left(&self, handle: u64, caller: &Caller) -> Result<AnyMonitorGuard<'static>, Failure> {
        match caller.away(handle) {
            Some(Held::Inside(stay)) => Ok(stay),
            _ => Err(Failure::new(ErrorKind::Usage, format!("this thread is not inside {}", self.0.name()))
                .advise("crosstie_monitor_enter")),
        }
    }
}

/// Opens the monitor `name` of `domain` (NULL: the default domain), and makes it, all zeros, where it is missing; its data have `bytes` bytes, up to
/// `CROSSTIE_MONITOR_BYTES_MAX`, and no pointers in them.
///
/// `CROSSTIE_E_MISMATCH` when it has another number of bytes, or a Rust program's type; `CROSSTIE_E_USAGE`.
///
/// Thread-safe; not async-signal-safe. Does not wait for others. The handle is the caller's, `crosstie_monitor_close` frees it. After a fork a
/// handle of the parent's is refused in the child, which opens its own.
///
/// # Safety
/// `name` is a text that ends in a zero, `domain` one or NULL; `monitor` can be written; `error` is NULL or the caller's own.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crosstie_monitor_open(
    name: *const c_char,
    bytes: usize,
    domain: *const c_char,
    monitor: *mut *mut crosstie_monitor,
    error: *mut crosstie_error,
) -> crosstie_status {
    let make = || {
        // SAFETY: it is NULL or ends in a zero, which this function asks for.
        let name = unsafe { place::text("the monitor's name", name) }?;
        // SAFETY: it is NULL or ends in a zero, which this function asks for.
        let domain = unsafe { place::domain(domain) }?;
        Ok(Entered(AnyMonitor::open_or_create_in(domain, name, bytes)?))
    };
    // SAFETY: both are as `wall::open` asks, which this function asks for.
    unsafe { wall::open(monitor, error, make) }
}

/// Enters, and waits for that until `deadline_ns`. Writes to `data` where the data lie, aligned to 8 bytes: this thread's alone until it leaves.
///
/// That somebody died inside is no status: `turn` says `CROSSTIE_ABANDONED`, and the data may be half changed, until somebody says that they are mended.
/// `CROSSTIE_E_BUSY`, `CROSSTIE_E_TIMED_OUT`: who is inside stands in `error`; `CROSSTIE_E_DEADLOCK`, also for who is inside already.
///
/// Thread-safe; not async-signal-safe; a child of fork has none of its parent's stays. Blocks until the deadline. Nothing is to be freed:
/// `crosstie_monitor_leave`.
///
/// # Safety
/// `data` can be written; `turn` is NULL or begins with its size and can be written; `error` is NULL or the caller's own.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crosstie_monitor_enter(
    monitor: *mut crosstie_monitor,
    deadline_ns: u64,
    data: *mut *mut c_void,
    turn: *mut crosstie_turn,
    error: *mut crosstie_error,
) -> crosstie_status {
    let work = |body: &Entered, caller: &Caller| {
        // SAFETY: it is NULL or begins with its size, which this function asks for.
        unsafe { options::check(turn) }?;
        // SAFETY: it is NULL or can be written, which this function asks for.
        unsafe { place::put("where the data lie", data, std::ptr::null_mut()) }?;
        caller.has_room()?;
        let mut stay = body.enter(deadline(deadline_ns))?;
        let (told, lie) = (told(&stay), stay.data().as_mut_ptr().cast());
        caller.keep(number::<Entered>(monitor), Held::Inside(stay));
        // SAFETY: `check` found its size right, and it can be written, which this function asks for.
        unsafe { told.tell(turn) };
        // SAFETY: it is not NULL, as the first `put` found, and can be written, which this function asks for.
        unsafe { place::put("where the data lie", data, lie) }
    };
    // SAFETY: `error` is NULL or the caller's own, which this function asks for.
    unsafe { wall::call(monitor, error, work) }
}

/// Waits inside, with others inside meanwhile, until the data are as all `count` comparisons at `needs` say, or until `deadline_ns`. Who leaves looks
/// for itself whom it has to wake: there is no notify to forget.
///
/// `CROSSTIE_OK`, `CROSSTIE_E_TIMED_OUT` (they are not so): this thread is inside again, and the data lie where they lay. With `CROSSTIE_ABANDONED` in `turn`
/// somebody died inside: look whether they are so. `CROSSTIE_E_USAGE` for what is no comparison: as before. After every other status it is outside.
///
/// Thread-safe; not async-signal-safe; a child of fork has none of its parent's stays. Blocks until the deadline, and up to a second longer to be
/// inside again. Who is killed while it waits holds nobody up. Nothing is to be freed.
///
/// # Safety
/// `needs` leads to `count` comparisons; `turn` is NULL or begins with its size and can be written; `error` is NULL or the caller's
/// own.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crosstie_monitor_wait(
    monitor: *mut crosstie_monitor,
    needs: *const crosstie_comparison,
    count: usize,
    deadline_ns: u64,
    turn: *mut crosstie_turn,
    error: *mut crosstie_error,
) -> crosstie_status {
    let work = |body: &Entered, caller: &Caller| {
        // SAFETY: it is NULL or begins with its size, which this function asks for.
        unsafe { options::check(turn) }?;
        if needs.is_null() || !(1..=CROSSTIE_COMPARISONS_MAX).contains(&count) {
            let text = format!("{count} comparisons at {needs:?}: there are 1 to {CROSSTIE_COMPARISONS_MAX}");
            return Err(
                Failure::new(ErrorKind::Usage, text).advise("keep one number in the data that says it")
            );
        }
        // SAFETY: it is not NULL, and as many are there, which this function asks for.
        let needs = unsafe { std::slice::from_raw_parts(needs, count) };
        needs.iter().try_for_each(|need| check(need, body.0.bytes()))?;
        let handle = number::<Entered>(monitor);
        let stay = body.left(handle, caller)?;
        let waited = with_death(stay.wait_when_until(|data| needed(needs, data), deadline(deadline_ns)));
        let (mut stay, is_late) = waited.inspect_err(|_| caller.gone(handle))?;
        let told = told(&stay);
        // Who waits in Rust's way is told that this thread may change the data from now on.
        let _ = stay.data();
        caller.back(handle, Held::Inside(stay));
        // SAFETY: `check` found its size right, and it can be written, which this function asks for.
        unsafe { told.tell(turn) };
        if is_late {
            let text = format!("wait in {}: its data did not become so in time", body.0.name());
            return Err(Failure::new(ErrorKind::TimedOut, text));
        }
        Ok(())
    };
    // SAFETY: `error` is NULL or the caller's own, which this function asks for.
    unsafe { wall::call(monitor, error, work) }
}

/// Leaves, and wakes who can go on now.
///
/// `CROSSTIE_E_USAGE` when this thread is not inside. `CROSSTIE_E_LOST`: it was put out by force meanwhile, so that another may have been inside at the same time.
///
/// Thread-safe; not async-signal-safe; a child of fork has nothing to leave. Never waits. Nothing is to be freed; the data are not this thread's any
/// more.
///
/// # Safety
/// `error` is NULL or the caller's own.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crosstie_monitor_leave(
    monitor: *mut crosstie_monitor,
    error: *mut crosstie_error,
) -> crosstie_status {
    let work = |body: &Entered, caller: &Caller| {
        let handle = number::<Entered>(monitor);
        let stay = body.left(handle, caller)?;
        let was_inside = stay.is_held();
        drop(stay);
        caller.gone(handle);
        if was_inside {
            return Ok(());
        }
        let text = format!("this thread was put out of {} by force while it was inside", body.0.name());
        Err(Failure::new(ErrorKind::Lost, text)
            .advise("look at its data: another may have been inside at the same time"))
    };
    // SAFETY: `error` is NULL or the caller's own, which this function asks for.
    unsafe { wall::call(monitor, error, work) }
}

/// Says, inside, that the data are whole again: the next is not told `CROSSTIE_ABANDONED` any more.
///
/// `CROSSTIE_E_USAGE` when this thread is not inside.
///
/// Thread-safe; not async-signal-safe; as before a fork after it. Never waits. Nothing is to be freed.
///
/// # Safety
/// `error` is NULL or the caller's own.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crosstie_monitor_mark_mended(
    monitor: *mut crosstie_monitor,
    error: *mut crosstie_error,
) -> crosstie_status {
    let work = |body: &Entered, caller: &Caller| {
        let handle = number::<Entered>(monitor);
        let mut stay = body.left(handle, caller)?;
        stay.mark_mended();
        caller.back(handle, Held::Inside(stay));
        Ok(())
    };
    // SAFETY: `error` is NULL or the caller's own, which this function asks for.
    unsafe { wall::call(monitor, error, work) }
}

/// Closes the handle; the monitor itself and its data stay.
///
/// `CROSSTIE_E_BUSY` while a thread is inside by it, or in a call with it.
///
/// Thread-safe; not async-signal-safe; a child of fork may close its parent's handle. Never waits. Frees the handle; the data are not in this
/// process's memory any more.
///
/// # Safety
/// Nothing uses the data any more; `error` is NULL or the caller's own.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crosstie_monitor_close(
    monitor: *mut crosstie_monitor,
    error: *mut crosstie_error,
) -> crosstie_status {
    // SAFETY: `error` is NULL or the caller's own, which this function asks for.
    unsafe { wall::close::<Entered>(monitor, error) }
}
