//! The ring's ends as survivors.

use crosstie::Deadline;
use crosstie::channel::ring::{RingReceiver, RingSender};
use crosstie::contract::{RecvError, SendError};

use crate::step::survivor::{Ending, Got, Receives, Sends, Stopped};

impl Receives for RingReceiver {
    fn next(&mut self) -> Result<Got, Stopped> {
        match self.recv(Deadline::NEVER) {
            Ok(message) => {
                let deliveries = if message.is_redelivered() { 2 } else { 1 };
                Ok(Got { bytes: message.to_vec(), deliveries })
            }
            Err(RecvError::Closed) => Err(Stopped::Ended(Ending::Clean)),
            Err(RecvError::PeerDied) => Err(Stopped::Ended(Ending::Death)),
            Err(other) => Err(Stopped::Failed(format!("recv: {other}"))),
        }
    }
}

impl Sends for RingSender {
    fn send_one(&mut self, message: &[u8]) -> Result<(), Stopped> {
        self.send(message, Deadline::NEVER).map_err(|error| match error {
            SendError::Closed => Stopped::Ended(Ending::Clean),
            SendError::PeerDied => Stopped::Ended(Ending::Death),
            other => Stopped::Failed(other.to_string()),
        })
    }
}
