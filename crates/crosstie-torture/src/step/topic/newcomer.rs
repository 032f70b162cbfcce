//! How a newcomer comes to a topic.

use crosstie::Error;
use crosstie::channel::topic::{TopicReceiver, TopicSender};
use crosstie::ledger::Domain;

use super::case::Case;
use super::victim::options;
use crate::step::newcomer::{Habit, Joins};

impl Joins for Case {
    type Receiver = TopicReceiver;
    type Sender = TopicSender;

    fn habit(&self) -> Habit {
        self.newcomer
    }

    fn open_receiver(&self, domain: &'static Domain, name: &str) -> Result<TopicReceiver, Error> {
        TopicReceiver::open(domain, name, &options(self))
    }

    fn open_sender(&self, domain: &'static Domain, name: &str) -> Result<TopicSender, Error> {
        TopicSender::open(domain, name, &options(self))
    }
}
