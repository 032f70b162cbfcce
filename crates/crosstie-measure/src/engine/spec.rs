//! What the measuring process tells a side, and what it answers: one JSON document a line.

use crosstie::channel::WaitMode;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::worker::Reply;
use crate::record::Percentiles;

/// The hidden subcommand under which an executable runs [`super::side::run`].
pub const SIDE_SUBCOMMAND: &str = "__side";

/// Which of the two processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Asks, or sends.
    Client,
    /// Answers, or receives.
    Server,
}

/// What a side is, fixed at its start.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SideSpec {
    /// Which of the two processes.
    pub role: Role,
    /// What the two are connected by.
    pub lane: Lane,
    /// Bytes of payload in each message.
    pub payload_bytes: usize,
    /// From which both sides derive the payloads.
    pub seed: u64,
    /// The processor to stay on.
    pub processor: Option<usize>,
    /// The measuring process: a side ends with it.
    pub parent: u32,
}

/// Where a mechanism's messages go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Link {
    /// Two pipes, which the sides get as their standard input and output.
    Pipe,
    /// Two addresses.
    Addresses {
        /// From client to server.
        there: String,
        /// From server to client.
        back: String,
    },
}

impl Link {
    /// Where a side sends to, and where it receives.
    #[must_use]
    pub fn ends(&self, role: Role) -> (&str, &str) {
        match (self, role) {
            (Self::Pipe, _) => ("fd:1", "fd:0"),
            (Self::Addresses { there, back }, Role::Client) => (there, back),
            (Self::Addresses { there, back }, Role::Server) => (back, there),
        }
    }
}

/// How an end of what lies in shared memory waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wait {
    /// Sleeps at once; what the kernel's mechanisms do anyway.
    Block,
    /// Never sleeps.
    Spin,
}

impl Wait {
    /// As an end is opened with it.
    #[must_use]
    pub fn mode(self) -> WaitMode {
        match self {
            Self::Block => WaitMode::Block,
            Self::Spin => WaitMode::Spin,
        }
    }

    /// As a row says it: `"block"` or `"spin"`.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Block => "block",
            Self::Spin => "spin",
        }
    }
}

/// What the two sides are connected by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lane {
    /// Crosstie's own ends.
    Crosstie {
        /// Where messages go.
        link: Link,
        /// How an end of a ring waits.
        wait: Wait,
        /// The folder in which the two find a ring.
        domain: Option<PathBuf>,
        /// Room of a ring.
        capacity_bytes: Option<usize>,
    },
    /// Messages lent in place by two rings, spinning; only their first 8 bytes are touched.
    HandOver {
        /// Where messages go.
        link: Link,
        /// The folder in which the two find a ring.
        domain: PathBuf,
        /// Room of a ring.
        capacity_bytes: usize,
    },
    /// Two rings, spinning, whose messages are written and read where they lie, every byte of them.
    InPlace {
        /// Where messages go.
        link: Link,
        /// The folder in which the two find a ring.
        domain: PathBuf,
        /// Room of a ring.
        capacity_bytes: usize,
    },
    /// Two work queues, each message acknowledged before the next.
    Queue {
        /// The folder in which the two find a queue.
        domain: PathBuf,
        /// How its ends wait; `None`: as `queue:` does it by itself.
        wait: Option<Wait>,
        /// Places of a queue.
        places: u32,
    },
    /// Two topics of one publisher and one subscriber, which lose nothing.
    Topic {
        /// The folder in which the two find a topic.
        domain: PathBuf,
        /// How its ends wait; `None`: as `topic:` does it by itself.
        wait: Option<Wait>,
        /// Places of a topic.
        places: u32,
    },
    /// Calls: the server answers what it is asked.
    Calls {
        /// Where they go.
        address: String,
        /// The folder in which the two find what lies in shared memory.
        domain: Option<PathBuf>,
        /// How an end of that waits.
        wait: Wait,
    },
    /// A way that only the executable of the sides knows.
    Foreign {
        /// Its name there.
        way: String,
        /// A folder for what the two need.
        folder: PathBuf,
    },
    /// Reads and writes of the same framing on the same kind of kernel object, and nothing else.
    BareLoop {
        /// Where messages go.
        link: Link,
    },
    /// Two rings without any check, in a file that both map.
    BareRing {
        /// The file.
        path: String,
        /// Bytes of each ring.
        capacity_bytes: usize,
    },
    /// One cache line, both sides spinning, in a file that both map.
    CacheLine {
        /// The file.
        path: String,
    },
    /// Two futexes, both sides sleeping, in a file that both map.
    FutexWake {
        /// The file.
        path: String,
    },
}

/// What a side is told to do next.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Command {
    /// One message in flight: the client sends, the server sends back what it received.
    RoundTrips {
        /// How many.
        count: u64,
        /// Nanoseconds from one start to the next; `None`: the next starts when the last is over.
        interval_ns: Option<u64>,
    },
    /// Client to server, as fast as the lane takes them.
    OneWay {
        /// How many.
        count: u64,
        /// Which side has more to do than its half of the transfer.
        burden: Burden,
    },
}

/// What a side does beside its half of a one-way transfer, so that the lane runs in one known
/// regime.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Burden {
    /// Nothing: the lane finds its own regime.
    #[default]
    None,
    /// The sender works a little before each message, so that the receiver keeps up.
    Sender,
    /// The receiver works a little after each message, so that the lane is full.
    Receiver,
}

/// What a side answers to a command.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Answer {
    /// Why the side gave up, as the id of an error's kind and its text; it ends after this answer.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub failure: Option<(String, String)>,
    /// Durations of the round trips, of the client.
    #[serde(default)]
    pub round_trip_ns: Percentiles,
    /// Messages counted.
    pub messages: u64,
    /// From the first to the last that was counted.
    pub elapsed_ns: u64,
    /// Messages a second, of the receiver of a one-way phase: the median of equal parts of it.
    #[serde(default)]
    pub steady_per_second: f64,
    /// Processor time of this side meanwhile.
    pub processor_ns: u64,
    /// Counted messages that were sent and did not arrive, of the receiver.
    #[serde(default)]
    pub lost: u64,
}

impl Reply for Answer {
    fn failure(&self) -> Option<&(String, String)> {
        self.failure.as_ref()
    }
}

impl Answer {
    /// Counted messages a second.
    #[must_use]
    pub fn per_second(&self) -> f64 {
        if self.elapsed_ns == 0 { 0.0 } else { self.messages as f64 * 1e9 / self.elapsed_ns as f64 }
    }

    /// Processor time in percent of one core.
    #[must_use]
    pub fn processor_percent(&self) -> f64 {
        if self.elapsed_ns == 0 { 0.0 } else { self.processor_ns as f64 * 100.0 / self.elapsed_ns as f64 }
    }
}
