//! A topic in a domain of the test's own.

use crosstie::Deadline;
use crosstie::channel::WaitMode;
use crosstie::channel::topic::{Mode, Start, TopicOptions, TopicReceiver, TopicSender};
use crosstie::contract::RecvError;

pub use crate::world::{DOMAIN, ROLE, TestDomain, wait_until_threads_sleep};

impl TestDomain {
    pub fn publisher(&self, options: &TopicOptions) -> TopicSender {
        TopicSender::open(self.open(), "t", options).unwrap()
    }

    pub fn subscriber(&self, options: &TopicOptions) -> TopicReceiver {
        TopicReceiver::open(self.open(), "t", options).unwrap()
    }
}

/// A topic of eight places.
pub fn of_mode(mode: Mode) -> TopicOptions {
    let places = (mode != Mode::Latest).then_some(8);
    TopicOptions { mode: Some(mode), places, wait: WaitMode::Block, ..TopicOptions::default() }
}

pub fn from(mode: Mode, start: Start) -> TopicOptions {
    TopicOptions { start, ..of_mode(mode) }
}

/// What is there now: numbers of messages, which are also their first bytes; and a gap as its two ends.
pub fn read_all(receiver: &mut TopicReceiver) -> Vec<Got> {
    let mut got = Vec::new();
    loop {
        match receiver.recv(Deadline::NOW) {
            Ok(message) => {
                let bytes = message.to_vec();
                assert!(bytes.iter().all(|&byte| byte == bytes[0]), "torn: {bytes:?}");
                got.push(Got::Message(bytes[0]));
            }
            Err(RecvError::Overrun { from, to }) => got.push(Got::Lost(from, to)),
            Err(RecvError::Empty) => return got,
            Err(other) => panic!("{other:?}"),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Got {
    Message(u8),
    Lost(u64, u64),
}

pub fn messages(range: std::ops::Range<u8>) -> Vec<Got> {
    range.map(Got::Message).collect()
}

pub fn publish(sender: &mut TopicSender, range: std::ops::Range<u8>) {
    for n in range {
        sender.send(&[n; 100], Deadline::NOW).unwrap();
    }
}
