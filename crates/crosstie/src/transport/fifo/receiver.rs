//! The receiving end of a FIFO.

use std::io::{self, IoSlice};
use std::ops::Range;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use crosstie_core::Deadline;

use super::super::inbound::refusal;
use super::super::{Options, pipe, socket_file};
use super::assembly::{Assembly, Outcome};
use super::{END, Header};
use crate::contract::{Arrived, ReceiveMessages, RecvError};
use crate::error::{Error, ErrorKind, Result};
use crate::os::byte_stream::ByteStream;
use crate::os::fifo::{self, ATOMIC_WRITE_BYTES};
use crate::os::poll::{self, Interest};

/// Where the message to deliver lies.
enum Place {
    Packet(Range<usize>),
    Assembly,
}

/// The receiving end of a FIFO, for any number of senders.
///
/// The messages end when at least one sender came and none is left: cleanly if all of them said so,
/// else with [`RecvError::PeerDied`]. Receiving again then waits for the next senders.
#[derive(Debug)]
pub struct FifoReceiver {
    stream: ByteStream,
    /// Holds the receiver's place; reads nothing.
    place: OwnedFd,
    path: PathBuf,
    object: String,
    assembly: Assembly,
    packet: Box<[u8]>,
    /// What is left of a packet with several messages.
    batch: Range<usize>,
    sender_pid: Option<u32>,
    sender_id: Option<u64>,
    owner_pid: u32,
}

/// Receives from the FIFO at `path`, which is made (for this user alone) when it is not there.
///
/// # Errors
/// `Busy` when another receiver has it, `AlreadyExists` when the path is something else,
/// `NotPermitted`.
///
/// # Death
/// The kernel keeps what a dead receiver had not read as long as a sender has the FIFO open, and the
/// next receiver goes on there; a message of several packets of which some were read is dropped. A
/// dead sender's unfinished message is dropped.
///
/// # Examples
/// ```
/// use crosstie::Deadline;
/// use crosstie::contract::{ReceiveMessages, SendMessages};
/// use crosstie::transport::{Options, fifo};
///
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("f");
/// let mut rx = fifo::receiver(&path, &Options::default())?;
/// let mut tx = fifo::sender(&path, &Options::default())?;
/// tx.send(b"hello", Deadline::NEVER)?;
/// assert_eq!(rx.recv(Deadline::NEVER)?.payload, b"hello");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn receiver(path: impl AsRef<Path>, options: &Options) -> Result<FifoReceiver> {
    let path = path.as_ref();
    let object = format!("fifo:{}", path.display());
    let fail = |error| open_refusal(error, path, &object);
    fifo::make(path).map_err(fail)?;
    let place = fifo::open_to_read(path).map_err(fail)?;
    if !fifo::take_place(&place).map_err(fail)? {
        return Err(Error::new("open", object, ErrorKind::Busy)
            .because("another process receives from it")
            .advise("end it first, or use another path"));
    }
    // Less room is less speed, nothing else.
    let _ = crate::os::pipe::enlarge(&place, pipe::ROOM_BYTES);
    let stream = open_again(path, &place).map_err(fail)?;
    Ok(FifoReceiver {
        stream,
        place,
        path: path.to_owned(),
        object,
        assembly: Assembly::new(options.message_bytes_max),
        packet: vec![0; ATOMIC_WRITE_BYTES].into_boxed_slice(),
        batch: 0..0,
        sender_pid: None,
        sender_id: None,
        owner_pid: std::process::id(),
    })
}

/// Removes the FIFO at `path` if nobody has it open.
///
/// # Errors
/// `Busy` while somebody has it open, `NotFound`, `AlreadyExists` when the path is something else.
///
/// # Examples
/// ```
/// use crosstie::transport::{Options, fifo};
///
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("f");
/// let rx = fifo::receiver(&path, &Options::default())?;
/// assert!(fifo::remove(&path).is_err(), "it has a receiver");
/// drop(rx);
/// fifo::remove(&path)?;
/// assert!(!path.exists());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn remove(path: impl AsRef<Path>) -> Result<()> {
    let path = path.as_ref();
    let object = format!("fifo:{}", path.display());
    let fail = |error: io::Error| match error.kind() {
        io::ErrorKind::AlreadyExists => open_refusal(error, path, &object),
        _ => Error::os("remove", &object, error),
    };
    // Asked before this process has it open itself, which a reader elsewhere would not tell from us.
    let is_read = fifo::open_to_write(path).map_err(fail)?.is_some();
    let fd = fifo::open_to_read(path).map_err(fail)?;
    let has_place = fifo::take_place(&fd).map_err(fail)?;
    if is_read || !has_place || fifo::has_writers(&fd).map_err(fail)? {
        return Err(Error::new("remove", &object, ErrorKind::Busy)
            .because("another process has it open")
            .advise("end it first (fuser shows it)"));
    }
    std::fs::remove_file(path).map_err(fail)
}

/// What a refusal to open means; a path that is no FIFO is named.
pub(super) fn open_refusal(error: io::Error, path: &Path, object: &str) -> Error {
    if error.kind() != io::ErrorKind::AlreadyExists {
        let is_missing = error.kind() == io::ErrorKind::NotFound;
        let error = Error::os("open", object, error);
        return if is_missing {
            error.advise("make its folder first: a FIFO is made, a folder is not")
        } else {
            error
        };
    }
    let what =
        std::fs::metadata(path).map_or("something else", |file| socket_file::name_of(file.file_type()));
    Error::new("open", object, ErrorKind::AlreadyExists)
        .because(format!("the path is {what}"))
        .advise("use another path, or remove it")
}

