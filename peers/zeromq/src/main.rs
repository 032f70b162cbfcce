//! ZeroMQ over `ipc://`.
//!
//! Driven as its own `perf/local_thr.cpp` and `perf/remote_thr.cpp`: a PUSH socket that connects and a PULL socket
//! that is bound, for each direction, and `recv` into memory of the receiver. (Its latency test has a REQ and a REP
//! socket, which are two such ways in one, with an envelope besides.)
#![deny(unsafe_code)]

use std::path::Path;
use std::process::ExitCode;

use crosstie::Result;
use crosstie_measure::engine::exchange::{Fault, Inbound, Outbound, Play};
use crosstie_measure::engine::spec::SideSpec;
use peers_side::{broken, exchange, refused, ways};

const PEER: &str = "ZeroMQ";

fn main() -> ExitCode {
    peers_side::run(open)
}

fn open(spec: &SideSpec, _: &str, folder: &Path) -> Result<Box<dyn Play>> {
    let [to, from] = ways(spec.role).map(|way| format!("ipc://{}", folder.join(way).display()));
    let context = zmq::Context::new();
    let ends = || {
        let inbound = context.socket(zmq::PULL)?;
        inbound.bind(&from)?;
        let outbound = context.socket(zmq::PUSH)?;
        // It goes on trying by itself until the other side is bound.
        outbound.connect(&to)?;
        Ok((outbound, inbound))
    };
    let (outbound, inbound) = ends().map_err(|error: zmq::Error| refused(PEER, error))?;
    exchange(spec, Push { socket: outbound }, Pull { socket: inbound, private: vec![0; spec.payload_bytes] })
}

struct Push {
    socket: zmq::Socket,
}

impl Outbound for Push {
    #[inline]
    fn send(&mut self, message: &[u8]) -> std::result::Result<(), Fault> {
        self.socket.send(message, 0).map_err(|error| broken(PEER, error))
    }
}

struct Pull {
    socket: zmq::Socket,
    private: Vec<u8>,
}

impl Inbound for Pull {
    #[inline]
    fn receive<R>(&mut self, read: impl FnOnce(&[u8]) -> R) -> std::result::Result<R, Fault> {
        let length = self.socket.recv_into(&mut self.private, 0).map_err(|error| broken(PEER, error))?;
        // What was cut off is longer than the room for it.
        Ok(read(&self.private[..length.min(self.private.len())]))
    }
}
