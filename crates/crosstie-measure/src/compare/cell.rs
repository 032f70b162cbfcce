//! One subject at one payload size: two sides, and what they measured in each repetition.

use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;
use std::time::Duration;

use crosstie::{Error, ErrorKind, Result};

use super::plan::{PACE_NS, Plan};
use super::subject::{Mechanism, Subject};
use crate::engine::pair::{Answers, Pair, PairSpec};
use crate::engine::spec::Burden;

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
/// Bytes in the messages of a warm-up, at most.
const WARM_UP_BYTES: usize = 8 << 20;
/// From this payload on, sides do not stay between their repetitions.
const LARGE_BYTES: usize = 1 << 20;

/// One subject at one payload size.
#[derive(Debug)]
pub struct Cell {
    subject: Subject,
    payload_bytes: usize,
    site: Site,
    pair: Option<Pair>,
    /// How many fill the plan's window.
    round_trips: u64,
    messages: u64,
    pub(super) repetitions: Vec<Repetition>,
    pub(super) once: Option<Once>,
    pub(super) failure: Option<Failure>,
}

/// Where the sides of a cell live.
#[derive(Clone, Debug)]
pub struct Site {
    /// The executable whose hidden subcommands run a side.
    pub program: PathBuf,
    /// The processors of the two sides.
    pub processors: Option<[usize; 2]>,
    /// A folder of this cell's own, which does not exist yet.
    pub folder: PathBuf,
}

/// What one repetition measured.
#[derive(Debug)]
pub(super) struct Repetition {
    pub round_trips: Answers,
    pub one_way: Option<Answers>,
    pub kept_up_messages_per_s: Option<f64>,
    pub full_messages_per_s: Option<f64>,
}

/// What is measured once.
#[derive(Debug)]
pub(super) struct Once {
    pub paced: Answers,
    pub syscalls_per_message: Option<f64>,
    pub syscalls_per_round_trip: Option<f64>,
}

/// Why there are no figures.
#[derive(Debug)]
pub(super) struct Failure {
    pub why: String,
    /// A payload arrived that was not what was sent.
    pub is_corrupt: bool,
}

impl Cell {
    /// A cell that has measured nothing yet.
    #[must_use]
    pub fn new(subject: Subject, payload_bytes: usize, site: Site) -> Self {
        let refusal = subject.mechanism().and_then(|mechanism| mechanism.refusal(payload_bytes));
        Self {
            subject,
            payload_bytes,
            site,
            pair: None,
            round_trips: 1,
            messages: 1,
            repetitions: Vec::new(),
            once: None,
            failure: refusal.map(|why| Failure { why: why.to_owned(), is_corrupt: false }),
        }
    }

    /// What is measured, in words: `"shm spin"`, `"pipe, bare loop"`.
    #[must_use]
    pub fn name(&self) -> String {
        match self.subject {
            Subject::CacheLine => "cache line".to_owned(),
            Subject::FutexWake => "futex wake".to_owned(),
            Subject::HandOver => "shm, lent in place".to_owned(),
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

    /// Bytes of payload in each message.
    #[must_use]
    pub fn payload_bytes(&self) -> usize {
        self.payload_bytes
    }

    /// Whether a payload arrived that was not what was sent.
    #[must_use]
    pub fn is_corrupt(&self) -> bool {
        self.failure.as_ref().is_some_and(|failure| failure.is_corrupt)
    }

    /// The first repetition: connects, warms up, finds how many messages fill the plan's window, and
    /// measures everything once.
    pub fn begin(&mut self, plan: &Plan) {
        self.attempt(|cell, pair| {
            cell.calibrate(pair, plan)?;
            cell.measure(pair)?;
            if matches!(cell.subject, Subject::Row(..)) {
                let affordable = (TRACED_BYTES_MAX / cell.payload_bytes).max(2) as u64;
                let traced = plan.traced_count.min(affordable);
                cell.once = Some(Once {
                    paced: pair.round_trips(plan.paced_count, Some(PACE_NS))?,
                    syscalls_per_message: pair.syscalls_per_message(traced)?,
                    syscalls_per_round_trip: pair.syscalls_per_round_trip(traced)?,
                });
            }
            Ok(())
        });
    }

    /// One more repetition.
    pub fn repeat(&mut self) {
        self.attempt(Self::measure);
    }

    fn calibrate(&mut self, pair: &mut Pair, plan: &Plan) -> Result<()> {
        let few = self.few();
        let trips_ns = pair.round_trips(few, None)?.client.elapsed_ns.max(1);
        self.round_trips = filling(few, trips_ns, plan).clamp(5, ROUND_TRIPS_MAX);
        let mut count = few;
        while self.subject.goes_one_way() {
            let answers = pair.one_way(count, Burden::None)?;
            let elapsed_ns = answers.client.elapsed_ns.max(answers.server.elapsed_ns).max(1);
            if elapsed_ns >= CALIBRATED_NS || count >= MESSAGES_MAX {
                self.messages = filling(count, elapsed_ns, plan).clamp(4, MESSAGES_MAX);
                break;
            }
            count *= 8;
        }
        Ok(())
    }

    fn measure(&mut self, pair: &mut Pair) -> Result<()> {
        let round_trips = pair.round_trips(self.round_trips, None)?;
        let (mut one_way, mut kept_up, mut full) = (None, None, None);
        if self.subject.goes_one_way() {
            one_way = Some(pair.one_way(self.messages, Burden::None)?);
        }
        if self.subject.has_regimes() {
            kept_up = Some(pair.one_way(self.messages, Burden::Sender)?.server.steady_per_second);
            full = Some(pair.one_way(self.messages, Burden::Receiver)?.server.steady_per_second);
        }
        self.repetitions.push(Repetition {
            round_trips,
            one_way,
            kept_up_messages_per_s: kept_up,
            full_messages_per_s: full,
        });
        Ok(())
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
        (WARM_UP_BYTES / self.payload_bytes).clamp(2, 32) as u64
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
        self.failure = Some(Failure { why: why.to_owned(), is_corrupt: error.kind() == ErrorKind::Corrupt });
    }
}

impl Drop for Cell {
    fn drop(&mut self) {
        self.disconnect();
    }
}

/// How many fill the plan's window, if `count` took `elapsed_ns`.
fn filling(count: u64, elapsed_ns: u64, plan: &Plan) -> u64 {
    let filling = u128::from(count) * u128::from(plan.window_ns) / u128::from(elapsed_ns);
    u64::try_from(filling).unwrap_or(u64::MAX)
}
