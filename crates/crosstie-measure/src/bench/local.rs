//! Both sides on this machine: two processes, connected by the address.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crosstie::endpoint::{Address, HostPort, Place, size};
use crosstie::{Error, ErrorKind, Result};

use super::patterns::{Pattern, Want, measure};
use crate::compare::subject::{places, ring_bytes};
use crate::engine::pair::{Pair, PairSpec};
use crate::engine::scratch::Scratch;
use crate::engine::spec::{Lane, Link, Wait};
use crate::record::Row;

/// Where and how the two sides run.
#[derive(Clone, Debug)]
pub struct Local {
    /// The executable whose hidden subcommands run the sides.
    pub program: PathBuf,
    /// The processors of the two sides; `None`: wherever the kernel puts them.
    pub processors: Option<[usize; 2]>,
}

/// Measures `address` between two processes of this machine; the way back is a second address beside
/// it. What lies in shared memory is made in a folder of the run's own.
///
/// # Errors
/// Why the address cannot be opened, or a payload that arrived changed.
pub fn here(address: &Address, want: &Want, local: &Local) -> Result<Row> {
    let is_shared = matches!(address.place(), Place::Ring(_) | Place::Queue(_) | Place::Topic(_));
    if want.wait == Wait::Spin && !is_shared {
        return Err(Error::new("measure", address.to_string(), ErrorKind::Usage)
            .because("the kernel's mechanisms sleep while they wait")
            .advise("spin is for ring: queue: and topic:"));
    }
    let scratch = Scratch::create(&local.program)?;
    let lane = lane(address, want, scratch.path())?;
    let mut pair = Pair::start(&PairSpec {
        program: &local.program,
        lane,
        payload_bytes: want.payload_bytes,
        processors: local.processors,
        patience: patience(want),
    })?;
    let row = measure(&mut pair, mechanism(address), want);
    drop(pair);
    remove_files(address);
    row
}

/// What connects the two sides; what lies in shared memory is made in `folder`.
fn lane(address: &Address, want: &Want, folder: &Path) -> Result<Lane> {
    let (domain, wait) = (folder.to_owned(), Some(want.wait));
    if want.pattern == Some(Pattern::Call) {
        super::calls::check(address)?;
        let is_shared = matches!(address.place(), Place::Ring(_) | Place::Queue(_));
        let domain = is_shared.then_some(domain);
        return Ok(Lane::Calls { address: address.to_string(), domain, wait: want.wait });
    }
    let places = || match room(address, "places")? {
        Some(places) => places.parse().map_err(|_| not_heeded(address, "places")),
        None => Ok(places(want.payload_bytes)),
    };
    Ok(match address.place() {
        Place::Queue(_) => Lane::Queue { domain, wait, places: places()? },
        Place::Topic(_) => Lane::Topic { domain, wait, places: places()? },
        Place::Ring(_) => {
            let capacity_bytes = match room(address, "capacity")? {
                Some(capacity) => size::parse(&capacity)?,
                None => ring_bytes(want.payload_bytes),
            };
            let (link, domain, capacity_bytes) = (link(address)?, Some(domain), Some(capacity_bytes));
            Lane::Crosstie { link, wait: want.wait, domain, capacity_bytes }
        }
        _ => Lane::Crosstie { link: link(address)?, wait: want.wait, domain: None, capacity_bytes: None },
    })
}

/// The option `heeded` of an address in shared memory, whose ends are opened without the others.
fn room(address: &Address, heeded: &str) -> Result<Option<String>> {
    match address.options().find(|(key, _)| *key != heeded) {
        Some((other, _)) => Err(not_heeded(address, other)),
        None => Ok(address.option(heeded)),
    }
}

fn not_heeded(address: &Address, key: &str) -> Error {
    Error::new("measure", address.to_string(), ErrorKind::Usage)
        .because(format!("messages are not measured with another {key} than its own"))
        .advise(
            "leave it out; heeded are capacity of ring:, places of queue: and topic:, and --size and --wait",
        )
}

