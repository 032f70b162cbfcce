//! The topic's ends as survivors.

use crosstie::Deadline;
use crosstie::channel::topic::{TopicReceiver, TopicSender};
use crosstie::contract::{RecvError, SendError};

use crate::step::survivor::{Ending, Got, Receives, Sends, Stopped};

impl Receives for TopicReceiver {
    fn next(&mut self, deadline: Deadline) -> Result<Got, Stopped> {
        match self.recv(deadline) {
            Ok(message) => Ok(Got { bytes: message.to_vec(), deliveries: 1 }),
            Err(RecvError::Closed) => Err(Stopped::Ended(Ending::Clean)),
            Err(RecvError::Empty | RecvError::TimedOut) => Err(Stopped::Nothing),
            Err(RecvError::PeerDied) => Err(Stopped::Ended(Ending::Death)),
            Err(other) => Err(Stopped::Failed(format!("recv: {other}"))),
        }
    }
}

impl Sends for TopicSender {
    fn send_one(&mut self, message: &[u8], deadline: Deadline) -> Result<(), Stopped> {
        self.send(message, deadline).map_err(|error| match error {
            SendError::Full | SendError::TimedOut => Stopped::Nothing,
            other => Stopped::Failed(other.to_string()),
        })
    }
}
