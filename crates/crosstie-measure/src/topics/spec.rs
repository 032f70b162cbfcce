//! What a worker is told, and what it answers: one JSON document each.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::engine::worker::Reply;

/// The hidden subcommand under which an executable runs [`super::worker::run`].
pub const TOPICS_SUBCOMMAND: &str = "__topics";

/// What a worker does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// Publishes so many messages.
    Publish,
    /// Receives until the publisher has ended.
    Subscribe,
    /// Subscribes, and never reads.
    Idle,
}

/// What a worker is, fixed at its start.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TopicsSpec {
    /// The domain's folder.
    pub domain: PathBuf,
    /// Whether publishers wait for subscribers.
    pub is_lossless: bool,
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
pub struct TopicsAnswer {
    /// Why it gave up.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub failure: Option<(String, String)>,
    /// When the first message was published or received.
    pub began_ns: u64,
    /// When the last one was.
    pub ended_ns: u64,
    /// Messages published, or received whole.
    pub messages: u64,
    /// Messages that were told to be lost.
    pub lost: u64,
}

impl Reply for TopicsAnswer {
    fn failure(&self) -> Option<&(String, String)> {
        self.failure.as_ref()
    }
}
