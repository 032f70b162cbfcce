//! The sending end of datagrams.

use std::io::{self, IoSlice};
use std::os::fd::{AsFd, BorrowedFd};

use crosstie_core::Deadline;

use super::super::inbound::is_gone;
use super::super::sending::Sending;
use super::super::{Options, retry, tcp};
use super::{ACK, BYE, DATA, END, HEADER_BYTES, HELLO, Header, MESSAGE_BYTES_MAX};
use crate::contract::{SendError, SendMessages};
use crate::error::{Error, ErrorKind, Result};
use crate::os::message_socket::{BATCH_COUNT_MAX, MessageSocket};
use crate::os::{clock, random, udp};

/// How long the end mark is repeated without an answer…
const END_WAIT_NS: u64 = 2_000_000_000;
/// …and how often.
const END_INTERVAL_NS: u64 = 20_000_000;

/// The sending end of datagrams.
///
/// Dropping it sends the end mark and waits up to two seconds for its acknowledgement; while
/// panicking it does not.
#[derive(Debug)]
pub struct UdpSender {
    sending: Sending,
    socket: MessageSocket,
    session: u64,
    /// How many messages were sent.
    number: u64,
    hears_answers: bool,
}

/// Sends to the receiver at `target`, as `host:port`.
///
/// Where the network says that nobody is there (on this machine it does) it waits until the options'
/// deadline; elsewhere nobody can tell.
///
/// # Errors
/// `TimedOut`, `NotFound` when the host does not resolve, `Usage` when the target is not of its form.
///
/// # Death
/// A receiver cannot see that a sender died. A sender is told
/// [`PeerDied`](SendError::PeerDied) where the network says that nobody is there any more.
///
/// # Cost
/// One system call a message; a batch of up to 64 is one.
pub fn sender(target: &str, options: &Options) -> Result<UdpSender> {
    let (socket, object) = connect_until(target, options)?;
    UdpSender::on(socket, object, options, true)
}

/// A socket connected to `target`, where somebody receives as far as the network says.
pub(super) fn connect_until(target: &str, options: &Options) -> Result<(MessageSocket, String)> {
    let object = format!("udp:{target}");
    let addresses = tcp::resolve("open", &object, target)?;
    let fail = |error| Error::os("open", &object, error);
    let probe = Header { kind: HELLO, session: 0, number: 0 }.to_bytes();
    let socket = retry::until_there(&object, "nobody receives there", options.deadline, || {
        for address in &addresses {
            let socket = MessageSocket::new(udp::connect(*address).map_err(fail)?);
            // The answer of this machine to the first is there with the second.
            let there = (0..2).try_for_each(|_| socket.send(&[IoSlice::new(&probe)], Deadline::NOW));
            match there {
                Ok(()) => return Ok(Some(socket)),
                Err(error) if is_nobody(&error) => {}
                Err(error) => return Err(fail(error)),
            }
        }
        Ok(None)
    })?;
    Ok((socket, object))
}

/// Whether the network says that nobody receives there.
pub(super) fn is_nobody(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::ConnectionRefused
}

impl UdpSender {
    pub(super) fn on(
        socket: MessageSocket,
        object: String,
        options: &Options,
        hears_answers: bool,
    ) -> Result<Self> {
        let session = random::word().map_err(|error| Error::os("open", &object, error))?;
        let limit = options.message_bytes_max.min(MESSAGE_BYTES_MAX);
        let sender = Self { sending: Sending::new(object, limit), socket, session, number: 0, hears_answers };
        // Lost, it is made up for by the first message.
        let _ = sender.say(HELLO, 0, &[], Deadline::NOW);
        Ok(sender)
    }

    fn say(&self, kind: u16, number: u64, payload: &[u8], deadline: Deadline) -> io::Result<()> {
        let header = Header { kind, session: self.session, number }.to_bytes();
        self.socket.send(&[IoSlice::new(&header), IoSlice::new(payload)], deadline)
    }

