//! How a newcomer comes to a queue.

use crosstie::channel::queue::{QueueReceiver, QueueSender};
use crosstie::ledger::Domain;
use crosstie::{Deadline, Error};

use super::case::Case;
use super::victim::options;
use crate::step::newcomer::{Habit, Joins};

/// Bytes that need every chunk of a queue.
pub const ALL_BYTES: usize = 4096;

impl Joins for Case {
    type Receiver = QueueReceiver;
    type Sender = QueueSender;

    fn habit(&self) -> Habit {
        self.newcomer
    }

    fn open_receiver(&self, domain: &'static Domain, name: &str) -> Result<QueueReceiver, Error> {
        QueueReceiver::open(domain, name, &options(self))
    }

    fn open_sender(&self, domain: &'static Domain, name: &str) -> Result<QueueSender, Error> {
        QueueSender::open(domain, name, &options(self))
    }

    fn keep_room(&self, domain: &'static Domain, name: &str) -> Result<(), Error> {
        let mut sender = self.open_sender(domain, name)?;
        // Forgotten, the loan keeps its chunks for as long as its end lives, which is forgotten too.
        if let Ok(loan) = sender.reserve(ALL_BYTES / 4, Deadline::NOW) {
            std::mem::forget(loan);
        }
        std::mem::forget(sender);
        Ok(())
    }
}
