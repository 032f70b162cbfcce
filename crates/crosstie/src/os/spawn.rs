//! Child processes that inherit one descriptor and nothing else.
#![expect(unsafe_code, reason = "what happens between fork and exec is unsafe to say")]

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::process::{Child, Command};

/// Starts `command` with `fd` open in it under the number that it has here; this process' own is
/// closed. Whatever else is close-on-exec stays so.
///
/// # Errors
/// Those of [`Command::spawn`].
pub fn with_descriptor(mut command: Command, fd: OwnedFd) -> io::Result<Child> {
    let number = fd.as_raw_fd();
    let keep_open = move || {
        // SAFETY: async-signal-safe, passes no memory; `number` is open until `fd` is dropped below.
        let answer = unsafe { libc::fcntl(number, libc::F_SETFD, 0) };
        if answer == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
    };
    // SAFETY: the closure makes one async-signal-safe call and allocates nothing.
    unsafe { std::os::unix::process::CommandExt::pre_exec(&mut command, keep_open) };
    // `command` ends here, so that it cannot start a second child with a number that is not ours.
    let child = command.spawn();
    drop(fd);
    child
}
