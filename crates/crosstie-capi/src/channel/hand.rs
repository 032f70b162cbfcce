//! What a receiver has in hand: jobs until they are done, messages that are read where they lie.
#![expect(unsafe_code, reason = "pointers of the caller's; what is in hand stays beside its receiver")]

use std::mem::transmute;

use crosstie::endpoint::{Job, Payload, Receiver};
use crosstie::{Error, ErrorKind, RecvError};

use super::receiver::{InHand, ReceivingEnd, about, crosstie_message, crosstie_receiver, no_message};
use crate::handle::Body as _;
use crate::status::{Failure, crosstie_error, crosstie_status};
use crate::time::deadline;
use crate::{options, wall};

/// Receives a message where it lies, and waits for one until `deadline_ns`: `message` says where its bytes are, in shared memory without a copy. Read
/// them, then say `crosstie_received`; only then is it acknowledged, so that of a ring or a queue the next receiver gets it where this process dies.
///
/// As `crosstie_receive`, without `CROSSTIE_E_TOO_LARGE`. In shared memory a sender that breaks the protocol could still write the bytes: read each once where
/// that matters.
///
/// One thread at a time: a second one is answered `CROSSTIE_E_BUSY`. Not async-signal-safe; a child of fork opens its own end. Blocks until the
/// deadline. The bytes are the library's, until `crosstie_received` or the handle is closed: never free or write them.
///
/// # Safety
/// `message` begins with its size and can be written; `error` is NULL or the caller's own.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crosstie_receive_in_place(
    receiver: *mut crosstie_receiver,
    deadline_ns: u64,
    message: *mut crosstie_message,
    error: *mut crosstie_error,
) -> crosstie_status {
    let work = |body: &ReceivingEnd, caller: &_| {
        // SAFETY: it begins with its size, which this function asks for.
        unsafe { wanted(message) }?;
        let mut held = body.0.of(caller, ReceivingEnd::NAME)?;
        held.empty_handed()?;
        let (hand, told) = match held.kept.take() {
            Some((bytes, told)) => {
                let data = bytes.as_ptr().cast();
                (InHand::Copied(bytes), crosstie_message { data, ..told })
            }
            None => {
                // SAFETY: `wanted` found its size right, and it can be written, which this function asks for.
                let refused = |refusal| unsafe { no_message(message, refusal) };
                let receiver = held.empty_handed()?;
                let payload = receiver.recv_bytes_until(deadline(deadline_ns)).map_err(refused)?;
                let told = about(&payload);
                match payload.as_ptr() {
                    Some(data) => {
                        // SAFETY: it borrows the receiver, which has a place of its own on the heap, is reached only by
                        // `empty_handed` as long as the payload is there, and goes after it.
                        let payload = unsafe { transmute::<Payload<'_>, Payload<'static>>(payload) };
                        (InHand::Lent(payload), crosstie_message { data: data.cast(), ..told })
                    }
                    None => {
                        let bytes = payload.to_vec();
                        let data = bytes.as_ptr().cast();
                        (InHand::Copied(bytes), crosstie_message { data, ..told })
                    }
                }
            }
        };
        held.hand = Some(hand);
        // SAFETY: `check` found its size right, and it can be written, which this function asks for.
        unsafe { options::write(message, &told) };
        Ok(())
    };
    // SAFETY: `error` is NULL or the caller's own, which this function asks for.
    unsafe { wall::call(receiver, error, work) }
}

/// Says that what `crosstie_receive_in_place` lent is read: it is acknowledged, and nobody gets it again.
///
/// `CROSSTIE_E_USAGE` where nothing is lent.
///
/// One thread at a time. Not async-signal-safe; a child of fork has none of its parent's. Never waits. Frees the bytes of the message.
///
/// # Safety
/// `error` is NULL or the caller's own.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crosstie_received(
    receiver: *mut crosstie_receiver,
    error: *mut crosstie_error,
) -> crosstie_status {
    let how = |hand| match hand {
        InHand::Lent(_) | InHand::Copied(_) => Ok(Ok(())),
        job @ InHand::Job(_) => Err(job),
    };
    // SAFETY: `error` is NULL or the caller's own, which this function asks for.
    unsafe { end(receiver, error, how, ("lent no message", "crosstie_receive_in_place")) }
}

