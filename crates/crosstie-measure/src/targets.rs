//! The project's speed targets, as ratios of figures that were measured side by side.
//!
//! Each repetition measures a target's two subjects one after the other; the ratio is taken within
//! the repetition, so that a machine which changes meanwhile changes both. What is told is the
//! median of these ratios, with the least and the most.

use std::path::PathBuf;

use crosstie::Result;

use crate::compare::cell::{Cell, Site};
use crate::compare::figures::Figure;
use crate::compare::plan::Plan;
use crate::compare::subject::{Mechanism, Subject};
use crate::engine::scratch::Scratch;
use crate::engine::spec::Wait;
use crate::floor::memcpy;
use crate::machine;
use crate::percentiles::median;

/// A bound on a ratio.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Bound {
    /// The ratio is to be at most this.
    AtMost(f64),
    /// The ratio is to be at least this.
    AtLeast(f64),
}

impl Bound {
    /// Whether a ratio keeps it.
    #[must_use]
    pub fn is_kept_by(self, ratio: f64) -> bool {
        match self {
            Self::AtMost(most) => ratio <= most,
            Self::AtLeast(least) => ratio >= least,
        }
    }
}

/// What a target's figure is divided by.
#[derive(Clone, Copy, Debug)]
enum Against {
    /// The same or another figure of another subject, at a payload size.
    Subject(Subject, usize, Figure),
    /// `memcpy` of 1 MiB, in messages of the target's payload.
    Memcpy,
    /// Nothing: so many messages a second.
    Rate(f64),
}

/// A target: a figure of ours, what it is divided by, and the bound of the ratio.
#[derive(Clone, Copy, Debug)]
struct Target {
    what: &'static str,
    ours: (Subject, usize, Figure),
    against: Against,
    bound: Bound,
}

/// How a target was met.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// The target in words.
    pub what: &'static str,
    /// Bytes of payload.
    pub payload_bytes: usize,
    /// The median, the least and the most ratio of the repetitions; empty if it was not measured.
    pub ratio: Option<[f64; 3]>,
    /// The bound of the ratio.
    pub bound: Bound,
}

impl Verdict {
    /// Whether the median keeps the bound; false if it was not measured.
    #[must_use]
    pub fn is_met(&self) -> bool {
        self.ratio.is_some_and(|[median, _, _]| self.bound.is_kept_by(median))
    }
}

const SPIN: Subject = Subject::Row(Mechanism::Shm, Wait::Spin);
const BLOCK: Subject = Subject::Row(Mechanism::Shm, Wait::Block);
const RING: Subject = Subject::BareRing;
const KIB_64: usize = 64 << 10;
const MIB_4: usize = 4 << 20;

fn targets() -> Vec<Target> {
    use Bound::{AtLeast, AtMost};
    use Figure::{Full, KeptUp, Messages, RoundTrip};
    let target = |what, ours, against, bound| Target { what, ours, against, bound };
    let ring = |payload, figure| Against::Subject(RING, payload, figure);
    let line = Against::Subject(Subject::CacheLine, 8, RoundTrip);
    let wake = Against::Subject(Subject::FutexWake, 8, RoundTrip);
    let small = Against::Subject(Subject::HandOver, 64, RoundTrip);
    let mut targets = vec![
        target("shm spinning: round trip / cache line", (SPIN, 48, RoundTrip), line, AtMost(1.25)),
        target(
            "shm spinning: round trip / bare ring",
            (SPIN, 64, RoundTrip),
            ring(64, RoundTrip),
            AtMost(1.2),
        ),
        target(
            "shm spinning: round trip / bare ring",
            (SPIN, 1024, RoundTrip),
            ring(1024, RoundTrip),
            AtMost(1.2),
        ),
        target("shm one way, kept up / bare ring", (SPIN, 48, KeptUp), ring(48, KeptUp), AtLeast(0.6)),
        target("shm one way, kept up / bare ring", (SPIN, 64, KeptUp), ring(64, KeptUp), AtLeast(0.6)),
        target("shm one way, full / bare ring", (SPIN, 48, Full), ring(48, Full), AtLeast(0.6)),
        target("shm one way, full / bare ring", (SPIN, 64, Full), ring(64, Full), AtLeast(0.6)),
        target("shm one way / 20 M/s", (SPIN, 64, Messages), Against::Rate(20e6), AtLeast(1.0)),
        target("shm one way / memcpy of 1 MiB", (SPIN, KIB_64, Messages), Against::Memcpy, AtLeast(0.55)),
        // Not 1.0: of 4 MiB three fit the ring, so that each message also moves the line with the credit.
        target("shm lent in place: 4 MiB / 64 B", (Subject::HandOver, MIB_4, RoundTrip), small, AtMost(1.5)),
        target("shm blocking: round trip / futex wake", (BLOCK, 64, RoundTrip), wake, AtMost(1.1)),
    ];
    for mechanism in Mechanism::ALL.into_iter().filter(|&mechanism| mechanism != Mechanism::Shm) {
        let ours = Subject::Row(mechanism, Wait::Block);
        let bare = |figure| Against::Subject(Subject::BareLoop(mechanism), 64, figure);
        let [trip, rate] = loop_names(mechanism);
        targets.push(target(trip, (ours, 64, RoundTrip), bare(RoundTrip), AtMost(1.05)));
        targets.push(target(rate, (ours, 64, Messages), bare(Messages), AtLeast(0.95)));
    }
    targets
}

