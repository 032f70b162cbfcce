//! When a thread sleeps, as the kernel says.

use std::fs;
use std::time::Duration;

use crosstie::os::clock;
use crosstie::{Error, ErrorKind, Result};

/// A thread that is awake for so long will not sleep: 5 s.
const PATIENCE: Duration = Duration::from_secs(5);
/// So many looks in a row find a thread asleep that sleeps for longer than a page fault.
const LOOKS: u32 = 3;

/// Waits until thread `tid` of process `pid` sleeps.
///
/// # Errors
/// `TimedOut`: it does not; `NotFound`: it is gone.
pub fn wait_until_asleep(pid: u32, tid: u32) -> Result<()> {
    let path = format!("/proc/{pid}/task/{tid}/stat");
    let deadline = clock::deadline_in(PATIENCE);
    let mut found = 0;
    while found < LOOKS {
        let text = fs::read_to_string(&path).map_err(|error| Error::os("look at", path.clone(), error))?;
        // "4711 (a name) S …"
        let is_asleep = text.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('S'));
        found = if is_asleep { found + 1 } else { 0 };
        if deadline.is_over(clock::now_ns()) {
            return Err(Error::new("wait for the sleep of", format!("thread {tid}"), ErrorKind::TimedOut));
        }
        std::thread::yield_now();
    }
    Ok(())
}
