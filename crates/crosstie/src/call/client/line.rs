//! From an address to the two directions of a conversation, as the client has them.

use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::super::board::{self, Board, ClientPlace};
use super::super::frame::{HEAD_BYTES_MAX, Head, PREFIX_BYTES};
use super::outgoing::{CallQueue, Outgoing};
use crate::Deadline;
use crate::channel::queue::{FullPolicy, QueueOptions, QueueReceiver, QueueSender, Receivers};
use crate::contract::{RecvError, SendError};
use crate::endpoint::{Address, Options, Place, Receiver, Sender, Senders, connect};
use crate::error::{Error, ErrorKind, Result};
use crate::ledger::Domain;
use crate::os::random;

/// More than any call is delivered: who takes one once too often says so to its caller, instead of nobody.
const DELIVERIES_MAX: u8 = 200;

/// Both directions of a conversation, and its name.
pub(super) struct Line {
    pub(super) sender: Outgoing,
    /// `None` where replies come through a queue.
    pub(super) receiver: Option<Receiver<[u8]>>,
    pub(super) queue: Option<Box<ReplyQueue>>,
    pub(super) token: u64,
    /// Nothing of another conversation can come.
    pub(super) is_alone: bool,
    /// Where the receiver cannot show that the server has gone: what does.
    pub(super) lifeline: Option<OwnedFd>,
    /// A file of this conversation's own.
    pub(super) file: Option<ReplyFile>,
}

/// The queue of one client's replies, and who answers; removed on drop.
pub(super) struct ReplyQueue {
    pub(super) replies: QueueReceiver,
    pub(super) servers: Arc<Receivers>,
    _files: QueueFiles,
}

/// Removes a client's board and queue on drop.
struct QueueFiles {
    board: Arc<Board>,
    owner_pid: u32,
}

impl Drop for QueueFiles {
    fn drop(&mut self) {
        // In a child of fork the parent goes on with them (H6).
        if self.owner_pid == std::process::id() {
            self.board.leave();
            Board::remove(self.board.domain(), self.board.place());
        }
    }
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
///
/// # Errors
/// [`ErrorKind::Usage`] where senders shall take turns: a call has to find who is there to take its reply.
pub(in crate::call) fn rings(address: &Address, name: &str, options: &Options) -> Result<[Address; 2]> {
    if address.senders(options) == Senders::Turns {
        return Err(Error::new("open", address.to_string(), ErrorKind::Usage)
            .because("the callers of a ring take no turns: it has one client at a time")
            .advise("for many clients take queue:NAME"));
    }
    Ok(["calls", "replies"].map(|way| address.at(Place::Ring(format!("{name}.{way}")))))
}

/// Connects to the server at `address`, and says hello.
///
/// # Errors
/// As [`connect`]; [`ErrorKind::Usage`] for an address with one direction.
pub(super) fn open(address: &Address, options: &Options) -> Result<Line> {
    let token = random::word().map_err(|error| Error::os("open", address.to_string(), error))?;
    if let Place::Queue(name) = address.place() {
        return through_queue(address, name, options, token);
    }
    let (mut sender, receiver, lifeline, file) = match address.place() {
        Place::Ring(name) => {
            let [calls, replies] = rings(address, name, options)?;
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
    let hello = Head::Hello(token);
    let head = &mut [0; HEAD_BYTES_MAX];
    match sender.send_parts(hello.write(head), hello.own_body(), options.open_deadline) {
        // A server that went away just now is told with the first call.
        Ok(()) | Err(SendError::Closed | SendError::PeerDied) => {
            let (sender, receiver) = (Outgoing::Line(sender), Some(receiver));
            Ok(Line { sender, receiver, queue: None, token, is_alone, lifeline, file })
        }
        Err(SendError::Failed(error)) => Err(error),
        Err(error) => Err(Error::new("open", address.to_string(), error.kind())),
    }
}

/// A board and a queue for the replies, both named by `token`, and an end of the queue of calls.
fn through_queue(address: &Address, name: &str, options: &Options, token: u64) -> Result<Line> {
    let (domain, ends) = queue_of_calls(address, options)?;
    board::sweep(domain, name);
    let place = ClientPlace { name: name.to_owned(), token };
    let board = Arc::new(Board::create(domain, place.clone())?);
    let files = QueueFiles { board: Arc::clone(&board), owner_pid: std::process::id() };
    // A message above a limit would stay there; a reply is no longer than its queue.
    let any = QueueOptions { message_bytes_max: usize::MAX, places: None, ..ends.clone() };
    let replies = QueueReceiver::open(domain, &place.replies(), &any)?.follow();
    let sender = QueueSender::open(domain, &board::calls_queue(name), &ends)?;
    let calls = CallQueue::new(sender, board);
    let queue = ReplyQueue { replies, servers: Arc::clone(calls.servers()), _files: files };
    let sender = Outgoing::Queue(Box::new(calls));
    let (queue, receiver) = (Some(Box::new(queue)), None);
    Ok(Line { sender, receiver, queue, token, is_alone: true, lifeline: None, file: None })
}

/// The domain of the calls to a queue, and how the queue of calls is opened.
///
/// # Errors
/// [`ErrorKind::Usage`] for what the queue of calls decides itself.
pub(in crate::call) fn queue_of_calls(
    address: &Address,
    options: &Options,
) -> Result<(&'static Domain, QueueOptions)> {
    let (domain, ends) = address.queue_options(options)?;
    if ends.deliveries_max.is_some() || ends.lease.is_some() {
        return Err(Error::new("open", address.to_string(), ErrorKind::Usage)
            .because("a call has no lease, and goes to one server, or to three if it is idempotent")
            .advise("leave deliveries and lease out; a call has a deadline"));
    }
    // The limit is one on frames, as everywhere.
    let message_bytes_max = ends.message_bytes_max.saturating_add(PREFIX_BYTES);
    let (deliveries_max, full) = (Some(DELIVERIES_MAX), FullPolicy::Block);
    let ends = QueueOptions { deliveries_max, full, message_bytes_max, ..ends };
    Ok((domain, ends))
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
        .advise("take unix:, unixpacket:, tcp:, fifo:, queue:, ring: or fd:")
}
