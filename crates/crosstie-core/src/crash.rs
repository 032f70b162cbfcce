//! [`crash_point!`](crate::crash_point): the places where a test lets a process die.
//!
//! In a normal build a crash point is nothing. Under the feature `crash-points`, and in a model, it calls a hook
//! that a test installs; the hook counts, and kills its own process (in a model: ends its participant) at the chosen
//! point.

#[cfg(any(feature = "crash-points", crosstie_loom))]
mod hook {
    use core::sync::atomic::{AtomicUsize, Ordering};

    static HOOK: AtomicUsize = AtomicUsize::new(0);

    /// Installs the function that every crash point calls with its name.
    pub fn install(hook: fn(&'static str)) {
        // Release: publishes whatever the hook reads to the thread that meets the point.
        HOOK.store(hook as usize, Ordering::Release);
    }

    /// Called by `crash_point!`.
    #[expect(unsafe_code, reason = "turns the stored address back into the function it was")]
    pub fn reach(name: &'static str) {
        // Acquire: meets the Release in `install`.
        let address = HOOK.load(Ordering::Acquire);
        if address != 0 {
            // SAFETY: only `install` writes HOOK, and it writes a `fn(&'static str)`.
            let hook: fn(&'static str) = unsafe { core::mem::transmute(address) };
            hook(name);
        }
    }
}
#[cfg(any(feature = "crash-points", crosstie_loom))]
pub use hook::{install, reach};

/// Called by `crash_point!`; nothing in a normal build.
#[cfg(not(any(feature = "crash-points", crosstie_loom)))]
#[inline(always)]
pub fn reach(_name: &'static str) {}

/// Marks a place between two shared writes at which a test may kill the process.
///
/// # Examples
/// ```
/// crosstie_core::crash_point!("ring.commit");
/// ```
#[macro_export]
macro_rules! crash_point {
    ($name:literal) => {
        $crate::crash::reach($name);
    };
}