/// The name in a report.
pub(super) fn mechanism(address: &Address) -> &'static str {
    if matches!(address.place(), Place::Ring(_)) { "shm" } else { address.mechanism() }
}

/// Without a count a phase takes seconds; with one, whatever it takes.
fn patience(want: &Want) -> Duration {
    Duration::from_secs(if want.count.is_some() { 3_600 } else { 60 })
}

/// The address and one beside it.
fn link(address: &Address) -> Result<Link> {
    let beside = match address.place() {
        Place::Pipe => return Ok(Link::Pipe),
        Place::Fifo(path) => format!("fifo:{}{BACK}", path.display()),
        Place::Unix(name) => format!("unix:{name}{BACK}"),
        Place::UnixPacket(name) => format!("unixpacket:{name}{BACK}"),
        Place::Ring(name) => {
            return Ok(Link::Addresses { there: format!("ring:{name}"), back: format!("ring:{name}{BACK}") });
        }
        Place::Tcp(place) => format!("tcp:{}", next_port(place, address)?),
        Place::Udp(place) => format!("udp:{}", next_port(place, address)?),
        _ => {
            return Err(Error::new("measure", address.to_string(), ErrorKind::Usage)
                .because("a descriptor of this process is not the other's")
                .advise("take pipe: fifo: unix: unixpacket: ring: queue: topic: tcp: or udp:"));
        }
    };
    Ok(Link::Addresses { there: address.to_string(), back: beside })
}

const BACK: &str = ".back";

fn next_port(place: &HostPort, address: &Address) -> Result<HostPort> {
    match place.port.checked_add(1) {
        Some(port) if place.port != 0 => Ok(HostPort { host: place.host.clone(), port }),
        _ => Err(Error::new("measure", address.to_string(), ErrorKind::Usage)
            .because("both sides must know the port, and the one above it")
            .advise("take a port from 1 to 65534")),
    }
}

/// The files that killed sides left; those of sockets and FIFOs are this run's, because its own sides
/// could listen there.
fn remove_files(address: &Address) {
    let path = match address.place() {
        Place::Fifo(path) => path.clone(),
        Place::Unix(name) | Place::UnixPacket(name) if !name.starts_with('@') => PathBuf::from(name),
        _ => return,
    };
    // The way of replies of a client that calls through a FIFO, named by its token.
    let beside = |entry: std::fs::DirEntry| {
        let name = entry.file_name().into_string().ok()?;
        let token = name.strip_prefix(path.file_name()?.to_str()?)?.strip_prefix('.')?;
        let is_token = token.len() == 16 && token.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_token.then(|| entry.path())
    };
    let folder = path.parent().filter(|it| !it.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let is_fifo = matches!(address.place(), Place::Fifo(_));
    let entries = is_fifo.then(|| std::fs::read_dir(folder).ok()).flatten().into_iter().flatten().flatten();
    for path in entries.filter_map(beside) {
        let _ = std::fs::remove_file(path);
    }
    for path in [path.clone(), Path::new(&format!("{}{BACK}", path.display())).to_owned()] {
        // Gone already, or not removable: nothing that the figures depend on.
        let _ = std::fs::remove_file(path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_back_lies_beside_the_address() {
        for (there, back) in [
            ("fifo:/tmp/f", "fifo:/tmp/f.back"),
            ("unix:@name", "unix:@name.back"),
            ("ring:jobs", "ring:jobs.back"),
            ("tcp:[::1]:9000", "tcp:[::1]:9001"),
        ] {
            let link = link(&there.parse().unwrap()).unwrap();
            assert_eq!(link, Link::Addresses { there: there.to_owned(), back: back.to_owned() });
        }
        for refused in ["tcp:localhost:0", "tcp:localhost:65535", "fd:3", "-"] {
            assert_eq!(link(&refused.parse().unwrap()).unwrap_err().kind(), ErrorKind::Usage, "{refused}");
        }
    }
}
