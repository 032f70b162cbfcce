//! What a worker is told, and what it answers: one JSON document each.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::engine::worker::Reply;

/// The hidden subcommand under which an executable runs [`super::worker::run`].
pub const JOBS_SUBCOMMAND: &str = "__jobs";

/// Which way jobs go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Way {
    /// Crosstie's queue in this domain.
    Queue {
        /// The domain's folder.
        domain: PathBuf,
        /// Places of the queue.
        places: u32,
    },
    /// A POSIX message queue of this name.
    PosixQueue {
        /// Its name.
        name: String,
    },
}

/// What a worker does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// Sends so many messages.
    Send,
    /// Receives so many messages, and is done with each.
    Receive,
    /// Takes so many messages into hand, and waits to be killed.
    Hold,
}

/// What a worker is, fixed at its start.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct JobsSpec {
    /// Which way jobs go.
    pub way: Way,
    /// What it does.
    pub part: Part,
    /// How many messages.
    pub count: u64,
    /// Bytes of each.
    pub payload_bytes: usize,
    /// The processor to stay on.
    pub processor: Option<usize>,
    /// The measuring process: a worker ends with it.
    pub parent: u32,
}

/// The only command: begin.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Begin {}

/// What a worker answers when it is ready, and when it is done.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct JobsAnswer {
    /// Why it gave up.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub failure: Option<(String, String)>,
    /// When the first message was sent or received.
    pub began_ns: u64,
    /// When the last one was.
    pub ended_ns: u64,
    /// The sum of the messages' numbers, for the other side to be checked against.
    pub sum: u64,
}

impl Reply for JobsAnswer {
    fn failure(&self) -> Option<&(String, String)> {
        self.failure.as_ref()
    }
}
