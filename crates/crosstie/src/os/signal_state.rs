//! Which signals a process blocks and ignores: what a program that it starts takes over.
//!
//! Before `main` Rust's runtime has SIGPIPE ignored; what it was is looked at earlier, while the
//! program is loaded, so that a child finds it as this process did.
#![expect(unsafe_code, reason = "signal masks and actions exist only in libc; a function runs before main")]

use std::io;
use std::mem::MaybeUninit;

use crosstie_core::atomic::{AtomicU32, Ordering};

/// The largest signal number that the kernel has.
const SIGNAL_MAX: i32 = 64;

/// 1 when SIGPIPE was ignored when this process began.
static BROKEN_PIPE_IGNORED: AtomicU32 = AtomicU32::new(0);

// The loader calls what this section holds as functions, before `main`; this one touches nothing
// but a system call and an atomic, which need no runtime.
#[unsafe(link_section = ".init_array")]
#[used]
static LOOK: extern "C" fn() = look_at_broken_pipe;

extern "C" fn look_at_broken_pipe() {
    let is_ignored = action(libc::SIGPIPE).is_some_and(|action| action.sa_sigaction == libc::SIG_IGN);
    // Relaxed: written before main, while there is one thread.
    BROKEN_PIPE_IGNORED.store(u32::from(is_ignored), Ordering::Relaxed);
}

/// Which signals are blocked and which are ignored.
///
/// # Examples
/// ```
/// use crosstie::os::signal_state::SignalState;
/// let found = SignalState::as_found();
/// assert!(!found.ignores(9), "nobody can ignore SIGKILL");
/// ```
#[derive(Clone, Copy)]
pub struct SignalState {
    blocked: libc::sigset_t,
    /// Bit N-1 is signal N.
    ignored: u64,
}

impl SignalState {
    /// What the calling thread blocks and this process ignores now, but SIGPIPE as it was when the
    /// process began: take it first thing in `main`, before handlers are installed.
    ///
    /// # Cost
    /// 65 system calls, 10 µs.
    #[must_use]
    pub fn as_found() -> Self {
        let mut ignored = 0;
        for signal in 1..=SIGNAL_MAX {
            let is_ignored = match signal {
                // Relaxed: written before main, while there was one thread.
                libc::SIGPIPE => BROKEN_PIPE_IGNORED.load(Ordering::Relaxed) != 0,
                // The C library answers nothing about those that it keeps to itself.
                _ => action(signal).is_some_and(|action| action.sa_sigaction == libc::SIG_IGN),
            };
            ignored |= u64::from(is_ignored) << (signal - 1);
        }
        Self { blocked: change_mask(libc::SIG_BLOCK, &no_signals()), ignored }
    }

    /// Whether it ignores `signal`.
    #[must_use]
    pub fn ignores(&self, signal: i32) -> bool {
        (1..=SIGNAL_MAX).contains(&signal) && self.ignored & (1 << (signal - 1)) != 0
    }

    /// Makes these the actions of the calling process, every handler gone: for a child before exec, while it blocks
    /// all signals. Async-signal-safe, and leaves the C library's error number alone.
    pub(super) fn assume_actions(&self) {
        for signal in (1..=SIGNAL_MAX).filter(|&signal| can_be_set(signal)) {
            let to = if self.ignores(signal) { libc::SIG_IGN } else { libc::SIG_DFL };
            // SAFETY: neither disposition runs code, and the number is one that can be set (`can_be_set`).
            unsafe { libc::signal(signal, to) };
        }
    }

    /// Makes this the mask of the calling thread. Async-signal-safe.
    pub(super) fn assume_mask(&self) {
        change_mask(libc::SIG_SETMASK, &self.blocked);
    }
}

/// Not for what nobody can, and what the C library keeps to itself.
fn can_be_set(signal: i32) -> bool {
    !matches!(signal, libc::SIGKILL | libc::SIGSTOP) && !(32..libc::SIGRTMIN()).contains(&signal)
}

impl std::fmt::Debug for SignalState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SignalState").field("ignored", &self.ignored).finish_non_exhaustive()
    }
}

/// While it lives, no signal is delivered to this thread.
pub(super) struct AllBlocked {
    before: libc::sigset_t,
}

impl AllBlocked {
    pub(super) fn new() -> Self {
        let mut all = MaybeUninit::<libc::sigset_t>::zeroed();
        // SAFETY: valid for writes of one sigset_t.
        unsafe { libc::sigfillset(all.as_mut_ptr()) };
        // SAFETY: sigfillset initialised all of it.
        let all = unsafe { all.assume_init() };
        Self { before: change_mask(libc::SIG_SETMASK, &all) }
    }

    /// From now on but those with which a terminal stops its jobs: a child that stops has its parent stop beside it.
    pub(super) fn let_stops_through(&mut self) {
        let mut stops = no_signals();
        for signal in [libc::SIGTSTP, libc::SIGTTIN, libc::SIGTTOU] {
            // SAFETY: asks about a number in range in a set that was initialised.
            if unsafe { libc::sigismember(&raw const self.before, signal) } == 0 {
                // SAFETY: adds a number in range to a set that was initialised.
                unsafe { libc::sigaddset(&raw mut stops, signal) };
            }
        }
        change_mask(libc::SIG_UNBLOCK, &stops);
    }
}

impl Drop for AllBlocked {
    fn drop(&mut self) {
        change_mask(libc::SIG_SETMASK, &self.before);
    }
}

/// What happens on `signal`; `None` for a number that is none.
fn action(signal: i32) -> Option<libc::sigaction> {
    let mut action = MaybeUninit::<libc::sigaction>::uninit();
    // SAFETY: a null new action only asks; `action` is valid for writes of one sigaction.
    let answer = unsafe { libc::sigaction(signal, std::ptr::null(), action.as_mut_ptr()) };
    // SAFETY: sigaction answered 0, so it wrote the whole struct.
    (answer == 0).then(|| unsafe { action.assume_init() })
}

fn no_signals() -> libc::sigset_t {
    let mut set = MaybeUninit::<libc::sigset_t>::zeroed();
    // SAFETY: valid for writes of one sigset_t.
    unsafe { libc::sigemptyset(set.as_mut_ptr()) };
    // SAFETY: sigemptyset initialised all of it.
    unsafe { set.assume_init() }
}

/// Changes this thread's mask; answers the one before.
fn change_mask(how: i32, set: &libc::sigset_t) -> libc::sigset_t {
    let mut before = *set;
    // SAFETY: both sets are valid and `how` is one of the three operations, so it cannot fail.
    unsafe { libc::pthread_sigmask(how, set, &raw mut before) };
    before
}

/// Sends `signal` to the process `pid`.
///
/// # Errors
/// `NotFound` when there is none; the kernel's others.
pub(super) fn send(pid: u32, signal: i32) -> io::Result<()> {
    let pid = i32::try_from(pid).map_err(|_| io::ErrorKind::NotFound)?;
    // SAFETY: kill takes two numbers and no memory.
    match unsafe { libc::kill(pid, signal) } {
        0 => Ok(()),
        _ => match io::Error::last_os_error() {
            error if error.raw_os_error() == Some(libc::ESRCH) => Err(io::ErrorKind::NotFound.into()),
            error => Err(error),
        },
    }
}