/// Takes a job of a queue in hand, and waits for one until `deadline_ns`; `message` says where its bytes are. It is done only when
/// `crosstie_job_done` says so: a process that dies before leaves it to another, which is told (`deliveries`).
///
/// As `crosstie_receive`; `CROSSTIE_E_UNSUPPORTED` on mechanisms that deliver once.
///
/// One thread at a time. Not async-signal-safe; a child of fork opens its own end. Blocks until the deadline. The bytes are the library's: they are
/// freed when the job is done, failed or rejected.
///
/// # Safety
/// `message` begins with its size and can be written; `error` is NULL or the caller's own.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crosstie_receive_job(
    receiver: *mut crosstie_receiver,
    deadline_ns: u64,
    message: *mut crosstie_message,
    error: *mut crosstie_error,
) -> crosstie_status {
    // SAFETY: both are as `take_in_hand` asks, which this function asks for.
    unsafe { take_in_hand(receiver, message, error, |receiver| receiver.recv_job(deadline(deadline_ns))) }
}

/// Takes a dead letter of a queue in hand: a job that was rejected, or delivered as often as the queue allows; `message` says where its bytes are. `crosstie_job_done`
/// removes it. Whatever else becomes of it (`crosstie_job_fail`, `crosstie_job_reject`, the receiver closed, a death), it stays a dead letter, for the next who looks.
///
/// `CROSSTIE_E_BUSY`: there is none. `CROSSTIE_E_UNSUPPORTED` on mechanisms that deliver once.
///
/// One thread at a time. Not async-signal-safe; a child of fork opens its own end. Never waits. The bytes are the library's: they are freed when the letter is
/// done, failed or rejected.
///
/// # Safety
/// `message` begins with its size and can be written; `error` is NULL or the caller's own.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crosstie_receive_dead_letter(
    receiver: *mut crosstie_receiver,
    message: *mut crosstie_message,
    error: *mut crosstie_error,
) -> crosstie_status {
    // SAFETY: both are as `take_in_hand` asks, which this function asks for.
    unsafe { take_in_hand(receiver, message, error, Receiver::recv_dead_letter_job) }
}

/// Takes in hand what `take` takes from the receiver.
///
/// # Safety
/// `message` begins with its size and can be written; `error` is NULL or the caller's own.
unsafe fn take_in_hand(
    receiver: *mut crosstie_receiver,
    message: *mut crosstie_message,
    error: *mut crosstie_error,
    take: impl FnOnce(&Receiver<[u8]>) -> Result<Job<'_, [u8]>, RecvError>,
) -> crosstie_status {
    let work = |body: &ReceivingEnd, caller: &_| {
        // SAFETY: it begins with its size, as this function asks.
        unsafe { wanted(message) }?;
        let mut held = body.0.of(caller, ReceivingEnd::NAME)?;
        // SAFETY: `wanted` found its size right, and it can be written, as this function asks.
        let refused = |refusal| unsafe { no_message(message, refusal) };
        let job = take(held.empty_handed()?).map_err(refused)?;
        let told = crosstie_message {
            bytes: job.len(),
            data: job.as_ptr().cast(),
            deliveries: job.deliveries(),
            ..<crosstie_message as options::Sized>::ZERO
        };
        // SAFETY: it borrows the receiver, which has a place of its own on the heap, is reached only by `empty_handed` as long
        // as the job is there, and goes after it.
        let job = unsafe { transmute::<Job<'_, [u8]>, Job<'static, [u8]>>(job) };
        held.hand = Some(InHand::Job(job));
        // SAFETY: `wanted` found its size right, and it can be written, as this function asks.
        unsafe { options::write(message, &told) };
        Ok(())
    };
    // SAFETY: `error` is NULL or the caller's own, as this function asks.
    unsafe { wall::call(receiver, error, work) }
}

