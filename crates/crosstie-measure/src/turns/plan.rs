//! What is measured, how long and how often: data.

use super::way::Way;

/// How many take one object at the same time.
pub const PARTIES: [usize; 2] = [2, 8];
/// How long each keeps it beyond raising a counter: not at all, and 1 µs.
pub const SECTIONS_NS: [u64; 2] = [0, 1_000];
/// The memory of a large process that dies: 256 MiB.
pub const BALLAST_BYTES: usize = 256 << 20;

/// How long and how often.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TurnsPlan {
    /// Which mechanisms; none: nothing is measured.
    pub ways: Vec<Way>,
    /// Repetitions of everything, interleaved between the mechanisms.
    pub repetitions: usize,
    /// How often a repetition lets the mechanisms take turns, each taken by one process alone.
    pub pair_rounds: usize,
    /// How long each such turn takes, about.
    pub pair_window_ns: u64,
    /// How long several take one object, for each number of them and each section.
    pub window_ns: u64,
    /// How often an object goes to one who sleeps.
    pub hand_overs: u64,
    /// How many owners die in each repetition.
    pub deaths: usize,
    /// How many of 256 MiB.
    pub large_deaths: usize,
    /// How long the whole may take: where the machine is too busy, there are fewer repetitions.
    pub budget_ns: u64,
}

impl TurnsPlan {
    /// At most 20 seconds on two cores.
    #[must_use]
    pub fn short() -> Self {
        Self {
            ways: Way::ALL.to_vec(),
            repetitions: 3,
            pair_rounds: 7,
            pair_window_ns: 300_000,
            window_ns: 10_000_000,
            hand_overs: 60,
            deaths: 3,
            large_deaths: 1,
            budget_ns: 20_000_000_000,
        }
    }

    /// At most two minutes on two cores.
    #[must_use]
    pub fn full() -> Self {
        Self {
            repetitions: 7,
            pair_rounds: 21,
            pair_window_ns: 1_000_000,
            window_ns: 40_000_000,
            hand_overs: 300,
            deaths: 7,
            large_deaths: 3,
            budget_ns: 110_000_000_000,
            ..Self::short()
        }
    }

    /// Nothing.
    #[must_use]
    pub fn none() -> Self {
        Self { ways: Vec::new(), repetitions: 0, ..Self::short() }
    }
}
