//! The end that calls.
#![expect(unsafe_code, reason = "pointers of the caller's")]

use std::ffi::{c_char, c_void};

use crosstie::call::{CallError, CallOptions};
use crosstie::{Client, Error, ErrorKind};

use super::reply::{self, crosstie_reply};
use crate::channel::end::{self, crosstie_end_options};
use crate::channel::receiver::crosstie_message;
use crate::handle::Body;
use crate::status::{Failure, crosstie_error, crosstie_status};
use crate::time::deadline;
use crate::{options, place, wall};

/// Who calls a server. Never look inside.
#[derive(Debug)]
pub struct crosstie_client(());

pub(super) struct Asks(pub(super) Client<[u8], [u8]>);

impl Body for Asks {
    type Handle = crosstie_client;
    const NAME: &'static str = "crosstie_client";
    const KIND: u8 = 8;
}

/// Of a call: to do it twice is as good as once. When a server dies with it in hand, or ends before it has answered, the next server at the
/// address gets it, three servers at most.
pub const CROSSTIE_CALL_IDEMPOTENT: u64 = 1;

/// How a call is made. Begin it with `CROSSTIE_CALL_OPTIONS_INIT`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct crosstie_call_options {
    /// sizeof(crosstie_call_options), set by the caller.
    pub size: usize,
    /// `CROSSTIE_CALL_IDEMPOTENT`, or 0.
    pub flags: u64,
}

// SAFETY: repr(C), begins with its size, numbers only.
unsafe impl options::Sized for crosstie_call_options {
    const NAME: &'static str = "crosstie_call_options";
    const BYTES_FIRST: usize = 16;
    const ZERO: Self = Self { size: size_of::<Self>(), flags: 0 };
}

/// How a call with that deadline is made.
///
/// # Safety
/// `from` is NULL or begins with its size.
pub(super) unsafe fn how(
    from: *const crosstie_call_options,
    deadline_ns: u64,
) -> Result<CallOptions, Failure> {
    // SAFETY: it is NULL or begins with its size, as this function asks.
    let asked = unsafe { options::read(from) }?;
    if asked.flags & !CROSSTIE_CALL_IDEMPOTENT != 0 {
        let text = format!("{:#x} has flags that are none of a call's options", asked.flags);
        return Err(Failure::new(ErrorKind::Unsupported, text).advise("use a newer library"));
    }
    let idempotent = asked.flags & CROSSTIE_CALL_IDEMPOTENT != 0;
    Ok(CallOptions { deadline: deadline(deadline_ns), idempotent })
}

impl From<CallError> for Failure {
    #[cold]
    fn from(refusal: CallError) -> Self {
        match refusal {
            CallError::Failed(error) | CallError::Malformed(error) => error.into(),
            CallError::Deadlock(circle) => {
                Self::new(ErrorKind::Deadlock, circle.without_places().to_string())
            }
            CallError::Refused(refusal) => {
                Self::from(Error::new("call", "the server", refusal.kind()).because(refusal.to_string()))
                    .with_code(refusal.code())
            }
            other => Error::new("call", "the server", other.kind()).because(other.to_string()).into(),
        }
    }
}

/// Opens a client of the server at `address`: unix, unixpacket, tcp, fifo, queue, ring; `options` may be NULL.
///
/// `CROSSTIE_E_USAGE` for an address that is none or that goes one way only.
///
/// Thread-safe; not async-signal-safe. Blocks until the server is there (`open_deadline_ns`). The handle is the caller's, `crosstie_client_close`
/// frees it. After a fork a handle of the parent's is refused in the child, which opens its own.
///
/// # Safety
/// `address` is a text that ends in a zero; `options` is NULL or begins with its size; `client` can be written; `error` is NULL or the
/// caller's own.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crosstie_client_open(
    address: *const c_char,
    options: *const crosstie_end_options,
    client: *mut *mut crosstie_client,
    error: *mut crosstie_error,
) -> crosstie_status {
    let make = || {
        // SAFETY: it is NULL or ends in a zero, which this function asks for.
        let address = unsafe { place::text("the address", address) }?;
        // SAFETY: it is NULL or begins with its size, which this function asks for.
        let options = unsafe { end::read(options) }?;
        Ok(Asks(Client::open_with(address, &options)?))
    };
    // SAFETY: both are as `wall::open` asks, which this function asks for.
    unsafe { wall::open(client, error, make) }
}

