//! Many replies to one call, on their server's side.
#![expect(unsafe_code, reason = "pointers of the caller's")]

use std::ffi::{c_char, c_void};

use crosstie::call::ReplyStream;

use super::in_hand::{InHand, crosstie_call_in_hand, refusal};
use crate::channel::end;
use crate::handle::{self, Alone, Body};
use crate::status::{crosstie_error, crosstie_status};
use crate::time::deadline;
use crate::{place, wall};

/// Many replies to one call. Never look inside.
#[derive(Debug)]
pub struct crosstie_reply_stream(());

struct Going(Alone<ReplyStream<[u8]>>);

impl Body for Going {
    type Handle = crosstie_reply_stream;
    const NAME: &'static str = "crosstie_reply_stream";
    const KIND: u8 = 19;
}

/// Answers a call with many replies, which `crosstie_stream_send` sends as they come, and closes its handle.
///
/// `CROSSTIE_E_MISMATCH` for a caller that takes one reply (no `CROSSTIE_CALL_STREAM`): it is told the same, and the call is over. `CROSSTIE_E_BUSY` while another
/// thread is inside a call with it: it stays in hand.
///
/// One thread for a call. Not async-signal-safe; a child of fork has none of its parent's. Never waits. Frees the call and the bytes of its request; the stream
/// is the caller's, `crosstie_stream_end`, `crosstie_stream_refuse_with` or `crosstie_stream_close` frees it.
///
/// # Safety
/// `stream` can be written; `error` is NULL or the caller's own.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crosstie_call_stream(
    call: *mut crosstie_call_in_hand,
    stream: *mut *mut crosstie_reply_stream,
    error: *mut crosstie_error,
) -> crosstie_status {
    // SAFETY: it is NULL or can be written, which this function asks for.
    let begin = || unsafe { place::begin(stream) };
    let make = |taken: InHand, ()| {
        let made = handle::open(Going(Alone::new(taken.0.into_inner().stream()?)))?;
        // SAFETY: `begin` found that it is not NULL, and it can be written, which this function asks for.
        unsafe { stream.write(made) };
        Ok(())
    };
    // SAFETY: `error` is NULL or the caller's own, which this function asks for.
    unsafe { wall::take(call, error, begin, make) }
}

/// Sends the next reply, the `bytes` bytes at `data`; waits while the client has 256 KiB that it has not taken, until `deadline_ns` or the call's own
/// deadline.
///
/// `CROSSTIE_E_CLOSED`: nobody takes the replies any more, stop. `CROSSTIE_E_BUSY` (there is no room), `CROSSTIE_E_TIMED_OUT`, `CROSSTIE_E_TOO_LARGE`: this one was
/// not sent.
///
/// One thread at a time: a second one is answered `CROSSTIE_E_BUSY`. Not async-signal-safe; a child of fork has none of its parent's. Blocks until there is room.
/// All memory is the caller's to free.
///
/// # Safety
/// `data` leads to `bytes` bytes, or is NULL where there are none; `error` is NULL or the caller's own.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crosstie_stream_send(
    stream: *mut crosstie_reply_stream,
    data: *const c_void,
    bytes: usize,
    deadline_ns: u64,
    error: *mut crosstie_error,
) -> crosstie_status {
    let work = |body: &Going, caller: &_| {
        // SAFETY: as many bytes are there, which this function asks for.
        let reply = unsafe { end::bytes(data, bytes) }?;
        Ok(body.0.of(caller, Going::NAME)?.send_until(reply, deadline(deadline_ns))?)
    };
    // SAFETY: `error` is NULL or the caller's own, which this function asks for.
    unsafe { wall::call(stream, error, work) }
}

/// Writes to `cancelled` 1 if nobody takes the replies any more, else 0. What came from its client meanwhile comes in with that.
///
/// `CROSSTIE_E_USAGE` for a stream that is ended.
///
/// One thread at a time: a second one is answered `CROSSTIE_E_BUSY`. Not async-signal-safe; a child of fork has none of its parent's. Never waits. Nothing is to
/// be freed.
///
/// # Safety
/// `cancelled` can be written; `error` is NULL or the caller's own.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crosstie_stream_look(
    stream: *mut crosstie_reply_stream,
    cancelled: *mut u32,
    error: *mut crosstie_error,
) -> crosstie_status {
    let work = |body: &Going, caller: &_| {
        let is_cancelled = body.0.of(caller, Going::NAME)?.is_cancelled();
        // SAFETY: it is NULL or can be written, which this function asks for.
        unsafe { place::put("whether it is cancelled", cancelled, u32::from(is_cancelled)) }
    };
    // SAFETY: `error` is NULL or the caller's own, which this function asks for.
    unsafe { wall::call(stream, error, work) }
}

/// Says that there are no more replies, and closes the stream. That nobody waits for them any more is no error.
///
/// `CROSSTIE_E_TIMED_OUT`: the client did not take all of them until the call's deadline. `CROSSTIE_E_BUSY` while another thread is inside a call with the stream:
/// it stays open.
///
/// One thread for a stream. Not async-signal-safe; a child of fork has none of its parent's. Blocks until the client's side has room for all of them, or the call's
/// deadline. Frees the stream.
///
/// # Safety
/// `error` is NULL or the caller's own.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crosstie_stream_end(
    stream: *mut crosstie_reply_stream,
    error: *mut crosstie_error,
) -> crosstie_status {
    // SAFETY: `error` is NULL or the caller's own, which this function asks for.
    unsafe { wall::take(stream, error, || Ok(()), |going: Going, ()| Ok(going.0.into_inner().end()?)) }
}

/// Says that there are no more replies because something went wrong, and closes the stream: as `crosstie_call_refuse_with`, behind the replies.
///
/// As `crosstie_call_refuse_with`.
///
/// One thread for a stream. Not async-signal-safe; a child of fork has none of its parent's. Never waits. Frees the stream.
///
/// # Safety
/// `why` is a text that ends in a zero; `error` is NULL or the caller's own.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crosstie_stream_refuse_with(
    stream: *mut crosstie_reply_stream,
    status: crosstie_status,
    code: u32,
    why: *const c_char,
    error: *mut crosstie_error,
) -> crosstie_status {
    // SAFETY: it is NULL or ends in a zero, which this function asks for.
    let refusal = || unsafe { refusal(status, code, why) };
    let refuse = |going: Going, refusal| {
        going.0.into_inner().refuse(&refusal);
        Ok(())
    };
    // SAFETY: `error` is NULL or the caller's own, which this function asks for.
    unsafe { wall::take(stream, error, refusal, refuse) }
}

/// Closes a stream that was not ended: behind the replies its caller is told that these are not all.
///
/// `CROSSTIE_E_USAGE` for one that was ended, and is closed with that.
///
/// One thread for a stream. Not async-signal-safe; a child of fork may close its parent's, whose stream goes on. Never waits. Frees the stream.
///
/// # Safety
/// `error` is NULL or the caller's own.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crosstie_stream_close(
    stream: *mut crosstie_reply_stream,
    error: *mut crosstie_error,
) -> crosstie_status {
    // SAFETY: `error` is NULL or the caller's own, which this function asks for.
    unsafe { wall::close::<Going>(stream, error) }
}
