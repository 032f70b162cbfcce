//! Raw POSIX shared memory, as `shm_open` sees it, for C.
#![expect(unsafe_code, reason = "pointers of the caller's")]

use std::ffi::{c_char, c_void};

use crosstie::ErrorKind;
use crosstie::region::Region;

use crate::channel::end;
use crate::handle::{self, Body};
use crate::status::{Failure, answer, crosstie_error, crosstie_status};
use crate::{place, wall};

/// POSIX shared memory by its name: what `shm_open` and `mmap` of other programs see, what `crosstie region` reads and writes. Bytes without owner and
/// without messages; who may write when is the programs' agreement: a lock. Never look inside.
#[derive(Debug)]
pub struct crosstie_region(());

/// Open a region that is there.
pub const CROSSTIE_REGION_OPEN: u32 = 0;
/// Make a region of zeros; `CROSSTIE_E_ALREADY_EXISTS` where there is one.
pub const CROSSTIE_REGION_CREATE: u32 = 1;
/// Open it, or make it; `CROSSTIE_E_MISMATCH` where there is one of another size.
pub const CROSSTIE_REGION_OPEN_OR_CREATE: u32 = 2;

struct Raw(Region);

impl Body for Raw {
    type Handle = crosstie_region;
    const NAME: &'static str = "crosstie_region";
    const KIND: u8 = 14;
}

/// Opens the region `name` ("/my_region"): `CROSSTIE_REGION_OPEN`, `CROSSTIE_REGION_CREATE`, `CROSSTIE_REGION_OPEN_OR_CREATE`; a new one has `bytes` bytes,
/// zeroed, for this user alone, and its space is taken at once.
///
/// `CROSSTIE_E_NOT_FOUND`, `CROSSTIE_E_ALREADY_EXISTS`, `CROSSTIE_E_NO_SPACE` (sizes and remedy in `error`), `CROSSTIE_E_USAGE` for a name that is not `/name`.
///
/// Thread-safe; not async-signal-safe. Does not wait for others. The handle is the caller's, `crosstie_region_close` frees it. After a fork a
/// handle of the parent's is refused in the child; what it mapped stays mapped there.
///
/// # Safety
/// `name` is a text that ends in a zero; `region` can be written; `error` is NULL or the caller's own.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crosstie_region_open(
    name: *const c_char,
    bytes: u64,
    how: u32,
    region: *mut *mut crosstie_region,
    error: *mut crosstie_error,
) -> crosstie_status {
    let make = || {
        // SAFETY: it is NULL or ends in a zero, which this function asks for.
        let name = unsafe { place::text("the region's name", name) }?;
        let opened = match how {
            CROSSTIE_REGION_OPEN => Region::open(name),
            CROSSTIE_REGION_CREATE => Region::create(name, bytes),
            CROSSTIE_REGION_OPEN_OR_CREATE => Region::open_or_create(name, bytes),
            other => {
                let text = format!("{other} is no way to open a region");
                return Err(Failure::new(ErrorKind::Usage, text).advise("CROSSTIE_REGION_OPEN"));
            }
        };
        Ok(Raw(opened?))
    };
    // SAFETY: both are as `wall::open` asks, which this function asks for.
    unsafe { wall::open(region, error, make) }
}

/// Writes to `bytes` how many the region has now; others may change it.
///
/// Thread-safe; not async-signal-safe; a child of fork opens its own handle. Never waits. Nothing is to be freed.
///
/// # Safety
/// `bytes` can be written; `error` is NULL or the caller's own.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crosstie_region_bytes(
    region: *mut crosstie_region,
    bytes: *mut u64,
    error: *mut crosstie_error,
) -> crosstie_status {
    let work = |body: &Raw, _: &_| {
        let found = body.0.bytes()?;
        // SAFETY: it is NULL or can be written, which this function asks for.
        unsafe { place::put("the size", bytes, found) }
    };
    // SAFETY: `error` is NULL or the caller's own, which this function asks for.
    unsafe { wall::call(region, error, work) }
}

