//! Two-way connections: [`connect`] and [`Listener`].

use std::os::fd::BorrowedFd;

use super::address::{Address, Place};
use super::message::Message;
use super::open::{inherit, kernel_options, kernel_receiver, kernel_sender, unix_name};
use super::options::Options;
use super::receiver::Receiver;
use super::sender::Sender;
use crate::Deadline;
use crate::error::{Error, ErrorKind, Result};
use crate::transport;

/// Both directions of one connection: what this end sends, and what it receives.
pub type Ends<S, R> = (Sender<S>, Receiver<R>);

/// Connects to a [`Listener`] at `address` (unix, unixpacket, tcp; for udp a
/// [`udp::Listener`](crate::transport::udp::Listener); `fd:3` is a connection already) for both directions, and
/// waits for it until the options' deadline.
///
/// # Errors
/// What is wrong with the address; [`ErrorKind::TimedOut`] if nobody listened in time;
/// [`ErrorKind::Usage`] for a mechanism that goes one way only.
///
/// # Examples
/// ```
/// use crosstie::endpoint::{Listener, connect};
/// let folder = tempfile::tempdir()?;
/// let address = format!("unix:{}/s", folder.path().display());
/// let listener = Listener::open(&address)?;
/// let (mut ask, mut answers) = connect::<str, u32>(&address, &Default::default())?;
/// ask.send("how many?")?;
///
/// let (mut answer, mut asked) = listener.accept::<u32, str>()?;
/// assert_eq!(asked.recv()?, "how many?");
/// answer.send(&3)?;
/// assert_eq!(answers.recv()?, 3);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn connect<S: Message + ?Sized, R: Message + ?Sized>(
    address: &str,
    options: &Options,
) -> Result<Ends<S, R>> {
    let address: Address = address.parse()?;
    let kernel = kernel_options(&address.overrides.over(options));
    match address.place() {
        Place::Unix(name) => {
            transport::unix::connect(&unix_name(name), &kernel).map(|both| ends(both, address.mechanism()))
        }
        Place::UnixPacket(name) => transport::unixpacket::connect(&unix_name(name), &kernel)
            .map(|both| ends(both, address.mechanism())),
        Place::Tcp(place) => {
            transport::tcp::connect(&place.to_string(), &kernel).map(|both| ends(both, address.mechanism()))
        }
        Place::Udp(place) => {
            transport::udp::connect(&place.to_string(), &kernel).map(|both| ends(both, address.mechanism()))
        }
        Place::Descriptor(number) => transport::descriptor::connection(inherit(*number)?, &kernel)
            .map(|both| ends(both, address.mechanism())),
        _ => Err(one_way(&address)),
    }
}

/// Listens at an address for connections, each in both directions.
#[derive(Debug)]
pub struct Listener {
    mechanism: Mechanism,
}

#[derive(Debug)]
enum Mechanism {
    Unix(transport::unix::Listener),
    UnixPacket(transport::unixpacket::Listener),
    Tcp(transport::tcp::Listener),
}

impl Listener {
    /// Listens at `address`: unix, unixpacket or tcp.
    ///
    /// # Errors
    /// What is wrong with the address, or why the mechanism refuses.
    pub fn open(address: &str) -> Result<Self> {
        Self::open_with(address, &Options::default())
    }

    /// As [`Listener::open`], with options; those in the address win.
    ///
    /// # Errors
    /// As [`Listener::open`].
    pub fn open_with(address: &str, options: &Options) -> Result<Self> {
        let address: Address = address.parse()?;
        let kernel = kernel_options(&address.overrides.over(options));
        let mechanism = match address.place() {
            Place::Unix(name) => Mechanism::Unix(transport::unix::Listener::bind(&unix_name(name), &kernel)?),
            Place::UnixPacket(name) => {
                Mechanism::UnixPacket(transport::unixpacket::Listener::bind(&unix_name(name), &kernel)?)
            }
            Place::Tcp(place) => Mechanism::Tcp(transport::tcp::Listener::bind(&place.to_string(), &kernel)?),
            Place::Udp(_) => {
                return Err(one_way(&address)
                    .because("udp knows no connections")
                    .advise("answer with transport::udp::Listener"));
            }
            _ => return Err(one_way(&address)),
        };
        Ok(Self { mechanism })
    }

    /// The address to connect to: with the path, or with the port that the kernel chose for port 0.
    #[must_use]
    pub fn address(&self) -> &str {
        match &self.mechanism {
            Mechanism::Unix(listener) => listener.address(),
            Mechanism::UnixPacket(listener) => listener.address(),
            Mechanism::Tcp(listener) => listener.address(),
        }
    }

    /// The descriptor to poll for connections.
    #[must_use]
    pub fn as_fd(&self) -> BorrowedFd<'_> {
        match &self.mechanism {
            Mechanism::Unix(listener) => listener.as_fd(),
            Mechanism::UnixPacket(listener) => listener.as_fd(),
            Mechanism::Tcp(listener) => listener.as_fd(),
        }
    }

    /// Takes the next connection; blocks while there is none.
    ///
    /// # Errors
    /// If no descriptor is left.
    pub fn accept<S: Message + ?Sized, R: Message + ?Sized>(&self) -> Result<Ends<S, R>> {
        self.accept_until(Deadline::NEVER)
    }

    /// Takes the next connection; waits for it until `deadline`.
    ///
    /// # Errors
    /// [`ErrorKind::TimedOut`]; else as [`Listener::accept`].
    pub fn accept_until<S: Message + ?Sized, R: Message + ?Sized>(
        &self,
        deadline: Deadline,
    ) -> Result<Ends<S, R>> {
        match &self.mechanism {
            Mechanism::Unix(listener) => listener.accept(deadline).map(|both| ends(both, "unix")),
            Mechanism::UnixPacket(listener) => listener.accept(deadline).map(|both| ends(both, "unixpacket")),
            Mechanism::Tcp(listener) => listener.accept(deadline).map(|both| ends(both, "tcp")),
        }
    }
}

fn ends<S: Message + ?Sized, R: Message + ?Sized>(
    (sender, receiver): (
        impl crate::contract::SendMessages + 'static,
        impl crate::contract::ReceiveMessages + 'static,
    ),
    mechanism: &'static str,
) -> Ends<S, R> {
    let (sender, receiver) = (kernel_sender(sender), kernel_receiver(receiver));
    (Sender::from_end(sender, mechanism), Receiver::from_end(receiver, mechanism))
}

fn one_way(address: &Address) -> Error {
    Error::new("connect", address.to_string(), ErrorKind::Usage)
        .because(format!("{} goes one way only", address.mechanism()))
        .advise("take unix:, unixpacket:, tcp: or udp:, or one address for each direction")
}
