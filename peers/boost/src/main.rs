//! Boost.Interprocess's `message_queue`.
//!
//! Driven as its documentation's example: one side creates it with a number of messages and their size, the other
//! opens it, `send` and `receive` block. Here it has a thousand places, as our queue has.
#![expect(unsafe_code, reason = "calls the C++ around Boost's queue")]

use std::ffi::{CString, c_char, c_int, c_void};
use std::path::Path;
use std::process::ExitCode;
use std::ptr::NonNull;

use crosstie::Result;
use crosstie_measure::engine::exchange::{Fault, Inbound, Outbound, Play};
use crosstie_measure::engine::spec::{Role, SideSpec};
use peers_side::{broken, exchange, refused, tag, until_there, ways};

const PEER: &str = "Boost message_queue";
/// Places for small messages, and bytes of all messages of a queue at most.
const MESSAGES: usize = 1024;
const BYTES_MAX: usize = 4 << 20;

unsafe extern "C" {
    fn peers_boost_open(name: *const c_char, messages: usize, bytes: usize) -> *mut c_void;
    fn peers_boost_close(queue: *mut c_void);
    fn peers_boost_send(queue: *mut c_void, message: *const u8, bytes: usize) -> c_int;
    fn peers_boost_receive(queue: *mut c_void, room: *mut u8, bytes: usize) -> isize;
}

fn main() -> ExitCode {
    peers_side::run(open)
}

fn open(spec: &SideSpec, _: &str, folder: &Path) -> Result<Box<dyn Play>> {
    let name = |way| CString::new(format!("{}-{way}", tag(folder))).map_err(|error| refused(PEER, error));
    let [to, from] = ways(spec.role);
    let messages = MESSAGES.min(BYTES_MAX / spec.payload_bytes);
    let queue = |name: CString| match spec.role {
        Role::Server => Queue::open(&name, messages, spec.payload_bytes),
        Role::Client => until_there(|| Queue::open(&name, 0, 0)),
    };
    let queues = [name(to)?, name(from)?].map(queue);
    let [Ok(outbound), Ok(inbound)] = queues else { return Err(refused(PEER, "it threw an exception")) };
    exchange(spec, Out { queue: outbound }, In { queue: inbound, private: vec![0; spec.payload_bytes] })
}

struct Queue(NonNull<c_void>);

/// It threw an exception.
struct Threw;

impl Queue {
    fn open(name: &CString, messages: usize, bytes: usize) -> std::result::Result<Self, Threw> {
        // SAFETY: the name ends with 0 and outlives the call, which keeps no pointer to it.
        let queue = unsafe { peers_boost_open(name.as_ptr(), messages, bytes) };
        NonNull::new(queue).map(Self).ok_or(Threw)
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        // SAFETY: `open` made it, and nobody uses it behind this.
        unsafe { peers_boost_close(self.0.as_ptr()) };
    }
}

struct Out {
    queue: Queue,
}

impl Outbound for Out {
    #[inline]
    fn send(&mut self, message: &[u8]) -> std::result::Result<(), Fault> {
        // SAFETY: the queue is open as long as `self` is, and the message is readable for its length.
        let sent = unsafe { peers_boost_send(self.queue.0.as_ptr(), message.as_ptr(), message.len()) };
        if sent == 1 { Ok(()) } else { Err(broken(PEER, "it threw an exception")) }
    }
}

struct In {
    queue: Queue,
    private: Vec<u8>,
}

impl Inbound for In {
    #[inline]
    fn receive<R>(&mut self, read: impl FnOnce(&[u8]) -> R) -> std::result::Result<R, Fault> {
        let room = self.private.as_mut_slice();
        // SAFETY: the queue is open as long as `self` is, and the room is writable for its length.
        let length = unsafe { peers_boost_receive(self.queue.0.as_ptr(), room.as_mut_ptr(), room.len()) };
        let length = usize::try_from(length).map_err(|_| broken(PEER, "it threw an exception"))?;
        Ok(read(&self.private[..length]))
    }
}
