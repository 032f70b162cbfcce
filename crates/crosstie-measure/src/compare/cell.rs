//! One subject at one payload size: its repetitions, and the row they make.

use std::path::Path;
use std::time::Duration;

use crosstie::{Error, ErrorKind, Result};

use super::plan::{PACE_NS, Plan};
use super::subject::{Mechanism, Subject};
use crate::engine::pair::{Answers, Pair, PairSpec};
use crate::engine::spec::{Burden, Wait};
use crate::percentiles::median;
use crate::record::{BareLoop, BareRing, CpuPercent, Percentiles, Repetitions, Row};

/// How long one phase may take before its sides are taken for hung.
const PATIENCE: Duration = Duration::from_secs(20);
/// A phase that took so long tells how fast the lane is.
const CALIBRATED_NS: u64 = 2_000_000;
/// At most so many round trips a repetition: the samples of all are kept.
const ROUND_TRIPS_MAX: u64 = 200_000;
/// At most so many messages one way a repetition.
const MESSAGES_MAX: u64 = 20_000_000;
/// Bytes that the traced messages may have together: tracing is slow, copying under it too.
const TRACED_BYTES_MAX: usize = 64 << 20;

/// One subject at one payload size.
#[derive(Debug)]
pub struct Cell {
    subject: Subject,
    payload_bytes: usize,
    pair: Option<Pair>,
    round_trips: u64,
    messages: u64,
    repetitions: Vec<Repetition>,
    paced: Option<Answers>,
    syscalls_per_message: Option<f64>,
    /// Why there are no figures, and whether a payload arrived that was not what was sent.
    failure: Option<(String, bool)>,
}

#[derive(Debug)]
struct Repetition {
    round_trips: Answers,
    one_way: Answers,
    kept_up_messages_per_s: Option<f64>,
    full_messages_per_s: Option<f64>,
}

impl Cell {
    /// A cell whose two sides run and are connected; what keeps them from it is in its row.
    #[must_use]
    pub fn start(
        subject: Subject,
        payload_bytes: usize,
        (folder, serial): (&Path, usize),
        (program, processors): (&Path, Option<[usize; 2]>),
    ) -> Self {
        let mut cell = Self {
            subject,
            payload_bytes,
            pair: None,
            round_trips: 1,
            messages: 1,
            repetitions: Vec::new(),
            paced: None,
            syscalls_per_message: None,
            failure: None,
        };
        let refusal = match subject {
            Subject::Row(mechanism, _) | Subject::BareLoop(mechanism) => mechanism.refusal(payload_bytes),
            Subject::BareRing => None,
        };
        if let Some(refusal) = refusal {
            cell.failure = Some((refusal.to_owned(), false));
            return cell;
        }
        let started = subject.lane(payload_bytes, folder, serial).and_then(|lane| {
            Pair::start(&PairSpec { program, lane, payload_bytes, processors, patience: PATIENCE })
        });
        match started {
            Ok(pair) => cell.pair = Some(pair),
            Err(error) => cell.fail(&error),
        }
        cell
    }

    /// What is measured, in words: `"shm spin"`, `"pipe, bare loop"`.
    #[must_use]
    pub fn name(&self) -> String {
        match self.subject {
            Subject::BareRing => "bare ring".to_owned(),
            Subject::BareLoop(mechanism) => format!("{}, bare loop", mechanism.name()),
            Subject::Row(Mechanism::Shm, wait) => format!("shm {}", wait.word()),
            Subject::Row(mechanism, _) => mechanism.name().to_owned(),
        }
    }

    /// What is measured.
    #[must_use]
    pub fn subject(&self) -> Subject {
        self.subject
    }

    /// Warms up, and finds how many round trips and messages fill the plan's window.
    pub fn calibrate(&mut self, plan: &Plan) {
        let first = (TRACED_BYTES_MAX / 8 / self.payload_bytes).clamp(2, 100) as u64;
        self.attempt(|cell, pair| {
            pair.round_trips(first, None)?;
            let trip_ns = pair.round_trips(first, None)?.client.round_trip_ns.p50.max(1);
            cell.round_trips = (plan.window_ns / trip_ns).clamp(5, ROUND_TRIPS_MAX);
            let mut count = first;
            loop {
                let answers = pair.one_way(count, Burden::None)?;
                let elapsed_ns = answers.client.elapsed_ns.max(answers.server.elapsed_ns).max(1);
                if elapsed_ns >= CALIBRATED_NS || count >= MESSAGES_MAX {
                    let filling = u128::from(count) * u128::from(plan.window_ns) / u128::from(elapsed_ns);
                    cell.messages = u64::try_from(filling).unwrap_or(u64::MAX).clamp(4, MESSAGES_MAX);
                    return Ok(());
                }
                count *= 8;
            }
        });
    }

    /// One repetition of every pattern.
    pub fn repeat(&mut self) {
        let is_ring = matches!(self.subject, Subject::BareRing | Subject::Row(Mechanism::Shm, Wait::Spin));
        self.attempt(|cell, pair| {
            let round_trips = pair.round_trips(cell.round_trips, None)?;
            let one_way = pair.one_way(cell.messages, Burden::None)?;
            let mut regime = |burden| -> Result<Option<f64>> {
                if !is_ring {
                    return Ok(None);
                }
                Ok(Some(pair.one_way(cell.messages, burden)?.server.per_second()))
            };
            let kept_up_messages_per_s = regime(Burden::Sender)?;
            let full_messages_per_s = regime(Burden::Receiver)?;
            cell.repetitions.push(Repetition {
                round_trips,
                one_way,
                kept_up_messages_per_s,
                full_messages_per_s,
            });
            Ok(())
        });
    }

