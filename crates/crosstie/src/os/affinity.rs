//! Which processors a thread may run on.

use std::io;

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// The processors that the calling thread may run on, ascending.
///
/// # Errors
/// The kernel's answer.
///
/// # Examples
/// ```
/// assert!(!crosstie::os::affinity::allowed_processors()?.is_empty());
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn allowed_processors() -> io::Result<Vec<usize>> {
    let set = sched_getaffinity(None)?;
    Ok((0..CpuSet::MAX_CPU).filter(|&processor| set.is_set(processor)).collect())
}

/// Keeps the calling thread, and the threads that it starts from now on, on one processor.
///
/// # Errors
/// The kernel's answer: a number above what the machine has or what this process may use.
pub fn pin_thread(processor: usize) -> io::Result<()> {
    if processor >= CpuSet::MAX_CPU {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let mut set = CpuSet::new();
    set.set(processor);
    Ok(sched_setaffinity(None, &set)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pinned_thread_may_run_on_that_processor_only() {
        let last = *allowed_processors().unwrap().last().unwrap();
        std::thread::spawn(move || {
            pin_thread(last).unwrap();
            assert_eq!(allowed_processors().unwrap(), [last]);
        })
        .join()
        .unwrap();
        assert!(pin_thread(usize::MAX).is_err());
    }
}
