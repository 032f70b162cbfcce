//! `unixpacket:/path`: packets between processes of one machine, many senders to one receiver.

use std::os::fd::{BorrowedFd, OwnedFd};

use crosstie_core::Deadline;

use super::accept::{Accept as _, accept_until};
use super::fan_in::FanInReceiver;
use super::packet::PacketSender;
use super::packet_inbound::PacketInbound;
use super::single::SingleReceiver;
use super::unix::{UnixAccept, connect_until, peer_pid};
use super::{Options, socket_file};
use crate::error::Result;
use crate::os::message_socket::MessageSocket;
use crate::os::unix::{UnixKind, UnixName};

/// The sending end.
pub type UnixPacketSender = PacketSender;
/// The receiving end: listens, and serves every sender that connects.
pub type UnixPacketReceiver = FanInReceiver<PacketInbound>;
/// Both directions of one connection.
pub type UnixPacketConnection = (PacketSender, SingleReceiver<PacketInbound>);

fn object(target: &UnixName) -> String {
    format!("unixpacket:{target}")
}

/// Connects to the receiver at `target`, and waits for it until the options' deadline.
///
/// # Errors
/// As [`unix::sender`](super::unix::sender).
///
/// # Cost
/// One system call a message of up to 64 KiB, one more for each further 64 KiB; a batch puts as many
/// messages of at most 16 KiB as fit into one packet of 64 KiB.
pub fn sender(target: &UnixName, options: &Options) -> Result<UnixPacketSender> {
    let fd = connect_until(target, UnixKind::Packet, object(target), options)?;
    PacketSender::new(MessageSocket::new(fd), object(target), options.message_bytes_max).announced()
}

/// Removes the socket file at `target` that its process left behind when it was killed.
///
/// # Errors
/// As [`unix::remove`](super::unix::remove).
pub fn remove(target: &UnixName) -> Result<()> {
    socket_file::remove(target, &object(target))
}

/// Listens at `target` for any number of senders.
///
/// # Errors
/// As [`unix::receiver`](super::unix::receiver).
///
/// # Examples
/// ```
/// use crosstie::Deadline;
/// use crosstie::contract::{ReceiveMessages, SendMessages};
/// use crosstie::os::unix::UnixName;
/// use crosstie::transport::{Options, unixpacket};
///
/// let folder = tempfile::tempdir()?;
/// let at = UnixName::Path(folder.path().join("p"));
/// let mut rx = unixpacket::receiver(&at, &Options::default())?;
/// let mut tx = unixpacket::sender(&at, &Options::default())?;
/// tx.send(b"hello", Deadline::NEVER)?;
/// assert_eq!(rx.recv(Deadline::NEVER)?.payload, b"hello");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn receiver(target: &UnixName, options: &Options) -> Result<UnixPacketReceiver> {
    let listening = socket_file::listen(target, UnixKind::Packet, &object(target))?;
    Ok(FanInReceiver::new(UnixAccept(listening), object(target), options))
}

/// Connects to a [`Listener`] at `target` for both directions, and waits for it until the options'
/// deadline.
///
/// # Errors
/// As [`sender`].
pub fn connect(target: &UnixName, options: &Options) -> Result<UnixPacketConnection> {
    let fd = connect_until(target, UnixKind::Packet, object(target), options)?;
    Ok(both_ways(fd, object(target), options))
}

fn both_ways(fd: OwnedFd, object: String, options: &Options) -> UnixPacketConnection {
    let pid = peer_pid(&fd);
    let socket = MessageSocket::new(fd);
    let limit = options.message_bytes_max;
    let sender = PacketSender::new(socket.clone(), object.clone(), limit);
    (sender, SingleReceiver::new(PacketInbound::new(socket, limit), object, pid))
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
        let listening = socket_file::listen(target, UnixKind::Packet, &object(target))?;
        Ok(Self { accept: UnixAccept(listening), object: object(target), options: options.clone() })
    }

    /// The address that it listens at: `unixpacket:/run/x.sock`.
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
    /// `Busy` or `TimedOut` when nobody connected; `Failed` when no descriptor is left.
    pub fn accept(&self, deadline: Deadline) -> Result<UnixPacketConnection> {
        let (fd, _) = accept_until(&self.accept, &self.object, deadline)?;
        Ok(both_ways(fd, self.object.clone(), &self.options))
    }
}
