//! `crosstie`: processes talk and take turns, from the shell.
//!
//! | module | holds |
//! |---|---|
//! | [`args`] | the command line: one definition for help, man pages and completions |
//! | [`command`] | one verb a file: its arguments and what it does |
//! | [`demo`] | the textbook's scenes, played by real processes |
//! | [`framing`] | how messages stand in standard input and standard output |
//! | [`ends`] | the two ends of an address, with the user's patience |
//! | [`output`] | notes and progress, on standard error |
//! | [`exit`] | the exit codes, and how a failure is told |
#![deny(unsafe_code)]

mod args;
mod command;
mod demo;
mod ends;
mod exit;
mod framing;
mod output;

use std::io::IsTerminal as _;
use std::process::ExitCode;

/// Help on standard output, where a failure to write it is one.
fn tell(asked: &clap::Error) -> exit::Outcome {
    let text = asked.render();
    let has_colours = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    output::data::text(&if has_colours { text.ansi().to_string() } else { text.to_string() })
}

fn main() -> ExitCode {
    if let Some(code) = crosstie_measure::engine::scratch::run_hidden_subcommand() {
        return code;
    }
    if let Some(code) = demo::play_hidden_role() {
        return code;
    }
    let answer = match args::CommandLine::read() {
        Ok(line) => command::run(line.command, &line.globals),
        // What was asked for: help or the version.
        Err(asked) if !asked.use_stderr() => tell(&asked),
        Err(wrong) => wrong.exit(),
    };
    match answer {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.tell(),
    }
}
