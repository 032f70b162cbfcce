//! The run: size by size, the repetitions of all cells in turn, so that whatever drifts hits all
//! alike.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crosstie::Result;
use crosstie::os::clock;

use super::cell::{Cell, Site};
use super::plan::{MEMCPY_SIZES, Plan};
use super::subject::{Mechanism, Subject};
use super::watch::Watch;
use crate::engine::scratch::Scratch;
use crate::engine::spec::Wait;
use crate::floor::memcpy;
use crate::percentiles::median;
use crate::record::{Floor, Percentiles, Report, SCHEMA};
use crate::turns::figures::Figures;
use crate::turns::run as turns;
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
    let mut run = Run {
        options,
        started_ns: started,
        processors,
        scratch,
        serial: 0,
        sizes_done: 0,
        is_shortened: false,
        floor: FloorRun::default(),
    };
    let mut report = Report {
        schema: SCHEMA.to_owned(),
        machine: machine::describe(processors),
        command: options.command.clone(),
        elapsed_s: 0.0,
        floor: Floor::default(),
        mechanisms: Vec::new(),
        rows: Vec::new(),
        turns: Vec::new(),
    };
    for payload_bytes in options.plan.sizes() {
        run.measure_size(payload_bytes, &mut report, watch);
    }
    run.measure_turns(&mut report, watch);
    run.floor.write(&mut report.floor);
    if run.is_shortened {
        watch.note("the machine is busy: some figures have fewer repetitions, to end in time");
    }
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

/// A run is late only by more than connecting takes.
const CONNECTING_NS: u64 = 1_000_000_000;

struct Run<'a> {
    options: &'a Options,
    started_ns: u64,
    processors: Option<[usize; 2]>,
    scratch: Scratch,
    serial: usize,
    sizes_done: usize,
    is_shortened: bool,
    floor: FloorRun,
}

impl Run<'_> {
    fn measure_size(&mut self, payload_bytes: usize, report: &mut Report, watch: &mut dyn Watch) {
        let hurried = self.options.plan.hurried();
        let plan = if self.is_late(self.sizes_done) { &hurried } else { &self.options.plan };
        let size = crate::report::size(payload_bytes);
        let mut cells: Vec<Cell> = plan
            .subjects(payload_bytes)
            .into_iter()
            .map(|subject| self.cell(subject, payload_bytes))
            .collect();
        for repetition in 1..=plan.repetitions {
            if repetition > 1 && self.is_late(self.sizes_done + 1) {
                self.is_shortened = true;
                break;
            }
            self.stage(
                watch,
                &format!("{size}: repetition {repetition} of {}", plan.repetitions),
                repetition,
            );
            self.floor.measure_memcpy();
            for cell in &mut cells {
                if repetition > 1 {
                    cell.repeat();
                    continue;
                }
                cell.begin(plan);
                if let Some(row) = cell.row() {
                    watch.row(&row);
                }
            }
        }
        for cell in &cells {
            if cell.is_corrupt() {
                watch.note(&format!("{}, {size}: a payload arrived that was not what was sent", cell.name()));
            }
        }
        self.file_away(&cells, payload_bytes, report);
        self.sizes_done += 1;
    }

    /// Whether so many sizes have had their share of the budget.
    fn is_late(&self, sizes: usize) -> bool {
        let plan = &self.options.plan;
        let share = plan.budget_ns / plan.sizes().len().max(1) as u64;
        let due_ns = share.saturating_mul(sizes as u64).saturating_add(CONNECTING_NS);
        clock::now_ns().saturating_sub(self.started_ns) > due_ns
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

    fn stage(&self, watch: &mut dyn Watch, what: &str, repetition: usize) {
        let plan = &self.options.plan;
        let done = self.sizes_done * plan.repetitions + repetition - 1;
        watch.stage(what, done, self.stages());
    }

    /// Stages of the whole run.
    fn stages(&self) -> usize {
        let plan = &self.options.plan;
        plan.sizes().len() * plan.repetitions + plan.turns.repetitions
    }

    /// The second half.
    fn measure_turns(&mut self, report: &mut Report, watch: &mut dyn Watch) {
        let plan = &self.options.plan.turns;
        let mut turns = turns::Run::new(plan, &self.options.program, self.processors, self.scratch.path());
        for repetition in 1..=plan.repetitions {
            if turns.is_late() {
                self.is_shortened = true;
                break;
            }
            let done = self.stages() - plan.repetitions + repetition - 1;
            let what = format!("taking turns: repetition {repetition} of {}", plan.repetitions);
            watch.stage(&what, done, self.stages());
            turns.repeat(&mut |figures| {
                if repetition == 1 {
                    watch.turns(&figures.record());
                }
            });
        }
        report.turns = turns.figures().iter().map(Figures::record).collect();
    }

    /// Puts complete cells where they belong in the report.
    fn file_away(&mut self, cells: &[Cell], payload_bytes: usize, report: &mut Report) {
        let size = payload_bytes.to_string();
        let of = |subject| cells.iter().find(|cell| cell.subject() == subject);
        let trip = |subject| of(subject).map(|cell| cell.round_trip_ns().p50).filter(|&p50| p50 > 0);
        for cell in cells {
            match cell.subject() {
                Subject::CacheLine => self.floor.cache_line.extend(cell.round_trips_ns()),
                Subject::FutexWake => self.floor.futex_wake.extend(cell.round_trips_ns()),
                Subject::HandOver => {}
                Subject::BareRing => {
                    report.floor.bare_ring.extend(cell.bare_ring().map(|entry| (size.clone(), entry)));
                }
                Subject::BareLoop(mechanism) => {
                    let entries = report.floor.bare_loop.entry(mechanism.name().to_owned()).or_default();
                    entries.extend(cell.bare_loop().map(|entry| (size.clone(), entry)));
                }
                Subject::Row(mechanism, wait) => report.rows.extend(cell.row().map(|mut row| {
                    if row.verified {
                        row.cache_line_round_trip_ns_p50 = trip(Subject::CacheLine);
                    }
                    if mechanism == Mechanism::Shm && wait == Wait::Spin {
                        row.hand_over_round_trip_ns_p50 = trip(Subject::HandOver);
                    }
                    row
                })),
            }
        }
    }
}

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
        floor.cache_line_round_trip_ns_p50_spread = self.cache_line_spread();
        floor.futex_wake_round_trip_ns = Percentiles::median_of(&self.futex_wake);
        floor.memcpy_bytes_per_s =
            self.memcpy.iter().map(|(bytes, rates)| (bytes.to_string(), median(rates))).collect();
    }

    fn cache_line_spread(&self) -> Option<[u64; 2]> {
        let medians = || self.cache_line.iter().map(|repetition| repetition.p50);
        medians().min().zip(medians().max()).map(<[u64; 2]>::from)
    }

    /// What the reader should know if the machine changed under the run.
    fn unsteadiness(&self) -> Option<String> {
        let [least, most] = self.cache_line_spread()?;
        (most > least * 3 / 2).then(|| {
            format!(
                "the machine changed while it was measured: a cache line took {least} to {most} ns there and back; \
                 compare figures of the same payload size only, or run again"
            )
        })
    }
}
