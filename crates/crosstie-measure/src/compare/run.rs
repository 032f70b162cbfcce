//! The run: size by size, the repetitions of all cells in turn, so that whatever drifts hits all
//! alike.

use std::collections::BTreeMap;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crosstie::os::clock;
use crosstie::{Error, Result};

use super::cell::Cell;
use super::plan::{MEMCPY_SIZES, Plan};
use super::subject::Subject;
use super::watch::Watch;
use crate::engine::pair::{Pair, PairSpec};
use crate::engine::scratch::Scratch;
use crate::engine::spec::Lane;
use crate::floor::lines::SharedLines;
use crate::floor::{cache_line, futex_wake, memcpy};
use crate::percentiles::median;
use crate::record::{Floor, Percentiles, Report, Row, SCHEMA};
use crate::{machine, mechanisms};

/// What a run is told.
#[derive(Clone, Debug)]
pub struct Options {
    /// The executable whose hidden subcommands run the sides: one whose `main` begins with
    /// [`run_hidden_subcommand`](crate::engine::scratch::run_hidden_subcommand).
    pub program: PathBuf,
    /// What is measured, how long and how often.
    pub plan: Plan,
    /// Whether the two sides stay on processors of their own.
    pub placement: Placement,
    /// The command line, for the report.
    pub command: String,
}

/// Where the two sides run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Placement {
    /// Each on a core of its own.
    #[default]
    Pinned,
    /// Wherever the kernel puts them.
    Free,
}

/// Measures what the plan says.
///
/// A mechanism that cannot be measured here has its reason in its rows; the others go on.
///
/// # Errors
/// The run's folder or the floor cannot be had: then nothing can be measured.
pub fn run(options: &Options, watch: &mut dyn Watch) -> Result<Report> {
    let started = clock::now_ns();
    let processors = choose_processors(options.placement, watch);
    let scratch = Scratch::create(&options.program)?;
    make_domain(&scratch.path().join("domain"))?;
    let mut run = Run { options, processors, scratch, serial: 0, parts_done: 0, floor: FloorRun::default() };
    let mut report = Report {
        schema: SCHEMA.to_owned(),
        machine: machine::describe(processors),
        command: options.command.clone(),
        elapsed_s: 0.0,
        floor: Floor::default(),
        mechanisms: Vec::new(),
        rows: Vec::new(),
    };
    for payload_bytes in options.plan.sizes() {
        run.measure_size(payload_bytes, &mut report, watch)?;
    }
    run.floor.write(&mut report.floor);
    report.mechanisms = mechanisms::describe(&report.rows);
    report.elapsed_s = clock::now_ns().saturating_sub(started) as f64 / 1e9;
    Ok(report)
}

fn choose_processors(placement: Placement, watch: &mut dyn Watch) -> Option<[usize; 2]> {
    if placement == Placement::Free {
        return None;
    }
    let processors = machine::two_processors();
    if processors.is_none() {
        watch.note("only one processor: both sides share it, and spinning sides wait for each other's turn");
    }
    processors
}

fn make_domain(path: &Path) -> Result<()> {
    std::fs::DirBuilder::new()
        .mode(0o700)
        .create(path)
        .map_err(|error| Error::os("create the run's domain", path.display().to_string(), error))
}

struct Run<'a> {
    options: &'a Options,
    processors: Option<[usize; 2]>,
    scratch: Scratch,
    serial: usize,
    parts_done: usize,
    floor: FloorRun,
}

