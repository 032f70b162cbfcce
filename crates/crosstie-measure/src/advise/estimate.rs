//! What a mechanism costs here at a size that may lie between the measured ones.

use libm::{exp, log};
use serde::Serialize;

use super::need::Need;
use crate::record::{Report, Row};

/// What a mechanism under a way of waiting does here at the asked size and rate.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Estimate {
    /// There and back: paced where the rate is low enough that the machine naps in between, else one
    /// after the other.
    pub round_trip_ns: f64,
    /// The most that gets through.
    pub messages_per_s: f64,
    /// System calls of both sides per message.
    pub syscalls_per_message: Option<f64>,
    /// Processor time of both sides together at the asked rate, percent of one core.
    pub cpu_percent: f64,
    /// Whether this very size was measured.
    pub is_measured: bool,
}

/// Up to this rate the paced figures are the nearer ones.
const PACED_UP_TO: f64 = 5_000.0;
/// The rate of the paced figures.
const PACED_RATE: f64 = 1_000.0;

/// The estimate for a mechanism, or nothing when the report has no figures of it.
pub(crate) fn estimate(report: &Report, mechanism: &str, wait: &str, need: &Need) -> Option<Estimate> {
    let mut rows: Vec<&Row> = report
        .rows
        .iter()
        .filter(|row| row.mechanism == mechanism && row.wait == wait)
        .filter(|row| row.not_measured.is_none() && row.messages_per_s > 0.0 && row.round_trip_ns.p50 > 0)
        .collect();
    rows.sort_by_key(|row| row.payload_bytes);
    let size = need.payload_bytes;
    let below = rows.iter().rev().find(|row| row.payload_bytes <= size).or(rows.first())?;
    let above = rows.iter().find(|row| row.payload_bytes >= size).or(rows.last())?;
    let nearest = if size - below.payload_bytes.min(size) <= above.payload_bytes.abs_diff(size) {
        below
    } else {
        above
    };
    let rate = need.messages_per_s.unwrap_or(PACED_RATE);
    let at = |figure: fn(&Row) -> f64, grows: Growth| between(size, below, above, figure, grows);
    let busy_ns = at(|row| row.round_trip_ns.p50 as f64, Growth::WithSize);
    let paced_ns = at(|row| row.paced_round_trip_ns.p50 as f64, Growth::WithSize);
    let is_paced = rate <= PACED_UP_TO && paced_ns > 0.0;
    let saturated = nearest.cpu_percent.sender + nearest.cpu_percent.receiver;
    let paced = nearest.paced_cpu_percent.sender + nearest.paced_cpu_percent.receiver;
    let cpu_percent = if wait == "spin" || paced <= 0.0 {
        saturated.max(paced)
    } else {
        saturated.min(paced * rate / PACED_RATE)
    };
    Some(Estimate {
        round_trip_ns: if is_paced { paced_ns } else { busy_ns },
        messages_per_s: at(|row| row.messages_per_s, Growth::AgainstSize),
        syscalls_per_message: nearest.syscalls_per_message,
        cpu_percent,
        is_measured: below.payload_bytes == size,
    })
}

/// How a figure goes on beyond the largest measured size.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Growth {
    WithSize,
    AgainstSize,
}

/// A figure at `size`, on the straight line in logarithms between two measured sizes; beyond the
/// largest in proportion to the size, below the smallest as there.
fn between(size: usize, below: &Row, above: &Row, figure: fn(&Row) -> f64, growth: Growth) -> f64 {
    let (low, high) = (figure(below), figure(above));
    if below.payload_bytes < above.payload_bytes && low > 0.0 && high > 0.0 {
        let first = log((below.payload_bytes as f64).max(1.0));
        let whole = log(above.payload_bytes as f64) - first;
        let part = (log((size as f64).max(1.0)) - first) / whole;
        return exp(log(low) + part * (log(high) - log(low)));
    }
    if size > above.payload_bytes {
        let times = size as f64 / above.payload_bytes.max(1) as f64;
        return if growth == Growth::WithSize { high * times } else { high / times };
    }
    low
}
