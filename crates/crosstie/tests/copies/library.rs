//! A library that has Crosstie in it, as a plugin or another language's module would: loaded by
//! tests/copies.rs, it is a second copy beside the program's own.
#![allow(
    clippy::unnecessary_safety_comment,
    reason = "no_mangle is what is unsafe; clippy takes the comment for the function's"
)]

use std::ffi::{CStr, OsStr, c_char};
use std::os::unix::ffi::OsStrExt as _;

use crosstie::OwnerId;
use crosstie::ledger::{Domain, Net};
use crosstie::sync::{LockError, LockResult, Mutex, MutexGuard};

/// Its shared objects' name, in the domain.
const MUTEX: &str = "m";

/// The domain at `path`, as this copy has opened it.
///
/// # Safety
/// `path` is a string that ends in zero.
unsafe fn open(path: *const c_char) -> &'static Domain {
    // SAFETY: `path` is a string that ends in zero, as this function's caller promises.
    let path = unsafe { CStr::from_ptr(path) };
    let domain = Domain::open(OsStr::from_bytes(path.to_bytes())).expect("a domain");
    domain.set_net(Net::Absent);
    domain
}

/// Where this copy keeps what it knows of the domain.
///
/// # Safety
/// As [`open`].
// SAFETY: no other symbol of the process that loads it has this name.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn copy_address(path: *const c_char) -> u64 {
    // SAFETY: `path` is a string that ends in zero, as this function's caller promises.
    std::ptr::from_ref(unsafe { open(path) }).addr() as u64
}

/// The calling thread, as an owner.
///
/// # Safety
/// As [`open`].
// SAFETY: no other symbol of the process that loads it has this name.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn copy_thread_owner(path: *const c_char) -> u64 {
    // SAFETY: `path` is a string that ends in zero, as this function's caller promises.
    unsafe { open(path) }.thread_owner().expect("a place").to_bits()
}

/// The process, as an owner.
///
/// # Safety
/// As [`open`].
// SAFETY: no other symbol of the process that loads it has this name.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn copy_process_owner(path: *const c_char) -> u64 {
    // SAFETY: `path` is a string that ends in zero, as this function's caller promises.
    unsafe { open(path) }.process_owner().expect("a place").to_bits()
}

/// 1 if the owner lives, as far as this copy can see by both witnesses.
///
/// # Safety
/// As [`open`].
// SAFETY: no other symbol of the process that loads it has this name.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn copy_confirm_alive(path: *const c_char, owner: u64) -> u64 {
    // SAFETY: `path` is a string that ends in zero, as this function's caller promises.
    let domain = unsafe { open(path) };
    OwnerId::from_bits(owner).is_some_and(|id| domain.is_alive(id) && domain.confirm_alive(id)).into()
}

/// Adds 1 to the mutex's value, if it is had at once; else answers why not.
///
/// # Safety
/// As [`open`].
// SAFETY: no other symbol of the process that loads it has this name.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn copy_try_add(path: *const c_char) -> u64 {
    // SAFETY: `path` is a string that ends in zero, as this function's caller promises.
    with_mutex(unsafe { open(path) }, |mutex| tell(mutex.try_lock(), |mut guard| *guard += 1))
}

/// As [`copy_try_add`], but waits for the mutex.
///
/// # Safety
/// As [`open`].
// SAFETY: no other symbol of the process that loads it has this name.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn copy_add(path: *const c_char) -> u64 {
    // SAFETY: `path` is a string that ends in zero, as this function's caller promises.
    with_mutex(unsafe { open(path) }, |mutex| tell(mutex.lock(), |mut guard| *guard += 1))
}

/// Locks the mutex and keeps it as long as the calling thread lives.
///
/// # Safety
/// As [`open`].
// SAFETY: no other symbol of the process that loads it has this name.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn copy_keep(path: *const c_char) -> u64 {
    // SAFETY: `path` is a string that ends in zero, as this function's caller promises.
    with_mutex(unsafe { open(path) }, |mutex| tell(mutex.lock(), std::mem::forget))
}

fn with_mutex(domain: &'static Domain, act: impl FnOnce(&Mutex<u64>) -> u64) -> u64 {
    act(&Mutex::<u64>::open_or_create_in(domain, MUTEX, || 0).expect("the mutex"))
}

/// 0 = held, 1 = held and abandoned, 2 = busy, 3 = a deadlock, 4 = anything else.
fn tell<'a>(taken: LockResult<MutexGuard<'a, u64>>, act: impl FnOnce(MutexGuard<'a, u64>)) -> u64 {
    match taken {
        Ok(guard) => act(guard),
        Err(LockError::Abandoned(mut guard)) => {
            guard.mark_mended();
            act(guard);
            return 1;
        }
        Err(LockError::Busy(_)) => return 2,
        Err(LockError::Deadlock(_)) => return 3,
        Err(_) => return 4,
    }
    0
}
