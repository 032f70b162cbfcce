//! The record of a measurement, `crosstie.compare/1`: what `compare`, `bench` and `advise` exchange.
//!
//! Additive only: a reader of version 1 reads every later minor version. Durations are integer
//! nanoseconds, sizes are bytes, rates are per second.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

mod turns;

pub use turns::{Contended, Death, Turns};

/// The name and version of the schema.
pub const SCHEMA: &str = "crosstie.compare/1";

/// One run of `crosstie compare`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Report {
    /// Always [`SCHEMA`].
    pub schema: String,
    /// Where and when it was measured.
    pub machine: Machine,
    /// The command line that made it.
    pub command: String,
    /// Seconds that the whole run took.
    pub elapsed_s: f64,
    /// The machine's own limits, measured in the same run.
    pub floor: Floor,
    /// What each mechanism is, in the textbook's words, with this machine's figures.
    pub mechanisms: Vec<Mechanism>,
    /// One row per mechanism, way of waiting and payload.
    pub rows: Vec<Row>,
    /// Ways to take turns, each of Crosstie's before its peers.
    #[serde(default)]
    pub turns: Vec<Turns>,
}

/// Where and when a report was measured.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Machine {
    /// The processor's name.
    pub cpu: String,
    /// Processors that this process may use.
    pub cores: usize,
    /// `uname -sr`.
    pub kernel: String,
    /// Whether it is a virtual machine, as far as the processor says.
    pub virtual_machine: bool,
    /// Which processors the two sides were pinned to: sender (or client), receiver (or server).
    pub pinned: Option<[usize; 2]>,
    /// UTC date and time, RFC 3339.
    pub date: String,
    /// Version of the crate that measured.
    pub version: String,
}

/// The machine's own limits: what no mechanism can beat here.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Floor {
    /// One cache line there and back between two processes, both spinning.
    pub cache_line_round_trip_ns: Percentiles,
    /// The smallest and the largest median of it in the run.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub cache_line_round_trip_ns_p50_spread: Option<[u64; 2]>,
    /// Two processes waking each other by `futex`, both sleeping.
    pub futex_wake_round_trip_ns: Percentiles,
    /// `memcpy` between two buffers, by size in bytes.
    pub memcpy_bytes_per_s: BTreeMap<String, f64>,
    /// A ring with an in-line header as commit and nothing else (no check, no death, no sleep), by
    /// payload size in bytes.
    pub bare_ring: BTreeMap<String, BareRing>,
    /// Bare read/write loops of the same framing, by mechanism, then by payload size in bytes.
    pub bare_loop: BTreeMap<String, BTreeMap<String, BareLoop>>,
}

/// The bare ring at one payload size.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct BareRing {
    /// Median round trip over two rings.
    pub round_trip_ns_p50: u64,
    /// One way, while the consumer keeps up.
    pub kept_up_messages_per_s: f64,
    /// One way, while the ring is full.
    pub full_messages_per_s: f64,
}

/// A bare read/write loop at one payload size.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct BareLoop {
    /// Median round trip.
    pub round_trip_ns_p50: u64,
    /// One way, at saturation.
    pub messages_per_s: f64,
}

/// Percentiles of a duration, in nanoseconds.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Percentiles {
    /// The median.
    pub p50: u64,
    /// 99 of 100 are at most this.
    pub p99: u64,
    /// 999 of 1000 are at most this.
    pub p999: u64,
    /// The arithmetic mean.
    pub mean: u64,
}

/// What a mechanism is, in the textbook's words.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Mechanism {
    /// `pipe fifo shm queue topic unix unixpacket tcp udp`.
    pub name: String,
    /// `"related processes"`, `"one machine"` or `"network"`.
    pub scope: String,
    /// The textbook's word for its speed: `"fastest"`, `"fast"`, `"moderate"`, …, from the figures.
    pub speed: String,
    /// The textbook's word for its complexity.
    pub complexity: String,
    /// Lines of the smallest correct program, counted from examples/.
    pub program_lines: usize,
    /// What the caller must handle.
    pub caller_handles: String,
    /// What it is for.
    pub use_case: String,
    /// What speaks for it.
    pub pros: String,
    /// What speaks against it.
    pub cons: String,
}

