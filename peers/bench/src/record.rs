//! What was measured, as others read it: `crosstie.peers/1`.

use crosstie_measure::percentiles::median;
use crosstie_measure::record::{Machine, Percentiles};
use serde::{Deserialize, Serialize};

use crate::cell::{Cell, Repetition};
use crate::subject::Kind;

/// One run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Record {
    /// Always `crosstie.peers/1`.
    pub schema: String,
    /// Where and when it was measured.
    pub machine: Machine,
    /// Repetitions of each row, those of all in turn.
    pub repetitions: usize,
    /// `memcpy` between two buffers of 64 KiB.
    pub memcpy_bytes_per_s: f64,
    /// One row per subject and size.
    pub rows: Vec<Row>,
}

/// One subject at one size.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Row {
    /// Its name.
    pub name: String,
    /// `floor`, `ours`, `peer`, or `threads`: in one process.
    pub kind: String,
    /// What its ends do while there is nothing.
    pub waits: String,
    /// Bytes of payload in each message, all of which are written and read.
    pub payload_bytes: usize,
    /// Why there are no figures.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub skipped: Option<String>,
    /// There and back: medians over the repetitions.
    pub round_trip_ns: Percentiles,
    /// One way: the median over the repetitions; 0 where there is none.
    pub messages_per_s: f64,
    /// Each repetition: p50 and p99 there and back, messages a second one way.
    pub each: Vec<(u64, u64, f64)>,
}

impl Row {
    /// What a cell measured.
    pub fn of(cell: &Cell) -> Self {
        let kind = match cell.subject.kind {
            Kind::Floor => "floor",
            Kind::Ours => "ours",
            Kind::Peer => "peer",
            Kind::Threads => "threads",
        };
        let trips: Vec<Percentiles> = cell.repetitions.iter().map(|each| each.round_trip_ns).collect();
        let rates: Vec<f64> = cell.repetitions.iter().filter_map(|each| each.messages_per_s).collect();
        let each = |it: &Repetition| {
            (it.round_trip_ns.p50, it.round_trip_ns.p99, it.messages_per_s.unwrap_or_default())
        };
        Self {
            name: cell.subject.name.to_owned(),
            kind: kind.to_owned(),
            waits: cell.subject.waits.to_owned(),
            payload_bytes: cell.payload_bytes,
            skipped: cell.failure.clone(),
            round_trip_ns: Percentiles::median_of(&trips),
            messages_per_s: median(&rates),
            each: cell.repetitions.iter().map(each).collect(),
        }
    }

    /// Payload bytes a second.
    pub fn bytes_per_s(&self) -> f64 {
        self.messages_per_s * self.payload_bytes as f64
    }
}

impl Record {
    /// A subject at a size, if it has figures.
    pub fn row(&self, name: &str, payload_bytes: usize) -> Option<&Row> {
        let is_it = |row: &&Row| row.name == name && row.payload_bytes == payload_bytes;
        self.rows.iter().find(is_it).filter(|row| row.skipped.is_none() && !row.each.is_empty())
    }
}