/// Calls the server with the `bytes` bytes at `data`, and waits for the reply until `deadline_ns`: it goes into `buffer`, which has room for `room` bytes;
/// `reply` says how long it is.
///
/// `CROSSTIE_E_NEGATIVE`, or another status that the server chose: it refused, `error` has its text and its `code`. `CROSSTIE_E_PEER_DIED`, `CROSSTIE_E_CLOSED`, `CROSSTIE_E_TIMED_OUT`: whether it was done is not
/// known. `CROSSTIE_E_TOO_LARGE`: the request, or the reply, which is gone then: `reply` says how much room it needed. `CROSSTIE_E_DEADLOCK`, through a
/// queue: the server waits for the caller.
///
/// Thread-safe: many calls may be in flight by one handle. Not async-signal-safe; a child of fork opens its own. Blocks until the deadline. All memory is the
/// caller's to free.
///
/// # Safety
/// `data` leads to `bytes` bytes; `buffer` to `room` bytes that can be written, or it is NULL where there is none; `reply` is NULL or begins with its
/// size and can be written; `error` is NULL or the caller's own.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crosstie_call(
    client: *mut crosstie_client,
    data: *const c_void,
    bytes: usize,
    buffer: *mut c_void,
    room: usize,
    deadline_ns: u64,
    reply: *mut crosstie_message,
    error: *mut crosstie_error,
) -> crosstie_status {
    let work = |body: &Asks, _: &_| {
        // SAFETY: it is NULL or begins with its size, which this function asks for.
        unsafe { options::check(reply) }?;
        // SAFETY: as many bytes are there, which this function asks for.
        let request = unsafe { end::bytes(data, bytes) }?;
        let answer = body.0.call_until(request, deadline(deadline_ns))?;
        let room = if buffer.is_null() { 0 } else { room };
        let fits = answer.len() <= room;
        let data = if fits { buffer.cast_const() } else { std::ptr::null() };
        let told =
            crosstie_message { bytes: answer.len(), data, ..<crosstie_message as options::Sized>::ZERO };
        // SAFETY: `check` found its size right, and it can be written, which this function asks for.
        unsafe { options::write(reply, &told) };
        if !fits {
            let text = format!("the reply has {} bytes, the buffer {room}", answer.len());
            return Err(Failure::new(ErrorKind::TooLarge, text).advise("call again with more room"));
        }
        if !answer.is_empty() {
            // SAFETY: it is not NULL, and `room` bytes can be written, which this function asks for.
            unsafe { std::ptr::copy_nonoverlapping(answer.as_ptr(), buffer.cast::<u8>(), answer.len()) };
        }
        Ok(())
    };
    // SAFETY: `error` is NULL or the caller's own, which this function asks for.
    unsafe { wall::call(client, error, work) }
}

/// As `crosstie_call`, for a reply of any length: `message` says where its bytes are, until `reply` is closed.
///
/// As `crosstie_call`; `CROSSTIE_E_TOO_LARGE` is the request then.
///
/// Thread-safe: many calls may be in flight by one handle. Not async-signal-safe; a child of fork opens its own. Blocks until the deadline. The reply is the
/// caller's, `crosstie_reply_close` frees it, and with it its bytes.
///
/// # Safety
/// `data` leads to `bytes` bytes, or is NULL where there are none; `reply` can be written; `message` is NULL or begins with its size and can be
/// written; `error` is NULL or the caller's own.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crosstie_call_in_place(
    client: *mut crosstie_client,
    data: *const c_void,
    bytes: usize,
    deadline_ns: u64,
    reply: *mut *mut crosstie_reply,
    message: *mut crosstie_message,
    error: *mut crosstie_error,
) -> crosstie_status {
    let none = std::ptr::null();
    // SAFETY: all are as `crosstie_call_with` asks, which this function asks for.
    unsafe { crosstie_call_with(client, data, bytes, deadline_ns, none, reply, message, error) }
}

/// As `crosstie_call_in_place`, made as `options` say, which may be NULL: an idempotent call goes to the next server when one dies with it in hand.
///
/// As `crosstie_call_in_place`; `CROSSTIE_E_UNSUPPORTED` for a flag that this version does not know.
///
/// Thread-safe: many calls may be in flight by one handle. Not async-signal-safe; a child of fork opens its own. Blocks until the deadline. The reply is the
/// caller's, `crosstie_reply_close` frees it, and with it its bytes.
///
/// # Safety
/// `data` leads to `bytes` bytes, or is NULL where there are none; `options` is NULL or begins with its size; `reply` can be written; `message` is NULL or
/// begins with its size and can be written; `error` is NULL or the caller's own.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crosstie_call_with(
    client: *mut crosstie_client,
    data: *const c_void,
    bytes: usize,
    deadline_ns: u64,
    options: *const crosstie_call_options,
    reply: *mut *mut crosstie_reply,
    message: *mut crosstie_message,
    error: *mut crosstie_error,
) -> crosstie_status {
    let work = |body: &Asks, _: &_| {
        // SAFETY: it is NULL or can be written, which this function asks for.
        unsafe { place::begin(reply) }?;
        // SAFETY: it is NULL or begins with its size, which this function asks for.
        unsafe { options::check(message) }?;
        // SAFETY: it is NULL or begins with its size, which this function asks for.
        let how = unsafe { how(options, deadline_ns) }?;
        // SAFETY: as many bytes are there, which this function asks for.
        let request = unsafe { end::bytes(data, bytes) }?;
        let answer = body.0.call_with(request, how)?;
        // SAFETY: `begin` and `check` found both right, and they can be written, which this function asks for.
        unsafe { reply::hand_out(answer, reply, message) }
    };
    // SAFETY: `error` is NULL or the caller's own, which this function asks for.
    unsafe { wall::call(client, error, work) }
}

/// Closes the handle; calls that it started go on.
///
/// `CROSSTIE_E_BUSY` while another thread is inside a call with it.
///
/// Thread-safe; not async-signal-safe; a child of fork may close its parent's handle. Never waits. Frees the handle.
///
/// # Safety
/// `error` is NULL or the caller's own.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crosstie_client_close(
    client: *mut crosstie_client,
    error: *mut crosstie_error,
) -> crosstie_status {
    // SAFETY: `error` is NULL or the caller's own, which this function asks for.
    unsafe { wall::close::<Asks>(client, error) }
}
