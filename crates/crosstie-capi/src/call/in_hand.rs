//! A call that is to be answered.
#![expect(unsafe_code, reason = "pointers of the caller's")]

use std::ffi::{c_char, c_void};

use crosstie::ErrorKind;
use crosstie::call::{Call, Refusal};
use crosstie::os::clock;

use super::client::CROSSTIE_CALL_IDEMPOTENT;
use crate::channel::end;
use crate::channel::receiver::crosstie_message;
use crate::handle::{self, Alone, Body};
use crate::status::{Failure, crosstie_error, crosstie_status, kind_of};
use crate::{options, place, wall};

/// A call that is to be answered. Never look inside.
#[derive(Debug)]
pub struct crosstie_call_in_hand(());

/// A call, until it is answered, which closes its handle.
pub(super) struct InHand(pub(super) Alone<Call<[u8], [u8]>>);

impl Body for InHand {
    type Handle = crosstie_call_in_hand;
    const NAME: &'static str = "crosstie_call_in_hand";
    const KIND: u8 = 10;
}

/// Of a call in hand: another server may have done it already, and died or ended before it had answered.
pub const CROSSTIE_CALL_REPEATED: u64 = 2;
/// Of a call in hand: nobody waits for the answer any more, because the caller gave up, ended or died. To answer it is no error, and goes nowhere.
pub const CROSSTIE_CALL_CANCELLED: u64 = 4;
/// Of a call in hand: its caller takes many replies (`crosstie_call_stream`).
pub const CROSSTIE_CALL_STREAM: u64 = 8;

/// How it stands with a call in hand; the caller's own. Begin it with `CROSSTIE_CALL_STATE_INIT`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct crosstie_call_state {
    /// sizeof(crosstie_call_state), set by the caller.
    pub size: usize,
    /// `CROSSTIE_CALL_IDEMPOTENT`, `CROSSTIE_CALL_REPEATED`, `CROSSTIE_CALL_CANCELLED`, `CROSSTIE_CALL_STREAM`.
    pub flags: u64,
    /// Until when the caller waits, counted from the call's arrival here; `CROSSTIE_WAIT_FOREVER` if for ever.
    pub deadline_ns: u64,
    /// How long that still is: 0 when it is over; `CROSSTIE_WAIT_FOREVER` if for ever.
    pub remaining_ns: u64,
    /// The caller's process, where the mechanism tells it; else 0.
    pub client_pid: u64,
}

// SAFETY: repr(C), begins with its size, numbers only.
unsafe impl options::Sized for crosstie_call_state {
    const NAME: &'static str = "crosstie_call_state";
    const BYTES_FIRST: usize = 40;
    const ZERO: Self =
        Self { size: size_of::<Self>(), flags: 0, deadline_ns: 0, remaining_ns: 0, client_pid: 0 };
}

impl crosstie_call_state {
    fn of(call: &Call<[u8], [u8]>) -> Self {
        let flags = [
            (CROSSTIE_CALL_IDEMPOTENT, call.is_idempotent()),
            (CROSSTIE_CALL_REPEATED, call.is_repeated()),
            (CROSSTIE_CALL_CANCELLED, call.is_cancelled()),
            (CROSSTIE_CALL_STREAM, call.takes_stream()),
        ];
        let deadline = call.deadline();
        let left_ns = if deadline.is_never() { u64::MAX } else { deadline.left_ns(clock::now_ns()) };
        Self {
            size: size_of::<Self>(),
            flags: flags.iter().filter(|(_, is_so)| *is_so).map(|(flag, _)| flag).sum(),
            deadline_ns: deadline.as_ns(),
            remaining_ns: left_ns,
            client_pid: call.client_pid().unwrap_or(0).into(),
        }
    }
}

/// Makes a handle of a call that was taken, and tells where its request is.
///
/// # Safety
/// `call` is not NULL and can be written; `request` is NULL or was checked by [`options::check`], and can be written.
pub(super) unsafe fn hand_out(
    taken: Call<[u8], [u8]>,
    call: *mut *mut crosstie_call_in_hand,
    request: *mut crosstie_message,
) -> Result<(), Failure> {
    let bytes = taken.request();
    let told = crosstie_message {
        bytes: bytes.len(),
        data: bytes.as_ptr().cast(),
        sender_pid: taken.client_pid().unwrap_or(0),
        deliveries: if taken.is_repeated() { 2 } else { 1 },
        ..<crosstie_message as options::Sized>::ZERO
    };
    let made = handle::open(InHand(Alone::new(taken)))?;
    // SAFETY: it is not NULL and can be written, as this function asks.
    unsafe { call.write(made) };
    // SAFETY: its size was found right, and it can be written, as this function asks.
    unsafe { options::write(request, &told) };
    Ok(())
}

