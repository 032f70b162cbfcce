//! Both directions over datagrams: a connected client, and a server that answers whom it heard.

use std::collections::HashMap;
use std::io::IoSlice;
use std::net::SocketAddr;
use std::os::fd::BorrowedFd;

use crosstie_core::Deadline;

use super::super::Options;
use super::receiver::{UdpReceiver, receiver};
use super::sender::{UdpSender, connect_until, is_nobody};
use super::{DATA, END, Header, MESSAGE_BYTES_MAX};
use crate::contract::{Arrived, Losses, ReceiveMessages, RecvError, SendError};
use crate::error::{Error, ErrorKind, Result};
use crate::os::random;

/// Both directions between a client and the server that it is connected to.
pub type UdpConnection = (UdpSender, UdpReceiver);

/// Talks with the [`Listener`] at `target`, as `host:port`, in both directions.
///
/// # Errors
/// As [`sender`](super::sender()).
pub fn connect(target: &str, options: &Options) -> Result<UdpConnection> {
    let (socket, object) = connect_until(target, options)?;
    let sender = UdpSender::on(socket.clone(), object.clone(), options, false)?;
    Ok((sender, UdpReceiver::on(socket, object, options).of_client()))
}

/// How many clients' answers are numbered at once; the numbers of the one that was answered the
/// longest ago begin anew.
const CLIENTS_MAX: usize = 4096;

/// The answers to one client.
#[derive(Debug)]
struct Answers {
    session: u64,
    number: u64,
    /// When it was answered last, counted in answers.
    turn: u64,
}

/// A server: receives from any number of clients, and answers the one that it heard last.
///
/// # Examples
/// ```
/// use crosstie::Deadline;
/// use crosstie::contract::{ReceiveMessages, SendMessages};
/// use crosstie::transport::{Options, udp};
///
/// let mut server = udp::Listener::bind("127.0.0.1:0", &Options::default())?;
/// let target = server.address().trim_start_matches("udp:").to_owned();
/// let (mut tx, mut rx) = udp::connect(&target, &Options::default())?;
/// tx.send(b"ping", Deadline::NEVER)?;
/// assert_eq!(server.recv(Deadline::NEVER)?.payload, b"ping");
/// server.answer(b"pong", Deadline::NEVER)?;
/// assert_eq!(rx.recv(Deadline::NEVER)?.payload, b"pong");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Listener {
    receiver: UdpReceiver,
    clients: HashMap<SocketAddr, Answers>,
    turn: u64,
}

impl Listener {
    /// Receives at `target`, as `host:port`; port 0 lets the kernel choose.
    ///
    /// # Errors
    /// As [`receiver`].
    pub fn bind(target: &str, options: &Options) -> Result<Self> {
        Ok(Self { receiver: receiver(target, options)?, clients: HashMap::new(), turn: 0 })
    }

    /// The address that it receives at, with the port that the kernel chose.
    #[must_use]
    pub fn address(&self) -> &str {
        self.receiver.address()
    }

    /// Answers the client whose message was received last.
    ///
    /// # Errors
    /// `Failed` when none was received; else as [`SendMessages::send`](crate::contract::SendMessages::send).
    pub fn answer(&mut self, payload: &[u8], deadline: Deadline) -> Result<(), SendError> {
        let limit = self.receiver.message_bytes_max().min(MESSAGE_BYTES_MAX);
        if payload.len() > limit {
            return Err(SendError::TooLarge { length: payload.len(), limit });
        }
        let Some(client) = self.receiver.last_from() else {
            return Err(Error::new("answer on", self.address(), ErrorKind::NotFound)
                .because("no message was received yet")
                .into());
        };
        let answers = self.answers_to(client)?;
        let header = Header { kind: DATA, session: answers.session, number: answers.number }.to_bytes();
        answers.number += 1;
        let socket = self.receiver.socket();
        match socket.send_to(&[IoSlice::new(&header), IoSlice::new(payload)], client, deadline) {
            // The refusal is of an earlier answer, to whoever.
            Ok(()) => Ok(()),
            Err(error) if is_nobody(&error) => Ok(()),
            Err(error) => Err(match error.kind() {
                std::io::ErrorKind::WouldBlock => SendError::Full,
                std::io::ErrorKind::TimedOut => SendError::TimedOut,
                _ => Error::os("answer on", self.address(), error).into(),
            }),
        }
    }

    fn answers_to(&mut self, client: SocketAddr) -> Result<&mut Answers, SendError> {
        if self.clients.len() >= CLIENTS_MAX && !self.clients.contains_key(&client) {
            let oldest =
                self.clients.iter().min_by_key(|(_, answers)| answers.turn).map(|(client, _)| *client);
            oldest.and_then(|oldest| self.clients.remove(&oldest));
        }
        let session = match self.clients.get(&client) {
            Some(answers) => answers.session,
            None => random::word().map_err(|error| Error::os("answer on", self.address(), error))?,
        };
        self.turn += 1;
        let answers = self.clients.entry(client).or_insert(Answers { session, number: 0, turn: 0 });
        answers.turn = self.turn;
        Ok(answers)
    }
}

impl ReceiveMessages for Listener {
    fn recv(&mut self, deadline: Deadline) -> Result<Arrived<'_>, RecvError> {
        self.receiver.recv(deadline)
    }

    fn message_bytes_max(&self) -> usize {
        self.receiver.message_bytes_max()
    }

    fn losses(&self) -> Losses {
        self.receiver.losses()
    }

    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        self.receiver.descriptor()
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if !self.receiver.ends_on_drop() {
            return;
        }
        for (client, answers) in &self.clients {
            let end = Header { kind: END, session: answers.session, number: answers.number }.to_bytes();
            // Said once, confirmed by nobody: a client that misses it hears no more, nothing else.
            let _ = self.receiver.socket().send_to(&[IoSlice::new(&end)], *client, Deadline::NOW);
        }
    }
}
