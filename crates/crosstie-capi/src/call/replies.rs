//! Many replies to one call, on their caller's side.
#![expect(unsafe_code, reason = "pointers of the caller's")]

use std::ffi::c_void;

use crosstie::call::Replies;

use super::client::{Asks, crosstie_client};
use crate::channel::end;
use crate::channel::hand::wanted;
use crate::channel::receiver::crosstie_message;
use crate::handle::{self, Alone, Body};
use crate::status::{crosstie_error, crosstie_status};
use crate::time::deadline;
use crate::{options, place, wall};

/// The replies to one call, as they come. Never look inside.
#[derive(Debug)]
pub struct crosstie_replies(());

/// The replies that are to come, and the one that C reads.
struct Coming {
    replies: Replies<[u8]>,
    last: Vec<u8>,
}

struct Stream(Alone<Coming>);

impl Body for Stream {
    type Handle = crosstie_replies;
    const NAME: &'static str = "crosstie_replies";
    const KIND: u8 = 18;
}

/// Calls the server with the `bytes` bytes at `data` for many replies, which `crosstie_replies_next` gives as they come; `deadline_ns` is for all of them
/// together. The server is never more than 256 KiB, or one reply, ahead of who takes them. A stream is not repeated at another server.
///
/// As `crosstie_call_start`.
///
/// Thread-safe: many calls may be in flight by one handle. Not async-signal-safe; a child of fork opens its own. Blocks while there is no room for the
/// request. The replies are the caller's, `crosstie_replies_close` frees them; they may outlive the handle of their client.
///
/// # Safety
/// `data` leads to `bytes` bytes, or is NULL where there are none; `replies` can be written; `error` is NULL or the caller's own.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crosstie_client_stream(
    client: *mut crosstie_client,
    data: *const c_void,
    bytes: usize,
    deadline_ns: u64,
    replies: *mut *mut crosstie_replies,
    error: *mut crosstie_error,
) -> crosstie_status {
    let work = |body: &Asks, _: &_| {
        // SAFETY: it is NULL or can be written, which this function asks for.
        unsafe { place::begin(replies) }?;
        // SAFETY: as many bytes are there, which this function asks for.
        let request = unsafe { end::bytes(data, bytes) }?;
        let coming = Coming { replies: body.0.stream(request, deadline(deadline_ns))?, last: Vec::new() };
        let made = handle::open(Stream(Alone::new(coming)))?;
        // SAFETY: `begin` found that it is not NULL, and it can be written, which this function asks for.
        unsafe { replies.write(made) };
        Ok(())
    };
    // SAFETY: `error` is NULL or the caller's own, which this function asks for.
    unsafe { wall::call(client, error, work) }
}

/// The next reply of a stream; waits for it until `deadline_ns`, or the call's own deadline where that is earlier. `message` says where its bytes are, until the
/// next call with `replies`. Behind the last reply the data of `message` are NULL; those of a reply, an empty one too, never are.
///
/// `CROSSTIE_E_BUSY` with a `code` of 0: none is there by `deadline_ns`, and the stream goes on. Else as `crosstie_call`, and the stream is over:
/// `CROSSTIE_E_PEER_DIED` and `CROSSTIE_E_CLOSED` are a server's end before it had sent all. Behind these, as behind the last reply, there is none.
///
/// One thread at a time: a second one is answered `CROSSTIE_E_BUSY`. Not async-signal-safe; a child of fork has none of its parent's. Blocks until the
/// earlier deadline. The bytes are the library's: they are freed with the next call, or with `replies`.
///
/// # Safety
/// `message` begins with its size and can be written; `error` is NULL or the caller's own.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crosstie_replies_next(
    replies: *mut crosstie_replies,
    deadline_ns: u64,
    message: *mut crosstie_message,
    error: *mut crosstie_error,
) -> crosstie_status {
    let work = |body: &Stream, caller: &_| {
        // SAFETY: it is NULL or begins with its size, which this function asks for.
        unsafe { wanted(message) }?;
        let mut coming = body.0.of(caller, Stream::NAME)?;
        let mut told = <crosstie_message as options::Sized>::ZERO;
        if let Some(reply) = coming.replies.next_until(deadline(deadline_ns)) {
            coming.last = reply?;
            told.bytes = coming.last.len();
            told.data = coming.last.as_ptr().cast();
        }
        // SAFETY: `wanted` found its size right, and it can be written, which this function asks for.
        unsafe { options::write(message, &told) };
        Ok(())
    };
    // SAFETY: `error` is NULL or the caller's own, which this function asks for.
    unsafe { wall::call(replies, error, work) }
}

/// Closes a stream of replies. Before the last of them the call is cancelled: its server is told that nobody takes them any more.
///
/// `CROSSTIE_E_BUSY` while another thread waits for a reply.
///
/// Thread-safe; not async-signal-safe; a child of fork may close its parent's, whose stream goes on. Never waits. Frees the stream and the bytes of its last
/// reply.
///
/// # Safety
/// `error` is NULL or the caller's own.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crosstie_replies_close(
    replies: *mut crosstie_replies,
    error: *mut crosstie_error,
) -> crosstie_status {
    // SAFETY: `error` is NULL or the caller's own, which this function asks for.
    unsafe { wall::close::<Stream>(replies, error) }
}
