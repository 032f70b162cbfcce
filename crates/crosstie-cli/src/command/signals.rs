//! `crosstie post`, `crosstie wait`, `crosstie event`: what anyone brings about and anyone waits for.

use clap::{Args, Subcommand};
use crosstie::ErrorKind;
use crosstie::sync::{CountingSemaphore, Event, Reset};

use super::held::{self, WaitFlags};
use crate::args::Globals;
use crate::exit::{Failure, Outcome};

/// Add one to a counting semaphore, and wake the first who waits
///
/// Anyone may post, nobody owns what was taken: the semaphore of the textbooks.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  crosstie post full
  crosstie post slots --value 8")]
pub struct Post {
    /// The semaphore, made with a value of 0 where it is missing
    name: String,
    /// Make it with this value, and post nothing; 85 if it exists
    #[arg(long, value_name = "N")]
    value: Option<u32>,
}

pub fn post(arguments: Post, globals: &Globals) -> Outcome {
    let domain = held::domain(globals)?;
    let name = &arguments.name;
    if let Some(value) = arguments.value {
        if domain.objects().iter().any(|object| object.kind == "count" && &object.name == name) {
            return Err(Failure::new(
                ErrorKind::AlreadyExists,
                format!("make count:{name}: it exists already"),
            )
            .advise(format!("remove it: crosstie rm count:{name}")));
        }
        CountingSemaphore::open_or_create_in(domain, name, value)?;
        return Ok(());
    }
    Ok(CountingSemaphore::open_or_create_in(domain, name, 0)?.post()?)
}

/// Take one from a counting semaphore, and wait while there is none
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  crosstie wait full --timeout 10s")]
pub struct Wait {
    /// The semaphore, made with a value of 0 where it is missing
    name: String,
    #[command(flatten)]
    wait: WaitFlags,
}

pub fn wait(arguments: Wait, globals: &Globals) -> Outcome {
    let domain = held::domain(globals)?;
    let count = CountingSemaphore::open_or_create_in(domain, &arguments.name, 0)?;
    let object = format!("count:{}", arguments.name);
    held::take(globals, domain, &object, arguments.wait.deadline(), |deadline| count.wait_until(deadline))
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
    let domain = held::domain(globals)?;
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
