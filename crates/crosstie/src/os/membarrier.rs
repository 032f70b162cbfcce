//! `membarrier(GLOBAL_EXPEDITED)`: who is about to sleep pays for the fence that senders leave out.
//!
//! A sender that checks "does anybody sleep" after each commit needs a full fence between the two,
//! on every message. Instead the sleeper announces itself and lets the kernel fence every running
//! thread of every registered process; senders keep a compiler fence (HAZARDS H17).

use crosstie_core::atomic::{AtomicU32, Ordering};
use rustix::thread::{MembarrierCommand, membarrier};

use super::process;

const UNKNOWN: u32 = 0;
const REGISTERED: u32 = u32::MAX;
const REFUSED: u32 = u32::MAX - 1;
/// One of the above, or the process of which a thread is about to ask the kernel: a fork child of it has no such thread.
static STATE: AtomicU32 = AtomicU32::new(UNKNOWN);

/// Lets other processes' [`global_expedited`] reach the threads of this one; answers whether the
/// kernel offers it. Where it answers false, senders must fence themselves.
///
/// A fork child stays registered, an exec ends the registration. The kernel is asked once.
pub fn register_global_expedited() -> bool {
    // Relaxed: the kernel's own registration orders; this only saves the second system call.
    match STATE.load(Ordering::Relaxed) {
        REGISTERED => true,
        REFUSED => false,
        _ => {
            let registered = membarrier(MembarrierCommand::RegisterGlobalExpedited).is_ok();
            // Relaxed: as above.
            STATE.store(if registered { REGISTERED } else { REFUSED }, Ordering::Relaxed);
            registered
        }
    }
}

/// As [`register_global_expedited`], of which the caller needs no answer and for which it does not wait.
///
/// The kernel lets a process of several threads wait for all that other processors do just now, up to 20 ms: a thread that ends with it waits in
/// its place. In a process of one thread it is done at once.
pub fn register_soon() {
    // Relaxed: as above.
    let (found, own) = (STATE.load(Ordering::Relaxed), process::pid());
    if found == REGISTERED || found == REFUSED || found == own {
        return;
    }
    if process::process(own).is_ok_and(|process| process.threads == 1) {
        register_global_expedited();
        return;
    }
    // Relaxed, also on failure: of several callers one begins; nothing else depends on it.
    if STATE.compare_exchange(found, own, Ordering::Relaxed, Ordering::Relaxed).is_err() {
        return;
    }
    let register = || {
        register_global_expedited();
    };
    if process::spawn_without_signals("crosstie", register).is_err() {
        // Relaxed: as above; the next caller tries again. Who has asked the kernel in the meantime keeps its answer.
        let _ = STATE.compare_exchange(own, UNKNOWN, Ordering::Relaxed, Ordering::Relaxed);
    }
}

/// Whether [`register_global_expedited`] has answered true in this process, or in one of which it is a fork child.
#[inline(always)]
pub fn is_registered() -> bool {
    // Relaxed: as there.
    STATE.load(Ordering::Relaxed) == REGISTERED
}

/// A full memory barrier on every running thread of every registered process; answers whether it
/// happened.
///
/// # Cost
/// One system call, microseconds: it interrupts other processors.
pub fn global_expedited() -> bool {
    membarrier(MembarrierCommand::GlobalExpedited).is_ok()
}
