//! `crosstie rm ADDRESS…`.

use clap::Args;
use crosstie::ErrorKind;
use crosstie::channel::{queue, ring, topic, unnamed};
use crosstie::endpoint::{Address, Place};
use crosstie::ledger::Domain;
use crosstie::os::unix::UnixName;
use crosstie::sync::{PosixSemaphore, any_counting, object};
use crosstie::transport;

use crate::args::Globals;
use crate::ends;
use crate::exit::{Failure, Outcome};

/// Remove an object that nobody uses, with what waits in it
///
/// A lock, a semaphore or the like (lock:NAME sem:NAME count:NAME monitor:NAME cond:NAME barrier:NAME once:NAME event:NAME); the name of a C program's semaphore (posix:/NAME); a ring; a queue; a topic; what has no name (unnamed:…, as `crosstie ls` says it); a FIFO; or the file of a socket whose process was killed or interrupted. 75 while a living
/// process has it, 84 if there is none. Of several the others are removed all the same; the exit code is that of the first that
/// was not.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  crosstie rm ring:jobs
  crosstie rm unix:./server fifo:./jobs")]
pub struct Arguments {
    /// What to remove: lock:NAME sem:NAME … posix:/NAME ring:NAME queue:NAME topic:NAME unnamed:… fifo:/path unix:/path unixpacket:/path
    #[arg(required = true, value_name = "ADDRESS")]
    addresses: Vec<String>,
}

pub fn run(arguments: Arguments, globals: &Globals) -> Outcome {
    // Whoever is not understood removes nothing.
    let things: Vec<_> =
        arguments.addresses.iter().map(|text| Thing::named(text, globals)).collect::<Result<_, _>>()?;
    let mut first_code = None;
    for failure in things.iter().filter_map(|thing| thing.remove(globals).err()) {
        first_code.get_or_insert(failure.code());
        failure.tell();
    }
    first_code.map_or(Ok(()), |code| Err(Failure::silent(code)))
}

/// What is to be removed.
enum Thing<'a> {
    Posix(&'a str),
    Object { kind: &'a str, name: &'a str },
    Address(Address),
}

impl<'a> Thing<'a> {
    fn named(text: &'a str, globals: &Globals) -> Result<Self, Failure> {
        if any_counting::is_posix(text) {
            return Ok(Self::Posix(text));
        }
        if let Some((kind, name)) = kind_and_name(text) {
            return Ok(Self::Object { kind, name });
        }
        if !text.contains(':') {
            return Err(which(ends::domain(globals)?, text));
        }
        Ok(Self::Address(text.parse()?))
    }

    fn remove(&self, globals: &Globals) -> Outcome {
        match self {
            Self::Posix(name) => Ok(PosixSemaphore::unlink(name)?),
            Self::Object { kind, name } => remove_object(ends::domain(globals)?, kind, name),
            Self::Address(address) => remove(address, globals),
        }
    }
}

/// The kind and name of an object on which processes take turns.
fn kind_and_name(text: &str) -> Option<(&str, &str)> {
    text.split_once(':').filter(|(kind, _)| *kind == unnamed::KIND || object::KINDS.contains(kind))
}

/// A bare name may be that of several objects.
fn which(domain: &'static Domain, bare: &str) -> Failure {
    let named: Vec<_> = domain.objects().into_iter().filter(|object| object.name == bare).collect();
    let advice = match named.first() {
        Some(_) => named.iter().map(|found| format!("crosstie rm {found}")).collect::<Vec<_>>().join(", or "),
        None => format!("`crosstie ls` lists those of {}", domain.name()),
    };
    Failure::usage(format!("remove {bare}: say what it is")).advise(advice)
}

fn remove_object(domain: &'static Domain, kind: &str, name: &str) -> Outcome {
    let removed = if kind == unnamed::KIND {
        unnamed::remove(domain, name)
    } else {
        object::remove(domain, kind, name)
    };
    removed.map_err(|error| match error.kind() {
        ErrorKind::NotFound => {
            Failure::new(ErrorKind::NotFound, format!("remove {kind}:{name}: there is no such object"))
                .advise(format!("`crosstie ls {kind}` lists those of {}", domain.name()))
        }
        _ => error.of_object(format!("{kind}:{name}")).into(),
    })
}

fn remove(address: &Address, globals: &Globals) -> Outcome {
    match address.place() {
        Place::Ring(name) => channel_removed(address, globals, ring::remove(ends::domain(globals)?, name)),
        Place::Queue(name) => channel_removed(address, globals, queue::remove(ends::domain(globals)?, name)),
        Place::Topic(name) => channel_removed(address, globals, topic::remove(ends::domain(globals)?, name)),
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

fn channel_removed(address: &Address, globals: &Globals, removed: crosstie::Result<()>) -> Outcome {
    let domain = ends::domain(globals)?;
    removed.map_err(|error| match error.kind() {
        ErrorKind::NotFound => Failure::new(
            ErrorKind::NotFound,
            format!("remove {address}: there is no such {}", address.mechanism()),
        )
        .advise(format!("is it in another domain than {}? --domain names it", domain.name())),
        _ => error.of_object(address.to_string()).into(),
    })
}