    /// What is measured once: round trips at a pace, and the count of system calls. Then the sides
    /// end.
    pub fn complete(&mut self, plan: &Plan) {
        if matches!(self.subject, Subject::Row(..)) {
            self.attempt(|cell, pair| {
                cell.paced = Some(pair.round_trips(plan.paced_count, Some(PACE_NS))?);
                let affordable = (TRACED_BYTES_MAX / cell.payload_bytes).max(2) as u64;
                cell.syscalls_per_message = pair.syscalls_per_message(plan.traced_count.min(affordable))?;
                Ok(())
            });
        }
        self.pair = None;
    }

    /// Does `what` unless an earlier attempt failed; a failure ends the sides and is kept.
    fn attempt(&mut self, what: impl FnOnce(&mut Self, &mut Pair) -> Result<()>) {
        let Some(mut pair) = self.pair.take() else { return };
        match what(self, &mut pair) {
            Ok(()) => self.pair = Some(pair),
            Err(error) => self.fail(&error),
        }
    }

    fn fail(&mut self, error: &Error) {
        let whole = error.to_string();
        // What the side said; which side it was and that it was measuring is known here.
        let said = whole.split_once(": ").map_or(whole.as_str(), |(_, rest)| rest);
        let why = said.strip_prefix(error.kind().phrase()).unwrap_or(said).trim_start_matches(": ");
        self.failure = Some((why.to_owned(), error.kind() == ErrorKind::Corrupt));
    }

    /// The cell as a floor's entry; `None` if it could not be measured.
    #[must_use]
    pub fn bare_loop(&self) -> Option<BareLoop> {
        self.is_measured().then(|| BareLoop {
            round_trip_ns_p50: self.round_trip_ns().p50,
            messages_per_s: self.median_of(|r| r.one_way.server.per_second()),
        })
    }

    /// The cell as the bare ring's entry; `None` if it could not be measured.
    #[must_use]
    pub fn bare_ring(&self) -> Option<BareRing> {
        self.is_measured().then(|| BareRing {
            round_trip_ns_p50: self.round_trip_ns().p50,
            kept_up_messages_per_s: self.median_of(|r| r.kept_up_messages_per_s.unwrap_or(0.0)),
            full_messages_per_s: self.median_of(|r| r.full_messages_per_s.unwrap_or(0.0)),
        })
    }

    /// The cell as a row of the report; `None` for a floor.
    #[must_use]
    pub fn row(&self) -> Option<Row> {
        let Subject::Row(mechanism, wait) = self.subject else { return None };
        let mut row = Row {
            mechanism: mechanism.name().to_owned(),
            wait: wait.word().to_owned(),
            payload_bytes: self.payload_bytes,
            not_measured: self.failure.as_ref().map(|(why, _)| why.clone()),
            ..Row::default()
        };
        if !self.is_measured() {
            return Some(row);
        }
        row.verified = true;
        row.round_trip_ns = self.round_trip_ns();
        row.messages_per_s = self.median_of(|r| r.one_way.server.per_second());
        row.bytes_per_s = row.messages_per_s * self.payload_bytes as f64;
        row.syscalls_per_message = self.syscalls_per_message;
        row.cpu_percent = CpuPercent {
            sender: self.median_of(|r| r.one_way.client.processor_percent()),
            receiver: self.median_of(|r| r.one_way.server.processor_percent()),
        };
        if let Some(paced) = &self.paced {
            row.paced_round_trip_ns = paced.client.round_trip_ns;
            row.paced_cpu_percent = CpuPercent {
                sender: paced.client.processor_percent(),
                receiver: paced.server.processor_percent(),
            };
        }
        row.lost = self.repetitions.iter().map(|r| r.one_way.server.lost).sum();
        if mechanism == Mechanism::Shm && wait == Wait::Spin {
            row.kept_up_messages_per_s = Some(self.median_of(|r| r.kept_up_messages_per_s.unwrap_or(0.0)));
            row.full_messages_per_s = Some(self.median_of(|r| r.full_messages_per_s.unwrap_or(0.0)));
        }
        row.repetitions = Some(self.spread());
        Some(row)
    }

    fn is_measured(&self) -> bool {
        self.failure.is_none() && !self.repetitions.is_empty()
    }

    /// Whether a payload arrived that was not what was sent.
    #[must_use]
    pub fn is_corrupt(&self) -> bool {
        self.failure.as_ref().is_some_and(|(_, is_corrupt)| *is_corrupt)
    }

    fn round_trip_ns(&self) -> Percentiles {
        let all: Vec<Percentiles> =
            self.repetitions.iter().map(|r| r.round_trips.client.round_trip_ns).collect();
        Percentiles::median_of(&all)
    }

    fn median_of(&self, figure: impl Fn(&Repetition) -> f64) -> f64 {
        median(&self.repetitions.iter().map(figure).collect::<Vec<_>>())
    }

    fn spread(&self) -> Repetitions {
        let trips = || self.repetitions.iter().map(|r| r.round_trips.client.round_trip_ns.p50);
        let rates = || self.repetitions.iter().map(|r| r.one_way.server.per_second());
        Repetitions {
            count: self.repetitions.len(),
            round_trips: self.repetitions.iter().map(|r| r.round_trips.client.messages).sum(),
            messages: self.repetitions.iter().map(|r| r.one_way.client.messages).sum(),
            round_trip_ns_p50: [trips().min().unwrap_or(0), trips().max().unwrap_or(0)],
            messages_per_s: [rates().fold(f64::INFINITY, f64::min), rates().fold(0.0, f64::max)],
        }
    }
}
