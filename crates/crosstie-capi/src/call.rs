//! Request and reply over an address, for C.
#![expect(unsafe_code, reason = "pointers of the caller's")]

use std::ffi::{c_char, c_void};

use crosstie::call::{CallError, Refusal};
use crosstie::{Client, Error, ErrorKind, Server, call};

use crate::channel::end::{self, crosstie_end_options};
use crate::channel::receiver::crosstie_message;
use crate::handle::{self, Alone, Body};
use crate::status::{Failure, crosstie_error, crosstie_status};
use crate::time::deadline;
use crate::{options, place, wall};

/// Who calls a server. Never look inside.
#[derive(Debug)]
pub struct crosstie_client(());

/// Who answers calls. Never look inside.
#[derive(Debug)]
pub struct crosstie_server(());

/// A call that is to be answered. Never look inside.
#[derive(Debug)]
pub struct crosstie_call_in_hand(());

/// What a call was answered. Never look inside.
#[derive(Debug)]
pub struct crosstie_reply(());

struct Asks(Client<[u8], [u8]>);

impl Body for Asks {
    type Handle = crosstie_client;
    const NAME: &'static str = "crosstie_client";
    const KIND: u8 = 8;
}

struct Answers(Server<[u8], [u8]>);

impl Body for Answers {
    type Handle = crosstie_server;
    const NAME: &'static str = "crosstie_server";
    const KIND: u8 = 9;
}

/// A call; taken out when it is answered.
struct InHand(Alone<Option<call::Call<[u8], [u8]>>>);

impl Body for InHand {
    type Handle = crosstie_call_in_hand;
    const NAME: &'static str = "crosstie_call_in_hand";
    const KIND: u8 = 10;
}

/// The bytes of a reply, which its handle keeps where they are.
struct Reply(#[expect(dead_code, reason = "is C's to read until it is dropped")] Vec<u8>);

impl Body for Reply {
    type Handle = crosstie_reply;
    const NAME: &'static str = "crosstie_reply";
    const KIND: u8 = 16;
}

impl From<CallError> for Failure {
    #[cold]
    fn from(refusal: CallError) -> Self {
        match refusal {
            CallError::Failed(error) | CallError::Malformed(error) => error.into(),
            CallError::Deadlock(circle) => {
                Self::new(ErrorKind::Deadlock, circle.without_places().to_string())
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
/// `CROSSTIE_E_NEGATIVE`: the server refused, `error` says why. `CROSSTIE_E_PEER_DIED`, `CROSSTIE_E_CLOSED`, `CROSSTIE_E_TIMED_OUT`: whether it was done is not
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
    let work = |body: &Asks, _: &_| {
        // SAFETY: it is NULL or can be written, which this function asks for.
        unsafe { place::begin(reply) }?;
        // SAFETY: it is NULL or begins with its size, which this function asks for.
        unsafe { options::check(message) }?;
        // SAFETY: as many bytes are there, which this function asks for.
        let request = unsafe { end::bytes(data, bytes) }?;
        let answer = body.0.call_until(request, deadline(deadline_ns))?;
        let told = crosstie_message {
            bytes: answer.len(),
            data: answer.as_ptr().cast(),
            ..<crosstie_message as options::Sized>::ZERO
        };
        let made = handle::open(Reply(answer))?;
        // SAFETY: `begin` found that it is not NULL, and it can be written, which this function asks for.
        unsafe { reply.write(made) };
        // SAFETY: `check` found its size right, and it can be written, which this function asks for.
        unsafe { options::write(message, &told) };
        Ok(())
    };
    // SAFETY: `error` is NULL or the caller's own, which this function asks for.
    unsafe { wall::call(client, error, work) }
}

/// Closes a reply; its bytes are no longer there.
///
/// `CROSSTIE_E_USAGE` for one that is closed.
///
/// Thread-safe; not async-signal-safe; a child of fork may close its parent's. Never waits. Frees the reply and its bytes.
///
/// # Safety
/// `error` is NULL or the caller's own.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crosstie_reply_close(
    reply: *mut crosstie_reply,
    error: *mut crosstie_error,
) -> crosstie_status {
    // SAFETY: `error` is NULL or the caller's own, which this function asks for.
    unsafe { wall::close::<Reply>(reply, error) }
}

/// Closes the handle.
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

/// Opens a server at `address`: unix, unixpacket, tcp, fifo, ring, or queue, which other servers may share; `options` may be NULL.
///
/// `CROSSTIE_E_BUSY` when another process listens there; `CROSSTIE_E_USAGE`.
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
/// `CROSSTIE_E_BUSY` (there is none), `CROSSTIE_E_TIMED_OUT`.
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
        let bytes = taken.request();
        let told = crosstie_message {
            bytes: bytes.len(),
            data: bytes.as_ptr().cast(),
            sender_pid: taken.client_pid().unwrap_or(0),
            deliveries: if taken.is_repeated() { 2 } else { 1 },
            ..<crosstie_message as options::Sized>::ZERO
        };
        let made = handle::open(InHand(Alone::new(Some(taken))))?;
        // SAFETY: `begin` found that it is not NULL, and it can be written, which this function asks for.
        unsafe { call.write(made) };
        // SAFETY: `check` found its size right, and it can be written, which this function asks for.
        unsafe { options::write(request, &told) };
        Ok(())
    };
    // SAFETY: `error` is NULL or the caller's own, which this function asks for.
    unsafe { wall::call(server, error, work) }
}

/// Answers a call in hand, and closes its handle.
///
/// # Safety
/// `error` is NULL or the caller's own.
unsafe fn end_call(
    call: *mut crosstie_call_in_hand,
    error: *mut crosstie_error,
    how: impl FnOnce(call::Call<[u8], [u8]>) -> Result<(), Failure>,
) -> crosstie_status {
    let work = |body: &InHand, caller: &_| {
        let taken = body.0.of(caller, InHand::NAME)?.take();
        match taken {
            Some(taken) => how(taken),
            None => Err(Failure::new(ErrorKind::Usage, "this call is answered already".to_owned())),
        }
    };
    // SAFETY: `error` is NULL or the caller's own, which this function asks for.
    let status = unsafe { wall::call(call, error, work) };
    // What is not to be closed was answered by nobody: `status` says so already.
    // SAFETY: NULL is no place for words.
    let _ = unsafe { wall::close::<InHand>(call, std::ptr::null_mut()) };
    status
}

/// Answers a call with the `bytes` bytes at `data`, and closes its handle. That nobody waits for it any more is no error.
///
/// `CROSSTIE_E_TOO_LARGE`: the caller is told too.
///
/// One thread for a call. Not async-signal-safe; a child of fork has none of its parent's. Waits only on a full ring. Frees the call and the bytes of its
/// request.
///
/// # Safety
/// `data` leads to `bytes` bytes, or is NULL where there are none; `error` is NULL or the caller's own.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crosstie_call_reply(
    call: *mut crosstie_call_in_hand,
    data: *const c_void,
    bytes: usize,
    error: *mut crosstie_error,
) -> crosstie_status {
    let reply = |taken: call::Call<[u8], [u8]>| {
        // SAFETY: as many bytes are there, which this function asks for.
        let reply = unsafe { end::bytes(data, bytes) }?;
        Ok(taken.reply(reply)?)
    };
    // SAFETY: `error` is NULL or the caller's own, which this function asks for.
    unsafe { end_call(call, error, reply) }
}

