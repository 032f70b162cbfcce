//! The ring's ends as survivors.

use crosstie::Deadline;
use crosstie::channel::ring::{RingReceiver, RingSender};
use crosstie::contract::{RecvError, SendError};

use crate::step::survivor::{Ending, Got, Receives, Sends, Stopped};

impl Receives for RingReceiver {
    fn next(&mut self, deadline: Deadline) -> Result<Got, Stopped> {
        match self.recv(deadline) {
            Ok(message) => {
                let deliveries = if message.is_redelivered() { 2 } else { 1 };
                Ok(Got { bytes: message.to_vec(), deliveries })
            }
            Err(RecvError::Closed) => Err(Stopped::Ended(Ending::Clean)),
            Err(RecvError::Empty | RecvError::TimedOut) => Err(Stopped::Nothing),
            Err(RecvError::PeerDied) => Err(Stopped::Ended(Ending::Death)),
            Err(other) => Err(Stopped::Failed(format!("recv: {other}"))),
        }
    }
}

impl Sends for RingSender {
    fn send_one(&mut self, message: &[u8], deadline: Deadline) -> Result<(), Stopped> {
        self.send(message, deadline).map_err(|error| match error {
            SendError::Closed => Stopped::Ended(Ending::Clean),
            SendError::Full | SendError::TimedOut => Stopped::Nothing,
            SendError::PeerDied => Stopped::Ended(Ending::Death),
            other => Stopped::Failed(other.to_string()),
        })
    }
}
