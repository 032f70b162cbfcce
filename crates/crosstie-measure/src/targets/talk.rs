//! The channels' targets.

use std::path::Path;

use super::verdict::{Bound, Verdict, ratio};
use crate::compare::cell::{Cell, Site};
use crate::compare::figures::Figure;
use crate::compare::plan::Plan;
use crate::compare::subject::{Mechanism, Subject};
use crate::engine::spec::Wait;
use crate::floor::memcpy;
use crate::machine;
use crate::report;

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
    for mechanism in Mechanism::ALL {
        let ours = Subject::Row(mechanism, Wait::Block);
        let bare = |figure| Against::Subject(Subject::BareLoop(mechanism), 64, figure);
        let Some([trip, rate]) = loop_names(mechanism) else { continue };
        targets.push(target(trip, (ours, 64, RoundTrip), bare(RoundTrip), AtMost(1.05)));
        targets.push(target(rate, (ours, 64, Messages), bare(Messages), AtLeast(0.95)));
    }
    targets
}

/// What the targets against a bare loop are called; `None` where there is no such loop.
fn loop_names(mechanism: Mechanism) -> Option<[&'static str; 2]> {
    Some(match mechanism {
        Mechanism::Pipe => ["pipe: round trip / bare loop", "pipe: messages / bare loop"],
        Mechanism::Fifo => ["fifo: round trip / bare loop", "fifo: messages / bare loop"],
        Mechanism::Unix => ["unix: round trip / bare loop", "unix: messages / bare loop"],
        Mechanism::UnixPacket => ["unixpacket: round trip / bare loop", "unixpacket: messages / bare loop"],
        Mechanism::Tcp => ["tcp: round trip / bare loop", "tcp: messages / bare loop"],
        Mechanism::Udp => ["udp: round trip / bare loop", "udp: messages / bare loop"],
        Mechanism::Shm | Mechanism::Queue | Mechanism::Topic => return None,
    })
}

/// The targets' cells, and what they measured so far.
pub(super) struct Talk {
    targets: Vec<Target>,
    cells: Vec<Cell>,
    memcpy_rates: Vec<f64>,
    plan: Plan,
}

impl Talk {
    /// Nothing is measured yet.
    pub(super) fn new(program: &Path, folder: &Path) -> Self {
        let plan = Plan { window_ns: 60_000_000, paced_count: 1, traced_count: 1, ..Plan::short() };
        let processors = machine::two_processors();
        let targets = targets();
        let mut cells: Vec<Cell> = Vec::new();
        for (subject, payload_bytes) in targets.iter().flat_map(Target::subjects) {
            let is_new = !cells.iter().any(|c| c.subject() == subject && c.payload_bytes() == payload_bytes);
            if is_new {
                let folder = folder.join(format!("cell-{}", cells.len()));
                let site = Site { program: program.to_owned(), processors, folder };
                cells.push(Cell::new(subject, payload_bytes, site));
            }
        }
        Self { targets, cells, memcpy_rates: Vec::new(), plan }
    }

    /// One more repetition of all.
    pub(super) fn repeat(&mut self) {
        let is_first = self.memcpy_rates.is_empty();
        self.memcpy_rates.push(memcpy::bytes_per_s(1 << 20));
        for cell in &mut self.cells {
            if is_first { cell.begin(&self.plan) } else { cell.repeat() }
        }
    }

    /// How the targets were met.
    pub(super) fn verdicts(&self) -> Vec<Verdict> {
        self.targets.iter().map(|target| target.verdict(&self.cells, &self.memcpy_rates)).collect()
    }
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
        Verdict {
            what: self.what.to_owned(),
            at: report::size(payload_bytes),
            ratio: ratio(pairs.map(|(ours, floor)| ours / floor)),
            bound: self.bound,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_measured_is_not_met() {
        for target in targets() {
            let verdict = target.verdict(&[], &[]);
            assert!(verdict.ratio.is_none() && !verdict.is_met(), "{verdict:?}");
        }
    }
}