/// Writes to `data` where the region lies in this process, and to `bytes` (which may be NULL) how many bytes of it do: with the size that it had at the
/// first of these calls. The same for every call with this handle.
///
/// Others write it at any time: take turns, or use atomics. One who makes it shorter turns an access behind its end into SIGBUS.
/// `CROSSTIE_E_USAGE` where it has no bytes.
///
/// Thread-safe; not async-signal-safe; a child of fork has it at the same place. Never waits. The memory is the library's: it goes with
/// `crosstie_region_close`, never free or unmap it.
///
/// # Safety
/// `data` can be written, `bytes` too or it is NULL; `error` is NULL or the caller's own.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crosstie_region_map(
    region: *mut crosstie_region,
    data: *mut *mut c_void,
    bytes: *mut usize,
    error: *mut crosstie_error,
) -> crosstie_status {
    let work = |body: &Raw, _: &_| {
        // SAFETY: it is NULL or can be written, which this function asks for.
        unsafe { place::put("where it lies", data, std::ptr::null_mut()) }?;
        let (base, mapped) = body.0.as_ptr()?;
        if !bytes.is_null() {
            // SAFETY: it is not NULL, and can be written, which this function asks for.
            unsafe { bytes.write(mapped) };
        }
        // SAFETY: it is not NULL, as the first `put` found, and can be written, which this function asks for.
        unsafe { place::put("where it lies", data, base.as_ptr().cast()) }
    };
    // SAFETY: `error` is NULL or the caller's own, which this function asks for.
    unsafe { wall::call(region, error, work) }
}

/// Copies `bytes` bytes of the region from `offset` on to `to`.
///
/// `CROSSTIE_E_USAGE` when the region ends before.
///
/// Thread-safe, in no order with what others write; not async-signal-safe; a child of fork opens its own handle. Never waits. `to` is the caller's
/// to free.
///
/// # Safety
/// `to` leads to `bytes` bytes that can be written, or is NULL where there are none; `error` is NULL or the caller's own.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crosstie_region_read(
    region: *mut crosstie_region,
    offset: u64,
    to: *mut c_void,
    bytes: usize,
    error: *mut crosstie_error,
) -> crosstie_status {
    let work = |body: &Raw, _: &_| {
        // SAFETY: as many bytes are there, which this function asks for, and nobody else has them during the call.
        let to = unsafe { end::room(to, bytes) }?;
        Ok(body.0.read_at(offset, to)?)
    };
    // SAFETY: `error` is NULL or the caller's own, which this function asks for.
    unsafe { wall::call(region, error, work) }
}

/// Copies the `bytes` bytes at `from` into the region from `offset` on; it never grows.
///
/// `CROSSTIE_E_USAGE` when the region ends before: nothing was written.
///
/// Thread-safe, in no order with what others write; not async-signal-safe; a child of fork opens its own handle. Never waits. `from` is the
/// caller's to free.
///
/// # Safety
/// `from` leads to `bytes` bytes, or is NULL where there are none; `error` is NULL or the caller's own.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crosstie_region_write(
    region: *mut crosstie_region,
    offset: u64,
    from: *const c_void,
    bytes: usize,
    error: *mut crosstie_error,
) -> crosstie_status {
    let work = |body: &Raw, _: &_| {
        // SAFETY: as many bytes are there, which this function asks for.
        let from = unsafe { end::bytes(from, bytes) }?;
        Ok(body.0.write_at(offset, from)?)
    };
    // SAFETY: `error` is NULL or the caller's own, which this function asks for.
    unsafe { wall::call(region, error, work) }
}

/// Removes the name of a region; whoever has it open keeps it.
///
/// `CROSSTIE_E_NOT_FOUND`, `CROSSTIE_E_NOT_PERMITTED`.
///
/// Thread-safe; not async-signal-safe; as before a fork after it. Never waits. Nothing is to be freed.
///
/// # Safety
/// `name` is a text that ends in a zero; `error` is NULL or the caller's own.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crosstie_region_unlink(
    name: *const c_char,
    error: *mut crosstie_error,
) -> crosstie_status {
    let work = || {
        handle::without_handle(|| {
            // SAFETY: it is NULL or ends in a zero, which this function asks for.
            let name = unsafe { place::text("the region's name", name) }?;
            Ok(Region::unlink(name)?)
        })
    };
    // SAFETY: `error` is NULL or the caller's own, which this function asks for.
    unsafe { answer(error, work) }
}

/// Closes the handle, and unmaps what `crosstie_region_map` answered; the region itself stays until its name is removed and all have closed it.
///
/// `CROSSTIE_E_BUSY` while a thread is inside a call with it.
///
/// Thread-safe; not async-signal-safe; a child of fork may close its parent's handle. Never waits. Frees the handle and the memory.
///
/// # Safety
/// Nothing uses the region's memory any more; `error` is NULL or the caller's own.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crosstie_region_close(
    region: *mut crosstie_region,
    error: *mut crosstie_error,
) -> crosstie_status {
    // SAFETY: `error` is NULL or the caller's own, which this function asks for.
    unsafe { wall::close::<Raw>(region, error) }
}
