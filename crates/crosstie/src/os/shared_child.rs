//! A child that has its parent's memory, not a copy of it, until it executes a program or ends.
//!
//! `fork(2)` copies the page tables, and both processes fault in each page that they write afterwards: of a small
//! command's start that is a quarter. `vfork(2)` copies nothing, but its parent sleeps, and could not look up who the
//! child is before that executes. Here both run, on one memory and two stacks:
//!
//! | | what | who upholds it |
//! |---|---|---|
//! | I1 | the stack and whatever the body refers to stay until the child has left the memory | the caller: it waits for the end of a pipe whose only writing end is the child's. The kernel closes it behind the change of memory (exec) or behind the last use of it (exit) |
//! | I2 | the child uses nothing of the parent's thread but the C library's error number | the body: system calls alone. The parent reads that number after failures of its own only, and blocks signals, whose handlers might |
//! | I3 | the child's stack is large enough | the body: no recursion, nothing on the stack whose size comes from outside |
//!
//! Descriptors, working directory and signal actions are the child's own, as after a fork.
//!
//! Death: the parent's ends nothing here; the body sees to that (`PR_SET_PDEATHSIG`). The kernel marks the parent's life
//! word when the parent ends, whether or not the child still has the memory. A child that is killed leaves it as it was.
//!
//! Source: `clone(2)`, `CLONE_VM`; `posix_spawn(3)` of glibc does the same with `CLONE_VFORK`.
#![expect(unsafe_code, reason = "clone with a stack of its own")]

use std::ffi::c_void;
use std::io;
use std::mem::MaybeUninit;
use std::ptr;

/// Ten times what the deepest call of a body takes in a debug build (I3).
const STACK_BYTES: usize = 64 << 10;
/// What a stack pointer is a multiple of at a call, on all processors.
const ALIGNMENT_BYTES: usize = 16;

/// What the child does.
pub(super) trait Body {
    /// Runs in the child, under I2 and I3.
    fn run(&self) -> !;
}

/// The memory that the child has its calls in.
pub(super) struct Stack(Vec<MaybeUninit<u8>>);

impl Stack {
    pub(super) fn new() -> Self {
        Self(Vec::with_capacity(STACK_BYTES))
    }

    /// Its upper end: all processors that Linux runs on, but one that nobody has, grow their stacks downwards.
    fn top(&mut self) -> *mut c_void {
        let end = self.0.spare_capacity_mut().as_mut_ptr_range().end;
        end.wrapping_byte_sub(end.addr() % ALIGNMENT_BYTES).cast()
    }
}

/// Starts a child that runs `body` on `stack`; answers its pid.
///
/// # Safety
/// I1, I2 and I3 of this module, which are the caller's and the body's.
///
/// # Errors
/// The kernel's: no process, no memory left.
pub(super) unsafe fn start<B: Body>(stack: &mut Stack, body: &B) -> io::Result<u32> {
    let top = stack.top();
    let argument = ptr::from_ref(body).cast_mut().cast::<c_void>();
    // SAFETY: `top` is the aligned end of memory that nobody else uses, and `enter::<B>` gets the body back, which
    // stays until the child has left this memory (I1).
    match unsafe { libc::clone(enter::<B>, top, libc::CLONE_VM | libc::SIGCHLD, argument) } {
        -1 => Err(io::Error::last_os_error()),
        pid => Ok(pid.unsigned_abs()),
    }
}

extern "C" fn enter<B: Body>(argument: *mut c_void) -> libc::c_int {
    // SAFETY: `start` passed a reference to a B, which is there until this child has left the memory (I1).
    let body = unsafe { &*argument.cast::<B>().cast_const() };
    body.run()
}