/// Answers a call that there is no reply, and why; closes its handle. Its caller is answered `CROSSTIE_E_NEGATIVE` with that text.
///
/// `CROSSTIE_E_USAGE` for a text that is none.
///
/// One thread for a call. Not async-signal-safe; a child of fork has none of its parent's. Never waits. Frees the call and the bytes of its request.
///
/// # Safety
/// `why` is a text that ends in a zero; `error` is NULL or the caller's own.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crosstie_call_refuse(
    call: *mut crosstie_call_in_hand,
    why: *const c_char,
    error: *mut crosstie_error,
) -> crosstie_status {
    let refuse = |taken: call::Call<[u8], [u8]>| {
        // SAFETY: it is NULL or ends in a zero, which this function asks for.
        let why = unsafe { place::text("why the call is refused", why) }?;
        taken.refuse(&Refusal::new(why));
        Ok(())
    };
    // SAFETY: `error` is NULL or the caller's own, which this function asks for.
    unsafe { end_call(call, error, refuse) }
}

/// Closes a call that was not answered: its caller is told that the server does not reply.
///
/// `CROSSTIE_E_USAGE` for one that was answered, and is closed with that.
///
/// One thread for a call. Not async-signal-safe; a child of fork may close its parent's. Never waits. Frees the call and the bytes of its request.
///
/// # Safety
/// `error` is NULL or the caller's own.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crosstie_call_close(
    call: *mut crosstie_call_in_hand,
    error: *mut crosstie_error,
) -> crosstie_status {
    // SAFETY: `error` is NULL or the caller's own, which this function asks for.
    unsafe { wall::close::<InHand>(call, error) }
}

/// Closes the handle: the server ends, and its clients are told.
///
/// `CROSSTIE_E_BUSY` while another thread is inside a call with it.
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
