//! A ring's messages read where they lie: every byte of them, and no copy.
#![expect(unsafe_code, reason = "reads messages in memory that both sides map")]

use crosstie::Deadline;
use crosstie::channel::ring::RingReceiver;

use super::exchange::{Fault, Inbound};
use super::lane::fault;

/// The receiving end. The sending end is [`RingOut`](super::lane::RingOut), which writes each message
/// straight into the ring.
pub struct InPlace {
    receiver: RingReceiver,
}

impl InPlace {
    /// Takes a receiver that is open.
    #[must_use]
    pub fn new(receiver: RingReceiver) -> Self {
        Self { receiver }
    }
}

impl Inbound for InPlace {
    #[inline]
    fn receive<R>(&mut self, read: impl FnOnce(&[u8]) -> R) -> Result<R, Fault> {
        match self.receiver.recv(Deadline::NEVER) {
            Ok(message) => {
                // SAFETY: the message is lent until `message` is dropped, behind this; the other side runs
                // this same program, whose sender writes no byte of a record that is not acknowledged.
                let bytes = unsafe { std::slice::from_raw_parts(message.as_ptr(), message.len()) };
                Ok(read(bytes))
            }
            Err(error) => Err(fault("receive", error.kind(), &error)),
        }
    }
}
