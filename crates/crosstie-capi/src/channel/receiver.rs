//! The end that receives.
#![expect(unsafe_code, reason = "pointers of the caller's; what is in hand stays beside its receiver")]

use std::ffi::{c_char, c_int, c_void};
use std::os::fd::AsRawFd as _;
use std::ptr;

use crosstie::ErrorKind;
use crosstie::contract::{Readiness, RecvError};
use crosstie::endpoint::{Job, OnArrival, Payload, Receiver};

use super::end::{self, crosstie_end_options};
use crate::handle::{Alone, Body};
use crate::status::{Failure, crosstie_error, crosstie_status};
use crate::time::deadline;
use crate::{options, place, wall};

/// The end of a channel that receives. Never look inside.
#[derive(Debug)]
pub struct crosstie_receiver(());

/// What is said of a message beside its bytes; the caller's own. Begin it with `CROSSTIE_MESSAGE_INIT`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct crosstie_message {
    /// sizeof(crosstie_message), set by the caller.
    pub size: usize,
    /// How many bytes it has.
    pub bytes: usize,
    /// Where they are: the caller's buffer, or of `crosstie_receive_job` the library's memory, until the job is done, failed or rejected.
    pub data: *const c_void,
    /// Of a topic, its number, with `CROSSTIE_E_LOST` that of the first one that is lost; else 0.
    pub number: u64,
    /// The process that sent it, where that is known; else 0.
    pub sender_pid: u32,
    /// Of a job, which delivery this is, from 1; else 0.
    pub deliveries: u32,
    /// With `CROSSTIE_E_LOST`, how many messages of a topic were overwritten before this end received them; else 0.
    pub lost: u64,
}

// SAFETY: repr(C), begins with its size, numbers and a pointer only.
unsafe impl options::Sized for crosstie_message {
    const NAME: &'static str = "crosstie_message";
    const BYTES_FIRST: usize = 40;
    const ZERO: Self = Self {
        size: size_of::<Self>(),
        bytes: 0,
        data: ptr::null(),
        number: 0,
        sender_pid: 0,
        deliveries: 0,
        lost: 0,
    };
}

