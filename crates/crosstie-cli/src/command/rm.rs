//! `crosstie rm ADDRESS…`.

use clap::Args;
use crosstie::ErrorKind;
use crosstie::channel::ring;
use crosstie::endpoint::{Address, Place};
use crosstie::ledger::Domain;
use crosstie::os::unix::UnixName;
use crosstie::transport;

use crate::args::Globals;
use crate::exit::{Failure, Outcome};

/// Remove an object that nobody uses, with what waits in it
///
/// A ring; a FIFO; or the file of a socket whose process was killed or interrupted. 75 while a living
/// process has it, 84 if there is none.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  crosstie rm ring:jobs
  crosstie rm unix:./server fifo:./jobs")]
pub struct Arguments {
    /// What to remove: ring:NAME fifo:/path unix:/path unixpacket:/path
    #[arg(required = true, value_name = "ADDRESS")]
    addresses: Vec<String>,
}

pub fn run(arguments: Arguments, globals: &Globals) -> Outcome {
    let addresses: Vec<Address> =
        arguments.addresses.iter().map(|text| text.parse()).collect::<Result<_, _>>()?;
    addresses.iter().try_for_each(|address| remove(address, globals))
}

fn remove(address: &Address, globals: &Globals) -> Outcome {
    match address.place() {
        Place::Ring(name) => remove_ring(address, name, globals),
        Place::Fifo(path) => Ok(transport::fifo::remove(path)?),
        Place::Unix(name) | Place::UnixPacket(name) if name.starts_with('@') => {
            Err(Failure::usage(format!("remove {address}: an abstract name goes with its process")))
        }
        Place::Unix(name) => Ok(transport::unix::remove(&UnixName::Path(name.into()))?),
        Place::UnixPacket(name) => Ok(transport::unixpacket::remove(&UnixName::Path(name.into()))?),
        _ => Err(Failure::usage(format!("remove {address}: it goes with its processes"))
            .advise("there is nothing to remove")),
    }
}

fn remove_ring(address: &Address, name: &str, globals: &Globals) -> Outcome {
    let domain = match &globals.domain {
        Some(path) => Domain::open(path)?,
        None => Domain::open_default()?,
    };
    ring::remove(domain, name).map_err(|error| match error.kind() {
        ErrorKind::NotFound => {
            Failure::new(ErrorKind::NotFound, format!("remove {address}: there is no such ring"))
                .advise(format!("is it in another domain than {}? --domain names it", domain.name()))
        }
        _ => error.into(),
    })
}
