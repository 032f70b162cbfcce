//! Signals that are passed on to a child, from before there is one.
//!
//! One word says to whom, and what has come: a handler notes its signal there and finds the child in the same step, or
//! nobody; who names the child sends it what was noted before. So a signal that comes between [`begin`] and the start of
//! the child, in whichever thread, reaches it, and [`end`] tells who stood for the child what came.
#![expect(unsafe_code, reason = "installs a signal handler")]

use std::io;
use std::mem::MaybeUninit;
use std::ptr;

use crosstie_core::atomic::{AtomicU64, Ordering};

use super::signal_state::{self, SignalState};

/// The low half: to whom; 0 = nobody yet. The high half: a bit for each of [`PASSED_ON`] that came since [`begin`].
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

/// Of those, what ends nobody who did not ask for it.
const HARMLESS: [i32; 2] = [libc::SIGWINCH, libc::SIGCONT];

/// From now on, signals that are sent to this process do not end it: they go to the child that [`to`]
/// names, those that come before it was named too. What was ignored stays so.
///
/// Those that the terminal sends go to a child from there already, so they are passed on only when they come before the
/// child was named; one that was made but not named yet gets such a signal twice.
///
/// # Errors
/// The kernel's.
pub fn begin(found: &SignalState) -> io::Result<()> {
    // Relaxed: one word, that guards no other memory.
    STATE.store(0, Ordering::Relaxed);
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
    let name = |state| Some(noted(state) << NOTED_SHIFT | u64::from(pid));
    // Relaxed: one word, that guards no other memory.
    let (Ok(state) | Err(state)) = STATE.fetch_update(Ordering::Relaxed, Ordering::Relaxed, name);
    if pid != 0 {
        for (place, signal) in PASSED_ON.into_iter().enumerate() {
            if noted(state) & (1 << place) != 0 {
                // A child that has ended needs no signal.
                let _ = signal_state::send(pid, signal);
            }
        }
    }
}

/// From now on signals do to this process what they do to any, as before [`begin`]; answers one that came since then and would
/// have ended it.
///
/// # Errors
/// The kernel's.
///
/// # Examples
/// ```
/// use crosstie::os::forward;
/// use crosstie::os::signal_state::SignalState;
/// forward::begin(&SignalState::as_found())?;
/// let mut child = std::process::Command::new("sleep").arg("0").spawn()?;
/// forward::to(child.id());
/// child.wait()?;
/// forward::to(0);
/// assert_eq!(forward::end()?, None, "nobody sent a signal");
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn end() -> io::Result<Option<i32>> {
    for signal in PASSED_ON {
        let mut action = MaybeUninit::<libc::sigaction>::zeroed();
        let place = action.as_mut_ptr();
        // SAFETY: a null new action only asks; `place` is writable memory for one sigaction.
        if unsafe { libc::sigaction(signal, ptr::null(), place) } == -1 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: zeroed above, and a sigaction is valid in any bytes.
        let is_ours = unsafe { action.assume_init() }.sa_sigaction == pass_on as *const () as usize;
        if is_ours {
            // SAFETY: the default runs no code of ours, and the number is a signal's.
            unsafe { libc::signal(signal, libc::SIG_DFL) };
        }
    }
    // Behind that: a signal is noted here, or has ended this process.
    // Relaxed: one word, that guards no other memory.
    let came = noted(STATE.swap(0, Ordering::Relaxed));
    let ends = |(place, signal): &(usize, i32)| came & (1 << place) != 0 && !HARMLESS.contains(signal);
    Ok(PASSED_ON.into_iter().enumerate().find(ends).map(|(_, signal)| signal))
}

extern "C" fn pass_on(signal: i32, info: *mut libc::siginfo_t, _context: *mut libc::c_void) {
    // SAFETY: the kernel passes a valid siginfo to a handler with SA_SIGINFO.
    let was_sent = unsafe { (*info).si_code } <= 0;
    let Some(place) = PASSED_ON.iter().position(|&passed_on| passed_on == signal) else { return };
    // Relaxed: one word, that guards no other memory; who finds no child has left its note in the same step.
    let state = STATE.fetch_or(1 << place << NOTED_SHIFT, Ordering::Relaxed);
    if child(state) != 0 && was_sent {
        // A child that has ended needs no signal.
        let _ = signal_state::send(child(state), signal);
    }
}

fn noted(state: u64) -> u64 {
    state >> NOTED_SHIFT
}

fn child(state: u64) -> u32 {
    // invariant: what is left of it has 32 bits.
    u32::try_from(state & u64::from(u32::MAX)).unwrap_or(0)
}