fn loop_names(mechanism: Mechanism) -> [&'static str; 2] {
    match mechanism {
        Mechanism::Pipe => ["pipe: round trip / bare loop", "pipe: messages / bare loop"],
        Mechanism::Fifo => ["fifo: round trip / bare loop", "fifo: messages / bare loop"],
        Mechanism::Shm => ["shm: round trip / bare ring", "shm: messages / bare ring"],
        Mechanism::Unix => ["unix: round trip / bare loop", "unix: messages / bare loop"],
        Mechanism::UnixPacket => ["unixpacket: round trip / bare loop", "unixpacket: messages / bare loop"],
        Mechanism::Tcp => ["tcp: round trip / bare loop", "tcp: messages / bare loop"],
        Mechanism::Udp => ["udp: round trip / bare loop", "udp: messages / bare loop"],
    }
}

/// Measures all targets, `repetitions` times; `tell` hears which repetition begins.
///
/// # Errors
/// The run's folder cannot be had.
pub fn measure(program: PathBuf, repetitions: usize, tell: &mut dyn FnMut(usize)) -> Result<Vec<Verdict>> {
    let scratch = Scratch::create(&program)?;
    let plan = Plan { window_ns: 60_000_000, paced_count: 1, traced_count: 1, ..Plan::short() };
    let processors = machine::two_processors();
    let targets = targets();
    let mut cells: Vec<Cell> = Vec::new();
    for target in &targets {
        for (subject, payload_bytes) in target.subjects() {
            let is_new = !cells.iter().any(|c| c.subject() == subject && c.payload_bytes() == payload_bytes);
            if is_new {
                let folder = scratch.path().join(format!("cell-{}", cells.len()));
                let site = Site { program: program.clone(), processors, folder };
                cells.push(Cell::new(subject, payload_bytes, site));
            }
        }
    }
    let mut memcpy_rates = Vec::new();
    for repetition in 1..=repetitions {
        tell(repetition);
        memcpy_rates.push(memcpy::bytes_per_s(1 << 20));
        for cell in &mut cells {
            if repetition == 1 { cell.begin(&plan) } else { cell.repeat() }
        }
    }
    Ok(targets.iter().map(|target| target.verdict(&cells, &memcpy_rates)).collect())
}

impl Target {
    /// What has to be measured; the two of a ratio one after the other.
    fn subjects(&self) -> impl Iterator<Item = (Subject, usize)> + use<> {
        let floor = match self.against {
            Against::Subject(subject, payload_bytes, _) => Some((subject, payload_bytes)),
            Against::Memcpy | Against::Rate(_) => None,
        };
        floor.into_iter().chain([(self.ours.0, self.ours.1)])
    }

    fn verdict(&self, cells: &[Cell], memcpy_rates: &[f64]) -> Verdict {
        let figures = |(subject, payload_bytes, figure)| {
            let cell = cells.iter().find(|c| c.subject() == subject && c.payload_bytes() == payload_bytes);
            cell.map(|cell| cell.figures(figure)).unwrap_or_default()
        };
        let payload_bytes = self.ours.1;
        let ours = figures(self.ours);
        let floor = match self.against {
            Against::Subject(subject, payload_bytes, figure) => figures((subject, payload_bytes, figure)),
            Against::Memcpy => memcpy_rates.iter().map(|rate| rate / payload_bytes as f64).collect(),
            Against::Rate(rate) => vec![rate; ours.len()],
        };
        let pairs = ours.iter().zip(&floor).filter(|&(&ours, &floor)| ours > 0.0 && floor > 0.0);
        let ratios: Vec<f64> = pairs.map(|(ours, floor)| ours / floor).collect();
        let least = ratios.iter().copied().fold(f64::INFINITY, f64::min);
        let most = ratios.iter().copied().fold(0.0, f64::max);
        let ratio = (!ratios.is_empty()).then(|| [median(&ratios), least, most]);
        Verdict { what: self.what, payload_bytes, ratio, bound: self.bound }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_is_kept_on_its_own_side() {
        assert!(Bound::AtMost(1.2).is_kept_by(1.2) && !Bound::AtMost(1.2).is_kept_by(1.21));
        assert!(Bound::AtLeast(0.6).is_kept_by(0.6) && !Bound::AtLeast(0.6).is_kept_by(0.59));
    }

    #[test]
    fn what_was_not_measured_is_not_met() {
        for target in targets() {
            let verdict = target.verdict(&[], &[]);
            assert!(verdict.ratio.is_none() && !verdict.is_met(), "{verdict:?}");
        }
    }
}
