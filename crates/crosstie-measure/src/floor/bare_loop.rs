//! Reads and writes of the same framing on the same kind of kernel object, and nothing else: no
//! deadline, no death, no limit, one sender.
//!
//! What a transport costs above this is what its promises cost. Streams: a 4-byte length, then the
//! payload, one `writev` a message; reads go through a buffer of 64 KiB, as the transport's do.

use std::fs::File;
use std::io::{BufReader, IoSlice, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::time::Duration;

use crosstie::os::clock;
use crosstie::{Error, ErrorKind, Result};

use crate::engine::exchange::{Exchange, Fault, Inbound, Outbound, Play};
use crate::engine::payload::Payloads;
use crate::engine::spec::{Link, Role};

/// As much as the transport reads at once.
const BUFFER_BYTES: usize = 64 << 10;

/// Opens a side's two ends.
///
/// # Errors
/// The kernel's, or the mechanism has no bare loop.
pub fn open(link: &Link, role: Role, payloads: Payloads) -> Result<Box<dyn Play>> {
    let (to, from) = link.ends(role);
    let refused = |address: &str, error| Error::os("open a bare loop", address, error);
    let mechanism = from.split(':').next().unwrap_or_default();
    Ok(match mechanism {
        "fd" => {
            let input = std::io::stdin().as_fd().try_clone_to_owned().map_err(|e| refused(from, e))?;
            let output = std::io::stdout().as_fd().try_clone_to_owned().map_err(|e| refused(to, e))?;
            streams(File::from(output), File::from(input), payloads)
        }
        "unix" => {
            let listener = UnixListener::bind(&from[5..]).map_err(|e| refused(from, e))?;
            let outbound = until_there(|| UnixStream::connect(&to[5..])).map_err(|e| refused(to, e))?;
            let (inbound, _) = listener.accept().map_err(|e| refused(from, e))?;
            streams(outbound, inbound, payloads)
        }
        "tcp" => {
            let listener = TcpListener::bind(&from[4..]).map_err(|e| refused(from, e))?;
            let outbound = until_there(|| TcpStream::connect(&to[4..])).map_err(|e| refused(to, e))?;
            outbound.set_nodelay(true).map_err(|e| refused(to, e))?;
            let (inbound, _) = listener.accept().map_err(|e| refused(from, e))?;
            streams(outbound, inbound, payloads)
        }
        other => {
            return Err(Error::new("open a bare loop", other, ErrorKind::Unsupported));
        }
    })
}

fn streams<W: Write + 'static, R: Read + 'static>(writer: W, reader: R, payloads: Payloads) -> Box<dyn Play> {
    let inbound =
        StreamReader { reader: BufReader::with_capacity(BUFFER_BYTES, reader), private: Vec::new() };
    Box::new(Exchange { outbound: StreamWriter { writer }, inbound, payloads, sequence: 0 })
}

/// Connects as soon as the other side listens.
fn until_there<T>(mut connect: impl FnMut() -> std::io::Result<T>) -> std::io::Result<T> {
    let deadline = clock::deadline_in(Duration::from_secs(10));
    loop {
        match connect() {
            Err(error) if !deadline.is_over(clock::now_ns()) => {
                use std::io::ErrorKind as Io;
                if !matches!(error.kind(), Io::NotFound | Io::ConnectionRefused) {
                    return Err(error);
                }
                std::thread::yield_now();
            }
            outcome => return outcome,
        }
    }
}

struct StreamWriter<W> {
    writer: W,
}

impl<W: Write> Outbound for StreamWriter<W> {
    #[inline]
    fn send(&mut self, message: &[u8]) -> std::result::Result<(), Fault> {
        let header = (message.len() as u32).to_le_bytes();
        let mut slices = &mut [IoSlice::new(&header), IoSlice::new(message)][..];
        let mut left = header.len() + message.len();
        loop {
            let count = self.writer.write_vectored(slices).map_err(broken)?;
            if count == left {
                return Ok(());
            }
            left -= count;
            IoSlice::advance_slices(&mut slices, count);
        }
    }
}

struct StreamReader<R> {
    reader: BufReader<R>,
    private: Vec<u8>,
}

impl<R: Read> Inbound for StreamReader<R> {
    #[inline]
    fn receive<A>(&mut self, read: impl FnOnce(&[u8]) -> A) -> std::result::Result<Option<A>, Fault> {
        let mut header = [0; 4];
        self.reader.read_exact(&mut header).map_err(broken)?;
        self.private.resize(u32::from_le_bytes(header) as usize, 0);
        self.reader.read_exact(&mut self.private).map_err(broken)?;
        Ok(Some(read(&self.private)))
    }
}

#[cold]
fn broken(error: std::io::Error) -> Fault {
    Box::new(Error::os("read or write", "a bare loop", error))
}
