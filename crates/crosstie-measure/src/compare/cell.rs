//! One subject at one payload size: its repetitions, and the row they make.

use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;
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

/// From this payload on, sides do not stay between their repetitions.
const LARGE_BYTES: usize = 1 << 20;

/// One subject at one payload size.
#[derive(Debug)]
pub struct Cell {
    subject: Subject,
    payload_bytes: usize,
    site: Site,
    pair: Option<Pair>,
    round_trips: u64,
    messages: u64,
    repetitions: Vec<Repetition>,
    paced: Option<Answers>,
    syscalls_per_message: Option<f64>,
    syscalls_per_round_trip: Option<f64>,
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

/// Where the sides of a run's cells live.
#[derive(Clone, Debug)]
pub struct Site {
    /// The executable whose hidden subcommands run a side.
    pub program: PathBuf,
    /// The processors of the two sides.
    pub processors: Option<[usize; 2]>,
    /// A folder of this cell's own, which does not exist yet.
    pub folder: PathBuf,
}

impl Cell {
    /// A cell that has measured nothing yet.
    #[must_use]
    pub fn new(subject: Subject, payload_bytes: usize, site: Site) -> Self {
        let refusal = match subject {
            Subject::Row(mechanism, _) | Subject::BareLoop(mechanism) => mechanism.refusal(payload_bytes),
            Subject::BareRing => None,
        };
        Self {
            subject,
            payload_bytes,
            site,
            pair: None,
            round_trips: 1,
            messages: 1,
            repetitions: Vec::new(),
            paced: None,
            syscalls_per_message: None,
            syscalls_per_round_trip: None,
            failure: refusal.map(|why| (why.to_owned(), false)),
        }
    }

    /// Starts both sides, connects them and warms them up.
    fn connect(&self) -> Result<Pair> {
        let folder = &self.site.folder;
        std::fs::DirBuilder::new()
            .mode(0o700)
            .create(folder)
            .map_err(|error| Error::os("create a cell's folder", folder.display().to_string(), error))?;
        let mut pair = Pair::start(&PairSpec {
            program: &self.site.program,
            lane: self.subject.lane(self.payload_bytes, folder)?,
            payload_bytes: self.payload_bytes,
            processors: self.site.processors,
            patience: PATIENCE,
        })?;
        pair.round_trips(self.few(), None)?;
        Ok(pair)
    }

    /// Ends both sides and removes what they left.
    fn disconnect(&mut self) {
        self.pair = None;
        // What stays behind goes with the run's folder.
        let _ = std::fs::remove_dir_all(&self.site.folder);
    }

    /// As many messages as warm a lane up.
    fn few(&self) -> u64 {
        (TRACED_BYTES_MAX / 8 / self.payload_bytes).clamp(2, 100) as u64
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
        let first = self.few();
        self.attempt(|cell, pair| {
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

    /// What is measured once: round trips at a pace, and the count of system calls.
    pub fn complete(&mut self, plan: &Plan) {
        if matches!(self.subject, Subject::Row(..)) {
            self.attempt(|cell, pair| {
                cell.paced = Some(pair.round_trips(plan.paced_count, Some(PACE_NS))?);
                let affordable = (TRACED_BYTES_MAX / cell.payload_bytes).max(2) as u64;
                let count = plan.traced_count.min(affordable);
                cell.syscalls_per_message = pair.syscalls_per_message(count)?;
                cell.syscalls_per_round_trip = pair.syscalls_per_round_trip(count)?;
                Ok(())
            });
        }
        self.disconnect();
    }

    /// Does `what` with two sides that are connected, unless an earlier attempt failed; a failure is
    /// kept. Sides with large payloads end at once: those of all cells together would fill memory.
    fn attempt(&mut self, what: impl FnOnce(&mut Self, &mut Pair) -> Result<()>) {
        if self.failure.is_some() {
            return;
        }
        let connected = self.pair.take().map_or_else(|| self.connect(), Ok);
        match connected.and_then(|mut pair| what(self, &mut pair).map(|()| pair)) {
            Ok(pair) if self.payload_bytes < LARGE_BYTES => self.pair = Some(pair),
            Ok(_) => self.disconnect(),
            Err(error) => {
                self.fail(&error);
                self.disconnect();
            }
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
        row.syscalls_per_round_trip = self.syscalls_per_round_trip;
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
