//! [`Alarm`]: a descriptor that polls readable from a deadline on.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use crosstie_core::Deadline;
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
};

/// Polls readable from the deadline on that it was set for last.
///
/// # Examples
/// ```
/// use crosstie::Deadline;
/// use crosstie::os::alarm::Alarm;
/// use crosstie::os::clock;
/// use crosstie::os::poll::{self, Interest};
/// use std::os::fd::AsFd;
/// let alarm = Alarm::new()?;
/// alarm.set(Deadline::at_ns(clock::now_ns()).after_ns(1_000_000))?;
/// assert!(poll::wait(alarm.as_fd(), Interest::Readable, Deadline::NEVER)?);
/// alarm.set(Deadline::NEVER)?;
/// assert!(!poll::wait(alarm.as_fd(), Interest::Readable, Deadline::NOW)?);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Alarm {
    fd: OwnedFd,
}

impl Alarm {
    /// One that is not set.
    ///
    /// # Errors
    /// The kernel's: no descriptor left.
    pub fn new() -> io::Result<Self> {
        let flags = TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK;
        Ok(Self { fd: timerfd_create(TimerfdClockId::Monotonic, flags)? })
    }

    /// Sets it for `deadline`, instead of what it was set for; [`Deadline::NEVER`] silences it.
    ///
    /// # Errors
    /// The kernel's; none that a valid descriptor has.
    pub fn set(&self, deadline: Deadline) -> io::Result<()> {
        let nothing = Timespec { tv_sec: 0, tv_nsec: 0 };
        let at = if deadline.is_never() {
            nothing
        } else {
            // All zeros would silence it: what is due at once is due since the first nanosecond.
            let ns = deadline.as_ns().max(1);
            Timespec {
                tv_sec: i64::try_from(ns / 1_000_000_000).unwrap_or(i64::MAX),
                tv_nsec: (ns % 1_000_000_000).cast_signed(),
            }
        };
        let spec = Itimerspec { it_interval: nothing, it_value: at };
        timerfd_settime(&self.fd, TimerfdTimerFlags::ABSTIME, &spec)?;
        Ok(())
    }
}

impl AsFd for Alarm {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}
