//! `remove`: what `crosstie rm` does.

use std::path::PathBuf;

use crosstie::channel::{queue, ring, topic, unnamed};
use crosstie::endpoint::{Address, Place};
use crosstie::os::unix::UnixName;
use crosstie::sync::{PosixSemaphore, any_counting, object};
use crosstie::{Error, ErrorKind, transport};
use pyo3::prelude::*;

use crate::{domain, refusal};

/// Removes an object that nobody uses, by its kind and name ("lock:db") or its address ("queue:jobs", "fifo:/path"). Of "posix:/name" the name goes,
/// whoever has it open; a Region goes by Region.unlink("/name").
///
/// >>> import crosstie
/// >>> lock = crosstie.Lock("db")
/// >>> del lock
/// >>> crosstie.remove("lock:db")
#[pyfunction]
#[pyo3(signature = (what, *, domain=None))]
pub fn remove(py: Python<'_>, what: &str, domain: Option<PathBuf>) -> PyResult<()> {
    let domain = domain::open(py, domain)?;
    let removed = match what.split_once(':') {
        Some((unnamed::KIND, token)) => unnamed::remove(domain, token),
        Some((kind, name)) if object::KINDS.contains(&kind) => object::remove(domain, kind, name),
        _ if any_counting::is_posix(what) => PosixSemaphore::unlink(what),
        _ => what.parse::<Address>().and_then(|address| match address.place() {
            Place::Ring(name) => ring::remove(domain, name),
            Place::Queue(name) => queue::remove(domain, name),
            Place::Topic(name) => topic::remove(domain, name),
            Place::Fifo(path) => transport::fifo::remove(path),
            Place::Unix(name) if !name.starts_with('@') => {
                transport::unix::remove(&UnixName::Path(name.into()))
            }
            Place::UnixPacket(name) if !name.starts_with('@') => {
                transport::unixpacket::remove(&UnixName::Path(name.into()))
            }
            _ => Err(Error::new("remove", what, ErrorKind::Usage).because("it goes with its processes")),
        }),
    };
    removed.map_err(|error| refusal::error(py, &error))
}
