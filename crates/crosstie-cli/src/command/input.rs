//! What a command that is started for one message has as its standard input.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::process::Stdio;

use crosstie::os::memory;

/// A file that has the message before the command starts: whenever this process is killed, its command reads
/// the message to its end, and never a part of it, nor nothing, as if that were all.
pub fn whole(message: &[u8]) -> io::Result<Stdio> {
    if message.is_empty() {
        return Ok(Stdio::null());
    }
    let file = File::from(memory::memfd("message", message.len() as u64)?);
    file.write_all_at(message, 0)?;
    Ok(file.into())
}
