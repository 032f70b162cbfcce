//! Deadlines: instants of the monotonic clock, in nanoseconds.

use std::time::Duration;

use crosstie::Deadline;
use crosstie::os::clock;

/// A deadline that is over: a function tries once and never waits; it answers `CROSSTIE_E_BUSY`.
pub const CROSSTIE_TRY: u64 = 0;

/// A deadline that never comes.
pub const CROSSTIE_WAIT_FOREVER: u64 = u64::MAX;

/// What C says as a deadline.
#[inline]
pub(crate) fn deadline(deadline_ns: u64) -> Deadline {
    Deadline::at_ns(deadline_ns)
}

/// Now, as deadlines count: nanoseconds of CLOCK_MONOTONIC.
///
/// Thread-safe, async-signal-safe, as before a fork after it. Never blocks. Nothing is to be freed.
#[unsafe(no_mangle)]
#[expect(unsafe_code, reason = "C finds it by its name")]
pub extern "C" fn crosstie_now_ns() -> u64 {
    clock::now_ns()
}

/// The deadline that comes in `ns` nanoseconds: `crosstie_in_ns(5000000000)` is five seconds from now.
///
/// Thread-safe, async-signal-safe, as before a fork after it. Never blocks. Nothing is to be freed.
#[unsafe(no_mangle)]
#[expect(unsafe_code, reason = "C finds it by its name")]
pub extern "C" fn crosstie_in_ns(ns: u64) -> u64 {
    clock::deadline_in(Duration::from_nanos(ns)).as_ns()
}
