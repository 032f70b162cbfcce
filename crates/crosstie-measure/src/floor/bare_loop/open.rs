//! From a link to the bare loop on its mechanism.

use std::fs::File;
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::time::Duration;

use crosstie::os::unix::{self, UnixKind, UnixName};
use crosstie::os::{clock, fifo, poll};
use crosstie::{Error, ErrorKind, Result};

use super::datagrams::{DatagramReader, DatagramWriter};
use super::packets::{PacketReader, PacketWriter};
use super::records::{RecordReader, RecordWriter};
use super::streams::{StreamReader, StreamWriter};
use crate::engine::exchange::{Exchange, Fault, Inbound, Outbound, Play};
use crate::engine::payload::Payloads;
use crate::engine::spec::{Link, Role};

/// How long a side waits for the other to appear.
const OPEN_PATIENCE: Duration = Duration::from_secs(10);

/// Opens a side's two ends; each listens before it connects.
///
/// # Errors
/// The kernel's, or the mechanism has no bare loop.
pub fn open(link: &Link, role: Role, payloads: Payloads) -> Result<Box<dyn Play>> {
    let (to, from) = link.ends(role);
    let opened = match (to.split_once(':'), from.split_once(':')) {
        (Some(("fd", _)), _) => pipes(payloads),
        (Some(("fifo", to)), Some((_, from))) => fifos(to, from, payloads),
        (Some(("unix", to)), Some((_, from))) => unix_streams(to, from, payloads),
        (Some(("unixpacket", to)), Some((_, from))) => unix_packets(to, from, payloads),
        (Some(("tcp", to)), Some((_, from))) => tcp(to, from, payloads),
        (Some(("udp", to)), Some((_, from))) => udp(to, from, payloads),
        _ => {
            return Err(
                Error::new("open a bare loop", to, ErrorKind::Unsupported).because("this mechanism has none")
            );
        }
    };
    opened.map_err(|error| Error::os("open a bare loop", format!("{to}, {from}"), error))
}

fn pipes(payloads: Payloads) -> std::io::Result<Box<dyn Play>> {
    let input = std::io::stdin().as_fd().try_clone_to_owned()?;
    let output = std::io::stdout().as_fd().try_clone_to_owned()?;
    Ok(play(StreamWriter::new(File::from(output)), StreamReader::new(File::from(input)), payloads))
}

fn fifos(to: &str, from: &str, payloads: Payloads) -> std::io::Result<Box<dyn Play>> {
    fifo::make(Path::new(from))?;
    let inbound = fifo::open_to_read(Path::new(from))?;
    let outbound = until_there(|| match fifo::open_to_write(Path::new(to)) {
        Ok(Some(outbound)) => Ok(outbound),
        Ok(None) => Err(std::io::ErrorKind::NotFound.into()),
        Err(error) => Err(error),
    })?;
    Ok(play(RecordWriter::new(outbound), RecordReader::new(inbound), payloads))
}

fn unix_streams(to: &str, from: &str, payloads: Payloads) -> std::io::Result<Box<dyn Play>> {
    let listener = UnixListener::bind(from)?;
    let outbound = until_there(|| UnixStream::connect(to))?;
    let (inbound, _) = listener.accept()?;
    Ok(play(StreamWriter::new(outbound), StreamReader::new(inbound), payloads))
}

fn unix_packets(to: &str, from: &str, payloads: Payloads) -> std::io::Result<Box<dyn Play>> {
    let listener = unix::listen(&UnixName::Path(from.into()), UnixKind::Packet)?;
    let outbound = until_there(|| unix::connect(&UnixName::Path(to.into()), UnixKind::Packet))?;
    let inbound = accept(&listener)?;
    Ok(play(PacketWriter::new(outbound), PacketReader::new(inbound), payloads))
}

/// Waits for the one connection of a listener that does not block.
fn accept(listener: &OwnedFd) -> std::io::Result<OwnedFd> {
    poll::wait(listener.as_fd(), poll::Interest::Readable, clock::deadline_in(OPEN_PATIENCE))?;
    unix::accept(listener)
}

fn tcp(to: &str, from: &str, payloads: Payloads) -> std::io::Result<Box<dyn Play>> {
    let listener = TcpListener::bind(from)?;
    let outbound = until_there(|| TcpStream::connect(to))?;
    outbound.set_nodelay(true)?;
    let (inbound, _) = listener.accept()?;
    Ok(play(StreamWriter::new(outbound), StreamReader::new(inbound), payloads))
}

fn udp(to: &str, from: &str, payloads: Payloads) -> std::io::Result<Box<dyn Play>> {
    let inbound = UdpSocket::bind(from)?;
    let outbound = UdpSocket::bind("127.0.0.1:0")?;
    outbound.connect(to)?;
    Ok(play(DatagramWriter::new(outbound), DatagramReader::new(inbound), payloads))
}

fn play<O: Outbound + 'static, I: Inbound + 'static>(
    outbound: O,
    inbound: I,
    payloads: Payloads,
) -> Box<dyn Play> {
    Box::new(Exchange { outbound, inbound, payloads, sequence: 0 })
}

/// Connects as soon as the other side listens.
fn until_there<T>(mut connect: impl FnMut() -> std::io::Result<T>) -> std::io::Result<T> {
    use std::io::ErrorKind as Io;
    let deadline = clock::deadline_in(OPEN_PATIENCE);
    loop {
        match connect() {
            Err(error)
                if matches!(error.kind(), Io::NotFound | Io::ConnectionRefused)
                    && !deadline.is_over(clock::now_ns()) =>
            {
                std::thread::yield_now();
            }
            outcome => return outcome,
        }
    }
}

#[cold]
pub(super) fn broken(error: std::io::Error) -> Fault {
    Box::new(Error::os("read or write", "a bare loop", error))
}
