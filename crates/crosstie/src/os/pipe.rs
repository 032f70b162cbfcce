//! Pipes: one direction, between processes that share descriptors.

use std::io;
use std::os::fd::{AsFd, OwnedFd};

use rustix::pipe::PipeFlags;

/// A new pipe as (reading end, writing end), both close-on-exec.
///
/// # Errors
/// When the process or the system has no descriptor left.
pub fn pair() -> io::Result<(OwnedFd, OwnedFd)> {
    Ok(rustix::pipe::pipe_with(PipeFlags::CLOEXEC)?)
}

/// Asks for room for `bytes` in the pipe; answers how many it has now.
///
/// A user's limit (`/proc/sys/fs/pipe-max-size`, `pipe-user-pages-soft`) may refuse; the pipe then
/// keeps the room that it has.
///
/// # Errors
/// When it is no pipe.
pub fn enlarge(pipe: impl AsFd, bytes: usize) -> io::Result<usize> {
    match rustix::pipe::fcntl_setpipe_size(&pipe, bytes) {
        Ok(bytes) => Ok(bytes),
        Err(_) => Ok(rustix::pipe::fcntl_getpipe_size(&pipe)?),
    }
}
