//! `crosstie sem NAME -n N -- CMD`.

use std::ffi::OsString;

use clap::Args;
use crosstie::ErrorKind;
use crosstie::sync::Semaphore;

use super::codes::{CodeFlags, Ended};
use super::held::{self, WaitFlags};
use crate::args::Globals;
use crate::exit::{Failure, Outcome};

/// Run a command while it has permits of a semaphore
///
/// The permits come back when the command ends, also by kill -9. The command finds their numbers, from 0, in
/// CROSSTIE_PERMIT, separated by commas: which GPU, which port. First come, first served.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  crosstie sem gpu -n 2 --index-env CUDA_VISIBLE_DEVICES -- python train.py
  crosstie sem build -n 4 --take 2 -- make -j2
  crosstie sem gpu -n 3 --resize")]
pub struct Arguments {
    /// The semaphore, made where it is missing
    name: String,
    /// How many permits there are; the same everywhere. Without it the semaphore must exist
    #[arg(short = 'n', long, value_name = "N")]
    permits: Option<u32>,
    /// How many permits the command needs
    #[arg(long, value_name = "K", default_value_t = 1)]
    take: u32,
    /// Put the permits' numbers into this variable too
    #[arg(long, value_name = "VARIABLE")]
    index_env: Option<String>,
    /// Change how many permits there are to -n
    #[arg(long, requires = "permits")]
    resize: bool,
    #[command(flatten)]
    wait: WaitFlags,
    #[command(flatten)]
    codes: CodeFlags,
    /// The command and its arguments
    #[arg(last = true, required_unless_present = "resize", value_name = "CMD")]
    command: Vec<OsString>,
}

pub fn run(arguments: Arguments, globals: &Globals) -> Outcome {
    arguments.codes.run(|| take_and_run(&arguments, globals))
}

fn take_and_run(arguments: &Arguments, globals: &Globals) -> Result<Ended, Failure> {
    let domain = held::domain(globals)?;
    let name = &arguments.name;
    let semaphore = match arguments.permits {
        Some(_) if arguments.resize => Semaphore::open_in(domain, name),
        Some(total) => Semaphore::open_or_create_in(domain, name, total),
        None => Semaphore::open_in(domain, name),
    };
    let semaphore = semaphore.map_err(|error| match error.kind() {
        ErrorKind::NotFound => Failure::from(error).advise("say how many permits it has: -n N"),
        _ => error.into(),
    })?;
    if let (true, Some(total)) = (arguments.resize, arguments.permits) {
        semaphore.resize(total)?;
        if arguments.command.is_empty() {
            return Ok(Ended::Done);
        }
    }
    let owner = domain.command_owner(arguments.command.first().cloned().unwrap_or_default())?;
    let object = format!("sem:{name}");
    let permits = held::take(globals, domain, &object, arguments.wait.deadline(), |deadline| {
        semaphore.acquire_for_command(&owner, arguments.take, deadline)
    })?;
    let indices: Vec<_> = permits.places().iter().map(|(index, _)| index.to_string()).collect();
    let indices = indices.join(",");
    let mut environment = vec![("CROSSTIE_PERMIT".to_owned(), indices.clone())];
    if let Some(variable) = &arguments.index_env {
        environment.push((variable.clone(), indices));
    }
    let status = held::run(&owner, &arguments.command, &environment)?;
    drop(permits);
    Ok(Ended::Command(held::exit_code(status)))
}
