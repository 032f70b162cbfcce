//! A queue in a domain of the test's own.

use crosstie::channel::WaitMode;
use crosstie::channel::queue::{QueueOptions, QueueReceiver, QueueSender};

pub use crate::world::{DOMAIN, ROLE, TestDomain, wait_until_threads_sleep};

impl TestDomain {
    pub fn sender(&self) -> QueueSender {
        self.sender_with(&QueueOptions::default())
    }

    pub fn sender_with(&self, options: &QueueOptions) -> QueueSender {
        QueueSender::open(self.open(), "q", options).unwrap()
    }

    pub fn receiver(&self) -> QueueReceiver {
        self.receiver_with(&QueueOptions::default())
    }

    pub fn receiver_with(&self, options: &QueueOptions) -> QueueReceiver {
        QueueReceiver::open(self.open(), "q", options).unwrap()
    }
}

pub fn blocking() -> QueueOptions {
    QueueOptions { wait: WaitMode::Block, ..QueueOptions::default() }
}