/// Whether a message can be told of at `message`, before there is one.
///
/// # Safety
/// `message` is NULL or begins with its size.
pub(crate) unsafe fn wanted(message: *const crosstie_message) -> Result<(), Failure> {
    if message.is_null() {
        let text = "NULL in the place of where the message goes".to_owned();
        return Err(Failure::new(ErrorKind::Usage, text));
    }
    // SAFETY: it begins with its size, as this function asks.
    unsafe { options::check(message) }
}

/// Ends what is in hand, if it is what `how` ends; else that is `missing`, and what brings one.
///
/// # Safety
/// `error` is NULL or the caller's own.
unsafe fn end(
    receiver: *mut crosstie_receiver,
    error: *mut crosstie_error,
    how: impl FnOnce(InHand) -> Result<Result<(), Error>, InHand>,
    (missing, advice): (&str, &str),
) -> crosstie_status {
    let work = |body: &ReceivingEnd, caller: &_| {
        let mut held = body.0.of(caller, ReceivingEnd::NAME)?;
        match held.hand.take().map(how) {
            Some(Ok(ended)) => Ok(ended?),
            other => {
                held.hand = other.and_then(Result::err);
                Err(Failure::new(ErrorKind::Usage, format!("this receiver has {missing}")).advise(advice))
            }
        }
    };
    // SAFETY: `error` is NULL or the caller's own, which this function asks for.
    unsafe { wall::call(receiver, error, work) }
}

/// Ends the job in hand.
///
/// # Safety
/// `error` is NULL or the caller's own.
unsafe fn end_job(
    receiver: *mut crosstie_receiver,
    error: *mut crosstie_error,
    how: fn(Job<'static, [u8]>) -> Result<(), Error>,
) -> crosstie_status {
    let how = |hand| match hand {
        InHand::Job(job) => Ok(how(job)),
        lent => Err(lent),
    };
    // SAFETY: `error` is NULL or the caller's own, which this function asks for.
    unsafe { end(receiver, error, how, ("no job in hand", "crosstie_receive_job")) }
}

/// Says that the job in hand is done: nobody gets it again.
///
/// `CROSSTIE_E_USAGE` where none is; `CROSSTIE_E_LOST` when its lease was over and another has it.
///
/// One thread at a time. Not async-signal-safe; a child of fork has none of its parent's. Never waits. Frees the bytes of the job.
///
/// # Safety
/// `error` is NULL or the caller's own.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crosstie_job_done(
    receiver: *mut crosstie_receiver,
    error: *mut crosstie_error,
) -> crosstie_status {
    // SAFETY: `error` is NULL or the caller's own, which this function asks for.
    unsafe { end_job(receiver, error, Job::done) }
}

/// Says that the job in hand has failed: it is delivered again, or a dead letter after as many times as the queue allows.
///
/// As `crosstie_job_done`.
///
/// One thread at a time. Not async-signal-safe; a child of fork has none of its parent's. Never waits. Frees the bytes of the job.
///
/// # Safety
/// `error` is NULL or the caller's own.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crosstie_job_fail(
    receiver: *mut crosstie_receiver,
    error: *mut crosstie_error,
) -> crosstie_status {
    // SAFETY: `error` is NULL or the caller's own, which this function asks for.
    unsafe { end_job(receiver, error, Job::fail) }
}

/// Says that the job in hand can never be done: it is a dead letter at once.
///
/// As `crosstie_job_done`.
///
/// One thread at a time. Not async-signal-safe; a child of fork has none of its parent's. Never waits. Frees the bytes of the job.
///
/// # Safety
/// `error` is NULL or the caller's own.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crosstie_job_reject(
    receiver: *mut crosstie_receiver,
    error: *mut crosstie_error,
) -> crosstie_status {
    // SAFETY: `error` is NULL or the caller's own, which this function asks for.
    unsafe { end_job(receiver, error, Job::reject) }
}
