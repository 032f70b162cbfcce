//! Starting a child that has one end of a pipe or of a connection.
//!
//! The child finds the descriptor's number in the environment, as [`DESCRIPTOR_VARIABLE`]: it opens
//! the address `fd:N` with that number, or takes [`descriptor`]'s ends. Nothing
//! else of ours stays open in it.

use std::os::fd::{AsRawFd, OwnedFd};
use std::process::{Child, Command};

use super::pipe::{self, PipeReceiver, PipeSender};
use super::unix::UnixConnection;
use super::{Options, descriptor};
use crate::error::{Error, Result};
use crate::os::spawn::with_descriptor;
use crate::os::unix::{self, UnixKind};

/// Where the child finds the number of its descriptor: `CROSSTIE_FD`.
pub const DESCRIPTOR_VARIABLE: &str = "CROSSTIE_FD";

/// Starts `command` with the sending end of a new pipe; answers the receiving end.
///
/// # Errors
/// `NotFound` when there is no such program, `NotPermitted`; when no descriptor is left.
///
/// # Examples
/// ```
/// use std::process::Command;
/// use crosstie::Deadline;
/// use crosstie::contract::{ReceiveMessages, RecvError};
/// use crosstie::transport::{Options, spawn};
///
/// // A child that writes the framing by hand: preamble, one message, end mark.
/// let mut shell = Command::new("sh");
/// shell.args(["-c", r#"printf '\307TIEs\001\000\000\002\000\000\000hi\377\377\377\377' >&$CROSSTIE_FD"#]);
/// let (mut child, mut rx) = spawn::with_sender(shell, &Options::default())?;
/// assert_eq!(rx.recv(Deadline::NEVER)?.payload, b"hi");
/// assert!(matches!(rx.recv(Deadline::NEVER), Err(RecvError::Closed)));
/// assert!(child.wait()?.success());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn with_sender(command: Command, options: &Options) -> Result<(Child, PipeReceiver)> {
    let (reader, writer) = pipe::descriptors()?;
    let receiver = descriptor::receiver(reader, options)?;
    Ok((start(command, writer)?, receiver))
}

/// Starts `command` with the receiving end of a new pipe; answers the sending end.
///
/// # Errors
/// As [`with_sender`].
pub fn with_receiver(command: Command, options: &Options) -> Result<(Child, PipeSender)> {
    let (reader, writer) = pipe::descriptors()?;
    let sender = descriptor::sender(writer, options)?;
    Ok((start(command, reader)?, sender))
}

/// Starts `command` with one end of a two-way connection, which it opens with
/// [`descriptor::connection`]; answers the other end.
///
/// # Errors
/// As [`with_sender`].
pub fn with_connection(command: Command, options: &Options) -> Result<(Child, UnixConnection)> {
    let (ours, childs) =
        unix::pair(UnixKind::Stream).map_err(|error| Error::os("create", "socket pair", error))?;
    let connection = descriptor::connection(ours, options)?;
    Ok((start(command, childs)?, connection))
}

fn start(mut command: Command, fd: OwnedFd) -> Result<Child> {
    command.env(DESCRIPTOR_VARIABLE, fd.as_raw_fd().to_string());
    let program = command.get_program().to_string_lossy().into_owned();
    with_descriptor(command, fd).map_err(|error| Error::os("start", program, error))
}
