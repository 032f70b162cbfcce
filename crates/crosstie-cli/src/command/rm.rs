//! `crosstie rm ADDRESS…`.

use clap::Args;
use crosstie::channel::ring;
use crosstie::endpoint::{Address, Place};
use crosstie::ledger::Domain;

use crate::args::Globals;
use crate::exit::{Failure, Outcome};

/// Remove an object that nobody uses, with what waits in it
///
/// 75 while a living process has an end of it, 84 if there is none.
#[derive(Debug, Args)]
#[command(after_help = "Example:
  crosstie rm ring:jobs")]
pub struct Arguments {
    /// What to remove: ring:NAME
    #[arg(required = true, value_name = "ADDRESS")]
    addresses: Vec<String>,
}

pub fn run(arguments: Arguments, globals: &Globals) -> Outcome {
    let addresses: Vec<Address> =
        arguments.addresses.iter().map(|text| text.parse()).collect::<Result<_, _>>()?;
    let domain = match &globals.domain {
        Some(path) => Domain::open(path)?,
        None => Domain::open_default()?,
    };
    for address in &addresses {
        match address.place() {
            Place::Ring(name) => ring::remove(domain, name)?,
            _ => {
                return Err(Failure::usage(format!("remove {address}: it is no object in shared memory"))
                    .advise("sockets go with their process; remove a FIFO's file with rm"));
            }
        }
    }
    Ok(())
}
