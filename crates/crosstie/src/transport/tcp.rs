//! `tcp:host:port`: bytes between machines, many senders to one receiver.
//!
//! Neither encrypted nor authenticated: whoever reaches the port can send, whoever sits on the way
//! can read and change. Nothing but what the target spells out is bound.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use crosstie_core::Deadline;

use super::accept::{Accept, accept_until};
use super::fan_in::FanInReceiver;
use super::single::SingleReceiver;
use super::stream::{Parting, StreamSender};
use super::stream_inbound::StreamInbound;
use super::{Options, retry};
use crate::error::{Error, ErrorKind, Result};
use crate::os::byte_stream::ByteStream;
use crate::os::tcp;

/// The sending end.
pub type TcpSender = StreamSender;
/// The receiving end: listens, and serves every sender that connects.
pub type TcpReceiver = FanInReceiver<StreamInbound>;
/// Both directions of one connection.
pub type TcpConnection = (StreamSender, SingleReceiver<StreamInbound>);

/// The addresses that `target`, as `host:port`, stands for.
///
/// # Errors
/// `Usage` when it is not of that form, `NotFound` when the host has no address.
pub(crate) fn resolve(operation: &'static str, object: &str, target: &str) -> Result<Vec<SocketAddr>> {
    let addresses: Vec<SocketAddr> = match target.to_socket_addrs() {
        Ok(addresses) => addresses.collect(),
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => {
            return Err(Error::os(operation, object, error)
                .of_kind(ErrorKind::Usage)
                .advise("write host:port, as in 127.0.0.1:9000 or [::1]:9000"));
        }
        Err(error) => {
            return Err(Error::os(operation, object, error)
                .of_kind(ErrorKind::NotFound)
                .because("the host does not resolve")
                .advise("check its name, or write its address"));
        }
    };
    if addresses.is_empty() {
        return Err(Error::new(operation, object, ErrorKind::NotFound).because("the host has no address"));
    }
    Ok(addresses)
}

/// What the kernel's refusal to bind means.
pub(crate) fn bind_refusal(error: io::Error, object: &str) -> Error {
    match error.kind() {
        io::ErrorKind::AddrInUse => Error::new("listen on", object, ErrorKind::Busy)
            .because("another process has the port")
            .advise("end it first (ss -lp shows it), or use another port"),
        io::ErrorKind::AddrNotAvailable => Error::os("listen on", object, error)
            .because("the address is not one of this machine's")
            .advise("use 127.0.0.1, or an address of this machine"),
        _ => Error::os("listen on", object, error),
    }
}

/// Connects to the receiver at `target`, as `host:port`, and waits for it until the options'
/// deadline.
///
/// # Errors
/// `TimedOut` when nobody listened in time, `NotFound` when the host does not resolve, `Usage` when
/// the target is not of its form.
///
/// # Death
/// As [`unix::sender`](super::unix::sender). A machine that vanishes without a word is noticed by
/// keep-alive probes after about two minutes.
pub fn sender(target: &str, options: &Options) -> Result<TcpSender> {
    let (stream, object) = connect_until(target, options)?;
    StreamSender::new(stream, object, options.message_bytes_max, Parting::Deliver).announced()
}

fn connect_until(target: &str, options: &Options) -> Result<(ByteStream, String)> {
    let object = format!("tcp:{target}");
    let addresses = resolve("open", &object, target)?;
    let fd = retry::until_there(&object, "nobody listens there", options.deadline, || {
        let mut refusal = None;
        for address in &addresses {
            match tcp::connect(*address, options.deadline) {
                Ok(fd) => return Ok(Some(fd)),
                Err(error) => match error.kind() {
                    io::ErrorKind::ConnectionRefused | io::ErrorKind::TimedOut => {}
                    // A listener that is just ending.
                    io::ErrorKind::ConnectionReset => {}
                    _ => refusal = Some(error),
                },
            }
        }
        refusal.map_or(Ok(None), |error| Err(Error::os("open", &object, error)))
    })?;
    let stream = ByteStream::new(fd).map_err(|error| Error::os("open", &object, error))?;
    Ok((stream, object))
}

