//! A POSIX message queue as a lane. It knows no acknowledgement, and the kernel gives anybody unasked ten messages
//! of 8 KiB at most.

use std::path::Path;

use crosstie::Result;
use crosstie_measure::engine::exchange::{Fault, Inbound, Outbound, Play};
use crosstie_measure::engine::spec::{Role, SideSpec};
use crosstie_peers::message_queue::PosixMessageQueue;
use peers_side::{broken, exchange, refused, tag, until_there, ways};

/// The package whose program runs its sides: this one.
pub const PACKAGE: &str = env!("CARGO_PKG_NAME");
/// The name of the lane.
pub const WAY: &str = "posix";
const PEER: &str = "POSIX message queue";

/// Opens a side's ends: the server makes both queues, the client opens them and takes their names away.
///
/// # Errors
/// The kernel offers none, or not of this size.
pub fn open(spec: &SideSpec, _: &str, folder: &Path) -> Result<Box<dyn Play>> {
    let [to, from] = ways(spec.role).map(|way| queue(spec, &format!("/{}-{way}", tag(folder))));
    let inbound = In { queue: from?, private: vec![0; spec.payload_bytes] };
    exchange(spec, Out { queue: to? }, inbound)
}

fn queue(spec: &SideSpec, name: &str) -> Result<PosixMessageQueue> {
    let refused = |error| refused(PEER, error);
    match spec.role {
        Role::Server => PosixMessageQueue::create(name, spec.payload_bytes).map_err(refused),
        Role::Client => until_there(|| PosixMessageQueue::open(name)).map_err(refused),
    }
}

struct Out {
    queue: PosixMessageQueue,
}

impl Outbound for Out {
    #[inline]
    fn send(&mut self, message: &[u8]) -> std::result::Result<(), Fault> {
        self.queue.send(message).map_err(|error| broken(PEER, error))
    }
}

struct In {
    queue: PosixMessageQueue,
    private: Vec<u8>,
}

impl Inbound for In {
    #[inline]
    fn receive<R>(&mut self, read: impl FnOnce(&[u8]) -> R) -> std::result::Result<R, Fault> {
        let length = self.queue.receive(&mut self.private).map_err(|error| broken(PEER, error))?;
        Ok(read(&self.private[..length]))
    }
}