/// What a receiver has in hand, until the caller says that it is done with it.
pub(super) enum InHand {
    /// A job of a queue.
    Job(Job<'static, [u8]>),
    /// A message that is read where it lies.
    #[expect(dead_code, reason = "is received when it is dropped")]
    Lent(Payload<'static>),
    /// A message of which there is a copy, because it lies nowhere whole or because the caller had no room for it.
    #[expect(dead_code, reason = "is C's to read until it is dropped")]
    Copied(Vec<u8>),
}

/// A message in a copy of its own, and what is said of it.
pub(super) type Kept = (Vec<u8>, crosstie_message);

/// A receiver, and what it has in hand.
pub(super) struct Receives {
    /// Borrows `receiver`, and goes before it.
    pub(super) hand: Option<InHand>,
    /// A message for which the caller had no room.
    pub(super) kept: Option<Kept>,
    receiver: Box<Receiver<[u8]>>,
}

// SAFETY: the pointer in `kept` is NULL, and all else may move to another thread with its receiver.
unsafe impl Send for Receives {}

impl Receives {
    /// Takes a message into `buffer`, and tells `message` of it; where there is no room it is kept.
    ///
    /// # Safety
    /// As [`options::write`], of `message`.
    #[inline(always)]
    unsafe fn hand_out(
        &mut self,
        buffer: &mut [u8],
        deadline_ns: u64,
        message: *mut crosstie_message,
    ) -> Result<(), Failure> {
        let room = buffer.len();
        let is_whole = if self.kept.is_none() {
            self.empty_handed()?;
            let to = HandOut { buffer, message, kept: &mut self.kept };
            match self.receiver.recv_with(deadline(deadline_ns), to) {
                Ok(is_whole) => is_whole,
                // SAFETY: it is as `options::write` asks, which this function asks for.
                Err(refusal) => return Err(unsafe { no_message(message, refusal) }),
            }
        } else {
            HandOut { buffer, message, kept: &mut self.kept }.hand_out_kept()
        };
        if is_whole {
            return Ok(());
        }
        // SAFETY: what this function asks for.
        Err(unsafe { self.too_large(room, message) })
    }

    /// Tells `message` how much room the message that is kept needs.
    ///
    /// # Safety
    /// As [`options::write`], of `message`.
    #[cold]
    unsafe fn too_large(&self, room: usize, message: *mut crosstie_message) -> Failure {
        let bytes = self.kept.as_ref().map_or(0, |(bytes, told)| {
            // SAFETY: what this function asks for.
            unsafe { options::write(message, told) };
            bytes.len()
        });
        Failure::new(ErrorKind::TooLarge, format!("the message has {bytes} bytes, the buffer {room}"))
            .advise("call again with more room")
    }

    /// The receiver, with nothing in hand.
    pub(super) fn empty_handed(&mut self) -> Result<&mut Receiver<[u8]>, Failure> {
        let (what, advice) = match &self.hand {
            None => return Ok(&mut self.receiver),
            Some(InHand::Job(_)) => ("a job in hand", "say first that it is done: crosstie_job_done"),
            Some(_) => ("a message lent", "say first that it is read: crosstie_received"),
        };
        Err(Failure::new(ErrorKind::Busy, format!("this receiver has {what}")).advise(advice))
    }
}

pub(super) struct ReceivingEnd(pub(super) Alone<Receives>);

impl ReceivingEnd {
    pub(super) fn of(receiver: Receiver<[u8]>) -> Self {
        Self(Alone::new(Receives { hand: None, kept: None, receiver: Box::new(receiver) }))
    }
}

impl Body for ReceivingEnd {
    type Handle = crosstie_receiver;
    const NAME: &'static str = "crosstie_receiver";
    const KIND: u8 = 7;

    fn end(self: Box<Self>) -> Result<(), Failure> {
        // What is in hand goes first, as it borrows the receiver: a job is not done, and another receiver gets it; what was lent was received.
        drop(self.0.into_inner());
        Ok(())
    }
}

/// Opens the receiver's end of `address`, as `crosstie_sender_open`; `options` may be NULL.
///
/// As `crosstie_sender_open`.
///
/// Thread-safe; not async-signal-safe. Blocks where the mechanism waits for the other side. The handle is the caller's, `crosstie_receiver_close`
/// frees it. After a fork a handle of the parent's is refused in the child, which opens its own.
///
/// # Safety
/// `address` is a text that ends in a zero; `options` is NULL or begins with its size; `receiver` can be written; `error` is NULL or the
/// caller's own.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crosstie_receiver_open(
    address: *const c_char,
    options: *const crosstie_end_options,
    receiver: *mut *mut crosstie_receiver,
    error: *mut crosstie_error,
) -> crosstie_status {
    let make = || {
        // SAFETY: it is NULL or ends in a zero, which this function asks for.
        let address = unsafe { place::text("the address", address) }?;
        // SAFETY: it is NULL or begins with its size, which this function asks for.
        let options = unsafe { end::read(options) }?;
        Ok(ReceivingEnd::of(Receiver::open_with(address, &options)?))
    };
    // SAFETY: both are as `wall::open` asks, which this function asks for.
    unsafe { wall::open(receiver, error, make) }
}

/// Receives a message into `buffer`, which has room for `room` bytes, and waits for one until `deadline_ns`; `message` says how long it is. It is
/// acknowledged with that: nobody gets it again.
///
/// `CROSSTIE_E_CLOSED`: the sender said that nothing more comes; `CROSSTIE_E_PEER_DIED`: it ended without that. `CROSSTIE_E_BUSY` (there is none),
/// `CROSSTIE_E_TIMED_OUT`. `CROSSTIE_E_LOST`: messages of a topic were overwritten before; `message` says from which number on and how many, and the next call gets
/// what follows. `CROSSTIE_E_TOO_LARGE`: `message` says how much room it needs, and the next call gets it. Where there is none, `message` has none of an earlier one.
///
/// One thread at a time: a second one is answered `CROSSTIE_E_BUSY`. Not async-signal-safe; a child of fork opens its own end. Blocks until the
/// deadline. The buffer is the caller's to free.
///
/// # Safety
/// `buffer` leads to `room` bytes that can be written, or is NULL where there is none; `message` is NULL or begins with its size and
/// can be written; `error` is NULL or the caller's own.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crosstie_receive(
    receiver: *mut crosstie_receiver,
    buffer: *mut c_void,
    room: usize,
    deadline_ns: u64,
    message: *mut crosstie_message,
    error: *mut crosstie_error,
) -> crosstie_status {
    let work = |body: &ReceivingEnd, caller: &_| {
        // SAFETY: it is NULL or begins with its size, which this function asks for.
        unsafe { options::check(message) }?;
        // SAFETY: as many bytes are there, which this function asks for, and nobody else has them during the call.
        let buffer = unsafe { end::room(buffer, if buffer.is_null() { 0 } else { room }) }?;
        let mut held = body.0.of(caller, ReceivingEnd::NAME)?;
        // SAFETY: `check` found the size of `message` right, and it can be written, which this function asks for.
        unsafe { held.hand_out(buffer, deadline_ns, message) }
    };
    // SAFETY: `error` is NULL or the caller's own, which this function asks for.
    unsafe { wall::call(receiver, error, work) }
}

/// Where C wants a message.
struct HandOut<'a> {
    buffer: &'a mut [u8],
    /// NULL, or of a right size, and can be written.
    message: *mut crosstie_message,
    /// Where it goes if `buffer` has no room for it, or was put when it had none.
    kept: &'a mut Option<Kept>,
}

