//! The record's second half: ways to take turns.

use serde::{Deserialize, Serialize};

use super::Percentiles;

/// One way to take turns: what it is, and what was measured.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Turns {
    /// `"Mutex fast"`, `"pthread robust"`.
    pub mechanism: String,
    /// Whether it is Crosstie's.
    pub is_ours: bool,
    /// `"threads"` of one process, or `"processes"` of one machine.
    pub scope: String,
    /// What happens to it when its owner dies.
    pub on_death: String,
    /// Lines of the smallest correct program; 0 where none was counted.
    pub program_lines: usize,
    /// Why there are no figures, or not all.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub not_measured: Option<String>,
    /// Taken and given up by one process, nobody else there: nanoseconds of the pair.
    pub pair_ns: Option<f64>,
    /// Taken by several, over and over.
    pub contended: Vec<Contended>,
    /// From giving up to having it, where the next owner slept.
    pub hand_over_ns: Option<Percentiles>,
    /// From the owner's death to the next owner having it.
    pub deaths: Vec<Death>,
    /// How often all of this was repeated, interleaved with the others.
    pub repetitions: usize,
}

/// What several saw who took one thing over and over.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Contended {
    /// How many.
    pub parties: usize,
    /// How long each kept it beyond raising a counter.
    pub section_ns: u64,
    /// How often it was taken, by all together.
    pub pairs_per_s: f64,
    /// How many others were served at most while one waited, counted from its call.
    pub overtaken_most: u64,
    /// By how many later ones a waiter was overtaken at most, counted from when it stood in the queue, where
    /// the object counts that itself.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub overtaken_in_queue: Option<u64>,
    /// The longest wait.
    pub longest_wait_ns: u64,
    /// 999 of 1000 waits were at most this, of the one for whom that is the largest.
    #[serde(default)]
    pub wait_ns_p999: u64,
}

/// What the death of an owner led to.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Death {
    /// Memory that the owner used.
    pub owner_bytes: u64,
    /// From the `kill -9` to the next owner having it, median; `None`: nobody had it again.
    pub next_owner_ns_p50: Option<u64>,
}
