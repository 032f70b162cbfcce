//! Mistreats processes that talk and take turns, and judges who is left.
//!
//! | command | does |
//! |---|---|
//! | `step (--all \| NAME) [--json] [--sample N]` | kills a process at every instruction of an operation |
//! | `storm [--seconds N] [--seed S] [--processes P] [--json]` | random signals, forks and executions while all take turns |
//! | `traffic [ring\|queue] [--messages N] [--seed S] [--json]` | numbered messages while senders and receivers are killed |
//! | `deadlocks [--cases N] [--seed S] [--json]` | scenes of real processes with known answers |
//! | `namespaces [--json]` | processes of other PID, user, mount and time namespaces |
//! | `side` | one side of a scenario between languages: crates/crosstie-python/tests/languages |
//!
//! Exit code 0 if everybody who was left was well and every broken twin was caught, 1 if not, 2 for
//! a wrong call, 86 where the machine does not allow it.
#![deny(unsafe_code)]

mod deadlocks;
mod dice;
mod kernel;
mod namespaces;
mod side;
mod step;
mod storm;
mod traffic;

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["step", arguments @ ..] => step::command::run(arguments),
        ["victim", arguments @ ..] => step::victim::run(arguments),
        ["newcomer", arguments @ ..] => step::newcomer::run(arguments),
        ["storm", arguments @ ..] => storm::command::run(arguments),
        ["storm-worker", arguments @ ..] => storm::worker::run(arguments),
        ["traffic", arguments @ ..] => traffic::command::run(arguments),
        ["traffic-worker", arguments @ ..] => traffic::worker::run(arguments),
        ["deadlocks", arguments @ ..] => deadlocks::command::run(arguments),
        ["deadlock-actor", arguments @ ..] => deadlocks::actor::run(arguments),
        ["namespaces", arguments @ ..] => namespaces::command::run(arguments),
        ["side", arguments @ ..] => side::actor::run(arguments),
        _ => {
            eprintln!("{}", step::command::USAGE);
            for usage in [
                storm::command::USAGE,
                traffic::command::USAGE,
                deadlocks::command::USAGE,
                namespaces::command::USAGE,
            ] {
                eprintln!("       {usage}");
            }
            ExitCode::from(2)
        }
    }
}
