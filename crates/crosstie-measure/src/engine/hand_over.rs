//! Messages that are lent in place and not copied: what handing over costs, whatever their size.
//!
//! Each message carries its number in its first 8 bytes; nobody touches the rest.

use crosstie::channel::ring::{RingReceiver, RingSender};
use crosstie::os::clock;
use crosstie::{Deadline, Error, ErrorKind};

use super::exchange::{Fault, Play, RoundTrip};
use super::lane::fault;

/// One side of the exchange.
pub struct HandOver {
    sender: RingSender,
    receiver: RingReceiver,
    payload_bytes: usize,
    sequence: u64,
}

impl HandOver {
    /// A side that has sent and received nothing yet.
    #[must_use]
    pub fn new((sender, receiver): (RingSender, RingReceiver), payload_bytes: usize) -> Self {
        Self { sender, receiver, payload_bytes, sequence: 0 }
    }

    fn send(&mut self) -> Result<(), Fault> {
        let lent = self.sender.reserve(self.payload_bytes, Deadline::NEVER);
        let mut loan = lent.map_err(|error| fault("lend", error.kind(), &error))?;
        loan.write_at(0, &self.sequence.to_le_bytes());
        loan.commit();
        Ok(())
    }

    fn receive(&mut self) -> Result<(), Fault> {
        let lent = self.receiver.recv(Deadline::NEVER);
        let message = lent.map_err(|error| fault("receive", error.kind(), &error))?;
        let mut number = [0; 8];
        message.copy_to(&mut number);
        if message.len() == self.payload_bytes && u64::from_le_bytes(number) == self.sequence {
            return Ok(());
        }
        Err(Box::new(
            Error::new("measure", "a message lent in place", ErrorKind::Corrupt)
                .because(format!("it is not number {}", self.sequence)),
        ))
    }
}

impl Play for HandOver {
    fn ask(&mut self) -> Result<Option<RoundTrip>, Fault> {
        self.sequence += 1;
        let asked_ns = clock::now_ns();
        self.send()?;
        self.receive()?;
        Ok(Some(RoundTrip { asked_ns, answered_ns: clock::now_ns() }))
    }

    fn answer(&mut self, count: u64) -> Result<(), Fault> {
        for _ in 0..count {
            self.sequence += 1;
            self.receive()?;
            self.send()?;
        }
        Ok(())
    }
}