/// One mechanism, one way of waiting, one payload size: what was measured.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Row {
    /// `pipe fifo shm queue topic unix unixpacket tcp udp` (shm is the ring).
    pub mechanism: String,
    /// What went there and back where it was no message: `"call"`. Only of `bench`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub pattern: Option<String>,
    /// `"block"` or `"spin"`.
    pub wait: String,
    /// Bytes of payload in each message.
    pub payload_bytes: usize,
    /// Whether every payload that arrived was read whole and its checksum was right.
    pub verified: bool,
    /// Why this row has no figures: `"n/a: above 65,507 bytes"`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub not_measured: Option<String>,
    /// There and back, one message in flight.
    pub round_trip_ns: Percentiles,
    /// There and back at 1,000 a second.
    pub paced_round_trip_ns: Percentiles,
    /// One way, at saturation: in each repetition the median of equal parts.
    pub messages_per_s: f64,
    /// Payload bytes one way, at saturation.
    pub bytes_per_s: f64,
    /// System calls of both sides per message one way, counted by the kernel's tracer; absent where
    /// tracing is not allowed.
    pub syscalls_per_message: Option<f64>,
    /// The same per round trip, with one message in flight: both sides wait each time.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub syscalls_per_round_trip: Option<f64>,
    /// Processor time of each side at saturation, percent of one core.
    pub cpu_percent: CpuPercent,
    /// Processor time of each side at 1,000 round trips a second, percent of one core.
    pub paced_cpu_percent: CpuPercent,
    /// Messages lost, for udp.
    pub lost: u64,
    /// One way while the receiver keeps up: the sender works a little before each message. For shm,
    /// spinning.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub kept_up_messages_per_s: Option<f64>,
    /// One way while the ring is full: the receiver works a little after each message. For shm,
    /// spinning.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub full_messages_per_s: Option<f64>,
    /// There and back with messages that are lent in place and not copied, spinning: what handing
    /// over costs, whatever the size. For shm.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub hand_over_round_trip_ns_p50: Option<u64>,
    /// The median round trip of a cache line in the same repetitions: a virtual machine's processors
    /// may move apart or together while a run goes on.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub cache_line_round_trip_ns_p50: Option<u64>,
    /// The machine had something else to do meanwhile: a side's processor time is above
    /// [`CPU_PERCENT_MAX`], which one thread cannot have, or a repetition's figure lies more than
    /// [`APART_MAX`] times off the median. The figures are not to be relied on.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub is_disturbed: bool,
    /// How often it was repeated, and how far the repetitions lie apart.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub repetitions: Option<Repetitions>,
}

/// Processor time of a side of one thread, percent of one core, above which clocks and counters
/// contradict each other: 100, and what they are off by.
pub const CPU_PERCENT_MAX: f64 = 105.0;
/// A repetition that is so many times off the median was disturbed.
pub const APART_MAX: f64 = 3.0;

impl Row {
    /// Whether the row's own figures say that the machine had something else to do.
    ///
    /// # Examples
    /// ```
    /// use crosstie_measure::record::{CpuPercent, Row};
    /// let busy = CpuPercent { sender: 100.0, receiver: 1665.0 };
    /// assert!(Row { cpu_percent: busy, ..Row::default() }.shows_disturbance());
    /// assert!(!Row::default().shows_disturbance());
    /// ```
    #[must_use]
    pub fn shows_disturbance(&self) -> bool {
        let shares = [self.cpu_percent, self.paced_cpu_percent];
        let is_too_much = |share: &CpuPercent| share.sender.max(share.receiver) > CPU_PERCENT_MAX;
        let is_apart = self.repetitions.is_some_and(|repetitions| {
            let trips = repetitions.round_trip_ns_p50.map(|ns| ns as f64);
            is_far(trips, self.round_trip_ns.p50 as f64)
                || is_far(repetitions.messages_per_s, self.messages_per_s)
        });
        shares.iter().any(is_too_much) || is_apart
    }
}

/// Whether the least or the most lies more than [`APART_MAX`] times off the median.
fn is_far([least, most]: [f64; 2], median: f64) -> bool {
    median > 0.0 && (least * APART_MAX < median || most > median * APART_MAX)
}

/// The repetitions behind a row: its figures are their medians.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Repetitions {
    /// How many, interleaved with those of the other rows.
    pub count: usize,
    /// Round trips in all of them.
    pub round_trips: u64,
    /// Messages one way in all of them.
    pub messages: u64,
    /// The smallest and the largest median round trip of a repetition.
    pub round_trip_ns_p50: [u64; 2],
    /// The smallest and the largest rate of a repetition.
    pub messages_per_s: [f64; 2],
}

/// Processor time of the two sides, percent of one core.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CpuPercent {
    /// The sender, or the client of a round trip.
    pub sender: f64,
    /// The receiver, or the server of a round trip.
    pub receiver: f64,
}
