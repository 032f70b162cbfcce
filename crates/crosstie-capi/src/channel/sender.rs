//! The end that sends.
#![expect(unsafe_code, reason = "pointers of the caller's; a loan stays beside the sender that it is of")]

use std::ffi::{c_char, c_int, c_void};
use std::mem::transmute;
use std::os::fd::AsRawFd as _;

use crosstie::ErrorKind;
use crosstie::contract::Readiness;
use crosstie::endpoint::{Loan, Sender};
use crosstie::os::poll::Interest;

use super::end::{self, crosstie_end_options};
use crate::handle::{Alone, Body};
use crate::status::{Failure, crosstie_error, crosstie_status};
use crate::time::deadline;
use crate::{place, wall};

/// The end of a channel that sends. Never look inside.
#[derive(Debug)]
pub struct crosstie_sender(());

/// A sender, and the room for a message that it has lent.
struct Sends {
    /// Borrows `sender`, and goes before it.
    loan: Option<Loan<'static>>,
    sender: Box<Sender<[u8]>>,
}

impl Sends {
    fn without_loan(&mut self) -> Result<&mut Sender<[u8]>, Failure> {
        if self.loan.is_some() {
            return Err(Failure::new(
                ErrorKind::Busy,
                "a message of this sender is being written in place".to_owned(),
            )
            .advise("crosstie_sender_commit or crosstie_sender_cancel"));
        }
        Ok(&mut self.sender)
    }

    fn loan(&mut self) -> Result<&mut Loan<'static>, Failure> {
        self.loan.as_mut().ok_or_else(|| {
            Failure::new(ErrorKind::Usage, "this sender has lent no room".to_owned())
                .advise("crosstie_sender_reserve")
        })
    }
}

pub(super) struct SendingEnd(Alone<Sends>);

impl SendingEnd {
    pub(super) fn of(sender: Sender<[u8]>) -> Self {
        Self(Alone::new(Sends { loan: None, sender: Box::new(sender) }))
    }
}

impl Body for SendingEnd {
    type Handle = crosstie_sender;
    const NAME: &'static str = "crosstie_sender";
    const KIND: u8 = 6;

    fn end(self: Box<Self>) -> Result<(), Failure> {
        let Sends { loan, sender } = self.0.into_inner();
        // What is not committed is not sent.
        drop(loan);
        Ok(sender.close()?)
    }
}

/// Opens the sender's end of `address`: "ring:frames", "queue:jobs", "topic:ticks", "fifo:/tmp/f", "unix:/run/x.sock", "tcp:127.0.0.1:9000", "fd:3",
/// as in every language; `options` may be NULL.
///
/// `CROSSTIE_E_USAGE` for an address that is none: `error` says which part, and what was meant; `CROSSTIE_E_BUSY` where somebody else has that end.
///
/// Thread-safe; not async-signal-safe. Blocks where the mechanism waits for the other side (`open_deadline_ns`). The handle is the caller's,
/// `crosstie_sender_close` frees it. After a fork a handle of the parent's is refused in the child, which opens its own.
///
/// # Safety
/// `address` is a text that ends in a zero; `options` is NULL or begins with its size; `sender` can be written; `error` is NULL or the
/// caller's own.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crosstie_sender_open(
    address: *const c_char,
    options: *const crosstie_end_options,
    sender: *mut *mut crosstie_sender,
    error: *mut crosstie_error,
) -> crosstie_status {
    let make = || {
        // SAFETY: it is NULL or ends in a zero, which this function asks for.
        let address = unsafe { place::text("the address", address) }?;
        // SAFETY: it is NULL or begins with its size, which this function asks for.
        let options = unsafe { end::read(options) }?;
        Ok(SendingEnd::of(Sender::open_with(address, &options)?))
    };
    // SAFETY: both are as `wall::open` asks, which this function asks for.
    unsafe { wall::open(sender, error, make) }
}

