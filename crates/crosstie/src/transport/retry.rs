//! Trying again until the other side is there.

use crosstie_core::Deadline;

use crate::error::{Error, ErrorKind, Result};
use crate::os::{clock, poll};

const FIRST_PAUSE_NS: u64 = 1_000_000;
const LAST_PAUSE_NS: u64 = 50_000_000;

/// Calls `attempt` until it answers or `deadline` has passed, at most 50 ms apart; `Ok(None)` from
/// it means that nobody is there yet.
///
/// # Errors
/// `TimedOut`, with what `missing` says about it; what `attempt` answers.
pub(crate) fn until_there<T>(
    object: &str,
    missing: &str,
    deadline: Deadline,
    mut attempt: impl FnMut() -> Result<Option<T>>,
) -> Result<T> {
    let mut pause_ns = FIRST_PAUSE_NS;
    loop {
        if let Some(there) = attempt()? {
            return Ok(there);
        }
        if deadline.is_now() || deadline.is_over(clock::now_ns()) {
            return Err(Error::new("open", object, ErrorKind::TimedOut)
                .because(missing)
                .advise("start the receiver, or wait longer"));
        }
        poll::pause(pause_ns, deadline);
        pause_ns = (pause_ns * 2).min(LAST_PAUSE_NS);
    }
}
