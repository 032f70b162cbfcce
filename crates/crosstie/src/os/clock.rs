//! The one place that reads a clock.

use std::time::Duration;

use crosstie_core::Deadline;
use rustix::time::{ClockId, Timespec, clock_gettime};

/// Nanoseconds of `CLOCK_MONOTONIC` now; all processes of one boot and time namespace agree on it.
///
/// # Cost
/// No system call (vDSO), about 20 ns.
///
/// # Examples
/// ```
/// use crosstie::os::clock::now_ns;
/// let before = now_ns();
/// assert!(now_ns() >= before);
/// ```
#[must_use]
pub fn now_ns() -> u64 {
    to_ns(clock_gettime(ClockId::Monotonic))
}

/// Nanoseconds of the wall clock since 1970, for people to read; it may jump.
#[must_use]
pub fn wall_ns() -> u64 {
    to_ns(clock_gettime(ClockId::Realtime))
}

/// The deadline that lies `timeout` from now; saturates at [`Deadline::NEVER`].
///
/// # Examples
/// ```
/// use crosstie::os::clock::{deadline_in, now_ns};
/// use std::time::Duration;
/// assert!(!deadline_in(Duration::from_secs(60)).is_over(now_ns()));
/// assert!(deadline_in(Duration::MAX).is_never());
/// ```
#[must_use]
pub fn deadline_in(timeout: Duration) -> Deadline {
    let ns = u64::try_from(timeout.as_nanos()).unwrap_or(u64::MAX);
    Deadline::at_ns(now_ns()).after_ns(ns)
}

/// A deadline as the kernel takes it: absolute, or `None` for never.
pub(crate) fn timespec(deadline: Deadline) -> Option<Timespec> {
    let ns = deadline.as_ns();
    (!deadline.is_never()).then(|| Timespec {
        tv_sec: i64::try_from(ns / 1_000_000_000).unwrap_or(i64::MAX),
        tv_nsec: i64::try_from(ns % 1_000_000_000).unwrap_or(0),
    })
}

fn to_ns(time: Timespec) -> u64 {
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    let rest = u64::try_from(time.tv_nsec).unwrap_or(0);
    seconds.saturating_mul(1_000_000_000).saturating_add(rest)
}
