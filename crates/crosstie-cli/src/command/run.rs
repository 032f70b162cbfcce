//! From the command line to its verb.

use super::{
    advise, bench, call, compare, completions, demo, doctor, domain, lock, man, meet, recv, region, relay,
    reply, rm, see, sem, send, signals, unlock, version, watch,
};
use crate::args::{Command, Globals};
use crate::exit::Outcome;

/// Runs the verb that the command line names.
pub fn run(command: Command, globals: &Globals) -> Outcome {
    match command {
        Command::Send(arguments) => send::run(arguments, globals),
        Command::Recv(arguments) => recv::run(arguments, globals),
        Command::Relay(arguments) => relay::run(arguments, globals),
        Command::Call(arguments) => call::run(arguments, globals),
        Command::Reply(arguments) => reply::run(arguments, globals),
        Command::Region(arguments) => region::run(arguments, globals),
        Command::Lock(arguments) => lock::run(arguments, globals),
        Command::Unlock(arguments) => unlock::run(arguments, globals),
        Command::Sem(arguments) => sem::run(arguments, globals),
        Command::Barrier(arguments) => meet::barrier(arguments, globals),
        Command::Once(arguments) => meet::once(arguments, globals),
        Command::Post(arguments) => signals::post(arguments, globals),
        Command::Wait(arguments) => signals::wait(arguments, globals),
        Command::Event(arguments) => signals::event(arguments, globals),
        Command::Ls(arguments) => see::list(arguments, globals),
        Command::Inspect(arguments) => see::inspect(arguments, globals),
        Command::Graph(arguments) => see::graph(arguments, globals),
        Command::Watch(arguments) => watch::run(arguments, globals),
        Command::Doctor(arguments) => doctor::run(arguments, globals),
        Command::Domain(arguments) => domain::run(arguments, globals),
        Command::Rm(arguments) => rm::run(arguments, globals),
        Command::Compare(arguments) => compare::run(arguments, globals),
        Command::Advise(arguments) => advise::run(arguments, globals),
        Command::Bench(arguments) => bench::run(arguments, globals),
        Command::Demo(arguments) => demo::run(arguments, globals),
        Command::Completions(arguments) => completions::run(arguments, globals),
        Command::Man(arguments) => man::run(arguments, globals),
        Command::Version(arguments) => version::run(arguments, globals),
    }
}
