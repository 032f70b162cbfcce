//! Two-way connections: a sender and a receiver of one connection.
#![expect(unsafe_code, reason = "pointers of the caller's")]

use std::ffi::{c_char, c_int};
use std::os::fd::AsRawFd as _;

use crosstie::ErrorKind;
use crosstie::endpoint::{Ends, Listener, connect};

use super::end::{self, crosstie_end_options};
use super::receiver::{ReceivingEnd, crosstie_receiver};
use super::sender::{SendingEnd, crosstie_sender};
use crate::handle::{self, Body};
use crate::status::{Failure, answer, crosstie_error, crosstie_status};
use crate::time::deadline;
use crate::{place, wall};

/// Who listens for connections. Never look inside.
#[derive(Debug)]
pub struct crosstie_listener(());

struct Listens(Listener);

impl Body for Listens {
    type Handle = crosstie_listener;
    const NAME: &'static str = "crosstie_listener";
    const KIND: u8 = 15;
}

/// Writes handles of both ends where the caller wants them.
///
/// # Safety
/// Both are not NULL and can be written.
unsafe fn hand_out(
    (tx, rx): Ends<[u8], [u8]>,
    sender: *mut *mut crosstie_sender,
    receiver: *mut *mut crosstie_receiver,
) -> Result<(), Failure> {
    let tx = handle::open(SendingEnd::of(tx))?;
    let rx = match handle::open(ReceivingEnd::of(rx)) {
        Ok(rx) => rx,
        Err(refusal) => {
            // One handle without the other is of no use to anybody.
            let _ = handle::close_inside::<SendingEnd>(tx);
            return Err(refusal);
        }
    };
    // SAFETY: it is not NULL and can be written, as this function asks.
    unsafe { sender.write(tx) };
    // SAFETY: as the other, it is not NULL and can be written.
    unsafe { receiver.write(rx) };
    Ok(())
}

/// Connects to a listener at `address` (unix, unixpacket, tcp; "fd:3" is a connection already), for both directions; `options` may be NULL.
///
/// `CROSSTIE_E_TIMED_OUT` if nobody listened until `open_deadline_ns`; `CROSSTIE_E_USAGE` for an address that is none or goes one way only.
///
/// Thread-safe; not async-signal-safe. Blocks until somebody listens. The handles are the caller's, `crosstie_sender_close` and `crosstie_receiver_close`
/// free them, in any order. After a fork handles of the parent's are refused in the child.
///
/// # Safety
/// `address` is a text that ends in a zero; `options` is NULL or begins with its size; `sender` and `receiver` can be written; `error`
/// is NULL or the caller's own.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crosstie_connect(
    address: *const c_char,
    options: *const crosstie_end_options,
    sender: *mut *mut crosstie_sender,
    receiver: *mut *mut crosstie_receiver,
    error: *mut crosstie_error,
) -> crosstie_status {
    let work = || {
        handle::without_handle(|| {
            // SAFETY: it is NULL or can be written, which this function asks for.
            unsafe { place::begin(sender) }?;
            // SAFETY: it is NULL or can be written, which this function asks for.
            unsafe { place::begin(receiver) }?;
            // SAFETY: it is NULL or ends in a zero, which this function asks for.
            let address = unsafe { place::text("the address", address) }?;
            // SAFETY: it is NULL or begins with its size, which this function asks for.
            let options = unsafe { end::read(options) }?;
            let ends = connect(address, &options)?;
            // SAFETY: `begin` found that neither is NULL, and both can be written, which this function asks for.
            unsafe { hand_out(ends, sender, receiver) }
        })
    };
    // SAFETY: `error` is NULL or the caller's own, which this function asks for.
    unsafe { answer(error, work) }
}

/// Listens at `address` for connections: unix, unixpacket, tcp; `options` may be NULL.
///
/// `CROSSTIE_E_BUSY` when another process listens there; `CROSSTIE_E_USAGE` for an address that is none or goes one way only.
///
/// Thread-safe; not async-signal-safe. Does not wait for others. The handle is the caller's, `crosstie_listener_close` frees it. After a fork a
/// handle of the parent's is refused in the child.
///
/// # Safety
/// `address` is a text that ends in a zero; `options` is NULL or begins with its size; `listener` can be written; `error` is NULL or
/// the caller's own.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crosstie_listener_open(
    address: *const c_char,
    options: *const crosstie_end_options,
    listener: *mut *mut crosstie_listener,
    error: *mut crosstie_error,
) -> crosstie_status {
    let make = || {
        // SAFETY: it is NULL or ends in a zero, which this function asks for.
        let address = unsafe { place::text("the address", address) }?;
        // SAFETY: it is NULL or begins with its size, which this function asks for.
        let options = unsafe { end::read(options) }?;
        Ok(Listens(Listener::open_with(address, &options)?))
    };
    // SAFETY: both are as `wall::open` asks, which this function asks for.
    unsafe { wall::open(listener, error, make) }
}

