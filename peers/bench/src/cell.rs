//! One subject at one size: its two sides, and what they measured in each repetition.

use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crosstie::{Error, Result};
use crosstie_measure::engine::pair::{Answers, Pair, PairSpec};
use crosstie_measure::engine::spec::{Burden, Command};
use crosstie_measure::record::Percentiles;

use crate::subject::{Subject, Way};
use crate::threads::Threads;

/// How long one pattern takes in a repetition, about.
const WINDOW_NS: u64 = 60_000_000;
/// How long one phase may take before its sides are taken for hung.
const PATIENCE: Duration = Duration::from_secs(20);
/// A phase that took so long tells how fast the way is.
const CALIBRATED_NS: u64 = 2_000_000;
/// The samples of all round trips are kept.
const ROUND_TRIPS_MAX: u64 = 200_000;
const MESSAGES_MAX: u64 = 20_000_000;
/// As many messages as warm a way up.
const FEW: u64 = 64;

/// Two sides, however they are connected.
enum Sides {
    Processes(Pair),
    Threads(Threads),
}

impl Sides {
    fn round_trips(&mut self, count: u64) -> Result<Answers> {
        match self {
            Self::Processes(pair) => pair.round_trips(count, None),
            Self::Threads(threads) => threads.perform(Command::RoundTrips { count, interval_ns: None }),
        }
    }

    fn one_way(&mut self, count: u64) -> Result<Answers> {
        match self {
            Self::Processes(pair) => pair.one_way(count, Burden::None),
            Self::Threads(threads) => threads.perform(Command::OneWay { count, burden: Burden::None }),
        }
    }
}

/// What one repetition measured.
#[derive(Clone, Copy, Debug)]
pub struct Repetition {
    /// There and back.
    pub round_trip_ns: Percentiles,
    /// One way; `None` where there is none.
    pub messages_per_s: Option<f64>,
}

/// Where the sides of a cell live.
pub struct Site<'a> {
    /// The program that runs the sides.
    pub program: &'a Path,
    /// The processors of the two sides.
    pub processors: Option<[usize; 2]>,
    /// A folder of this cell's own, which does not exist yet.
    pub folder: PathBuf,
}

/// One subject at one size.
pub struct Cell {
    pub subject: &'static Subject,
    pub payload_bytes: usize,
    pub repetitions: Vec<Repetition>,
    /// Why there are no figures.
    pub failure: Option<String>,
    sides: Option<Sides>,
    round_trips: u64,
    messages: u64,
}

impl Cell {
    /// Connects the sides, warms them up and finds how many messages fill a window.
    pub fn start(subject: &'static Subject, payload_bytes: usize, site: &Site<'_>) -> Self {
        let mut cell = Self {
            subject,
            payload_bytes,
            repetitions: Vec::new(),
            failure: None,
            sides: None,
            round_trips: 1,
            messages: 1,
        };
        let connected = cell.connect(site);
        let ready = connected.and_then(|mut sides| cell.calibrate(&mut sides).map(|()| sides));
        cell.keep(ready);
        cell
    }

    /// A cell that was not measured.
    pub fn skipped(subject: &'static Subject, payload_bytes: usize, why: &str) -> Self {
        let failure = Some(why.to_owned());
        Self {
            subject,
            payload_bytes,
            repetitions: Vec::new(),
            failure,
            sides: None,
            round_trips: 0,
            messages: 0,
        }
    }

    /// One more repetition, unless an earlier one failed.
    pub fn repeat(&mut self) {
        if let Some(mut sides) = self.sides.take() {
            let measured = self.measure(&mut sides);
            self.keep(measured.map(|()| sides));
        }
    }

    fn connect(&self, site: &Site<'_>) -> Result<Sides> {
        if let Way::Threads(shape) = self.subject.way {
            return Ok(Sides::Threads(Threads::start(shape, self.payload_bytes, site.processors)?));
        }
        let folder = &site.folder;
        let refused = |error| Error::os("create a cell's folder", folder.display().to_string(), error);
        std::fs::DirBuilder::new().mode(0o700).create(folder).map_err(refused)?;
        let lane = self.subject.lane(self.payload_bytes, folder)?;
        let lane = lane.ok_or_else(|| refused(std::io::ErrorKind::Unsupported.into()))?;
        Ok(Sides::Processes(Pair::start(&PairSpec {
            program: site.program,
            lane,
            payload_bytes: self.payload_bytes,
            processors: site.processors,
            patience: PATIENCE,
        })?))
    }

    fn calibrate(&mut self, sides: &mut Sides) -> Result<()> {
        sides.round_trips(FEW)?;
        let trips_ns = sides.round_trips(FEW)?.client.elapsed_ns;
        self.round_trips = filling(FEW, trips_ns).clamp(FEW, ROUND_TRIPS_MAX);
        let mut count = FEW;
        while self.subject.goes_one_way() {
            let answers = sides.one_way(count)?;
            let elapsed_ns = answers.client.elapsed_ns.max(answers.server.elapsed_ns);
            if elapsed_ns >= CALIBRATED_NS || count >= MESSAGES_MAX {
                self.messages = filling(count, elapsed_ns).clamp(FEW, MESSAGES_MAX);
                break;
            }
            count *= 8;
        }
        Ok(())
    }

    fn measure(&mut self, sides: &mut Sides) -> Result<()> {
        let round_trip_ns = sides.round_trips(self.round_trips)?.client.round_trip_ns;
        let messages_per_s = match self.subject.goes_one_way() {
            true => Some(sides.one_way(self.messages)?.server.steady_per_second),
            false => None,
        };
        self.repetitions.push(Repetition { round_trip_ns, messages_per_s });
        Ok(())
    }

    fn keep(&mut self, outcome: Result<Sides>) {
        match outcome {
            Ok(sides) => self.sides = Some(sides),
            Err(error) => self.failure = Some(error.to_string()),
        }
    }
}

/// How many fill a window, if `count` took `elapsed_ns`.
fn filling(count: u64, elapsed_ns: u64) -> u64 {
    let filling = u128::from(count) * u128::from(WINDOW_NS) / u128::from(elapsed_ns.max(1));
    u64::try_from(filling).unwrap_or(u64::MAX)
}
