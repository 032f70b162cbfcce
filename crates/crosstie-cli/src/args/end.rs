//! What the verbs that open an end of an address have in common.

use std::time::Duration;

use clap::Args;
use crosstie::Deadline;
use crosstie::endpoint::{Options, WaitMode};

use super::Globals;
use super::values::{bytes, duration, wait};

/// The flags for an end of an address.
#[derive(Clone, Debug, Args)]
pub struct EndFlags {
    /// Give up any wait after this long: 2s, 0.5, 1m (for the other side, for room, for a message)
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub timeout: Option<Duration>,
    /// The largest message [default: 64MiB]
    #[arg(long, visible_alias = "limit", value_name = "SIZE", value_parser = bytes)]
    pub max: Option<usize>,
    /// The room of a ring or a queue that does not exist yet [default: 1MiB]
    #[arg(long, value_name = "SIZE", value_parser = bytes)]
    pub capacity: Option<usize>,
    /// How to wait on a ring or a queue: block, spin or adaptive [default: adaptive]
    #[arg(long, value_name = "HOW", value_parser = wait)]
    pub wait: Option<WaitMode>,
}

impl EndFlags {
    /// The options that the flags stand for; opening waits until `open_deadline`.
    pub fn options(&self, globals: &Globals, open_deadline: Deadline) -> Options {
        let defaults = Options::default();
        Options {
            message_bytes_max: self.max.unwrap_or(defaults.message_bytes_max),
            capacity_bytes: self.capacity,
            wait: self.wait.unwrap_or(defaults.wait),
            domain: globals.domain.clone(),
            open_deadline,
            ..defaults
        }
    }
}
