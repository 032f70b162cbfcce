//! UDP: 24 bytes, as long as the transport's header, then the payload.

use std::net::UdpSocket;
use std::time::Duration;

use super::open::broken;
use crate::engine::exchange::{Fault, Inbound, LOSSY_PATIENCE_NS, Outbound};

const HEADER_BYTES: usize = 24;
const DATAGRAM_BYTES_MAX: usize = 65_507;

/// Sends datagrams.
pub(super) struct DatagramWriter {
    socket: UdpSocket,
    datagram: Vec<u8>,
}

impl DatagramWriter {
    pub fn new(socket: UdpSocket) -> Self {
        Self { socket, datagram: Vec::new() }
    }
}

impl Outbound for DatagramWriter {
    #[inline]
    fn send(&mut self, message: &[u8]) -> Result<(), Fault> {
        self.datagram.resize(HEADER_BYTES + message.len(), 0);
        self.datagram[HEADER_BYTES..].copy_from_slice(message);
        self.socket.send(&self.datagram).map(drop).map_err(broken)
    }
}

/// Receives datagrams.
pub(super) struct DatagramReader {
    socket: UdpSocket,
    is_timed: bool,
    private: Vec<u8>,
}

impl DatagramReader {
    pub fn new(socket: UdpSocket) -> Self {
        Self { socket, is_timed: false, private: vec![0; DATAGRAM_BYTES_MAX] }
    }

    /// One datagram's length, within the socket's time-out.
    #[inline]
    fn take(&mut self, is_timed: bool) -> std::io::Result<usize> {
        if is_timed != self.is_timed {
            let patience = Duration::from_nanos(LOSSY_PATIENCE_NS);
            self.socket.set_read_timeout(is_timed.then_some(patience))?;
            self.is_timed = is_timed;
        }
        loop {
            match self.socket.recv(&mut self.private) {
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                outcome => return outcome,
            }
        }
    }
}

impl Inbound for DatagramReader {
    #[inline]
    fn receive<A>(&mut self, read: impl FnOnce(&[u8]) -> A) -> Result<A, Fault> {
        let length = self.take(false).map_err(broken)?;
        Ok(read(self.private.get(HEADER_BYTES..length).unwrap_or_default()))
    }

    #[inline]
    fn receive_in_time<A>(&mut self, read: impl FnOnce(&[u8]) -> A) -> Result<Option<A>, Fault> {
        match self.take(true) {
            Ok(length) => Ok(Some(read(self.private.get(HEADER_BYTES..length).unwrap_or_default()))),
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => Ok(None),
            Err(error) => Err(broken(error)),
        }
    }
}
