//! Calls whose replies are asked for later.
#![expect(unsafe_code, reason = "pointers of the caller's")]

use std::ffi::c_void;

use crosstie::call::Pending;

use super::client::{Asks, crosstie_call_options, crosstie_client, how};
use super::reply::{self, crosstie_reply};
use crate::channel::end;
use crate::channel::receiver::crosstie_message;
use crate::handle::{self, Alone, Body};
use crate::status::{crosstie_error, crosstie_status};
use crate::time::deadline;
use crate::{options, place, wall};

/// A call in flight. Never look inside.
#[derive(Debug)]
pub struct crosstie_pending(());

struct InFlight(Alone<Pending<[u8]>>);

impl Body for InFlight {
    type Handle = crosstie_pending;
    const NAME: &'static str = "crosstie_pending";
    const KIND: u8 = 17;
}

/// Sends a call with the `bytes` bytes at `data`, and does not wait for its reply: `crosstie_pending_reply` asks for that later. `deadline_ns` is for the reply, and
/// the server is told it; `options` may be NULL. Up to 1,024 calls of a client are in flight at a time; one more waits until one of them ends.
///
/// `CROSSTIE_E_TOO_LARGE`: the request. `CROSSTIE_E_PEER_DIED`, `CROSSTIE_E_CLOSED`, `CROSSTIE_E_TIMED_OUT`. `CROSSTIE_E_UNSUPPORTED` for a flag that
/// this version does not know.
///
/// Thread-safe: many calls may be in flight by one handle. Not async-signal-safe; a child of fork opens its own. Blocks while there is no room for the
/// request. The call in flight is the caller's, `crosstie_pending_close` frees it; it may outlive the handle of its client.
///
/// # Safety
/// `data` leads to `bytes` bytes, or is NULL where there are none; `options` is NULL or begins with its size; `pending` can be written; `error` is NULL or
/// the caller's own.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crosstie_call_start(
    client: *mut crosstie_client,
    data: *const c_void,
    bytes: usize,
    deadline_ns: u64,
    options: *const crosstie_call_options,
    pending: *mut *mut crosstie_pending,
    error: *mut crosstie_error,
) -> crosstie_status {
    let work = |body: &Asks, _: &_| {
        // SAFETY: it is NULL or can be written, which this function asks for.
        unsafe { place::begin(pending) }?;
        // SAFETY: it is NULL or begins with its size, which this function asks for.
        let how = unsafe { how(options, deadline_ns) }?;
        // SAFETY: as many bytes are there, which this function asks for.
        let request = unsafe { end::bytes(data, bytes) }?;
        let made = handle::open(InFlight(Alone::new(body.0.start(request, how)?)))?;
        // SAFETY: `begin` found that it is not NULL, and it can be written, which this function asks for.
        unsafe { pending.write(made) };
        Ok(())
    };
    // SAFETY: `error` is NULL or the caller's own, which this function asks for.
    unsafe { wall::call(client, error, work) }
}

/// The reply to a call in flight; waits for it until `deadline_ns`, or the call's own deadline where that is earlier. `message` says where its bytes are,
/// until `reply` is closed.
///
/// `CROSSTIE_E_BUSY` with a `code` of 0: it is not there by `deadline_ns`, and the call goes on. Else as `crosstie_call`, and the call is over: from then on
/// this answers `CROSSTIE_E_CLOSED`.
///
/// One thread at a time: a second one is answered `CROSSTIE_E_BUSY`. Not async-signal-safe; a child of fork has none of its parent's. Blocks until the
/// earlier deadline. The reply is the caller's, `crosstie_reply_close` frees it, and with it its bytes.
///
/// # Safety
/// `reply` can be written; `message` is NULL or begins with its size and can be written; `error` is NULL or the caller's own.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crosstie_pending_reply(
    pending: *mut crosstie_pending,
    deadline_ns: u64,
    reply: *mut *mut crosstie_reply,
    message: *mut crosstie_message,
    error: *mut crosstie_error,
) -> crosstie_status {
    let work = |body: &InFlight, caller: &_| {
        // SAFETY: it is NULL or can be written, which this function asks for.
        unsafe { place::begin(reply) }?;
        // SAFETY: it is NULL or begins with its size, which this function asks for.
        unsafe { options::check(message) }?;
        let answer = body.0.of(caller, InFlight::NAME)?.reply_until(deadline(deadline_ns))?;
        // SAFETY: `begin` and `check` found both right, and they can be written, which this function asks for.
        unsafe { reply::hand_out(answer, reply, message) }
    };
    // SAFETY: `error` is NULL or the caller's own, which this function asks for.
    unsafe { wall::call(pending, error, work) }
}

/// Closes a call in flight. One that has no reply yet is cancelled: its server sees that nobody waits any more (`crosstie_call_look`), and a late reply
/// is thrown away.
///
/// `CROSSTIE_E_BUSY` while another thread waits for its reply.
///
/// Thread-safe; not async-signal-safe; a child of fork may close its parent's, whose call goes on. Never waits. Frees the call in flight.
///
/// # Safety
/// `error` is NULL or the caller's own.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crosstie_pending_close(
    pending: *mut crosstie_pending,
    error: *mut crosstie_error,
) -> crosstie_status {
    // SAFETY: `error` is NULL or the caller's own, which this function asks for.
    unsafe { wall::close::<InFlight>(pending, error) }
}