/// Sends the `bytes` bytes at `data` as one message, and waits for room until `deadline_ns`.
///
/// `CROSSTIE_E_BUSY` (full), `CROSSTIE_E_TIMED_OUT`, `CROSSTIE_E_TOO_LARGE`, `CROSSTIE_E_PEER_DIED`, `CROSSTIE_E_CLOSED`. After a success the message is in the
/// channel: what that survives stands in docs/delivery.md.
///
/// One thread at a time: a second one is answered `CROSSTIE_E_BUSY`. Not async-signal-safe; a child of fork opens its own end. Blocks until the
/// deadline. `data` stays the caller's and may be freed or used again at once.
///
/// # Safety
/// `data` leads to `bytes` bytes, or is NULL where there are none; `error` is NULL or the caller's own.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crosstie_send(
    sender: *mut crosstie_sender,
    data: *const c_void,
    bytes: usize,
    deadline_ns: u64,
    error: *mut crosstie_error,
) -> crosstie_status {
    let work = |body: &SendingEnd, caller: &_| {
        // SAFETY: as many bytes are there, which this function asks for.
        let message = unsafe { end::bytes(data, bytes) }?;
        let mut held = body.0.of(caller, SendingEnd::NAME)?;
        Ok(held.without_loan()?.send_until(message, deadline(deadline_ns))?)
    };
    // SAFETY: `error` is NULL or the caller's own, which this function asks for.
    unsafe { wall::call(sender, error, work) }
}

/// One message of several; the caller's own.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct crosstie_bytes {
    /// Where its bytes are; NULL where there are none.
    pub data: *const c_void,
    /// How many.
    pub bytes: usize,
}

/// Sends the `count` messages at `messages` in order, with as few system calls as the mechanism allows, and waits for room for the first until `deadline_ns`; `sent`
/// says how many of them were sent: at least one, and not all where there is no room, or one behind the first is refused, which the next call is told.
///
/// As `crosstie_send`, about the first message; `sent` is 0 then. `CROSSTIE_E_USAGE` where there is no message.
///
/// One thread at a time: a second one is answered `CROSSTIE_E_BUSY`. Not async-signal-safe; a child of fork opens its own end. Blocks until the
/// deadline. All memory stays the caller's and may be freed or used again at once.
///
/// # Safety
/// `messages` leads to `count` of them, each of which leads to its bytes; `sent` is NULL or can be written; `error` is NULL or the caller's own.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crosstie_send_batch(
    sender: *mut crosstie_sender,
    messages: *const crosstie_bytes,
    count: usize,
    deadline_ns: u64,
    sent: *mut usize,
    error: *mut crosstie_error,
) -> crosstie_status {
    let tell = |count| {
        if !sent.is_null() {
            // SAFETY: it is not NULL, and can be written, which this function asks for.
            unsafe { sent.write(count) };
        }
    };
    let work = |body: &SendingEnd, caller: &_| {
        tell(0);
        // SAFETY: as many messages are there, which this function asks for.
        let messages = unsafe { several(messages, count) }?;
        let mut held = body.0.of(caller, SendingEnd::NAME)?;
        tell(held.without_loan()?.send_batch(&messages, deadline(deadline_ns))?);
        Ok(())
    };
    // SAFETY: `error` is NULL or the caller's own, which this function asks for.
    unsafe { wall::call(sender, error, work) }
}

/// The bytes of the messages at `messages`.
///
/// # Safety
/// `messages` is NULL or leads to `count` of them, and each is as [`end::bytes`] asks.
unsafe fn several<'a>(messages: *const crosstie_bytes, count: usize) -> Result<Vec<&'a [u8]>, Failure> {
    const COUNT_MAX: usize = isize::MAX.cast_unsigned() / size_of::<crosstie_bytes>();
    if messages.is_null() || !(1..=COUNT_MAX).contains(&count) {
        let text = format!("{count} messages at {messages:?} are none");
        return Err(Failure::new(ErrorKind::Usage, text));
    }
    // SAFETY: it is not NULL, and as many are there, as this function asks.
    let messages = unsafe { std::slice::from_raw_parts(messages, count) };
    // SAFETY: each leads to its bytes, as this function asks.
    messages.iter().map(|message| unsafe { end::bytes(message.data, message.bytes) }).collect()
}

