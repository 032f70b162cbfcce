//! The run: size by size, the repetitions of all subjects in turn, so that whatever drifts hits all alike.

use std::path::{Path, PathBuf};

use crosstie::Result;
use crosstie_measure::engine::scratch::Scratch;
use crosstie_measure::floor::memcpy;
use crosstie_measure::{machine, percentiles};

use crate::cell::{Cell, Site};
use crate::record::{Record, Row};
use crate::subject::{Kind, LARGE, SIZES, SUBJECTS, Subject};

/// What a run is told.
pub struct Options {
    /// Of each row.
    pub repetitions: usize,
    /// Where the report goes, besides standard output.
    pub out: Option<PathBuf>,
    /// Only rows whose name has this in it, and the floor; `None`: all.
    pub only: Option<String>,
    /// Packages that are not there, and why.
    pub skipped: Vec<(String, String)>,
}

/// Measures all subjects; one that cannot be measured has its reason in its row.
///
/// # Errors
/// The run's folder cannot be had.
pub fn run(options: &Options, tell: &mut dyn FnMut(&str)) -> Result<Record> {
    let program =
        std::env::current_exe().map_err(|error| crosstie::Error::os("find", "this program", error))?;
    let processors = machine::two_processors();
    let scratch = Scratch::create(&program)?;
    let (mut rows, mut copies) = (Vec::new(), Vec::new());
    for payload_bytes in SIZES {
        let is_wanted = |subject: &&Subject| {
            let is_named =
                |only: &String| subject.kind == Kind::Floor || subject.name.contains(only.as_str());
            subject.sizes.contains(&payload_bytes) && options.only.as_ref().is_none_or(is_named)
        };
        let subjects = SUBJECTS.iter().filter(is_wanted);
        let mut cells = Vec::new();
        for (number, subject) in subjects.enumerate() {
            let folder = scratch.path().join(format!("{payload_bytes}-{number}"));
            cells.push(match program_of(subject, &program, options) {
                Ok(program) => {
                    Cell::start(subject, payload_bytes, &Site { program: &program, processors, folder })
                }
                Err(why) => Cell::skipped(subject, payload_bytes, &why),
            });
        }
        for repetition in 1..=options.repetitions {
            tell(&format!("{payload_bytes} B: repetition {repetition} of {}", options.repetitions));
            copies.push(memcpy::bytes_per_s(LARGE));
            for cell in &mut cells {
                cell.repeat();
            }
        }
        for cell in cells.iter().filter(|cell| cell.failure.is_some()) {
            let why = cell.failure.as_deref().unwrap_or_default();
            tell(&format!("SKIPPED: {}, {payload_bytes} B: {why}", cell.subject.name));
        }
        rows.extend(cells.iter().map(Row::of));
    }
    Ok(Record {
        schema: "crosstie.peers/1".to_owned(),
        machine: machine::describe(processors),
        repetitions: options.repetitions,
        memcpy_bytes_per_s: percentiles::median(&copies),
        rows,
    })
}

/// The program that runs a subject's sides: beside this one.
fn program_of(subject: &Subject, own: &Path, options: &Options) -> std::result::Result<PathBuf, String> {
    let Some(package) = subject.package() else { return Ok(own.to_owned()) };
    if let Some((_, why)) = options.skipped.iter().find(|(skipped, _)| skipped == package) {
        return Err(why.clone());
    }
    let program = own.with_file_name(package);
    if program.exists() { Ok(program) } else { Err(format!("{package} is not built")) }
}
