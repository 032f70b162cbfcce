//! [`interruptible`]: a wait of the calling thread that a signal may end.
//!
//! A program that handles signals at places of its own choice (an interpreter, an event loop) has to get its thread
//! back when one came, and loses nothing by that: the wait ends as if its deadline had passed, in order. It keeps
//! [`Deadline::NEVER`](crosstie_core::Deadline::NEVER) meanwhile, and so its part in the search for deadlocks, which
//! many short waits one after the other would not have.

use std::cell::Cell;

use crosstie_core::Deadline;

use super::clock;

/// How often a wait asks without a signal: 100 ms. A signal that came between the last look and the sleep, or that
/// another thread got, interrupts no sleep.
pub const TICK_NS: u64 = 100_000_000;

/// Why a wait asks whether it should end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// A signal interrupted the sleep.
    Signal,
    /// A while went by.
    Tick,
}

/// Asked whether the wait should end.
pub type ShouldEnd = fn(Cause) -> bool;

thread_local! {
    static ASKED: Cell<Option<ShouldEnd>> = const { Cell::new(None) };
    static IS_ENDED: Cell<bool> = const { Cell::new(false) };
}

/// Calls `wait`, and lets `should_end` end the sleeps inside; answers also whether it did.
///
/// A wait for a lock, a semaphore, a condition or the like that was ended answers as if its deadline had passed. Where it
/// was served all the same, nothing is lost: look at what it answers first. A wait for the reply to a call looks at each [tick](TICK_NS), and the call goes on; waits for
/// messages are not concerned.
///
/// # Examples
/// ```
/// use crosstie::os::interruption::interruptible;
/// use crosstie::sync::Mutex;
/// # // Not in the user's own domain.
/// # let folder = tempfile::tempdir().unwrap();
/// # unsafe { std::env::set_var("CROSSTIE_DOMAIN", folder.path().join("d")) };
/// let (seven, was_ended) = interruptible(|_| true, || *Mutex::new(7).lock().unwrap());
/// assert_eq!((seven, was_ended), (7, false));
/// ```
pub fn interruptible<R>(should_end: ShouldEnd, wait: impl FnOnce() -> R) -> (R, bool) {
    let _restored = Restored { asked: ASKED.replace(Some(should_end)), is_ended: IS_ENDED.replace(false) };
    let answer = wait();
    (answer, has_ended())
}

/// Whether the calling thread's wait may be ended.
pub(crate) fn is_asked() -> bool {
    ASKED.get().is_some()
}

/// Asks whether the calling thread's wait should end.
pub(crate) fn should_end(cause: Cause) -> bool {
    let ends = ASKED.get().is_some_and(|asked| asked(cause));
    if ends {
        IS_ENDED.set(true);
    }
    ends
}

/// Whether a sleep of the calling thread's wait was ended.
pub(crate) fn has_ended() -> bool {
    IS_ENDED.get()
}

/// Until when the calling thread's wait sleeps before it asks again: `deadline`, where it may not be ended.
pub(crate) fn next_look(deadline: Deadline) -> Deadline {
    if !is_asked() || deadline.is_now() {
        return deadline;
    }
    Deadline::at_ns(clock::now_ns()).after_ns(TICK_NS).min(deadline)
}

/// Puts back what was there before, also in a panic.
struct Restored {
    asked: Option<ShouldEnd>,
    is_ended: bool,
}

impl Drop for Restored {
    fn drop(&mut self) {
        ASKED.set(self.asked);
        IS_ENDED.set(self.is_ended);
    }
}
