//! The end that takes calls.
#![expect(unsafe_code, reason = "pointers of the caller's")]

use std::ffi::c_char;

use crosstie::Server;

use super::in_hand::{self, crosstie_call_in_hand};
use crate::channel::end::{self, crosstie_end_options};
use crate::channel::receiver::crosstie_message;
use crate::handle::Body;
use crate::status::{crosstie_error, crosstie_status};
use crate::time::deadline;
use crate::{options, place, wall};

/// Who answers calls. Never look inside.
#[derive(Debug)]
pub struct crosstie_server(());

struct Answers(Server<[u8], [u8]>);

impl Body for Answers {
    type Handle = crosstie_server;
    const NAME: &'static str = "crosstie_server";
    const KIND: u8 = 9;
}

/// Opens a server at `address`: unix, unixpacket, tcp, fifo, ring, or queue, which other servers may share; `options` may be NULL.
///
/// `CROSSTIE_E_BUSY` when another process listens there; `CROSSTIE_E_USAGE`, also for a `waiting_bytes_max` that is no length.
///
/// Thread-safe; not async-signal-safe. Does not wait for clients. The handle is the caller's, `crosstie_server_close` frees it. After a fork a handle of
/// the parent's is refused in the child.
///
/// # Safety
/// `address` is a text that ends in a zero; `options` is NULL or begins with its size; `server` can be written; `error` is NULL or the
/// caller's own.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crosstie_server_open(
    address: *const c_char,
    options: *const crosstie_end_options,
    server: *mut *mut crosstie_server,
    error: *mut crosstie_error,
) -> crosstie_status {
    let make = || {
        // SAFETY: it is NULL or ends in a zero, which this function asks for.
        let address = unsafe { place::text("the address", address) }?;
        // SAFETY: it is NULL or begins with its size, which this function asks for.
        let options = unsafe { end::read(options) }?;
        Ok(Answers(Server::open_with(address, &options)?))
    };
    // SAFETY: both are as `wall::open` asks, which this function asks for.
    unsafe { wall::open(server, error, make) }
}

/// Takes a call, and waits for one until `deadline_ns`; `request` says where its bytes are. Answer it with `crosstie_call_reply` or
/// `crosstie_call_refuse`; whose handle is closed without that is refused.
///
/// `CROSSTIE_E_BUSY` (there is none), `CROSSTIE_E_TIMED_OUT`. `CROSSTIE_E_CLOSED` once the server was stopped, or the only client that there can be has ended.
///
/// Thread-safe: a pool of threads may take calls by one handle. Not async-signal-safe; a child of fork has none of its parent's. Blocks until the
/// deadline. The call is the caller's: answering it or `crosstie_call_close` frees it, and with it the bytes of the request.
///
/// # Safety
/// `call` can be written; `request` is NULL or begins with its size and can be written; `error` is NULL or the caller's own.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crosstie_server_take(
    server: *mut crosstie_server,
    deadline_ns: u64,
    call: *mut *mut crosstie_call_in_hand,
    request: *mut crosstie_message,
    error: *mut crosstie_error,
) -> crosstie_status {
    let work = |body: &Answers, _: &_| {
        // SAFETY: it is NULL or can be written, which this function asks for.
        unsafe { place::begin(call) }?;
        // SAFETY: it is NULL or begins with its size, which this function asks for.
        unsafe { options::check(request) }?;
        let taken = body.0.receive_until(deadline(deadline_ns))?;
        // SAFETY: `begin` and `check` found both right, and they can be written, which this function asks for.
        unsafe { in_hand::hand_out(taken, call, request) }
    };
    // SAFETY: `error` is NULL or the caller's own, which this function asks for.
    unsafe { wall::call(server, error, work) }
}

/// Stops the server, in order: no call is given out any more, and whoever waits for one is answered `CROSSTIE_E_CLOSED`. Calls in hand can still be answered; when that
/// is done, close the server, which tells those whose calls were not taken.
///
/// `CROSSTIE_OK` for a server that was stopped before.
///
/// Thread-safe; not async-signal-safe; a child of fork has none of its parent's. Never waits. Nothing is to be freed: the handle stays.
///
/// # Safety
/// `error` is NULL or the caller's own.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crosstie_server_stop(
    server: *mut crosstie_server,
    error: *mut crosstie_error,
) -> crosstie_status {
    let work = |body: &Answers, _: &_| {
        body.0.stopper().stop();
        Ok(())
    };
    // SAFETY: `error` is NULL or the caller's own, which this function asks for.
    unsafe { wall::call(server, error, work) }
}

/// Closes the handle: the server ends, and its clients are told.
///
/// `CROSSTIE_E_BUSY` while another thread is inside a call with it: `crosstie_server_stop` ends its wait.
///
/// Thread-safe; not async-signal-safe; a child of fork may close its parent's handle. Never waits. Frees the handle.
///
/// # Safety
/// `error` is NULL or the caller's own.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crosstie_server_close(
    server: *mut crosstie_server,
    error: *mut crosstie_error,
) -> crosstie_status {
    // SAFETY: `error` is NULL or the caller's own, which this function asks for.
    unsafe { wall::close::<Answers>(server, error) }
}
