//! ipc-channel, Servo's channels between processes.
//!
//! Driven as its documentation says for bytes: `bytes_channel`, whose ends are handed over through an
//! `IpcOneShotServer`, `send` of a slice and `recv` of a vector.
#![deny(unsafe_code)]

use std::path::Path;
use std::process::ExitCode;

use crosstie::Result;
use crosstie_measure::engine::exchange::{Fault, Inbound, Outbound, Play};
use crosstie_measure::engine::spec::SideSpec;
use ipc_channel::ipc::{self, IpcBytesReceiver, IpcBytesSender, IpcOneShotServer, IpcSender};
use peers_side::{broken, exchange, refused, until_there, ways};

const PEER: &str = "ipc-channel";

fn main() -> ExitCode {
    peers_side::run(open)
}

fn open(spec: &SideSpec, _: &str, folder: &Path) -> Result<Box<dyn Play>> {
    let (sender, receiver) = connect(ways(spec.role), folder).map_err(|error| refused(PEER, error))?;
    exchange(spec, Out { sender }, In { receiver })
}

/// Each side offers the receiving end of the way on which it sends, under a name that it leaves in a file.
fn connect(
    [to, from]: [&str; 2],
    folder: &Path,
) -> std::result::Result<(IpcBytesSender, IpcBytesReceiver), Box<dyn std::error::Error>> {
    let (server, name) = IpcOneShotServer::<IpcBytesReceiver>::new()?;
    let written = folder.join(format!("{from}.new"));
    std::fs::write(&written, name)?;
    std::fs::rename(written, folder.join(from))?;
    let others = until_there(|| std::fs::read_to_string(folder.join(to)))?;
    let (sender, receiver) = ipc::bytes_channel()?;
    IpcSender::connect(others)?.send(receiver)?;
    let (_, inbound) = server.accept()?;
    Ok((sender, inbound))
}

struct Out {
    sender: IpcBytesSender,
}

impl Outbound for Out {
    #[inline]
    fn send(&mut self, message: &[u8]) -> std::result::Result<(), Fault> {
        self.sender.send(message).map_err(|error| broken(PEER, error))
    }
}

struct In {
    receiver: IpcBytesReceiver,
}

impl Inbound for In {
    #[inline]
    fn receive<R>(&mut self, read: impl FnOnce(&[u8]) -> R) -> std::result::Result<R, Fault> {
        let message = self.receiver.recv().map_err(|error| broken(PEER, error))?;
        Ok(read(&message))
    }
}
