//! The topic's ends as survivors.

use crosstie::Deadline;
use crosstie::channel::topic::{TopicReceiver, TopicSender};
use crosstie::contract::RecvError;

use crate::step::survivor::{Ending, Got, Receives, Sends, Stopped};

impl Receives for TopicReceiver {
    fn next(&mut self) -> Result<Got, Stopped> {
        match self.recv(Deadline::NEVER) {
            Ok(message) => Ok(Got { bytes: message.to_vec(), deliveries: 1 }),
            Err(RecvError::Closed) => Err(Stopped::Ended(Ending::Clean)),
            Err(RecvError::PeerDied) => Err(Stopped::Ended(Ending::Death)),
            Err(other) => Err(Stopped::Failed(format!("recv: {other}"))),
        }
    }
}

impl Sends for TopicSender {
    fn send_one(&mut self, message: &[u8]) -> Result<(), Stopped> {
        self.send(message, Deadline::NEVER).map_err(|error| Stopped::Failed(error.to_string()))
    }
}
