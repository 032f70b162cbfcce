//! nng over `ipc://`.
//!
//! Driven as the wrapper's own `examples/pair.rs` and nng's `perf/perf.c`: a Pair0 socket on each side, one of
//! which listens, and messages made and taken whole.
#![deny(unsafe_code)]

use std::path::Path;
use std::process::ExitCode;

use crosstie::Result;
use crosstie_measure::engine::exchange::{Fault, Inbound, Outbound, Play};
use crosstie_measure::engine::spec::{Role, SideSpec};
use nng::options::{Options, RecvMaxSize};
use nng::{Protocol, Socket};
use peers_side::{broken, exchange, refused, until_there};

const PEER: &str = "nng";

fn main() -> ExitCode {
    peers_side::run(open)
}

fn open(spec: &SideSpec, _: &str, folder: &Path) -> Result<Box<dyn Play>> {
    let url = format!("ipc://{}", folder.join("pair").display());
    let connected = || {
        let socket = Socket::new(Protocol::Pair0)?;
        socket.set_opt::<RecvMaxSize>(0)?;
        match spec.role {
            Role::Server => socket.listen(&url)?,
            Role::Client => until_there(|| socket.dial(&url))?,
        }
        Ok(socket)
    };
    let socket = connected().map_err(|error: nng::Error| refused(PEER, error))?;
    exchange(spec, Out { socket: socket.clone() }, In { socket })
}

struct Out {
    socket: Socket,
}

impl Outbound for Out {
    #[inline]
    fn send(&mut self, message: &[u8]) -> std::result::Result<(), Fault> {
        self.socket.send(message).map_err(|(_, error)| broken(PEER, error))
    }
}

struct In {
    socket: Socket,
}

impl Inbound for In {
    #[inline]
    fn receive<R>(&mut self, read: impl FnOnce(&[u8]) -> R) -> std::result::Result<R, Fault> {
        let message = self.socket.recv().map_err(|error| broken(PEER, error))?;
        Ok(read(&message))
    }
}
