//! `crosstie post`, `crosstie wait`, `crosstie event`: what anyone brings about and anyone waits for.

use std::time::Duration;

use clap::{Args, Subcommand};
use crosstie::os::clock;
use crosstie::sync::{AnyCountingSemaphore, CountingSemaphore, Event, PosixSemaphore, Reset, any_counting};
use crosstie::{Deadline, ErrorKind};

use super::held::{self, WaitFlags};
use crate::args::Globals;
use crate::ends;
use crate::exit::{Failure, Outcome};
use crate::output::note;

/// A wait that lasts longer is told once.
const PATIENCE: Duration = Duration::from_secs(2);

/// Add one to a counting semaphore, and wake the first who waits
///
/// Anyone may post, nobody owns what was taken: the semaphore of the textbooks.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  crosstie post full
  crosstie post slots --value 8
  crosstie post posix:/items              wakes a C program that waits by sem_open(\"/items\")")]
pub struct Post {
    /// The semaphore, made with a value of 0 where it is missing; posix:/NAME for a C program's
    name: String,
    /// Make it with this value, and post nothing; 85 if it exists
    #[arg(long, value_name = "N")]
    value: Option<u32>,
}

pub fn post(arguments: Post, globals: &Globals) -> Outcome {
    let name = &arguments.name;
    let Some(value) = arguments.value else {
        return Ok(open(globals, name)?.post()?);
    };
    let (made, object) = if any_counting::is_posix(name) {
        (PosixSemaphore::create(name, value).map(drop), name.clone())
    } else {
        (CountingSemaphore::create_in(ends::domain(globals)?, name, value).map(drop), format!("count:{name}"))
    };
    made.map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => Failure::from(error).advise(format!("remove it: crosstie rm {object}")),
        _ => error.into(),
    })
}

/// The semaphore `name`, made with a value of 0 where it is missing.
fn open(globals: &Globals, name: &str) -> Result<AnyCountingSemaphore, Failure> {
    if any_counting::is_posix(name) {
        return Ok(AnyCountingSemaphore::Posix(PosixSemaphore::open_or_create(name, 0)?));
    }
    Ok(AnyCountingSemaphore::Crosstie(CountingSemaphore::open_or_create_in(ends::domain(globals)?, name, 0)?))
}

/// Take one from a counting semaphore, and wait while there is none
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  crosstie wait full --timeout 10s
  crosstie wait posix:/items              what a C program posts by sem_open(\"/items\")")]
pub struct Wait {
    /// The semaphore, made with a value of 0 where it is missing; posix:/NAME for a C program's
    name: String,
    #[command(flatten)]
    wait: WaitFlags,
}

pub fn wait(arguments: Wait, globals: &Globals) -> Outcome {
    match open(globals, &arguments.name)? {
        AnyCountingSemaphore::Posix(semaphore) => wait_for(globals, &semaphore, arguments.wait.deadline()),
        AnyCountingSemaphore::Crosstie(count) => {
            let object = format!("count:{}", arguments.name);
            held::take(globals, count.domain(), &object, arguments.wait.deadline(), |deadline| {
                count.wait_until(deadline)
            })
        }
    }
}

/// Takes one from a POSIX semaphore; of a wait that lasts there is no more to tell than that.
pub fn wait_for(globals: &Globals, semaphore: &PosixSemaphore, deadline: Deadline) -> Outcome {
    let patient = clock::deadline_in(PATIENCE);
    match semaphore.wait_until(deadline.min(patient)) {
        Err(error) if error.kind() == ErrorKind::TimedOut && patient < deadline => {
            let name = semaphore.name();
            note::line(
                globals,
                &format!("waiting for posix:{name}: it is 0, and says nothing of who took it"),
            );
            Ok(semaphore.wait_until(deadline)?)
        }
        other => Ok(other?),
    }
}

/// Set, clear or wait for an event
///
/// A set event lets everyone through until it is cleared.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  crosstie event set ready
  crosstie event wait ready --timeout 1m")]
pub struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Set it, and let everyone through
    Set {
        /// The event, made where it is missing
        name: String,
    },
    /// Reset it; 1 if it was not set
    Clear {
        /// The event, made where it is missing
        name: String,
    },
    /// Wait until it is set
    Wait {
        /// The event, made where it is missing
        name: String,
        #[command(flatten)]
        wait: WaitFlags,
    },
}

pub fn event(arguments: Arguments, globals: &Globals) -> Outcome {
    let domain = ends::domain(globals)?;
    let open = |name: &str| Event::open_or_create_in(domain, name, Reset::Manual);
    match arguments.action {
        Action::Set { name } => Ok(open(&name)?.set()?),
        Action::Clear { name } => {
            if open(&name)?.clear() {
                Ok(())
            } else {
                Err(Failure::silent(ErrorKind::Negative.exit_code()))
            }
        }
        Action::Wait { name, wait } => {
            let object = format!("event:{name}");
            let event = open(&name)?;
            held::take(globals, domain, &object, wait.deadline(), |deadline| event.wait_until(deadline))
        }
    }
}
