//! Crosstie's topic as a lane, one publisher and one subscriber each way: nothing may be lost.

use std::path::Path;

use crosstie::channel::WaitMode;
use crosstie::channel::topic::{Mode, Start, TopicOptions, TopicReceiver, TopicSender};
use crosstie::ledger::Domain;
use crosstie::{Deadline, Result};

use super::exchange::{Fault, Inbound, Outbound};
use super::lane::fault;
use super::spec::{Role, Wait};

/// Opens a side's ends of two topics in the folder `domain`.
///
/// # Errors
/// No room for a topic.
pub fn ends(
    role: Role,
    domain: &Path,
    (wait, places): (Option<Wait>, u32),
    payload_bytes: usize,
) -> Result<(TopicOut, TopicIn)> {
    let domain = Domain::open(domain)?;
    let options = TopicOptions {
        mode: Some(Mode::Lossless),
        places: Some(places),
        message_bytes_max: Some(payload_bytes),
        // Whoever comes first may publish before the other has come.
        start: Start::Oldest,
        wait: wait.map_or(WaitMode::Adaptive, Wait::mode),
    };
    let (to, from) = match role {
        Role::Client => ("there", "back"),
        Role::Server => ("back", "there"),
    };
    let receiver = TopicReceiver::open(domain, from, &options)?;
    let private = vec![0; payload_bytes];
    Ok((TopicOut { sender: TopicSender::open(domain, to, &options)? }, TopicIn { receiver, private }))
}

/// The publishing end.
pub struct TopicOut {
    sender: TopicSender,
}

impl Outbound for TopicOut {
    #[inline]
    fn send(&mut self, message: &[u8]) -> std::result::Result<(), Fault> {
        self.sender.send(message, Deadline::NEVER).map_err(|error| fault("send", error.kind(), &error))
    }
}

/// The subscribing end.
pub struct TopicIn {
    receiver: TopicReceiver,
    private: Vec<u8>,
}

impl Inbound for TopicIn {
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
