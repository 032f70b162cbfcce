//! What the measuring process tells a party of workers, and what it answers: one JSON document a line.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::way::Way;
use crate::engine::worker::Reply;
use crate::record::Percentiles;

/// The hidden subcommand under which an executable runs [`super::party::run`].
pub const PARTY_SUBCOMMAND: &str = "__party";

/// What a party is, fixed at its start.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PartySpec {
    /// What it opens, each in a folder of its own; workers take the first.
    pub objects: Vec<(Way, PathBuf)>,
    /// The domain of Crosstie's own: one, as a program has.
    pub domain: PathBuf,
    /// Its workers' processors, one each; `None`: wherever the kernel puts it.
    pub workers: Vec<Option<usize>>,
    /// The measuring process: a party ends with it.
    pub parent: u32,
}

/// What all workers of a party do next.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PartyCommand {
    /// Each object of the party in turn, taken and given up by one worker.
    Pairs {
        /// How often the objects take turns.
        rounds: usize,
        /// How long each turn takes, about.
        window_ns: u64,
    },
    /// All workers take the object over and over.
    Contend {
        /// From then on, on the machine's monotonic clock.
        start_ns: u64,
        /// Until then.
        end_ns: u64,
        /// How long the object is held beyond counting, 0 for not at all.
        section_ns: u64,
        /// What is measured.
        watch: Watch,
    },
    /// The object goes from an owner to one who sleeps, so often; worker 0 of the party has this part.
    HandOver {
        /// How often.
        count: u64,
        /// Of the party's first worker; the second, or the other party's, has the other.
        part: Part,
    },
    /// Takes the object and keeps it until killed, in a process that uses so many bytes.
    Hold {
        /// Bytes that are written to before.
        ballast_bytes: usize,
    },
    /// Takes the object once and gives it up.
    TakeOnce,
}

/// What workers that contend look at; each has its cost, so one at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Watch {
    /// How often they take it.
    Rate,
    /// How long each wait is, and how many others were served meanwhile.
    Waits,
}

/// The two parts of handing over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// Has it first.
    Giver,
    /// Sleeps until it has it.
    Sleeper,
    /// Both, by two threads of one party.
    Both,
}

/// What a party answers to a command.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct PartyAnswer {
    /// Why it gave up.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub failure: Option<(String, String)>,
    /// Nanoseconds of a pair of each object: the median of its turns.
    #[serde(default)]
    pub pair_ns: Vec<f64>,
    /// How often the object was taken.
    #[serde(default)]
    pub taken: u64,
    /// How many others were served at most while a worker waited.
    #[serde(default)]
    pub overtaken_most: u64,
    /// The same from when it stood in the queue, where the object counts that.
    #[serde(default)]
    pub overtaken_in_queue: Option<u64>,
    /// The longest wait.
    #[serde(default)]
    pub longest_wait_ns: u64,
    /// Of the worker with the largest: 999 of 1000 waits were at most this.
    #[serde(default)]
    pub wait_ns_p999: u64,
    /// From giving up to having it, while the next slept.
    #[serde(default)]
    pub hand_over_ns: Option<Percentiles>,
    /// When it was had, on the machine's monotonic clock.
    #[serde(default)]
    pub had_at_ns: u64,
}

impl Reply for PartyAnswer {
    fn failure(&self) -> Option<&(String, String)> {
        self.failure.as_ref()
    }
}
