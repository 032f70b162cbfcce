//! The one place that reads a clock.

use std::time::Duration;

use crosstie_core::Deadline;
use rustix::param::clock_ticks_per_second;
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

/// How long ago something began that the kernel dates in ticks since the boot, as it does processes.
#[must_use]
pub fn since_ticks(start_ticks: u64) -> Duration {
    let began_ns = u128::from(start_ticks) * 1_000_000_000 / u128::from(clock_ticks_per_second().max(1));
    let now_ns = to_ns(clock_gettime(ClockId::Boottime));
    Duration::from_nanos(now_ns.saturating_sub(u64::try_from(began_ns).unwrap_or(u64::MAX)))
}

/// A span of time for people, in at most two units.
///
/// # Examples
/// ```
/// use crosstie::os::clock::in_words;
/// use std::time::Duration;
/// assert_eq!(in_words(Duration::from_micros(1_234)), "1.2 ms");
/// assert_eq!(in_words(Duration::from_millis(2_060)), "2.1 s");
/// assert_eq!(in_words(Duration::from_secs(192)), "3m12s");
/// assert_eq!(in_words(Duration::from_secs(7_500)), "2h05m");
/// assert_eq!(in_words(Duration::from_secs(273_600)), "3d04h");
/// ```
#[must_use]
pub fn in_words(span: Duration) -> String {
    let seconds = span.as_secs();
    match seconds {
        0 if span < Duration::from_millis(1) => format!("{} µs", span.as_micros()),
        0 => format!("{:.1} ms", span.as_secs_f64() * 1e3),
        1..60 => format!("{:.1} s", span.as_secs_f64()),
        60..3_600 => format!("{}m{:02}s", seconds / 60, seconds % 60),
        3_600..86_400 => format!("{}h{:02}m", seconds / 3_600, seconds / 60 % 60),
        _ => format!("{}d{:02}h", seconds / 86_400, seconds / 3_600 % 24),
    }
}

/// Whether `deadline` has passed; reads the clock only where it must.
#[must_use]
pub fn is_over(deadline: Deadline) -> bool {
    !deadline.is_never() && deadline.is_over(now_ns())
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