/// Lends room for a message of `bytes` bytes, and waits for it until `deadline_ns`; in shared memory it is where the receiver will read. Write it with
/// `crosstie_sender_write`, then `crosstie_sender_commit` or `crosstie_sender_cancel`; a sender lends one at a time.
///
/// As `crosstie_send`.
///
/// One thread at a time. Not async-signal-safe; a child of fork opens its own end. Blocks until the deadline. Nothing is to be freed.
///
/// # Safety
/// `error` is NULL or the caller's own.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crosstie_sender_reserve(
    sender: *mut crosstie_sender,
    bytes: usize,
    deadline_ns: u64,
    error: *mut crosstie_error,
) -> crosstie_status {
    let work = |body: &SendingEnd, caller: &_| {
        let mut held = body.0.of(caller, SendingEnd::NAME)?;
        let loan = held.without_loan()?.reserve(bytes, deadline(deadline_ns))?;
        // SAFETY: it borrows the sender, which has a place of its own on the heap, is reached only by `without_loan` as long
        // as the loan is there, and goes after it.
        held.loan = Some(unsafe { transmute::<Loan<'_>, Loan<'static>>(loan) });
        Ok(())
    };
    // SAFETY: `error` is NULL or the caller's own, which this function asks for.
    unsafe { wall::call(sender, error, work) }
}

/// Writes `bytes` bytes at `offset` of the room that is lent.
///
/// `CROSSTIE_E_USAGE` where no room is lent, or it is smaller.
///
/// One thread at a time. Not async-signal-safe; a child of fork has none of its parent's. Never waits. `data` stays the caller's to free.
///
/// # Safety
/// `data` leads to `bytes` bytes; `error` is NULL or the caller's own.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crosstie_sender_write(
    sender: *mut crosstie_sender,
    offset: usize,
    data: *const c_void,
    bytes: usize,
    error: *mut crosstie_error,
) -> crosstie_status {
    let work = |body: &SendingEnd, caller: &_| {
        // SAFETY: as many bytes are there, which this function asks for.
        let part = unsafe { end::bytes(data, bytes) }?;
        let mut held = body.0.of(caller, SendingEnd::NAME)?;
        let loan = held.loan()?;
        if offset.checked_add(bytes).is_none_or(|to| to > loan.len()) {
            let text = format!("{bytes} bytes at {offset} are outside of the {} that are lent", loan.len());
            return Err(Failure::new(ErrorKind::Usage, text));
        }
        loan.write_at(offset, part);
        Ok(())
    };
    // SAFETY: `error` is NULL or the caller's own, which this function asks for.
    unsafe { wall::call(sender, error, work) }
}

/// Sends the message that was written in place.
///
/// As `crosstie_send`; `CROSSTIE_E_USAGE` where no room is lent.
///
/// One thread at a time. Not async-signal-safe; a child of fork has none of its parent's. In shared memory it never waits, elsewhere it blocks until the
/// deadline of `crosstie_sender_reserve`. Nothing is to be freed.
///
/// # Safety
/// `error` is NULL or the caller's own.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crosstie_sender_commit(
    sender: *mut crosstie_sender,
    error: *mut crosstie_error,
) -> crosstie_status {
    let work = |body: &SendingEnd, caller: &_| {
        let mut held = body.0.of(caller, SendingEnd::NAME)?;
        held.loan()?;
        // It was there just now.
        held.loan.take().map_or(Ok(()), Loan::commit)?;
        Ok(())
    };
    // SAFETY: `error` is NULL or the caller's own, which this function asks for.
    unsafe { wall::call(sender, error, work) }
}

