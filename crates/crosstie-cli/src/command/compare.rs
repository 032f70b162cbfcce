//! `crosstie compare`.

use std::io::{self, IsTerminal as _};
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use crosstie::ErrorKind;
use crosstie_measure::compare::run::Placement;
use crosstie_measure::compare::{self, Options, Plan, Watch};
use crosstie_measure::record::{Report, Row, Turns};
use crosstie_measure::report;

use crate::args::Globals;
use crate::exit::{Failure, Outcome};
use crate::output::bar::Bar;
use crate::output::{colour, data, note};

/// Measure every mechanism on this machine, side by side
///
/// Starts pairs of real processes, each on a core of its own, that exchange messages over every
/// mechanism and check every byte; then processes that take turns by every lock, semaphore and monitor;
/// beside them the machine's own limits, in the same run. Takes about a minute.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub struct Arguments {
    /// More and longer repetitions: up to six minutes
    #[arg(long)]
    full: bool,
    /// A folder to write the report to: index.html with plots, compare.json, compare.csv, compare.md
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// How to print the report
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// One JSON document (crosstie.compare/1), the same as --format json
    #[arg(long, conflicts_with = "format")]
    json: bool,
    /// Keep each side on a core of its own (the default)
    #[arg(long, overrides_with = "no_pin")]
    pin: bool,
    /// Let the kernel place the two sides
    #[arg(long)]
    no_pin: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Tables for a terminal
    Text,
    /// Markdown, to paste
    Md,
    /// One JSON document (crosstie.compare/1)
    Json,
    /// One line per row
    Csv,
}

const EXAMPLES: &str = "\
Examples:
  crosstie compare                          the textbook's table with this machine's figures
  crosstie compare --out report/            with plots, in report/index.html
  crosstie compare --json > compare.json    for crosstie advise --from compare.json";

pub fn run(arguments: Arguments, globals: &Globals) -> Outcome {
    let plan = if arguments.full { Plan::full() } else { Plan::short() };
    let placement = if arguments.no_pin { Placement::Free } else { Placement::Pinned };
    if let Some(folder) = &arguments.out {
        // Before a minute is spent on what could not be kept.
        probe_folder(folder)?;
    }
    let report = measure(plan, placement, command_line(&arguments), globals)?;
    let format = if arguments.json { Format::Json } else { arguments.format };
    let text = print(&report, format)?;
    // Neither failure loses what the other place gets.
    let printed = data::text(&text);
    if let Some(folder) = &arguments.out {
        write_folder(&report, folder, globals)?;
    }
    printed?;
    match report.rows.iter().find(|row| is_corrupt(row)) {
        Some(row) => Err(Failure::new(
            ErrorKind::Corrupt,
            format!(
                "{}, {} bytes: a payload arrived that was not what was sent",
                row.mechanism, row.payload_bytes
            ),
        )),
        None => Ok(()),
    }
}

/// Measures what `plan` says, with progress on standard error; `command` is what the report names.
pub fn measure(
    plan: Plan,
    placement: Placement,
    command: String,
    globals: &Globals,
) -> Result<Report, Failure> {
    let options = Options { program: PathBuf::from("/proc/self/exe"), plan, placement, command };
    let mut progress = Progress::new(globals);
    let report = compare::run(&options, &mut progress)?;
    progress.finish();
    Ok(report)
}

fn is_corrupt(row: &Row) -> bool {
    row.not_measured.as_ref().is_some_and(|why| why.contains(ErrorKind::Corrupt.phrase()))
}

/// The command line as the report names it.
fn command_line(arguments: &Arguments) -> String {
    let mut line = "crosstie compare".to_owned();
    for (given, flag) in [(arguments.full, " --full"), (arguments.no_pin, " --no-pin")] {
        line.push_str(if given { flag } else { "" });
    }
    line
}

fn print(report: &Report, format: Format) -> Result<String, Failure> {
    Ok(match format {
        Format::Text => report::terminal(report, colour::of_stdout()),
        Format::Md => report::markdown(report),
        Format::Csv => report::csv(report),
        Format::Json => report::json(report)
            .map_err(|error| Failure::new(ErrorKind::Failed, format!("write the report as JSON: {error}")))?,
    })
}

/// Makes the folder, and a file in it, as the report will.
fn probe_folder(folder: &Path) -> Outcome {
    let probe = folder.join(format!(".crosstie-probe-{}", std::process::id()));
    std::fs::create_dir_all(folder)
        .and_then(|()| std::fs::write(&probe, "x"))
        .and_then(|()| std::fs::remove_file(&probe))
        .map_err(|error| refused_folder(folder, &error))
}

fn refused_folder(folder: &Path, error: &io::Error) -> Failure {
    let text = format!("write the report to {}: {error}", folder.display());
    Failure::new(ErrorKind::of_io(error), text).advise("name a folder that you may write to: --out DIR")
}

fn write_folder(report: &Report, folder: &Path, globals: &Globals) -> Outcome {
    let written = report::write_folder(report, folder).map_err(|error| refused_folder(folder, &error))?;
    for path in written {
        note::line(globals, &format!("wrote {}", path.display()));
    }
    Ok(())
}

/// A bar on a terminal; elsewhere a line a stage.
struct Progress<'a> {
    globals: &'a Globals,
    bar: Option<Bar>,
}

impl<'a> Progress<'a> {
    fn new(globals: &'a Globals) -> Self {
        let is_wanted = !globals.quiet && io::stderr().is_terminal();
        Self { globals, bar: is_wanted.then(Bar::new) }
    }

    fn line(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.above(text),
            None => note::line(self.globals, text),
        }
    }

    fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish();
        }
    }
}

impl Watch for Progress<'_> {
    fn stage(&mut self, what: &str, done: usize, all: usize) {
        match &mut self.bar {
            Some(bar) => bar.advance(done, all, what),
            None => note::line(self.globals, &format!("{}/{all}  {what}", done + 1)),
        }
    }

    fn row(&mut self, row: &Row) {
        let name = format!("{} {}", row.mechanism, row.wait);
        let size = report::size(row.payload_bytes);
        let figures = match &row.not_measured {
            Some(why) => why.clone(),
            None => format!(
                "{:>9} there and back   {:>11} one way",
                report::duration(row.round_trip_ns.p50 as f64),
                report::rate(row.messages_per_s)
            ),
        };
        self.line(&format!("{name:<17} {size:>8}   {figures}"));
    }

    fn turns(&mut self, turns: &Turns) {
        let alone = turns.pair_ns.map_or_else(|| "–".to_owned(), report::short_duration);
        let hand_over = turns.hand_over_ns.map_or(0.0, |it| it.p50 as f64);
        let hand_over = report::duration(hand_over);
        self.line(&format!("{:<21}      {alone:>9} alone   {hand_over:>9} to a sleeper", turns.mechanism));
    }

    fn note(&mut self, what: &str) {
        self.line(what);
    }
}
