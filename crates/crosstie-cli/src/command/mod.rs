//! One verb a file: its arguments and what it does.

pub mod advise;
pub mod bench;
pub mod compare;
pub mod completions;
pub mod man;
pub mod recv;
pub mod region;
pub mod relay;
pub mod rm;
pub mod send;
pub mod version;

use crate::args::{Command, Globals};
use crate::exit::Outcome;

/// Runs the verb that the command line names.
pub fn run(command: Command, globals: &Globals) -> Outcome {
    match command {
        Command::Send(arguments) => send::run(arguments, globals),
        Command::Recv(arguments) => recv::run(arguments, globals),
        Command::Relay(arguments) => relay::run(arguments, globals),
        Command::Region(arguments) => region::run(arguments, globals),
        Command::Rm(arguments) => rm::run(arguments, globals),
        Command::Compare(arguments) => compare::run(arguments, globals),
        Command::Advise(arguments) => advise::run(arguments, globals),
        Command::Bench(arguments) => bench::run(arguments, globals),
        Command::Completions(arguments) => completions::run(arguments, globals),
        Command::Man(arguments) => man::run(arguments, globals),
        Command::Version(arguments) => version::run(arguments, globals),
    }
}
