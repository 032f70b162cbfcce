//! Crosstie's work queue as a lane: each message is done before the receiver takes the next.

use std::path::Path;

use crosstie::channel::WaitMode;
use crosstie::channel::queue::options::CAPACITY_BYTES;
use crosstie::channel::queue::{QueueOptions, QueueReceiver, QueueSender};
use crosstie::ledger::Domain;
use crosstie::{Deadline, Result};

use super::exchange::{Fault, Inbound, Outbound};
use super::lane::fault;
use super::spec::{Role, Wait};

/// Opens a side's ends of two queues in the folder `domain`, with room for three messages at least.
///
/// # Errors
/// No room for a queue.
pub fn ends(
    role: Role,
    domain: &Path,
    (wait, places): (Option<Wait>, u32),
    payload_bytes: usize,
) -> Result<(QueueOut, QueueIn)> {
    let domain = Domain::open(domain)?;
    let options = QueueOptions {
        places: Some(places),
        capacity_bytes: Some((payload_bytes * 3).next_multiple_of(1 << 10).max(CAPACITY_BYTES)),
        message_bytes_max: payload_bytes,
        wait: wait.map_or(WaitMode::Adaptive, Wait::mode),
        ..QueueOptions::default()
    };
    let (to, from) = match role {
        Role::Client => ("there", "back"),
        Role::Server => ("back", "there"),
    };
    let receiver = QueueReceiver::open(domain, from, &options)?;
    let private = vec![0; payload_bytes];
    Ok((QueueOut { sender: QueueSender::open(domain, to, &options)? }, QueueIn { receiver, private }))
}

/// The sending end.
pub struct QueueOut {
    sender: QueueSender,
}

impl Outbound for QueueOut {
    #[inline]
    fn send(&mut self, message: &[u8]) -> std::result::Result<(), Fault> {
        self.sender.send(message, Deadline::NEVER).map_err(|error| fault("send", error.kind(), &error))
    }
}

/// The receiving end.
pub struct QueueIn {
    receiver: QueueReceiver,
    private: Vec<u8>,
}

impl Inbound for QueueIn {
    #[inline]
    fn receive<R>(&mut self, read: impl FnOnce(&[u8]) -> R) -> std::result::Result<R, Fault> {
        let job = match self.receiver.recv(Deadline::NEVER) {
            Ok(job) => job,
            Err(error) => return Err(fault("receive", error.kind(), &error)),
        };
        let length = job.copy_to(&mut self.private);
        let answer = read(&self.private[..length]);
        job.done().map_err(Box::new)?;
        Ok(answer)
    }
}
