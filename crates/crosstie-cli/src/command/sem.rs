//! `crosstie sem NAME -n N -- CMD`.

use std::ffi::OsString;

use clap::Args;
use crosstie::ErrorKind;
use crosstie::sync::{PosixSemaphore, Semaphore, any_counting};

use super::codes::{CodeFlags, Ended};
use super::held::{self, WaitFlags};
use super::signals;
use crate::args::Globals;
use crate::ends;
use crate::exit::{Failure, Outcome};

/// Run a command while it has permits of a semaphore
///
/// The permits come back when the command ends, also by kill -9. The command finds their numbers, from 0, in
/// CROSSTIE_PERMIT, separated by commas: which GPU, which port. First come, first served.
///
/// Of posix:/NAME, which C programs open by sem_open, the command has one, and it is posted when the command ends. It has no owner: kill -9 of
/// this crosstie, or of a C program that has one, loses it for ever.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  crosstie sem gpu -n 2 --index-env CUDA_VISIBLE_DEVICES -- python train.py
  crosstie sem build -n 4 --take 2 -- make -j2
  crosstie sem gpu -n 3 --resize
  crosstie sem posix:/gpu -n 2 -- ./render")]
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
    if any_counting::is_posix(&arguments.name) {
        return take_posix_and_run(arguments, globals);
    }
    let domain = ends::domain(globals)?;
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

/// With one of a POSIX semaphore, which has neither numbers nor owners.
fn take_posix_and_run(arguments: &Arguments, globals: &Globals) -> Result<Ended, Failure> {
    let name = &arguments.name;
    if arguments.take != 1 || arguments.resize || arguments.index_env.is_some() {
        return Err(Failure::usage(format!(
            "{name}: a POSIX semaphore gives one at a time, without numbers"
        ))
        .advise("leave out --take, --resize and --index-env, or take a semaphore of crosstie's"));
    }
    let semaphore = match arguments.permits {
        Some(total) => PosixSemaphore::open_or_create(name, total)?,
        None => PosixSemaphore::open(name).map_err(|error| match error.kind() {
            ErrorKind::NotFound => Failure::from(error).advise("say how many there are: -n N"),
            _ => error.into(),
        })?,
    };
    let domain = ends::domain(globals)?;
    let owner = domain.command_owner(arguments.command.first().cloned().unwrap_or_default())?;
    signals::wait_for(globals, &semaphore, arguments.wait.deadline())?;
    let status = held::run(&owner, &arguments.command, &[]);
    semaphore.post()?;
    Ok(Ended::Command(held::exit_code(status?)))
}
