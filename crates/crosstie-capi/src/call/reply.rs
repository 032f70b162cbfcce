//! What a call was answered.
#![expect(unsafe_code, reason = "pointers of the caller's")]

use crate::channel::receiver::crosstie_message;
use crate::handle::{self, Body};
use crate::status::{Failure, crosstie_error, crosstie_status};
use crate::{options, wall};

/// What a call was answered. Never look inside.
#[derive(Debug)]
pub struct crosstie_reply(());

/// The bytes of a reply, which its handle keeps where they are.
struct Reply(#[expect(dead_code, reason = "is C's to read until it is dropped")] Vec<u8>);

impl Body for Reply {
    type Handle = crosstie_reply;
    const NAME: &'static str = "crosstie_reply";
    const KIND: u8 = 16;
}

/// Makes a handle of an answer, and tells where its bytes are.
///
/// # Safety
/// `reply` is not NULL and can be written; `message` is NULL or was checked by [`options::check`], and can be written.
pub(super) unsafe fn hand_out(
    answer: Vec<u8>,
    reply: *mut *mut crosstie_reply,
    message: *mut crosstie_message,
) -> Result<(), Failure> {
    let told = crosstie_message {
        bytes: answer.len(),
        data: answer.as_ptr().cast(),
        ..<crosstie_message as options::Sized>::ZERO
    };
    let made = handle::open(Reply(answer))?;
    // SAFETY: it is not NULL and can be written, as this function asks.
    unsafe { reply.write(made) };
    // SAFETY: its size was found right, and it can be written, as this function asks.
    unsafe { options::write(message, &told) };
    Ok(())
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
