//! From an address to the two directions of a conversation, as the client has them.

use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use super::super::frame::{HEAD_BYTES_MAX, Head};
use crate::Deadline;
use crate::contract::{RecvError, SendError};
use crate::endpoint::{Address, Options, Place, Receiver, Sender, connect};
use crate::error::{Error, ErrorKind, Result};
use crate::os::random;

/// Both directions of a conversation, and its name.
pub(super) struct Line {
    pub(super) sender: Sender<[u8]>,
    pub(super) receiver: Receiver<[u8]>,
    pub(super) token: u64,
    /// Nothing of another conversation can come.
    pub(super) is_alone: bool,
    /// Where the receiver cannot show that the server has gone: what does.
    pub(super) lifeline: Option<OwnedFd>,
    /// A file of this conversation's own.
    pub(super) file: Option<ReplyFile>,
}

/// The FIFO of one client's replies; removed on drop.
#[derive(Debug)]
pub(super) struct ReplyFile {
    path: PathBuf,
    owner_pid: u32,
}

impl Drop for ReplyFile {
    fn drop(&mut self) {
        // In a child of fork the parent goes on with it (H6).
        if self.owner_pid == std::process::id() {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// Where the replies of the conversation `token` go that began at the FIFO `path`.
pub(in crate::call) fn reply_fifo(path: &Path, token: u64) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{token:016x}"));
    name.into()
}

/// The rings of the calls and of the replies, of the address `ring:NAME`.
pub(in crate::call) fn rings(address: &Address, name: &str) -> [Address; 2] {
    ["calls", "replies"].map(|way| address.at(Place::Ring(format!("{name}.{way}"))))
}

/// Connects to the server at `address`, and says hello.
///
/// # Errors
/// As [`connect`]; [`ErrorKind::Usage`] for an address with one direction.
pub(super) fn open(address: &Address, options: &Options) -> Result<Line> {
    let token = random::word().map_err(|error| Error::os("open", address.to_string(), error))?;
    let (sender, receiver, lifeline, file) = match address.place() {
        Place::Ring(name) => {
            let [calls, replies] = rings(address, name);
            let sender = Sender::open_at(&calls, options)?;
            // A message above a ring's limit would stay in it; a reply is no longer than its ring.
            let any = Options { message_bytes_max: usize::MAX, ..options.clone() };
            let mut receiver = Receiver::open_at(&replies.clone().without_limit(), &any)?;
            forget_old_replies(&mut receiver);
            (sender, receiver, None, None)
        }
        Place::Fifo(path) => {
            let replies = reply_fifo(path, token);
            let receiver = Receiver::open_at(&address.at(Place::Fifo(replies.clone())), options)?;
            let file = ReplyFile { path: replies, owner_pid: std::process::id() };
            let sender: Sender<[u8]> = Sender::open_at(address, options)?;
            let lifeline = sender.as_fd().map(|fd| fd.try_clone_to_owned()).transpose();
            let lifeline = lifeline.map_err(|error| Error::os("open", address.to_string(), error))?;
            (sender, receiver, lifeline, Some(file))
        }
        Place::Unix(_) | Place::UnixPacket(_) | Place::Tcp(_) | Place::Descriptor(_) => {
            let (sender, receiver) = connect(&address.to_string(), options)?;
            (sender, receiver, None, None)
        }
        _ => return Err(one_way("open", address)),
    };
    let is_alone = !matches!(address.place(), Place::Ring(_) | Place::Fifo(_));
    let mut line = Line { sender, receiver, token, is_alone, lifeline, file };
    let hello = Head::Hello(token);
    let head = &mut [0; HEAD_BYTES_MAX];
    match line.sender.send_parts(hello.write(head), hello.own_body(), options.open_deadline) {
        // A server that went away just now is told with the first call.
        Ok(()) | Err(SendError::Closed | SendError::PeerDied) => Ok(line),
        Err(SendError::Failed(error)) => Err(error),
        Err(error) => Err(Error::new("open", address.to_string(), error.kind())),
    }
}

/// Throws away what a server sent to an earlier client, and how it ended.
fn forget_old_replies(receiver: &mut Receiver<[u8]>) {
    // As many as a ring can hold: a server that goes on writing meanwhile is heard later.
    for _ in 0..1 << 20 {
        if let Err(RecvError::Empty | RecvError::Failed(_)) =
            receiver.recv_bytes_until(Deadline::NOW).map(|_| ())
        {
            return;
        }
    }
}

/// Why no calls go over `address`.
pub(in crate::call) fn one_way(operation: &'static str, address: &Address) -> Error {
    Error::new(operation, address.to_string(), ErrorKind::Usage)
        .because(format!("calls need both directions, and {} has one", address.mechanism()))
        .advise("take unix:, unixpacket:, tcp:, fifo:, ring: or fd:")
}
