//! `unix:/path` and `unix:@name`: bytes between processes of one machine, many senders to one receiver.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use crosstie_core::Deadline;

use super::accept::{Accept, accept_until};
use super::fan_in::FanInReceiver;
use super::single::SingleReceiver;
use super::socket_file::{self, Listening};
use super::stream::{Parting, StreamSender};
use super::stream_inbound::StreamInbound;
use super::{Options, retry};
use crate::error::{Error, ErrorKind, Result};
use crate::os::byte_stream::ByteStream;
use crate::os::unix::{self, UnixKind, UnixName};

/// The sending end.
pub type UnixSender = StreamSender;
/// The receiving end: listens, and serves every sender that connects.
pub type UnixReceiver = FanInReceiver<StreamInbound>;
/// The receiving end of one two-way connection.
pub type UnixConnectionReceiver = SingleReceiver<StreamInbound>;

fn object(target: &UnixName) -> String {
    format!("unix:{target}")
}

/// Connects to the receiver at `target`, and waits for it until the options' deadline.
///
/// # Errors
/// `TimedOut` when nobody listened in time, `NotPermitted`, `Usage` for a name that is too long.
///
/// # Death
/// What a dead sender had sent whole is received. A dead receiver loses what it had not taken, and
/// its senders are told [`PeerDied`](crate::contract::SendError::PeerDied), or [`Closed`](crate::contract::SendError::Closed) when it
/// ended cleanly.
pub fn sender(target: &UnixName, options: &Options) -> Result<UnixSender> {
    let fd = connect_until(target, UnixKind::Stream, object(target), options)?;
    let stream = ByteStream::new(fd).map_err(|error| Error::os("open", object(target), error))?;
    StreamSender::new(stream, object(target), options.message_bytes_max, Parting::Finish).announced()
}

/// Connects, and tries again while nobody listens.
pub(crate) fn connect_until(
    target: &UnixName,
    kind: UnixKind,
    object: String,
    options: &Options,
) -> Result<OwnedFd> {
    use std::io::ErrorKind as Io;
    retry::until_there(&object, "nobody listens there", options.deadline, || {
        match unix::connect(target, kind) {
            Ok(fd) => Ok(Some(fd)),
            Err(error) => match error.kind() {
                Io::NotFound | Io::ConnectionRefused => {
                    socket_file::check_somebody_may_come(target, &object).map(|()| None)
                }
                Io::WouldBlock => Ok(None),
                Io::InvalidInput => Err(Error::os("open", &object, error)
                    .of_kind(ErrorKind::Usage)
                    .advise("use a shorter path")),
                Io::Unsupported => Err(Error::os("open", &object, error)
                    .of_kind(ErrorKind::Mismatch)
                    .advise("use the same kind of address at both ends")),
                _ => Err(Error::os("open", &object, error)),
            },
        }
    })
}

/// Removes the socket file at `target`, of either kind, that its process left behind when it was killed.
///
/// # Errors
/// `Busy` while somebody listens there, `NotFound`, `AlreadyExists` when the path is no socket, `Usage`
/// for an abstract name, which goes with its process.
///
/// # Examples
/// ```
/// use crosstie::os::unix::UnixName;
/// use crosstie::transport::unix;
///
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("s");
/// drop(std::os::unix::net::UnixListener::bind(&path)?);
/// unix::remove(&UnixName::Path(path.clone()))?;
/// assert!(!path.exists());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn remove(target: &UnixName) -> Result<()> {
    socket_file::remove(target, &object(target))
}

/// Listens at `target` for any number of senders.
///
/// A socket file whose process is gone is replaced, by proof that nobody listens on it.
///
/// # Errors
/// `Busy` when another process listens there, `AlreadyExists` when the path is something else.
///
/// # Examples
/// ```
/// use crosstie::Deadline;
/// use crosstie::contract::{ReceiveMessages, SendMessages};
/// use crosstie::os::unix::UnixName;
/// use crosstie::transport::{Options, unix};
///
/// let folder = tempfile::tempdir()?;
/// let at = UnixName::Path(folder.path().join("s"));
/// let mut rx = unix::receiver(&at, &Options::default())?;
/// let mut tx = unix::sender(&at, &Options::default())?;
/// tx.send(b"hello", Deadline::NEVER)?;
/// assert_eq!(rx.recv(Deadline::NEVER)?.payload, b"hello");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn receiver(target: &UnixName, options: &Options) -> Result<UnixReceiver> {
    let listening = socket_file::listen(target, UnixKind::Stream, &object(target))?;
    Ok(FanInReceiver::new(UnixAccept(listening), object(target), options))
}

/// Accepts connections of Unix sockets, with the pid of who connected.
#[derive(Debug)]
pub(crate) struct UnixAccept(pub(crate) Listening);

impl Accept for UnixAccept {
    fn accept(&self) -> std::io::Result<(OwnedFd, Option<u32>)> {
        let fd = unix::accept(&self.0.fd)?;
        let pid = peer_pid(&fd);
        Ok((fd, pid))
    }

    fn descriptor(&self) -> std::os::fd::BorrowedFd<'_> {
        self.0.fd.as_fd()
    }
}

/// Both directions of one connection.
pub type UnixConnection = (StreamSender, UnixConnectionReceiver);

/// Connects to a [`Listener`] at `target` for both directions, and waits for it until the options'
/// deadline.
///
/// # Errors
/// As [`sender`].
pub fn connect(target: &UnixName, options: &Options) -> Result<UnixConnection> {
    both_ways(connect_until(target, UnixKind::Stream, object(target), options)?, object(target), options)
}

/// The process that made the other end, where the kernel says it.
pub(crate) fn peer_pid(fd: &OwnedFd) -> Option<u32> {
    unix::peer(fd).ok().map(|peer| peer.pid).filter(|pid| *pid != 0)
}

fn both_ways(fd: OwnedFd, object: String, options: &Options) -> Result<UnixConnection> {
    let pid = peer_pid(&fd);
    let stream = ByteStream::new(fd).map_err(|error| Error::os("open", &object, error))?;
    let limit = options.message_bytes_max;
    let sender = StreamSender::new(stream.clone(), object.clone(), limit, Parting::Finish);
    Ok((sender, SingleReceiver::new(StreamInbound::new(stream, limit), object, pid)))
}

/// Listens for connections, each in both directions.
#[derive(Debug)]
pub struct Listener {
    accept: UnixAccept,
    object: String,
    options: Options,
}

impl Listener {
    /// Listens at `target`.
    ///
    /// # Errors
    /// As [`receiver`].
    pub fn bind(target: &UnixName, options: &Options) -> Result<Self> {
        let listening = socket_file::listen(target, UnixKind::Stream, &object(target))?;
        Ok(Self { accept: UnixAccept(listening), object: object(target), options: options.clone() })
    }

    /// The address that it listens at: `unix:/run/x.sock`.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.object
    }

    /// The descriptor to poll for connections.
    #[must_use]
    pub fn as_fd(&self) -> BorrowedFd<'_> {
        self.accept.descriptor()
    }

    /// Takes the next connection, and waits for it until `deadline`.
    ///
    /// # Errors
    /// `TimedOut`; `NoSpace` or `Failed` when no descriptor is left.
    pub fn accept(&self, deadline: Deadline) -> Result<UnixConnection> {
        let (fd, _) = accept_until(&self.accept, &self.object, deadline)?;
        both_ways(fd, self.object.clone(), &self.options)
    }
}