/// Gives the room back that is lent: nothing is sent.
///
/// `CROSSTIE_E_USAGE` where none is.
///
/// One thread at a time. Not async-signal-safe; a child of fork has none of its parent's. Never waits. Nothing is to be freed.
///
/// # Safety
/// `error` is NULL or the caller's own.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crosstie_sender_cancel(
    sender: *mut crosstie_sender,
    error: *mut crosstie_error,
) -> crosstie_status {
    let work = |body: &SendingEnd, caller: &_| {
        let mut held = body.0.of(caller, SendingEnd::NAME)?;
        held.loan()?;
        held.loan = None;
        Ok(())
    };
    // SAFETY: `error` is NULL or the caller's own, which this function asks for.
    unsafe { wall::call(sender, error, work) }
}

/// Writes to `fd` the descriptor to poll while there is no room, for epoll, poll, or a loop of events, and to `for_writing` whether for being
/// writable (1) or readable (0). It is the same for the life of the end; neither read, write nor close it. Before each sleep ask
/// `crosstie_sender_arm`.
///
/// `CROSSTIE_E_UNSUPPORTED` where there is none.
///
/// One thread at a time. Not async-signal-safe; a child of fork opens its own end. Never waits. The descriptor is the library's: it is freed with
/// the handle.
///
/// # Safety
/// `fd` and `for_writing` can be written; `error` is NULL or the caller's own.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crosstie_sender_fd(
    sender: *mut crosstie_sender,
    fd: *mut c_int,
    for_writing: *mut u32,
    error: *mut crosstie_error,
) -> crosstie_status {
    let work = |body: &SendingEnd, caller: &_| {
        let mut held = body.0.of(caller, SendingEnd::NAME)?;
        let (descriptor, interest) = held.without_loan()?.pollable()?;
        // SAFETY: it is NULL or can be written, which this function asks for.
        unsafe { place::put("the descriptor", fd, descriptor.as_raw_fd()) }?;
        // SAFETY: it is NULL or can be written, which this function asks for.
        unsafe { place::put("what to poll for", for_writing, u32::from(interest == Interest::Writable)) }
    };
    // SAFETY: `error` is NULL or the caller's own, which this function asks for.
    unsafe { wall::call(sender, error, work) }
}

/// Says that the descriptor is to be polled now. Writes 1 to `is_ready` where there is room again already: do not sleep then, send.
///
/// As `crosstie_sender_fd`.
///
/// One thread at a time. Not async-signal-safe; a child of fork opens its own end. Never waits. Nothing is to be freed.
///
/// # Safety
/// `is_ready` can be written; `error` is NULL or the caller's own.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crosstie_sender_arm(
    sender: *mut crosstie_sender,
    is_ready: *mut u32,
    error: *mut crosstie_error,
) -> crosstie_status {
    let work = |body: &SendingEnd, caller: &_| {
        let mut held = body.0.of(caller, SendingEnd::NAME)?;
        let readiness = held.without_loan()?.arm()?;
        // SAFETY: it is NULL or can be written, which this function asks for.
        unsafe { place::put("whether there is room", is_ready, u32::from(readiness == Readiness::Ready)) }
    };
    // SAFETY: `error` is NULL or the caller's own, which this function asks for.
    unsafe { wall::call(sender, error, work) }
}

/// Says that nothing more comes, and closes the handle; a receiver is answered `CROSSTIE_E_CLOSED` after the last message. A program that ends
/// without that has died, for the receiver.
///
/// What could not be brought to its end is answered, and the handle is closed all the same; but for `CROSSTIE_E_BUSY`, while another thread is inside a call
/// with it, and `CROSSTIE_E_USAGE`.
///
/// Thread-safe; not async-signal-safe; a child of fork may close its parent's handle, which says nothing to the receiver. May wait for the kernel to take
/// the end mark. Frees the handle.
///
/// # Safety
/// `error` is NULL or the caller's own.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crosstie_sender_close(
    sender: *mut crosstie_sender,
    error: *mut crosstie_error,
) -> crosstie_status {
    // SAFETY: `error` is NULL or the caller's own, which this function asks for.
    unsafe { wall::close::<SendingEnd>(sender, error) }
}
