//! What is measured, how long and how often: data.

use super::subject::{Mechanism, Subject};
use crate::engine::spec::Wait;
use crate::turns::plan::TurnsPlan;

/// The payload sizes of every mechanism, in bytes, in the order in which they are measured: the
/// size that people ask for first comes first.
pub const PAYLOADS: [usize; 6] = [64, 8, 1 << 10, 64 << 10, 1 << 20, 4 << 20];

/// The payload that fills one cache line together with the ring's header; for shm only.
pub const ONE_LINE_PAYLOAD: usize = 48;

/// The sizes for which `memcpy` is measured.
pub const MEMCPY_SIZES: [usize; 7] = [8, 48, 64, 1 << 10, 64 << 10, 1 << 20, 4 << 20];

/// The pace of the paced round trips: one every millisecond.
pub const PACE_NS: u64 = 1_000_000;

/// How long and how often.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The payload sizes, in the order in which they are measured.
    pub payloads: Vec<usize>,
    /// Which mechanisms.
    pub mechanisms: Vec<Mechanism>,
    /// Repetitions of each cell, interleaved with those of the others.
    pub repetitions: usize,
    /// How long one repetition of one pattern takes, about.
    pub window_ns: u64,
    /// How long the channels may take: where the machine is too busy for all repetitions, there are fewer.
    pub budget_ns: u64,
    /// Round trips at [`PACE_NS`].
    pub paced_count: u64,
    /// Messages whose system calls are counted; fewer for large payloads.
    pub traced_count: u64,
    /// The second half: taking turns.
    pub turns: TurnsPlan,
}

impl Plan {
    /// At most a minute on two cores.
    #[must_use]
    pub fn short() -> Self {
        Self {
            payloads: PAYLOADS.to_vec(),
            mechanisms: Mechanism::ALL.to_vec(),
            repetitions: 3,
            window_ns: 30_000_000,
            budget_ns: 36_000_000_000,
            paced_count: 120,
            traced_count: 64,
            turns: TurnsPlan::short(),
        }
    }

    /// At most six minutes on two cores.
    #[must_use]
    pub fn full() -> Self {
        Self {
            repetitions: 7,
            window_ns: 120_000_000,
            budget_ns: 220_000_000_000,
            paced_count: 1_000,
            traced_count: 256,
            turns: TurnsPlan::full(),
            ..Self::short()
        }
    }

    /// The same in a quarter of the time, for a machine that is busy.
    #[must_use]
    pub fn hurried(&self) -> Self {
        Self {
            window_ns: self.window_ns / 4,
            paced_count: self.paced_count.div_ceil(4),
            traced_count: self.traced_count.div_ceil(4),
            ..self.clone()
        }
    }

    /// What is measured at one payload size, floor first.
    #[must_use]
    pub fn subjects(&self, payload_bytes: usize) -> Vec<Subject> {
        let is_for_shm_only = payload_bytes == ONE_LINE_PAYLOAD;
        let chosen = |mechanism: &&Mechanism| !is_for_shm_only || **mechanism == Mechanism::Shm;
        let mechanisms = || self.mechanisms.iter().filter(chosen).copied();
        let mut subjects = vec![Subject::CacheLine, Subject::FutexWake, Subject::BareRing];
        for mechanism in mechanisms() {
            if mechanism == Mechanism::Shm {
                subjects.push(Subject::Row(mechanism, Wait::Spin));
                subjects.push(Subject::HandOver);
            } else if mechanism.has_bare_loop() {
                subjects.push(Subject::BareLoop(mechanism));
            }
            subjects.push(Subject::Row(mechanism, Wait::Block));
        }
        subjects
    }

    /// The sizes in order, with [`ONE_LINE_PAYLOAD`] before the second of them.
    #[must_use]
    pub fn sizes(&self) -> Vec<usize> {
        let mut sizes = self.payloads.clone();
        if self.mechanisms.contains(&Mechanism::Shm) && !sizes.contains(&ONE_LINE_PAYLOAD) {
            sizes.insert(sizes.len().min(1), ONE_LINE_PAYLOAD);
        }
        sizes
    }
}