/// A bound listener, and its address with the port that the kernel chose.
fn listen(target: &str) -> Result<(TcpAccept, String)> {
    let object = format!("tcp:{target}");
    let mut refusal = None;
    for address in resolve("listen on", &object, target)? {
        match tcp::listen(address) {
            Ok(fd) => {
                let chosen = tcp::local_address(&fd).map_err(|error| bind_refusal(error, &object))?;
                return Ok((TcpAccept(fd), format!("tcp:{chosen}")));
            }
            Err(error) => refusal = refusal.or(Some(error)),
        }
    }
    let refusal = refusal.unwrap_or_else(|| io::ErrorKind::AddrNotAvailable.into());
    Err(bind_refusal(refusal, &object))
}

/// Listens on `target`, as `host:port`, for any number of senders; port 0 lets the kernel choose
/// (see [`FanInReceiver::address`]).
///
/// # Errors
/// `Busy` when another process has the port, `NotFound` when the host does not resolve or is not
/// this machine, `NotPermitted` for a port below 1024.
///
/// # Examples
/// ```
/// use crosstie::Deadline;
/// use crosstie::contract::{ReceiveMessages, SendMessages};
/// use crosstie::transport::{Options, tcp};
///
/// let mut rx = tcp::receiver("127.0.0.1:0", &Options::default())?;
/// let target = rx.address().trim_start_matches("tcp:").to_owned();
/// let mut tx = tcp::sender(&target, &Options::default())?;
/// tx.send(b"hello", Deadline::NEVER)?;
/// assert_eq!(rx.recv(Deadline::NEVER)?.payload, b"hello");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn receiver(target: &str, options: &Options) -> Result<TcpReceiver> {
    let (accept, object) = listen(target)?;
    Ok(FanInReceiver::new(accept, object, options))
}

#[derive(Debug)]
struct TcpAccept(OwnedFd);

impl Accept for TcpAccept {
    fn accept(&self) -> io::Result<(OwnedFd, Option<u32>)> {
        Ok((tcp::accept(&self.0)?, None))
    }

    fn descriptor(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Connects to a [`Listener`] at `target` for both directions, and waits for it until the options'
/// deadline.
///
/// When both halves are dropped after a clean end, the last one waits until the other side's kernel
/// has everything.
///
/// # Errors
/// As [`sender`].
pub fn connect(target: &str, options: &Options) -> Result<TcpConnection> {
    let (stream, object) = connect_until(target, options)?;
    Ok(both_ways(stream, object, options))
}

fn both_ways(stream: ByteStream, object: String, options: &Options) -> TcpConnection {
    let stream = stream.delivering_at_its_end();
    let limit = options.message_bytes_max;
    let sender = StreamSender::new(stream.clone(), object.clone(), limit, Parting::Finish);
    (sender, SingleReceiver::new(StreamInbound::new(stream, limit), object, None))
}

/// Listens for connections, each in both directions.
#[derive(Debug)]
pub struct Listener {
    accept: TcpAccept,
    object: String,
    options: Options,
}

impl Listener {
    /// Listens on `target`, as `host:port`; port 0 lets the kernel choose.
    ///
    /// # Errors
    /// As [`receiver`].
    pub fn bind(target: &str, options: &Options) -> Result<Self> {
        let (accept, object) = listen(target)?;
        Ok(Self { accept, object, options: options.clone() })
    }

    /// The address that it listens on, with the port that the kernel chose: `tcp:127.0.0.1:40123`.
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
    pub fn accept(&self, deadline: Deadline) -> Result<TcpConnection> {
        let (fd, _) = accept_until(&self.accept, &self.object, deadline)?;
        let stream = ByteStream::new(fd).map_err(|error| Error::os("accept on", &self.object, error))?;
        Ok(both_ways(stream, self.object.clone(), &self.options))
    }
}