impl HandOut<'_> {
    /// Tells C of the message in the buffer.
    #[inline(always)]
    fn tell(&self, told: crosstie_message) {
        let data = if told.bytes > 0 { self.buffer.as_ptr().cast() } else { ptr::null() };
        // SAFETY: it is NULL, or was found of a right size and can be written, which who made this promised.
        unsafe { options::write(self.message, &crosstie_message { data, ..told }) };
    }

    /// Hands out what is kept; answers whether there was room.
    #[cold]
    fn hand_out_kept(self) -> bool {
        let Some((bytes, told)) = self.kept.take() else { return false };
        let Some(place) = self.buffer.get_mut(..bytes.len()) else {
            *self.kept = Some((bytes, told));
            return false;
        };
        place.copy_from_slice(&bytes);
        self.tell(told);
        true
    }

    #[cold]
    fn keep(self, payload: &Payload<'_>) -> bool {
        *self.kept = Some((payload.to_vec(), about(payload)));
        false
    }
}

impl OnArrival for HandOut<'_> {
    /// Whether there was room.
    type Answer = bool;

    #[inline(always)]
    fn arrived(self, payload: &Payload<'_>) -> bool {
        if payload.len() > self.buffer.len() {
            return self.keep(payload);
        }
        payload.copy_to(self.buffer);
        // To find out who sent it costs as much as all else: only for who asks.
        if !self.message.is_null() {
            self.tell(about(payload));
        }
        true
    }
}

/// Tells `message` what is lost, or that there is none; answers why.
///
/// # Safety
/// As [`options::write`], of `message`.
#[cold]
pub(super) unsafe fn no_message(message: *mut crosstie_message, refusal: RecvError) -> Failure {
    let (number, lost) = match refusal {
        RecvError::Overrun { from, to } => (from, to.saturating_sub(from)),
        _ => (0, 0),
    };
    let told = crosstie_message { number, lost, ..<crosstie_message as options::Sized>::ZERO };
    // SAFETY: it is as `options::write` asks, which this function asks for.
    unsafe { options::write(message, &told) };
    refusal.into()
}

#[inline(always)]
pub(super) fn about(payload: &Payload<'_>) -> crosstie_message {
    crosstie_message {
        bytes: payload.len(),
        number: payload.number().unwrap_or(0),
        sender_pid: payload.sender_pid().unwrap_or(0),
        ..<crosstie_message as options::Sized>::ZERO
    }
}

/// Writes to `fd` the descriptor to poll for being readable while there is no message, for epoll, poll, or a loop of events. It is the same for the life of
/// the end; neither read nor close it. Before each sleep ask `crosstie_receiver_arm`.
///
/// `CROSSTIE_E_UNSUPPORTED` where there is none.
///
/// One thread at a time. Not async-signal-safe; a child of fork opens its own end. Never waits. The descriptor is the library's: it is freed with
/// the handle.
///
/// # Safety
/// `fd` can be written; `error` is NULL or the caller's own.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crosstie_receiver_fd(
    receiver: *mut crosstie_receiver,
    fd: *mut c_int,
    error: *mut crosstie_error,
) -> crosstie_status {
    let work = |body: &ReceivingEnd, caller: &_| {
        let mut held = body.0.of(caller, ReceivingEnd::NAME)?;
        let descriptor = held.empty_handed()?.pollable()?.as_raw_fd();
        // SAFETY: it is NULL or can be written, which this function asks for.
        unsafe { place::put("the descriptor", fd, descriptor) }
    };
    // SAFETY: `error` is NULL or the caller's own, which this function asks for.
    unsafe { wall::call(receiver, error, work) }
}

/// Says that the descriptor is to be polled now. Writes 1 to `is_ready` where there is a message, an end or a death already: do not sleep then, receive.
///
/// As `crosstie_receiver_fd`.
///
/// One thread at a time. Not async-signal-safe; a child of fork opens its own end. Never waits. Nothing is to be freed.
///
/// # Safety
/// `is_ready` can be written; `error` is NULL or the caller's own.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crosstie_receiver_arm(
    receiver: *mut crosstie_receiver,
    is_ready: *mut u32,
    error: *mut crosstie_error,
) -> crosstie_status {
    let work = |body: &ReceivingEnd, caller: &_| {
        let mut held = body.0.of(caller, ReceivingEnd::NAME)?;
        let is_kept = held.kept.is_some();
        let readiness = held.empty_handed()?.arm()?;
        let ready = u32::from(is_kept || readiness == Readiness::Ready);
        // SAFETY: it is NULL or can be written, which this function asks for.
        unsafe { place::put("whether there is a message", is_ready, ready) }
    };
    // SAFETY: `error` is NULL or the caller's own, which this function asks for.
    unsafe { wall::call(receiver, error, work) }
}

/// Closes the handle. A job in hand is delivered again.
///
/// `CROSSTIE_E_BUSY` while another thread is inside a call with it.
///
/// Thread-safe; not async-signal-safe; a child of fork may close its parent's handle. Never waits. Frees the handle.
///
/// # Safety
/// `error` is NULL or the caller's own.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crosstie_receiver_close(
    receiver: *mut crosstie_receiver,
    error: *mut crosstie_error,
) -> crosstie_status {
    // SAFETY: `error` is NULL or the caller's own, which this function asks for.
    unsafe { wall::close::<ReceivingEnd>(receiver, error) }
}
