//! `membarrier(GLOBAL_EXPEDITED)`: who is about to sleep pays for the fence that senders leave out.
//!
//! A sender that checks "does anybody sleep" after each commit needs a full fence between the two,
//! on every message. Instead the sleeper announces itself and lets the kernel fence every running
//! thread of every registered process; senders keep a compiler fence (HAZARDS H17).

use crosstie_core::atomic::{AtomicU32, Ordering};
use rustix::thread::{MembarrierCommand, membarrier};

const UNKNOWN: u32 = 0;
const REGISTERED: u32 = 1;
const REFUSED: u32 = 2;
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
