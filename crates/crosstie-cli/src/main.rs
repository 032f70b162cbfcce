//! `crosstie`: processes talk and take turns, from the shell.
//!
//! | module | holds |
//! |---|---|
//! | [`args`] | the command line: one definition for help, man pages and completions |
//! | [`command`] | one verb a file: its arguments and what it does |
//! | [`framing`] | how messages stand in standard input and standard output |
//! | [`ends`] | the two ends of an address, with the user's patience |
//! | [`output`] | notes and progress, on standard error |
//! | [`exit`] | the exit codes, and how a failure is told |
#![deny(unsafe_code)]

mod args;
mod command;
mod ends;
mod exit;
mod framing;
mod output;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    if let Some(code) = crosstie_measure::engine::scratch::run_hidden_subcommand() {
        return code;
    }
    let line = args::CommandLine::parse();
    match command::run(line.command, &line.globals) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.tell(),
    }
}
