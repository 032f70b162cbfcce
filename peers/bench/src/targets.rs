//! The ratios that the project holds itself to, each taken within a repetition.

use crosstie_measure::percentiles::median;
use crosstie_measure::report;
use crosstie_measure::targets::Bound;

use crate::record::Record;
use crate::subject::{
    BARE_RING, BOOST, CROSSBEAM, ICEORYX2, ICEORYX2_LENT, LARGE, POSIX, QUEUE, RING, RING_LENT, TACHYON,
    TOPIC,
};

/// What the queue is to reach with one sender and one receiver, in messages a second.
const QUEUE_PER_S: f64 = 8e6;

/// A figure of a repetition.
#[derive(Clone, Copy, Debug)]
enum Figure {
    P50,
    P99,
    Rate,
}

/// A ratio of two rows, or of a row and a number.
struct Target {
    what: &'static str,
    payload_bytes: usize,
    figure: Figure,
    ours: &'static str,
    theirs: Result<&'static str, f64>,
    /// `None`: shown for comparison, no target.
    bound: Option<Bound>,
}

/// How a target was met.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// The target in words.
    pub what: &'static str,
    /// At which payload.
    pub at: String,
    /// The median, the least and the most ratio; `None` if it could not be measured.
    pub ratio: Option<[f64; 3]>,
    /// What the ratio is to keep; `None`: shown for comparison.
    pub bound: Option<Bound>,
}

impl Verdict {
    /// Whether the median keeps the bound; false for a target that was not measured.
    pub fn is_met(&self) -> bool {
        match (self.bound, self.ratio) {
            (None, _) => true,
            (Some(bound), Some([median, _, _])) => bound.is_kept_by(median),
            (Some(_), None) => false,
        }
    }

    /// `MET`, `MISSED`, or nothing where there is no target.
    pub fn word(&self) -> &'static str {
        match (self.bound, self.is_met()) {
            (None, _) => "",
            (Some(_), true) => "MET",
            (Some(_), false) => "MISSED",
        }
    }
}

fn targets() -> Vec<Target> {
    use Bound::{AtLeast, AtMost};
    use Figure::{P50, P99, Rate};
    let target = |what, payload_bytes, figure, ours, theirs, bound| Target {
        what,
        payload_bytes,
        figure,
        ours,
        theirs,
        bound,
    };
    let [trip, tail, way] =
        ["ring / Tachyon, round trip p50", "ring / Tachyon, round trip p99", "ring / Tachyon, one way"];
    vec![
        // What the machine allows: no ring can be nearer to its target than this.
        target("bare ring / Tachyon, round trip p50", 48, P50, BARE_RING, Ok(TACHYON), None),
        target("bare ring / Tachyon, round trip p50", 64, P50, BARE_RING, Ok(TACHYON), None),
        target("bare ring / Tachyon, one way", 48, Rate, BARE_RING, Ok(TACHYON), None),
        target("bare ring / Tachyon, copied", LARGE, Rate, BARE_RING, Ok(TACHYON), None),
        target(trip, 48, P50, RING, Ok(TACHYON), Some(AtMost(0.65))),
        target(tail, 48, P99, RING, Ok(TACHYON), Some(AtMost(0.65))),
        target(trip, 64, P50, RING, Ok(TACHYON), Some(AtMost(0.85))),
        target(tail, 64, P99, RING, Ok(TACHYON), Some(AtMost(0.85))),
        target(way, 48, Rate, RING, Ok(TACHYON), Some(AtLeast(1.5))),
        target("ring / Tachyon, copied", LARGE, Rate, RING, Ok(TACHYON), Some(AtLeast(1.05))),
        target("ring / iceoryx2, in place", LARGE, Rate, RING_LENT, Ok(ICEORYX2_LENT), Some(AtLeast(1.0))),
        target("topic / iceoryx2, round trip p50", 48, P50, TOPIC, Ok(ICEORYX2), None),
        target("topic / iceoryx2, one way", 48, Rate, TOPIC, Ok(ICEORYX2), None),
        target("queue / 8 M/s, one way", 64, Rate, QUEUE, Err(QUEUE_PER_S), Some(AtLeast(1.0))),
        target("queue / Boost message_queue, one way", 64, Rate, QUEUE, Ok(BOOST), None),
        target("queue / POSIX message queue, one way", 64, Rate, QUEUE, Ok(POSIX), None),
        target("queue / crossbeam-channel between threads, one way", 64, Rate, QUEUE, Ok(CROSSBEAM), None),
    ]
}

/// How all targets were met in a run.
pub fn verdicts(record: &Record) -> Vec<Verdict> {
    targets().iter().map(|target| target.verdict(record)).collect()
}

impl Target {
    fn verdict(&self, record: &Record) -> Verdict {
        let figures = |name: &str| -> Vec<f64> {
            let each = record.row(name, self.payload_bytes).map_or(&[][..], |row| &row.each);
            each.iter().map(|&(p50, p99, rate)| self.figure.of(p50, p99, rate)).collect()
        };
        let ours = figures(self.ours);
        let theirs = match self.theirs {
            Ok(name) => figures(name),
            Err(number) => vec![number; ours.len()],
        };
        let pairs = ours.iter().zip(&theirs).filter(|&(&ours, &theirs)| ours > 0.0 && theirs > 0.0);
        let ratios: Vec<f64> = pairs.map(|(ours, theirs)| ours / theirs).collect();
        let least = ratios.iter().copied().fold(f64::INFINITY, f64::min);
        let most = ratios.iter().copied().fold(0.0, f64::max);
        Verdict {
            what: self.what,
            at: report::size(self.payload_bytes),
            ratio: (!ratios.is_empty()).then(|| [median(&ratios), least, most]),
            bound: self.bound,
        }
    }
}

impl Figure {
    fn of(self, p50: u64, p99: u64, rate: f64) -> f64 {
        match self {
            Self::P50 => p50 as f64,
            Self::P99 => p99 as f64,
            Self::Rate => rate,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_measured_is_missed_and_what_has_no_target_is_neither() {
        let record = Record {
            schema: String::new(),
            machine: Default::default(),
            repetitions: 1,
            memcpy_bytes_per_s: 1.0,
            rows: Vec::new(),
        };
        for verdict in verdicts(&record) {
            let word = if verdict.bound.is_some() { "MISSED" } else { "" };
            assert_eq!((verdict.ratio, verdict.word()), (None, word), "{}", verdict.what);
        }
    }
}