/// The FIFO opened once more: the kernel reports the end of the writers that came since then only.
fn open_again(path: &Path, place: &OwnedFd) -> io::Result<ByteStream> {
    let fd = fifo::open_to_read(path)?;
    if fifo::identity(&fd)? != fifo::identity(place)? {
        return Err(io::Error::new(io::ErrorKind::NotFound, "the FIFO was replaced by another"));
    }
    ByteStream::new(fd)
}

impl FifoReceiver {
    fn next(&mut self, deadline: Deadline) -> Result<Place, RecvError> {
        loop {
            if !self.batch.is_empty() {
                return self.next_of_batch().map(Place::Packet);
            }
            let length = self.read(deadline)?;
            let taken = self.assembly.take(&self.packet[..length]);
            let (header, outcome) = match taken {
                Ok(taken) => taken,
                Err(breach) => {
                    let header = Header::split(&self.packet[..length]);
                    self.sender_id = header.ok().map(|(header, _)| header.writer);
                    return Err(breach.report(&self.object));
                }
            };
            self.sender_pid = Some(header.pid).filter(|pid| *pid != 0);
            self.sender_id = Some(header.writer);
            match outcome {
                Outcome::Nothing => {}
                Outcome::InPacket(range) => return Ok(Place::Packet(range)),
                Outcome::Batch(begin) => self.batch = begin..length,
                Outcome::Assembled => return Ok(Place::Assembly),
            }
        }
    }

    /// The next message of a packet with several.
    fn next_of_batch(&mut self) -> Result<Range<usize>, RecvError> {
        let whole = self.packet[self.batch.clone()].split_first_chunk::<2>().and_then(|(length, rest)| {
            let length = usize::from(u16::from_le_bytes(*length));
            (length <= rest.len()).then_some(length)
        });
        let Some(length) = whole else {
            self.batch = 0..0;
            return Err(Error::new("receive from", &self.object, ErrorKind::Corrupt)
                .because("a batch longer than its packet")
                .into());
        };
        let begin = self.batch.start + 2;
        self.batch.start = begin + length;
        let limit = self.assembly.limit();
        if length > limit {
            return Err(RecvError::TooLarge { length, limit });
        }
        Ok(begin..begin + length)
    }

    /// Reads one packet; an end is an error.
    fn read(&mut self, deadline: Deadline) -> Result<usize, RecvError> {
        loop {
            if !self.assembly.has_come() {
                // Without a writer a read would not wait.
                let there = poll::wait_or_fail(self.stream.as_fd(), Interest::Readable, deadline);
                there.map_err(|error| refusal(error, &self.object))?;
            }
            let read = self.stream.read(&mut self.packet, deadline);
            match read.map_err(|error| refusal(error, &self.object))? {
                0 if self.assembly.has_come() => return Err(self.end()),
                // Who opened it and left without a word was no sender of ours.
                0 => self.begin_anew()?,
                length => return Ok(length),
            }
        }
    }

    /// The last writer has gone.
    fn end(&mut self) -> RecvError {
        let were_clean = self.assembly.end();
        match self.begin_anew() {
            Err(error) => error,
            Ok(()) if were_clean => RecvError::Closed,
            Ok(()) => RecvError::PeerDied,
        }
    }

    fn begin_anew(&mut self) -> Result<(), RecvError> {
        // The old one is closed after the new one is open, so that no writer finds nobody.
        self.stream = open_again(&self.path, &self.place)
            .map_err(|error| Error::os("receive from", &self.object, error))?;
        Ok(())
    }
}

impl Drop for FifoReceiver {
    fn drop(&mut self) {
        // In a child of fork the parent goes on with it (H6).
        if self.batch.is_empty() || self.owner_pid != std::process::id() {
            return;
        }
        // A sender sees what is unread in the FIFO, not what is left of a packet in here: an end of
        // nobody, unread, shows it that not everything was taken.
        let Ok(Some(fd)) = fifo::open_to_write(&self.path) else { return };
        let is_ours =
            fifo::identity(&fd).ok().zip(fifo::identity(&self.place).ok()).is_some_and(|(a, b)| a == b);
        if let Some(stream) = is_ours.then(|| ByteStream::new(fd).ok()).flatten() {
            let mark = Header { flags: END, writer: 0, number: 0, offset: 0, total: 0, pid: 0 }.to_bytes();
            // A full FIFO shows it as well.
            let _ = stream.write(&[IoSlice::new(&mark)], Deadline::NOW);
        }
    }
}

impl ReceiveMessages for FifoReceiver {
    fn recv(&mut self, deadline: Deadline) -> Result<Arrived<'_>, RecvError> {
        let payload = match self.next(deadline)? {
            Place::Packet(range) => &self.packet[range],
            Place::Assembly => self.assembly.message(),
        };
        Ok(Arrived { payload, sender_pid: self.sender_pid })
    }

    fn last_sender_id(&self) -> Option<u64> {
        self.sender_id
    }

    fn message_bytes_max(&self) -> usize {
        self.assembly.limit()
    }

    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        Some(self.stream.as_fd())
    }
}
