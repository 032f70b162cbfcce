//! `peers-bench`: Crosstie's channels beside its peers', all in one run, with the machine's floor.
//!
//! `cargo xtask peers` builds the peers' programs beside this one and starts it. Exit code 0 if all targets
//! are met, 1 if not.
//!
//! | module | holds |
//! |---|---|
//! | [`subject`] | what is measured: data |
//! | [`posix`] | a POSIX message queue as a lane |
//! | [`threads`] | two threads of one process: the shadow of the limit |
//! | [`cell`] | one subject at one size, and its repetitions |
//! | [`run`] | the repetitions of all in turn |
//! | [`record`] | what was measured, as others read it |
//! | [`targets`] | the ratios that the project holds itself to |
//! | [`table`] | the table, as Markdown |
//! | [`plot`] | the picture |
#![deny(unsafe_code)]

mod cell;
mod plot;
mod posix;
mod record;
mod run;
mod subject;
mod table;
mod targets;
mod threads;

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use crosstie_measure::engine::scratch::run_hidden_subcommand_with;

/// Without an argument.
const REPETITIONS: usize = 7;
const USAGE: &str =
    "usage: peers-bench [REPETITIONS] [--out FOLDER] [--only NAME] [--skip PACKAGE=REASON]...";

fn main() -> ExitCode {
    if let Some(code) = run_hidden_subcommand_with(posix::open) {
        return code;
    }
    let Some(options) = options(std::env::args().skip(1)) else {
        return fail(USAGE, 2);
    };
    match measure(&options) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => fail(&error.to_string(), error.kind().exit_code()),
    }
}

/// Whether all targets are met.
fn measure(options: &run::Options) -> crosstie::Result<bool> {
    let mut tell = |what: &str| {
        // Whoever closed standard error wants no notes.
        let _ = writeln!(std::io::stderr(), "{what}");
    };
    let record = run::run(options, &mut tell)?;
    let verdicts = targets::verdicts(&record);
    let text = table::markdown(&record, &verdicts);
    let failed = |error| crosstie::Error::os("write", "the report", error);
    std::io::stdout().write_all(text.as_bytes()).map_err(failed)?;
    if let Some(folder) = &options.out {
        std::fs::create_dir_all(folder).map_err(failed)?;
        let json = serde_json::to_string_pretty(&record).map_err(|error| failed(error.into()))?;
        for (name, text) in [("peers.md", text), ("peers.json", json), ("peers.svg", plot::svg(&record))] {
            std::fs::write(folder.join(name), text).map_err(failed)?;
        }
    }
    Ok(verdicts.iter().all(|verdict| verdict.is_met()))
}

fn options(mut arguments: impl Iterator<Item = String>) -> Option<run::Options> {
    let mut options = run::Options { repetitions: REPETITIONS, out: None, only: None, skipped: Vec::new() };
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--out" => options.out = Some(PathBuf::from(arguments.next()?)),
            "--only" => options.only = Some(arguments.next()?),
            "--skip" => {
                let skipped = arguments.next()?;
                let (package, reason) = skipped.split_once('=')?;
                options.skipped.push((package.to_owned(), reason.to_owned()));
            }
            count => options.repetitions = count.parse().ok().filter(|&count| count > 0)?,
        }
    }
    Some(options)
}

fn fail(why: &str, code: u8) -> ExitCode {
    // Whoever closed standard error wants no notes.
    let _ = writeln!(std::io::stderr(), "{why}");
    ExitCode::from(code)
}
