//! What a process has used of the machine.

use rustix::time::{ClockId, clock_gettime};

/// Processor time of the calling process so far, all its threads, user and kernel, in nanoseconds.
///
/// # Examples
/// ```
/// use crosstie::os::usage::processor_time_ns;
/// let before = processor_time_ns();
/// std::hint::black_box((0..1_000_000_u64).sum::<u64>());
/// assert!(processor_time_ns() >= before);
/// ```
#[must_use]
pub fn processor_time_ns() -> u64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    let nanoseconds = u64::try_from(time.tv_nsec).unwrap_or(0);
    seconds.saturating_mul(1_000_000_000).saturating_add(nanoseconds)
}
