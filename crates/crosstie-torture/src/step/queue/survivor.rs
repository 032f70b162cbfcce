//! The queue's ends as survivors.

use crosstie::Deadline;
use crosstie::channel::queue::{QueueReceiver, QueueSender};
use crosstie::contract::{RecvError, SendError};

use crate::step::survivor::{Ending, Got, Receives, Sends, Stopped};

impl Receives for QueueReceiver {
    fn next(&mut self, deadline: Deadline) -> Result<Got, Stopped> {
        let received = self.recv(deadline).map(|job| {
            let got = Got { bytes: job.to_vec(), deliveries: job.deliveries() };
            (got, job.done())
        });
        match received {
            Ok((got, Ok(()))) => Ok(got),
            Ok((_, Err(lost))) => Err(Stopped::Failed(format!("done: {lost}"))),
            Err(RecvError::Closed) => Err(Stopped::Ended(Ending::Clean)),
            Err(RecvError::Empty | RecvError::TimedOut) => Err(Stopped::Nothing),
            Err(RecvError::PeerDied) => Err(Stopped::Ended(Ending::Death)),
            Err(other) => Err(Stopped::Failed(format!("recv: {other}"))),
        }
    }
}

impl Sends for QueueSender {
    fn send_one(&mut self, message: &[u8], deadline: Deadline) -> Result<(), Stopped> {
        self.send(message, deadline).map_err(|error| match error {
            SendError::Full | SendError::TimedOut => Stopped::Nothing,
            other => Stopped::Failed(other.to_string()),
        })
    }
}