impl Run<'_> {
    fn measure_size(&mut self, payload_bytes: usize, report: &mut Report, watch: &mut dyn Watch) -> Result<()> {
        let plan = &self.options.plan;
        let size = crate::report::size(payload_bytes);
        self.stage(watch, &format!("{size}: connecting"));
        self.measure_process_floor()?;
        let mut cells: Vec<Cell> =
            plan.subjects(payload_bytes).into_iter().map(|subject| self.start(subject, payload_bytes)).collect();
        for cell in &mut cells {
            cell.calibrate(plan);
        }
        for repetition in 1..=plan.repetitions {
            self.stage(watch, &format!("{size}: repetition {repetition} of {}", plan.repetitions));
            self.floor.measure_memcpy();
            for cell in &mut cells {
                cell.repeat();
            }
        }
        self.stage(watch, &format!("{size}: at 1,000 a second, counting system calls"));
        for mut cell in cells {
            cell.complete(plan);
            if cell.is_corrupt() {
                watch.note(&format!("{}, {size}: a payload arrived that was not what was sent", cell.name()));
            }
            file_away(&cell, payload_bytes, report, watch);
        }
        Ok(())
    }

    fn start(&mut self, subject: Subject, payload_bytes: usize) -> Cell {
        self.serial += 1;
        let place = (self.scratch.path(), self.serial);
        Cell::start(subject, payload_bytes, place, (&self.options.program, self.processors))
    }

    fn stage(&mut self, watch: &mut dyn Watch, what: &str) {
        let stages_per_size = self.options.plan.repetitions + 2;
        watch.stage(what, self.parts_done, self.options.plan.sizes().len() * stages_per_size);
        self.parts_done += 1;
    }

    /// One repetition of the two floors that have no payload.
    fn measure_process_floor(&mut self) -> Result<()> {
        let path = self.scratch.path().join(format!("floor-{}", self.parts_done));
        let text = path.display().to_string();
        let start = |lane, lines| -> Result<Pair> {
            SharedLines::create(&path, lines)?;
            let pair = Pair::start(&PairSpec {
                program: &self.options.program,
                lane,
                payload_bytes: 8,
                processors: self.processors,
                patience: Duration::from_secs(20),
            });
            // The sides have it mapped; a file that stays is swept with the folder.
            let _ = std::fs::remove_file(&path);
            pair
        };
        let window_ns = self.options.plan.window_ns;
        let mut line = start(Lane::CacheLine { path: text.clone() }, cache_line::LINES)?;
        line.round_trips(1_000, None)?;
        let trip_ns = line.round_trips(1_000, None)?.client.round_trip_ns.p50.max(1);
        let answers = line.round_trips((window_ns / trip_ns).clamp(100, 200_000), None)?;
        self.floor.cache_line.push(answers.client.round_trip_ns);
        drop(line);
        let mut wake = start(Lane::FutexWake { path: text }, futex_wake::LINES)?;
        wake.round_trips(100, None)?;
        let answers = wake.round_trips((window_ns / FUTEX_TRIP_NS).max(100), None)?;
        self.floor.futex_wake.push(answers.client.round_trip_ns);
        Ok(())
    }
}

/// About what a futex round trip takes, to choose how many fill a window.
const FUTEX_TRIP_NS: u64 = 40_000;

/// The floor's repetitions.
#[derive(Default)]
struct FloorRun {
    cache_line: Vec<Percentiles>,
    futex_wake: Vec<Percentiles>,
    memcpy: BTreeMap<usize, Vec<f64>>,
}

impl FloorRun {
    fn measure_memcpy(&mut self) {
        for bytes in MEMCPY_SIZES {
            self.memcpy.entry(bytes).or_default().push(memcpy::bytes_per_s(bytes));
        }
    }

    fn write(&self, floor: &mut Floor) {
        floor.cache_line_round_trip_ns = Percentiles::median_of(&self.cache_line);
        floor.futex_wake_round_trip_ns = Percentiles::median_of(&self.futex_wake);
        floor.memcpy_bytes_per_s =
            self.memcpy.iter().map(|(bytes, rates)| (bytes.to_string(), median(rates))).collect();
    }
}

/// Puts a complete cell where it belongs in the report.
fn file_away(cell: &Cell, payload_bytes: usize, report: &mut Report, watch: &mut dyn Watch) {
    let size = payload_bytes.to_string();
    match cell.subject() {
        Subject::BareRing => {
            if let Some(entry) = cell.bare_ring() {
                report.floor.bare_ring.insert(size, entry);
            }
        }
        Subject::BareLoop(mechanism) => {
            if let Some(entry) = cell.bare_loop() {
                report.floor.bare_loop.entry(mechanism.name().to_owned()).or_default().insert(size, entry);
            }
        }
        Subject::Row(..) => {
            let row: Option<Row> = cell.row();
            if let Some(row) = row {
                watch.row(&row);
                report.rows.push(row);
            }
        }
    }
}
