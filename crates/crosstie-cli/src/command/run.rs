//! From the command line to its verb.

use super::{advise, bench, compare, completions, man, recv, region, relay, rm, send, version};
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