/// What the server answers instead of a reply.
///
/// # Safety
/// `why` is NULL or ends in a zero, and stays as it is meanwhile.
pub(super) unsafe fn refusal(
    status: crosstie_status,
    code: u32,
    why: *const c_char,
) -> Result<Refusal, Failure> {
    let kind = kind_of(status).ok_or_else(|| {
        Failure::new(ErrorKind::Usage, format!("{status} is no status of an error of this version"))
    })?;
    // SAFETY: it is NULL or ends in a zero, as this function asks.
    let refusal = Refusal::of_kind(kind, unsafe { place::text("why the call is refused", why) }?);
    Ok(if code == 0 { refusal } else { refusal.with_code(code) })
}

/// How it stands with a call in hand: whether anybody waits for it still, and how long, and whether it may be done already. What came from its client meanwhile
/// comes in with that.
///
/// `CROSSTIE_E_USAGE` for one that was answered, and is closed with that.
///
/// One thread at a time: a second one is answered `CROSSTIE_E_BUSY`. Not async-signal-safe; a child of fork has none of its parent's. Never waits. The struct is
/// the caller's to free.
///
/// # Safety
/// `state` is NULL or begins with its size and can be written; `error` is NULL or the caller's own.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crosstie_call_look(
    call: *mut crosstie_call_in_hand,
    state: *mut crosstie_call_state,
    error: *mut crosstie_error,
) -> crosstie_status {
    let work = |body: &InHand, caller: &_| {
        // SAFETY: it is NULL or begins with its size, which this function asks for.
        unsafe { options::check(state) }?;
        let told = crosstie_call_state::of(&*body.0.of(caller, InHand::NAME)?);
        // SAFETY: `check` found its size right, and it can be written, which this function asks for.
        unsafe { options::write(state, &told) };
        Ok(())
    };
    // SAFETY: `error` is NULL or the caller's own, which this function asks for.
    unsafe { wall::call(call, error, work) }
}

/// Answers a call with the `bytes` bytes at `data`, and closes its handle. That nobody waits for it any more is no error.
///
/// `CROSSTIE_E_TOO_LARGE`: the caller is told too. `CROSSTIE_E_BUSY` while another thread is inside a call with it: it was not answered then,
/// and stays in hand.
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
    // SAFETY: as many bytes are there, which this function asks for.
    let bytes = || unsafe { end::bytes(data, bytes) };
    // SAFETY: `error` is NULL or the caller's own, which this function asks for.
    unsafe { wall::take(call, error, bytes, |taken: InHand, reply| Ok(taken.0.into_inner().reply(reply)?)) }
}

/// Answers a call that there is no reply, and why; closes its handle. Its caller is answered `CROSSTIE_E_NEGATIVE` with that text.
///
/// `CROSSTIE_E_USAGE` for a text that is none, `CROSSTIE_E_BUSY` while another thread is inside a call with it: it was not answered then, and stays in hand.
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
    // SAFETY: all are as `crosstie_call_refuse_with` asks, which this function asks for.
    unsafe { crosstie_call_refuse_with(call, ErrorKind::Negative.status(), 0, why, error) }
}

/// As `crosstie_call_refuse`, with the status that its caller is answered, `CROSSTIE_E_...`, and the `code` that the caller finds in its `crosstie_error`: an
/// exit code, an error number, whatever says more to who knows this server. 0 is the exit code of that status in the shell.
///
/// As `crosstie_call_refuse`; `CROSSTIE_E_USAGE` for a status that is none of an error.
///
/// One thread for a call. Not async-signal-safe; a child of fork has none of its parent's. Never waits. Frees the call and the bytes of its request.
///
/// # Safety
/// `why` is a text that ends in a zero; `error` is NULL or the caller's own.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crosstie_call_refuse_with(
    call: *mut crosstie_call_in_hand,
    status: crosstie_status,
    code: u32,
    why: *const c_char,
    error: *mut crosstie_error,
) -> crosstie_status {
    // SAFETY: it is NULL or ends in a zero, which this function asks for.
    let refusal = || unsafe { refusal(status, code, why) };
    let refuse = |taken: InHand, refusal| {
        taken.0.into_inner().refuse(&refusal);
        Ok(())
    };
    // SAFETY: `error` is NULL or the caller's own, which this function asks for.
    unsafe { wall::take(call, error, refusal, refuse) }
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
