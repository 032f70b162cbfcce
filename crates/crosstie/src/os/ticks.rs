//! Ticks: a descriptor that polls readable again and again, for what no other descriptor tells.

use std::io;
use std::os::fd::OwnedFd;

use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
};

/// A descriptor that polls readable each `ns` nanoseconds, below a second; [`super::doorbell::empty`] takes that out.
///
/// # Errors
/// The kernel's: no descriptor left.
///
/// # Examples
/// ```
/// use crosstie::Deadline;
/// use crosstie::os::poll::{self, Interest};
/// use crosstie::os::ticks;
/// use std::os::fd::AsFd;
/// let ticks = ticks::every(1_000_000)?;
/// assert!(poll::wait(ticks.as_fd(), Interest::Readable, Deadline::NEVER)?);
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn every(ns: u32) -> io::Result<OwnedFd> {
    let ticks = timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK)?;
    let period = Timespec { tv_sec: 0, tv_nsec: i64::from(ns.min(999_999_999)) };
    timerfd_settime(
        &ticks,
        TimerfdTimerFlags::empty(),
        &Itimerspec { it_interval: period, it_value: period },
    )?;
    Ok(ticks)
}
