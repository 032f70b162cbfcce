//! SIGPIPE: a write to a pipe that nobody reads is an error of ours, never the process' death.
#![expect(unsafe_code, reason = "signal masks exist only in libc")]

use std::io;
use std::mem::MaybeUninit;

/// Whether SIGPIPE would end this process: its disposition is the default.
///
/// Rust's runtime ignores it, C and Python programs that load this library may not.
#[must_use]
pub fn broken_pipe_kills() -> bool {
    let mut action = MaybeUninit::<libc::sigaction>::uninit();
    // SAFETY: a null new action only asks; `action` is valid for writes of one sigaction.
    let answer = unsafe { libc::sigaction(libc::SIGPIPE, std::ptr::null(), action.as_mut_ptr()) };
    if answer != 0 {
        return true;
    }
    // SAFETY: sigaction answered 0, so it wrote the whole struct.
    let action = unsafe { action.assume_init() };
    action.sa_sigaction == libc::SIG_DFL
}

/// Runs `write` so that a SIGPIPE which it raises in this thread is consumed, not delivered.
///
/// Three more system calls than `write` alone; only where [`broken_pipe_kills`].
///
/// # Errors
/// What `write` answers.
pub fn without_broken_pipe_signal<T>(write: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    let ours = broken_pipe_set();
    if is_pending(&ours) {
        // One is pending already, so it is blocked and a second would merge into it.
        return write();
    }
    let before = mask(libc::SIG_BLOCK, &ours);
    let answer = write();
    if matches!(&answer, Err(error) if error.kind() == io::ErrorKind::BrokenPipe) {
        consume(&ours);
    }
    if let Some(before) = before {
        mask(libc::SIG_SETMASK, &before);
    }
    answer
}

fn broken_pipe_set() -> libc::sigset_t {
    let mut set = MaybeUninit::<libc::sigset_t>::zeroed();
    // SAFETY: valid for writes of one sigset_t.
    unsafe { libc::sigemptyset(set.as_mut_ptr()) };
    // SAFETY: sigemptyset initialised it; SIGPIPE is a signal's number.
    unsafe { libc::sigaddset(set.as_mut_ptr(), libc::SIGPIPE) };
    // SAFETY: sigemptyset initialised all of it.
    unsafe { set.assume_init() }
}

fn is_pending(set: &libc::sigset_t) -> bool {
    let mut pending = *set;
    // SAFETY: valid for writes of one sigset_t.
    let answer = unsafe { libc::sigpending(&raw mut pending) };
    // SAFETY: `pending` is an initialised set in either case.
    answer == 0 && unsafe { libc::sigismember(&raw const pending, libc::SIGPIPE) } == 1
}

/// Changes this thread's mask; answers the one before.
fn mask(how: libc::c_int, set: &libc::sigset_t) -> Option<libc::sigset_t> {
    let mut before = *set;
    // SAFETY: both sets are valid; `how` is one of the three operations.
    let answer = unsafe { libc::pthread_sigmask(how, set, &raw mut before) };
    (answer == 0).then_some(before)
}

/// Takes a pending SIGPIPE, without waiting for one.
fn consume(set: &libc::sigset_t) {
    let now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    loop {
        // SAFETY: both pointers are valid for the call; a null info is allowed.
        let answer = unsafe { libc::sigtimedwait(set, std::ptr::null_mut(), &raw const now) };
        if answer >= 0 || io::Error::last_os_error().kind() != io::ErrorKind::Interrupted {
            return;
        }
    }
}
