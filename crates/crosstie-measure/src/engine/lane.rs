//! Crosstie's own ends as a lane, by address, as every caller opens them.

use std::path::PathBuf;
use std::time::Duration;

use crosstie::channel::ring::{RingOptions, RingReceiver, RingSender};
use crosstie::contract::RecvError;
use crosstie::endpoint::{Options, Receiver, Sender};
use crosstie::ledger::Domain;
use crosstie::os::clock;
use crosstie::{Deadline, Error, Result};

use super::exchange::{Fault, Inbound, LOSSY_PATIENCE_NS, Outbound};
use super::spec::Wait;

/// How long an end waits for the other side to appear.
const OPEN_PATIENCE: Duration = Duration::from_secs(10);

/// Opens a side's ends of two rings in the folder `domain`.
///
/// # Errors
/// No room for a ring, or another end lives.
pub fn rings(
    (to, from): (&str, &str),
    domain: PathBuf,
    wait: Wait,
    (capacity_bytes, payload_bytes): (Option<usize>, usize),
) -> Result<(RingSender, RingReceiver)> {
    let domain = Domain::open(domain)?;
    let options = RingOptions { capacity_bytes, message_bytes_max: payload_bytes, wait: wait.mode() };
    let [to, from] = [to, from].map(|address| address.trim_start_matches("ring:"));
    Ok((RingSender::open(domain, to, &options)?, RingReceiver::open(domain, from, &options)?))
}

/// The sending end of a ring.
pub struct RingOut {
    sender: RingSender,
}

impl RingOut {
    /// Takes a sender that is open.
    #[must_use]
    pub fn new(sender: RingSender) -> Self {
        Self { sender }
    }
}

impl Outbound for RingOut {
    #[inline]
    fn send(&mut self, message: &[u8]) -> std::result::Result<(), Fault> {
        self.sender.send(message, Deadline::NEVER).map_err(|error| fault("send", error.kind(), &error))
    }
}

/// The receiving end of a ring.
pub struct RingIn {
    receiver: RingReceiver,
    private: Vec<u8>,
}

impl RingIn {
    /// Takes a receiver that is open, of messages of at most `payload_bytes`.
    #[must_use]
    pub fn new(receiver: RingReceiver, payload_bytes: usize) -> Self {
        Self { receiver, private: vec![0; payload_bytes] }
    }
}

impl Inbound for RingIn {
    #[inline]
    fn receive<R>(&mut self, read: impl FnOnce(&[u8]) -> R) -> std::result::Result<R, Fault> {
        match self.receiver.recv(Deadline::NEVER) {
            Ok(message) => {
                let length = message.copy_to(&mut self.private);
                Ok(read(&self.private[..length]))
            }
            Err(error) => Err(fault("receive", error.kind(), &error)),
        }
    }
}

/// What the ends of an address are opened with.
#[must_use]
pub fn options(payload_bytes: usize) -> Options {
    Options {
        message_bytes_max: payload_bytes,
        open_deadline: clock::deadline_in(OPEN_PATIENCE),
        ..Options::default()
    }
}

/// What the two sides of calls are opened with: where they lie in shared memory, room for three requests with their heads.
#[must_use]
pub fn options_of_calls(domain: Option<PathBuf>, wait: Wait, payload_bytes: usize) -> Options {
    const CAPACITY_BYTES: usize = 1 << 20;
    const HEAD_BYTES: usize = 1 << 10;
    let room = payload_bytes.saturating_add(HEAD_BYTES).saturating_mul(3).next_power_of_two();
    Options {
        capacity_bytes: domain.is_some().then_some(room.max(CAPACITY_BYTES)),
        domain,
        wait: wait.mode(),
        open_deadline: clock::deadline_in(OPEN_PATIENCE),
        ..Options::default()
    }
}

/// Opens a side's ends; each side listens before it connects, so that neither waits for the other.
///
/// # Errors
/// Why an address cannot be opened.
pub fn open((to, from): (&str, &str), options: &Options) -> Result<(AddressSender, AddressReceiver)> {
    let receiver = Receiver::open_with(from, options)?;
    let inbound =
        AddressReceiver { is_lossy: from.starts_with("udp:"), ..AddressReceiver::lossless(receiver) };
    let outbound = AddressSender::new(Sender::open_with(to, options)?);
    Ok((outbound, inbound))
}

/// A sender by address.
pub struct AddressSender {
    sender: Sender<[u8]>,
}

impl AddressSender {
    /// Takes a sender that is open.
    #[must_use]
    pub fn new(sender: Sender<[u8]>) -> Self {
        Self { sender }
    }
}

impl Outbound for AddressSender {
    #[inline]
    fn send(&mut self, message: &[u8]) -> std::result::Result<(), Fault> {
        self.sender.send(message).map_err(|error| fault("send", error.kind(), &error))
    }
}

/// A receiver by address.
pub struct AddressReceiver {
    receiver: Receiver<[u8]>,
    is_lossy: bool,
    scratch: Vec<u8>,
}

impl AddressReceiver {
    /// Takes a receiver that is open and loses nothing.
    #[must_use]
    pub fn lossless(receiver: Receiver<[u8]>) -> Self {
        Self { receiver, is_lossy: false, scratch: Vec::new() }
    }
}

impl Inbound for AddressReceiver {
    #[inline]
    fn receive<R>(&mut self, read: impl FnOnce(&[u8]) -> R) -> std::result::Result<R, Fault> {
        match self.receiver.recv_bytes_until(Deadline::NEVER) {
            Ok(payload) => Ok(read(payload.bytes(&mut self.scratch))),
            Err(error) => Err(fault("receive", error.kind(), &error)),
        }
    }

    #[inline]
    fn receive_in_time<R>(&mut self, read: impl FnOnce(&[u8]) -> R) -> std::result::Result<Option<R>, Fault> {
        if !self.is_lossy {
            return self.receive(read).map(Some);
        }
        let deadline = Deadline::at_ns(clock::now_ns()).after_ns(LOSSY_PATIENCE_NS);
        match self.receiver.recv_bytes_until(deadline) {
            Ok(payload) => Ok(Some(read(payload.bytes(&mut self.scratch)))),
            Err(RecvError::TimedOut) => Ok(None),
            Err(error) => Err(fault("receive", error.kind(), &error)),
        }
    }
}

#[cold]
pub(super) fn fault(
    operation: &'static str,
    kind: crosstie::ErrorKind,
    cause: &dyn std::fmt::Display,
) -> Fault {
    Box::new(Error::new(operation, "a message", kind).because(cause.to_string()))
}
