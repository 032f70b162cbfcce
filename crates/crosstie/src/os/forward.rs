//! Signals that are passed on to a child, from before there is one.
//!
//! One word says to whom, and what has come while there was nobody: a handler either notes its signal there or finds the
//! child, and who names the child sends it what was noted. So a signal that comes between [`begin`] and the start of the
//! child, in whichever thread, reaches it.
#![expect(unsafe_code, reason = "installs a signal handler")]

use std::io;
use std::mem::MaybeUninit;
use std::ptr;

use crosstie_core::atomic::{AtomicU64, Ordering};

use super::signal_state::{self, SignalState};

/// The low half: to whom; 0 = nobody yet. The high half: a bit for each of [`PASSED_ON`] that came meanwhile.
static STATE: AtomicU64 = AtomicU64::new(0);
const NOTED_SHIFT: u32 = 32;

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
/// names, those that come before it was named too. What was ignored stays so.
///
/// Those that the terminal sends go to a child from there already, so they are passed on only when they come before the
/// child was named; one that was made but not named yet gets such a signal twice.
///
/// # Errors
/// The kernel's.
pub fn begin(found: &SignalState) -> io::Result<()> {
    to(0);
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

/// Passes signals on to the process `pid`, at once those that came since [`begin`]; 0 = to nobody any more.
pub fn to(pid: u32) {
    // Relaxed: one word, that guards no other memory.
    let noted = STATE.swap(u64::from(pid), Ordering::Relaxed) >> NOTED_SHIFT;
    if pid != 0 {
        for (place, signal) in PASSED_ON.into_iter().enumerate() {
            if noted & (1 << place) != 0 {
                // A child that has ended needs no signal.
                let _ = signal_state::send(pid, signal);
            }
        }
    }
}

extern "C" fn pass_on(signal: i32, info: *mut libc::siginfo_t, _context: *mut libc::c_void) {
    // SAFETY: the kernel passes a valid siginfo to a handler with SA_SIGINFO.
    let was_sent = unsafe { (*info).si_code } <= 0;
    let Some(place) = PASSED_ON.iter().position(|&passed_on| passed_on == signal) else { return };
    let note = |state| (child(state) == 0).then_some(state | 1 << place << NOTED_SHIFT);
    // Relaxed: one word, that guards no other memory; who finds no child has left its note in the same step.
    if let Err(state) = STATE.fetch_update(Ordering::Relaxed, Ordering::Relaxed, note)
        && was_sent
    {
        // A child that has ended needs no signal.
        let _ = signal_state::send(child(state), signal);
    }
}

fn child(state: u64) -> u32 {
    // invariant: what is left of it has 32 bits.
    u32::try_from(state & u64::from(u32::MAX)).unwrap_or(0)
}
