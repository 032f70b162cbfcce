//! What tests of processes need of the kernel and the library does not: to fork, to send signals, to reap.
#![expect(unsafe_code, reason = "fork, kill, waitpid, prctl")]

use std::io;

pub use libc::{SIGCONT, SIGKILL, SIGSTOP};

/// Which of the two processes goes on behind a fork.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forked {
    Parent,
    Child,
}

/// Forks. The child has only the calling thread; it ends with [`exit_at_once`].
pub fn fork() -> io::Result<Forked> {
    // SAFETY: a fork takes no memory. The child goes on in this thread alone: it uses the library, whose locks
    // are made anew behind a fork, and memory, which the C library's own fork handlers keep usable.
    match unsafe { libc::fork() } {
        -1 => Err(io::Error::last_os_error()),
        0 => Ok(Forked::Child),
        _ => Ok(Forked::Parent),
    }
}

/// Ends the process without running what its parent registered for its end.
pub fn exit_at_once() -> ! {
    // SAFETY: it does not return, and takes a number only.
    unsafe { libc::_exit(0) }
}

/// Sends `signal` to `pid`, a child of the caller that was not reaped: its number is nobody else's.
pub fn send(pid: u32, signal: i32) {
    if let Ok(pid) = libc::pid_t::try_from(pid) {
        // SAFETY: kill takes two numbers and no memory. What it answers changes nothing: a child that has ended
        // is reaped next.
        unsafe { libc::kill(pid, signal) };
    }
}

/// Children of children whose parents end become the caller's.
pub fn adopt_orphans() -> io::Result<()> {
    // SAFETY: this option takes numbers only.
    match unsafe { libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) } {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}

/// Has the kernel reap the caller's children by itself.
pub fn ignore_children() {
    // SAFETY: no handler of ours runs: the signal is ignored.
    unsafe { libc::signal(libc::SIGCHLD, libc::SIG_IGN) };
}

/// Reaps `pid`, once it has ended; one that is no child of the caller, or was reaped, is passed over.
pub fn reap(pid: u32) {
    if let Ok(pid) = libc::pid_t::try_from(pid) {
        let mut status = 0;
        // SAFETY: `status` is a live, writable integer for the whole call.
        unsafe { libc::waitpid(pid, &raw mut status, 0) };
    }
}

/// What was found of the caller's children.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reaped {
    /// This one has ended.
    Ended(u32),
    /// They run.
    NoneYet,
    /// There is none.
    NoChild,
}

/// Reaps one child that has ended.
pub fn reap_any() -> Reaped {
    let mut status = 0;
    // SAFETY: `status` is a live, writable integer for the whole call.
    match unsafe { libc::waitpid(-1, &raw mut status, libc::WNOHANG) } {
        0 => Reaped::NoneYet,
        pid => u32::try_from(pid).map_or(Reaped::NoChild, Reaped::Ended),
    }
}
