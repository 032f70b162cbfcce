//! What the sides of all peers have in common.
//!
//! A peer's program is started twice by the measuring process, as a side each, and opens the way that it is
//! told ([`run`]). From then on the engine of crosstie-measure drives it with the loops that it has for all.
#![deny(unsafe_code)]

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use crosstie::os::clock;
use crosstie::{Error, ErrorKind, Result};
use crosstie_measure::engine::exchange::{Exchange, Fault, Inbound, Outbound, Play};
use crosstie_measure::engine::payload::Payloads;
use crosstie_measure::engine::scratch::run_hidden_subcommand_with;
use crosstie_measure::engine::side::OpenForeign;
use crosstie_measure::engine::spec::{Role, SideSpec};

/// How long a side waits for the other to appear.
const OPEN_PATIENCE: Duration = Duration::from_secs(10);

/// The whole of a peer's `main`.
#[must_use]
pub fn run(open: OpenForeign) -> ExitCode {
    run_hidden_subcommand_with(open).unwrap_or_else(|| {
        eprintln!("this is a side of a measurement; `cargo xtask peers` starts it");
        ExitCode::from(2)
    })
}

/// A side that sends to one end and receives from the other.
///
/// # Errors
/// The payload is too small to be checked.
pub fn exchange(
    spec: &SideSpec,
    outbound: impl Outbound + 'static,
    inbound: impl Inbound + 'static,
) -> Result<Box<dyn Play>> {
    let payloads = Payloads::new(spec.payload_bytes, spec.seed)?;
    Ok(Box::new(Exchange { outbound, inbound, payloads, sequence: 0 }))
}

/// The names of the way to the other side and of the way from it.
#[must_use]
pub fn ways(role: Role) -> [&'static str; 2] {
    match role {
        Role::Client => ["there", "back"],
        Role::Server => ["back", "there"],
    }
}

/// A name that no other run has, from the folder of this one: what is called so is removed from /dev/shm
/// when the run ends, however it ends.
#[must_use]
pub fn tag(folder: &Path) -> String {
    let parts = folder.components().rev().take(2).map(|part| part.as_os_str().to_string_lossy());
    let mut parts: Vec<_> = parts.collect();
    parts.reverse();
    parts.join("-")
}

/// Tries again until the other side is there.
///
/// # Errors
/// The last one, when patience is over.
pub fn until_there<T, E>(
    mut attempt: impl FnMut() -> std::result::Result<T, E>,
) -> std::result::Result<T, E> {
    let deadline = clock::deadline_in(OPEN_PATIENCE);
    loop {
        match attempt() {
            Err(error) if deadline.is_over(clock::now_ns()) => return Err(error),
            Err(_) => std::thread::yield_now(),
            opened => return opened,
        }
    }
}

/// Why a peer's ends could not be had.
pub fn refused(peer: &'static str, error: impl std::fmt::Display) -> Error {
    Error::new("open", peer, ErrorKind::Failed).because(error.to_string())
}

/// Why a peer could not send or receive.
#[cold]
pub fn broken(peer: &'static str, error: impl std::fmt::Display) -> Fault {
    Box::new(Error::new("send or receive", peer, ErrorKind::Failed).because(error.to_string()))
}
