//! The run: size by size, the repetitions of all cells in turn, so that whatever drifts hits all
//! alike.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use crosstie::Result;
use crosstie::os::clock;

use super::cell::{Cell, Site};
use super::plan::{MEMCPY_SIZES, Plan};
use super::subject::Subject;
use super::watch::Watch;
use crate::engine::pair::{Pair, PairSpec};
use crate::engine::scratch::Scratch;
use crate::engine::spec::Lane;
use crate::floor::lines::SharedLines;
use crate::floor::{cache_line, futex_wake, memcpy};
use crate::percentiles::median;
use crate::record::{Floor, Percentiles, Report, SCHEMA};
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
    if let Some(what) = run.floor.unsteadiness() {
        watch.note(&what);
    }
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

struct Run<'a> {
    options: &'a Options,
    processors: Option<[usize; 2]>,
    scratch: Scratch,
    serial: usize,
    parts_done: usize,
    floor: FloorRun,
}

impl Run<'_> {
    fn measure_size(
        &mut self,
        payload_bytes: usize,
        report: &mut Report,
        watch: &mut dyn Watch,
    ) -> Result<()> {
        let plan = &self.options.plan;
        let size = crate::report::size(payload_bytes);
        self.stage(watch, &format!("{size}: connecting"));
        let mut floor = self.start_process_floor()?;
        let mut cells: Vec<Cell> = plan
            .subjects(payload_bytes)
            .into_iter()
            .map(|subject| self.cell(subject, payload_bytes))
            .collect();
        for cell in &mut cells {
            cell.calibrate(plan);
        }
        let mut cache_line = Vec::new();
        for repetition in 1..=plan.repetitions {
            self.stage(watch, &format!("{size}: repetition {repetition} of {}", plan.repetitions));
            self.floor.measure_memcpy();
            cache_line.push(self.floor.measure_process_floor(&mut floor, plan)?);
            for cell in &mut cells {
                cell.repeat();
            }
        }
        drop(floor);
        let cache_line_p50 = Percentiles::median_of(&cache_line).p50;
        self.stage(watch, &format!("{size}: at 1,000 a second, counting system calls"));
        for mut cell in cells {
            cell.complete(plan);
            if cell.is_corrupt() {
                watch.note(&format!("{}, {size}: a payload arrived that was not what was sent", cell.name()));
            }
            file_away(&cell, (payload_bytes, cache_line_p50), report, watch);
        }
        Ok(())
    }

    fn cell(&mut self, subject: Subject, payload_bytes: usize) -> Cell {
        self.serial += 1;
        let site = Site {
            program: self.options.program.clone(),
            processors: self.processors,
            folder: self.scratch.path().join(format!("cell-{}", self.serial)),
        };
        Cell::new(subject, payload_bytes, site)
    }

    fn stage(&mut self, watch: &mut dyn Watch, what: &str) {
        let stages_per_size = self.options.plan.repetitions + 2;
        watch.stage(what, self.parts_done, self.options.plan.sizes().len() * stages_per_size);
        self.parts_done += 1;
    }

    /// The sides of the two floors that have no payload.
    fn start_process_floor(&mut self) -> Result<ProcessFloor> {
        let mut start = |lane: fn(String) -> Lane, lines| -> Result<Pair> {
            self.serial += 1;
            let path = self.scratch.path().join(format!("floor-{}", self.serial));
            SharedLines::create(&path, lines)?;
            Pair::start(&PairSpec {
                program: &self.options.program,
                lane: lane(path.display().to_string()),
                payload_bytes: 8,
                processors: self.processors,
                patience: Duration::from_secs(20),
            })
        };
        Ok(ProcessFloor {
            line: start(|path| Lane::CacheLine { path }, cache_line::LINES)?,
            wake: start(|path| Lane::FutexWake { path }, futex_wake::LINES)?,
        })
    }
}

/// The sides of the two floors that have no payload.
struct ProcessFloor {
    line: Pair,
    wake: Pair,
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

    /// One repetition of the floors without payload; answers the cache line's.
    fn measure_process_floor(&mut self, floor: &mut ProcessFloor, plan: &Plan) -> Result<Percentiles> {
        let trip_ns = floor.line.round_trips(2_000, None)?.client.round_trip_ns.p50.max(1);
        let count = (plan.window_ns / 2 / trip_ns).clamp(100, 100_000);
        let line = floor.line.round_trips(count, None)?.client.round_trip_ns;
        self.cache_line.push(line);
        let count = (plan.window_ns / 2 / FUTEX_TRIP_NS).max(100);
        self.futex_wake.push(floor.wake.round_trips(count, None)?.client.round_trip_ns);
        Ok(line)
    }

    fn write(&self, floor: &mut Floor) {
        let medians = || self.cache_line.iter().map(|repetition| repetition.p50);
        floor.cache_line_round_trip_ns = Percentiles::median_of(&self.cache_line);
        floor.cache_line_round_trip_ns_p50_spread =
            medians().min().zip(medians().max()).map(<[u64; 2]>::from);
        floor.futex_wake_round_trip_ns = Percentiles::median_of(&self.futex_wake);
        floor.memcpy_bytes_per_s =
            self.memcpy.iter().map(|(bytes, rates)| (bytes.to_string(), median(rates))).collect();
    }

    /// What the reader should know if the machine changed under the run.
    fn unsteadiness(&self) -> Option<String> {
        let medians = || self.cache_line.iter().map(|repetition| repetition.p50);
        let (least, most) = medians().min().zip(medians().max())?;
        (most > least * 3 / 2).then(|| {
            format!(
                "the machine changed while it was measured: a cache line took {least} to {most} ns there and back; \
                 compare figures of the same payload size only, or run again"
            )
        })
    }
}

/// Puts a complete cell where it belongs in the report.
fn file_away(
    cell: &Cell,
    (payload_bytes, cache_line_p50): (usize, u64),
    report: &mut Report,
    watch: &mut dyn Watch,
) {
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
            if let Some(mut row) = cell.row() {
                row.cache_line_round_trip_ns_p50 = row.verified.then_some(cache_line_p50);
                watch.row(&row);
                report.rows.push(row);
            }
        }
    }
}
