//! Tachyon: a ring in shared memory with its core in C++ (`tachyon-ipc`).
//!
//! Driven as its own `examples/bench_ipc.rs`: two buses, the server listens at both, `send` (acquire, write, commit,
//! flush) and `acquire_rx(u32::MAX)`, which spins; besides, `set_polling_mode(1)`, which its documentation gives
//! for a receiver that never sleeps and which spares the sender a fence. `send` answers `BufferFull` at
//! once, so a sender spins on it.
//!
//! `tachyon` copies each message out, as a receiver that keeps it must; `tachyon-lent` reads it where it lies.
#![deny(unsafe_code)]

use std::path::Path;
use std::process::ExitCode;

use crosstie::Result;
use crosstie_measure::engine::exchange::{Fault, Inbound, Outbound, Play};
use crosstie_measure::engine::spec::{Role, SideSpec};
use peers_side::{broken, exchange, refused, until_there};
use tachyon_ipc::{Bus, TachyonError};

const PEER: &str = "Tachyon";
/// The receiver publishes that it has read every 32 messages only, so a bus has room for twice as many.
const MESSAGES_MIN: usize = 64;
/// For short messages; for those of 64 KiB the rule above makes it 8 MiB.
const CAPACITY_BYTES_MIN: usize = 256 << 10;
/// Its header, and what it aligns messages to.
const HEADER_BYTES: usize = 64;

fn main() -> ExitCode {
    peers_side::run(open)
}

fn open(spec: &SideSpec, way: &str, folder: &Path) -> Result<Box<dyn Play>> {
    let capacity = ((spec.payload_bytes + 2 * HEADER_BYTES) * MESSAGES_MIN).next_power_of_two();
    let capacity = capacity.max(CAPACITY_BYTES_MIN);
    let path = |name: &str| folder.join(name).display().to_string();
    let bus = |name: &str| match spec.role {
        Role::Server => Bus::listen(&path(name), capacity),
        Role::Client => until_there(|| Bus::connect(&path(name))),
    };
    let refused = |error: TachyonError| refused(PEER, format!("{error:?}"));
    let [there, back] = [bus("there").map_err(refused)?, bus("back").map_err(refused)?];
    let (to, from) = if spec.role == Role::Client { (there, back) } else { (back, there) };
    to.set_polling_mode(1);
    from.set_polling_mode(1);
    let outbound = Sender { bus: to };
    if way.ends_with("-lent") {
        return exchange(spec, outbound, Lent { bus: from });
    }
    exchange(spec, outbound, Copied { bus: from, private: vec![0; spec.payload_bytes] })
}

struct Sender {
    bus: Bus,
}

impl Outbound for Sender {
    #[inline]
    fn send(&mut self, message: &[u8]) -> std::result::Result<(), Fault> {
        loop {
            match self.bus.send(message, 1) {
                Ok(()) => return Ok(()),
                Err(TachyonError::BufferFull) => std::hint::spin_loop(),
                Err(error) => return Err(broken(PEER, format!("{error:?}"))),
            }
        }
    }
}

struct Copied {
    bus: Bus,
    private: Vec<u8>,
}

impl Inbound for Copied {
    #[inline]
    fn receive<R>(&mut self, read: impl FnOnce(&[u8]) -> R) -> std::result::Result<R, Fault> {
        let message = self.bus.acquire_rx(u32::MAX).map_err(|error| broken(PEER, format!("{error:?}")))?;
        let length = message.data().len().min(self.private.len());
        self.private[..length].copy_from_slice(&message.data()[..length]);
        message.commit().map_err(|error| broken(PEER, format!("{error:?}")))?;
        Ok(read(&self.private[..length]))
    }
}

struct Lent {
    bus: Bus,
}

impl Inbound for Lent {
    #[inline]
    fn receive<R>(&mut self, read: impl FnOnce(&[u8]) -> R) -> std::result::Result<R, Fault> {
        let message = self.bus.acquire_rx(u32::MAX).map_err(|error| broken(PEER, format!("{error:?}")))?;
        let answer = read(message.data());
        message.commit().map_err(|error| broken(PEER, format!("{error:?}")))?;
        Ok(answer)
    }
}
