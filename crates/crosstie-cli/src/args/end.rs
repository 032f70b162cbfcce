//! What the verbs that open an end of an address have in common.

use std::time::Duration;

use clap::Args;
use crosstie::Deadline;
use crosstie::channel::topic::{Mode, Start};
use crosstie::endpoint::{Address, Options, WaitMode, size};

use super::Globals;
use super::values::{bytes, duration, mode, wait};
use crate::exit::{Failure, Outcome};

/// The flags for an end of an address.
#[derive(Clone, Debug, Args)]
pub struct EndFlags {
    /// Give up any wait after this long: 2s, 0.5, 1m (for the other side, for room, for a message)
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub timeout: Option<Duration>,
    /// The largest message [default: 64MiB; of a ring or a queue its room (?capacity=); of a topic that does not exist yet 1008]
    #[arg(long, visible_alias = "limit", value_name = "SIZE", value_parser = bytes)]
    pub max: Option<usize>,
    /// The room of a ring or a queue that does not exist yet [default: 1MiB]
    #[arg(long, value_name = "SIZE", value_parser = bytes)]
    pub capacity: Option<usize>,
    /// How to wait on a ring or a queue: block, spin or adaptive [default: adaptive]
    #[arg(long, value_name = "HOW", value_parser = wait)]
    pub wait: Option<WaitMode>,
    /// What becomes of messages that a subscriber has not read in time, of a topic that does not exist yet: lossless (publishers
    /// wait), lossy or latest [default: lossless]
    #[arg(long, value_name = "MODE", value_parser = mode)]
    pub mode: Option<Mode>,
    /// Where a subscriber of a topic begins: the flag is that of `recv`
    #[arg(skip)]
    pub start: Option<Start>,
}

impl EndFlags {
    /// The options that the flags stand for beside `address`; opening waits until `open_deadline`.
    ///
    /// # Errors
    /// If a flag says otherwise than the address: which of them is meant nobody can know.
    pub fn options(
        &self,
        address: &Address,
        globals: &Globals,
        open_deadline: Deadline,
    ) -> Result<Options, Failure> {
        self.agree_with(address)?;
        let defaults = Options::default();
        Ok(Options {
            message_bytes_max: self.max.unwrap_or(defaults.message_bytes_max),
            capacity_bytes: self.capacity,
            wait: self.wait.unwrap_or(defaults.wait),
            mode: self.mode,
            start: self.start,
            domain: globals.domain.clone(),
            open_deadline,
            ..defaults
        })
    }

    fn agree_with(&self, address: &Address) -> Outcome {
        let word_of = |words: &[&str], is_it: &dyn Fn(&str) -> bool| {
            words.iter().find(|word| is_it(word)).map(|word| (*word).to_owned())
        };
        let wait_word = |flag| word_of(&["block", "spin", "adaptive"], &|word| wait(word) == Ok(flag));
        let mode_word = |flag| word_of(&["lossless", "lossy", "latest"], &|word| mode(word) == Ok(flag));
        let flags = [
            ("max", self.max.map(size::display)),
            ("capacity", self.capacity.map(size::display)),
            ("wait", self.wait.and_then(wait_word)),
            ("mode", self.mode.and_then(mode_word)),
            ("from", self.start.map(|start| start.to_string())),
        ];
        for (key, flag) in flags {
            let (Some(flag), Some(option)) = (flag, address.option(key)) else { continue };
            if flag != option {
                return Err(Failure::usage(format!(
                    "open {address}: the address says {key}={option}, and --{key} says {flag}"
                ))
                .advise(format!("say it once: leave out --{key}, or ?{key}= in the address")));
            }
        }
        Ok(())
    }
}
