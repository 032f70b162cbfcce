//! Signals that are passed on to a child.
#![expect(unsafe_code, reason = "installs a signal handler")]

use std::io;
use std::mem::MaybeUninit;
use std::ptr;

use crosstie_core::atomic::{AtomicU32, Ordering};

use super::signal_state::{self, SignalState};

/// To whom; 0 = nobody yet.
static CHILD: AtomicU32 = AtomicU32::new(0);

/// What a person or a supervisor sends to a command that stands for another.
const PASSED_ON: [i32; 9] = [
    libc::SIGINT,
    libc::SIGTERM,
    libc::SIGHUP,
    libc::SIGQUIT,
    libc::SIGUSR1,
    libc::SIGUSR2,
    libc::SIGALRM,
    libc::SIGWINCH,
    libc::SIGCONT,
];

/// From now on, signals that are sent to this process do not end it: they go to the child that [`to`]
/// names. Those that the terminal sends go to the child from there already. What was ignored stays so.
///
/// # Errors
/// The kernel's.
pub fn begin(found: &SignalState) -> io::Result<()> {
    for signal in PASSED_ON.into_iter().filter(|&signal| !found.ignores(signal)) {
        let mut action = MaybeUninit::<libc::sigaction>::zeroed();
        let place = action.as_mut_ptr();
        // SAFETY: `place` is writable memory for one sigaction, zeroed: no flags, an empty mask.
        unsafe { (*place).sa_sigaction = pass_on as *const () as usize };
        // SAFETY: `place` is writable memory for one sigaction, as above; only its flags are written.
        unsafe { (*place).sa_flags = libc::SA_SIGINFO | libc::SA_RESTART };
        // SAFETY: the handler only loads an atomic and calls kill(2), both allowed in a handler.
        if unsafe { libc::sigaction(signal, place, ptr::null_mut()) } == -1 {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(())
}

/// Passes signals on to the process `pid`; 0 = to nobody any more.
pub fn to(pid: u32) {
    // Relaxed: a number that guards no other memory.
    CHILD.store(pid, Ordering::Relaxed);
}

extern "C" fn pass_on(signal: i32, info: *mut libc::siginfo_t, _context: *mut libc::c_void) {
    // SAFETY: the kernel passes a valid siginfo to a handler with SA_SIGINFO.
    let was_sent = unsafe { (*info).si_code } <= 0;
    // Relaxed: as in `to`.
    let child = CHILD.load(Ordering::Relaxed);
    if was_sent && child != 0 {
        // A child that has ended needs no signal.
        let _ = signal_state::send(child, signal);
    }
}