    #[cold]
    fn fail(&mut self, error: io::Error) -> SendError {
        if !is_nobody(&error) {
            return self.sending.fail(error, || false);
        }
        let said_goodbye = self.hears_answers && self.hears(BYE, Deadline::NOW);
        self.sending.fail(io::ErrorKind::BrokenPipe.into(), || said_goodbye)
    }

    /// Whether a datagram of `kind` for this session arrives before `deadline`.
    fn hears(&self, kind: u16, deadline: Deadline) -> bool {
        let mut header = [0; HEADER_BYTES];
        loop {
            match self.socket.recv(&mut header, &mut [0; 1], deadline) {
                Ok(received) => {
                    let said = Header::of_datagram(&header, received.length);
                    if said.is_ok_and(|said| said.kind == kind && said.session == self.session) {
                        return true;
                    }
                }
                // A refusal is of an earlier datagram; what waits behind it may be the answer.
                Err(error) if is_nobody(&error) => {}
                Err(_) => return false,
            }
        }
    }

    /// Repeats the end mark until it is acknowledged.
    fn confirm_end(&mut self) -> Result<(), SendError> {
        let last = Deadline::at_ns(clock::now_ns()).after_ns(END_WAIT_NS);
        while !last.is_over(clock::now_ns()) {
            match self.say(END, self.number, &[], Deadline::NEVER) {
                Err(error) if is_nobody(&error) => return Err(self.fail(error)),
                Err(error) if !is_gone(&error) => return Err(self.fail(error)),
                _ => {}
            }
            if self.hears(ACK, Deadline::at_ns(clock::now_ns()).after_ns(END_INTERVAL_NS)) {
                return Ok(());
            }
        }
        Err(Error::new("close", self.sending.object(), ErrorKind::TimedOut)
            .because("the receiver did not confirm the end within 2 s; what it received is unknown")
            .into())
    }
}

impl SendMessages for UdpSender {
    fn send(&mut self, payload: &[u8], deadline: Deadline) -> Result<(), SendError> {
        self.sending.check(payload.len())?;
        match self.say(DATA, self.number, payload, deadline) {
            Ok(()) => {
                self.number += 1;
                Ok(())
            }
            Err(error) => Err(self.fail(error)),
        }
    }

    fn send_batch(&mut self, payloads: &[&[u8]], deadline: Deadline) -> Result<usize, SendError> {
        let fitting = payloads.iter().take(BATCH_COUNT_MAX);
        let fitting = fitting.take_while(|payload| payload.len() <= self.sending.limit()).count();
        let Some(first) = payloads.first() else { return Ok(0) };
        if fitting < 2 {
            return self.send(first, deadline).map(|()| 1);
        }
        self.sending.check(0)?;
        let headers: Vec<_> = (self.number..)
            .take(fitting)
            .map(|number| Header { kind: DATA, session: self.session, number }.to_bytes())
            .collect();
        let messages: Vec<_> = headers
            .iter()
            .zip(payloads)
            .map(|(h, payload)| [IoSlice::new(h), IoSlice::new(payload)])
            .collect();
        match self.socket.send_several(&messages, deadline) {
            Ok(count) => {
                self.number += count as u64;
                Ok(count)
            }
            Err(error) => Err(self.fail(error)),
        }
    }

    fn break_off(&mut self) {
        self.sending.set_closed();
    }

    fn close(&mut self) -> Result<(), SendError> {
        if self.sending.is_closed() {
            return Ok(());
        }
        self.sending.check(0)?;
        self.sending.set_closed();
        if self.hears_answers {
            return self.confirm_end();
        }
        // The other half of a connection reads the answers: said thrice, confirmed by nobody.
        (0..3)
            .try_for_each(|_| self.say(END, self.number, &[], Deadline::NEVER))
            .map_err(|error| self.fail(error))
    }

    fn message_bytes_max(&self) -> usize {
        self.sending.limit()
    }

    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        Some(self.socket.as_fd())
    }
}

impl Drop for UdpSender {
    fn drop(&mut self) {
        if self.sending.ends_on_drop() {
            // Nobody is left to hear of a failure.
            let _ = self.close();
        }
    }
}