/// Takes the next connection, and waits for it until `deadline_ns`: what is sent by `sender` and received by `receiver` goes over it alone.
///
/// `CROSSTIE_E_BUSY` (there is none), `CROSSTIE_E_TIMED_OUT`.
///
/// Thread-safe; not async-signal-safe; a child of fork opens its own. Blocks until the deadline. The handles are the caller's,
/// `crosstie_sender_close` and `crosstie_receiver_close` free them, in any order.
///
/// # Safety
/// `sender` and `receiver` can be written; `error` is NULL or the caller's own.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crosstie_listener_accept(
    listener: *mut crosstie_listener,
    deadline_ns: u64,
    sender: *mut *mut crosstie_sender,
    receiver: *mut *mut crosstie_receiver,
    error: *mut crosstie_error,
) -> crosstie_status {
    let work = |body: &Listens, _: &_| {
        // SAFETY: it is NULL or can be written, which this function asks for.
        unsafe { place::begin(sender) }?;
        // SAFETY: it is NULL or can be written, which this function asks for.
        unsafe { place::begin(receiver) }?;
        let ends = body.0.accept_until(deadline(deadline_ns))?;
        // SAFETY: `begin` found that neither is NULL, and both can be written, which this function asks for.
        unsafe { hand_out(ends, sender, receiver) }
    };
    // SAFETY: `error` is NULL or the caller's own, which this function asks for.
    unsafe { wall::call(listener, error, work) }
}

/// Writes to `fd` the descriptor that is readable when there is a connection to accept, and to `buffer`, which has room for `room` bytes, the address to
/// connect to, with the port that the kernel chose for port 0; either may be NULL.
///
/// `CROSSTIE_E_TOO_LARGE` where the address has no room.
///
/// Thread-safe; not async-signal-safe; a child of fork opens its own. Never waits. The descriptor is the library's: it is freed with the handle.
///
/// # Safety
/// `fd` is NULL or can be written; `buffer` is NULL or leads to `room` bytes that can be written; `error` is NULL or the caller's own.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crosstie_listener_place(
    listener: *mut crosstie_listener,
    fd: *mut c_int,
    buffer: *mut c_char,
    room: usize,
    error: *mut crosstie_error,
) -> crosstie_status {
    let work = |body: &Listens, _: &_| {
        if !fd.is_null() {
            // SAFETY: it is not NULL, and can be written, which this function asks for.
            unsafe { fd.write(body.0.as_fd().as_raw_fd()) };
        }
        if buffer.is_null() {
            return Ok(());
        }
        let text = body.0.address();
        if text.len() >= room {
            let why = format!("the address has {} bytes with its zero, the buffer {room}", text.len() + 1);
            return Err(Failure::new(ErrorKind::TooLarge, why));
        }
        // SAFETY: as many bytes are there, which this function asks for, and nobody else has them during the call.
        let to = unsafe { end::room(buffer.cast(), room) }?;
        to[..text.len()].copy_from_slice(text.as_bytes());
        to[text.len()] = 0;
        Ok(())
    };
    // SAFETY: `error` is NULL or the caller's own, which this function asks for.
    unsafe { wall::call(listener, error, work) }
}

/// Closes the handle; connections that it accepted stay.
///
/// `CROSSTIE_E_BUSY` while a thread is inside a call with it.
///
/// Thread-safe; not async-signal-safe; a child of fork may close its parent's handle. Never waits. Frees the handle.
///
/// # Safety
/// `error` is NULL or the caller's own.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crosstie_listener_close(
    listener: *mut crosstie_listener,
    error: *mut crosstie_error,
) -> crosstie_status {
    // SAFETY: `error` is NULL or the caller's own, which this function asks for.
    unsafe { wall::close::<Listens>(listener, error) }
}
