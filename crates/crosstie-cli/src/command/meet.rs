//! `crosstie barrier NAME -n N` and `crosstie once NAME -- CMD`.

use std::ffi::OsString;
use std::time::Duration;

use clap::Args;
use crosstie::ErrorKind;
use crosstie::sync::{Barrier, BarrierError, OnDeath, Once};

use super::codes::{CodeFlags, Ended};
use super::held::{self, WaitFlags};
use crate::args::{Globals, values};
use crate::ends;
use crate::exit::{Failure, Outcome};

/// Wait until as many have come as the barrier has parties
///
/// One that is killed while it waits has come: the others still go on when all have. But it will not come again, so
/// the next round is broken, and whoever comes to it is told who died (83).
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  crosstie barrier phase1 -n 4 --timeout 1m")]
pub struct Arguments {
    /// The barrier, made where it is missing
    name: String,
    /// How many parties; the same everywhere
    #[arg(short = 'n', long, value_name = "N")]
    parties: u32,
    /// Wait at most this long; then 124
    #[arg(short, long, value_name = "TIME", value_parser = values::duration)]
    timeout: Option<Duration>,
    /// Make a broken barrier whole, and wait for nobody; 1 if it was whole
    #[arg(long, conflicts_with = "timeout")]
    reset: bool,
}

pub fn barrier(arguments: Arguments, globals: &Globals) -> Outcome {
    let domain = ends::domain(globals)?;
    let name = &arguments.name;
    let barrier = Barrier::open_or_create_in(domain, name, arguments.parties, OnDeath::Break)?;
    if arguments.reset {
        let was_broken = barrier.reset()?;
        return if was_broken { Ok(()) } else { Err(Failure::silent(ErrorKind::Negative.exit_code())) };
    }
    let object = format!("barrier:{name}");
    let _told = ends::Told::begin(globals, domain, object.clone());
    let wait = WaitFlags { timeout: arguments.timeout, no_wait: false };
    let waited = barrier.wait_until(wait.deadline());
    // The next time it is another process that comes.
    barrier.leave()?;
    waited.map(|_leads| ()).map_err(|error| {
        let told = |error: &BarrierError| Failure::new(error.kind(), format!("wait at {object}: {error}"));
        match error {
            BarrierError::Failed(error) => error.into(),
            BarrierError::Broken(_) => {
                told(&error).advise(format!("crosstie barrier {name} -n {} --reset", arguments.parties))
            }
            error => told(&error),
        }
    })
}

/// Run a command once, whoever comes first
///
/// Whoever comes while it runs waits for it. Exit code 0 of the command: it is done, for ever, and nobody runs it
/// again. Anything else, or its death: the next who comes runs it.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  crosstie once init-db -- ./init.sh")]
pub struct OnceArguments {
    /// What is done once
    name: String,
    #[command(flatten)]
    wait: WaitFlags,
    #[command(flatten)]
    codes: CodeFlags,
    /// The command and its arguments
    #[arg(required = true, last = true, value_name = "CMD")]
    command: Vec<OsString>,
}

pub fn once(arguments: OnceArguments, globals: &Globals) -> Outcome {
    arguments.codes.run(|| do_once(&arguments, globals))
}

fn do_once(arguments: &OnceArguments, globals: &Globals) -> Result<Ended, Failure> {
    let domain = ends::domain(globals)?;
    let once = Once::open_or_create_in(domain, &arguments.name)?;
    let owner = domain.command_owner(arguments.command.first().cloned().unwrap_or_default())?;
    let object = format!("once:{}", arguments.name);
    let told = ends::Told::begin(globals, domain, object.clone());
    let answer = once.run_for_command(&owner, arguments.wait.deadline(), || {
        drop(told);
        let status = held::run(&owner, &arguments.command, &[]);
        (matches!(status, Ok(status) if status.success()), status)
    });
    match answer.map_err(|refusal| held::refused(&object, refusal))? {
        Some(status) => Ok(Ended::Command(held::exit_code(status?))),
        None => Ok(Ended::Done),
    }
}
