//! A child that ends with the process that started it.
#![expect(unsafe_code, reason = "what happens between fork and exec is unsafe to say")]

use std::io;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

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
        // Nothing is allocated: another thread of the parent may have had the allocator's lock.
        Err(io::ErrorKind::NotFound.into())
    }
}

/// Has the kernel kill what `command` starts when the thread that starts it ends, whatever ends that.
pub fn bind_to_this_thread(command: &mut Command) {
    let parent = std::process::id();
    // SAFETY: the closure makes two async-signal-safe system calls and allocates nothing.
    unsafe { command.pre_exec(move || end_with_parent(parent)) };
}
