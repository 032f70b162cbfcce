//! A child that ends with the process that started it.

use std::io;

use rustix::process::{Signal, getppid, set_parent_process_death_signal};

/// Has the kernel kill the calling process when the thread that started it ends.
///
/// `parent` is the pid of the process that started it: if that one is gone already, the signal
/// would never come, and the answer is an error of kind `NotFound`.
///
/// # Errors
/// The parent is gone, or the kernel refuses.
pub fn end_with_parent(parent: u32) -> io::Result<()> {
    set_parent_process_death_signal(Some(Signal::KILL))?;
    let now = getppid().map(|pid| pid.as_raw_nonzero().get());
    if now.and_then(|pid| u32::try_from(pid).ok()) == Some(parent) {
        Ok(())
    } else {
        Err(io::Error::new(io::ErrorKind::NotFound, "the parent has ended"))
    }
}
