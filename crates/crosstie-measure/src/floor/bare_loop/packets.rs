//! Unix packets: eight bytes {flag, total length}, then a piece of at most 64 KiB, as the transport
//! sends them.

use std::io::IoSlice;
use std::os::fd::OwnedFd;

use crosstie::Deadline;
use crosstie::os::message_socket::{self, MessageSocket};

use super::open::broken;
use crate::engine::exchange::{Fault, Inbound, Outbound};

const HEADER_BYTES: usize = 8;
const PIECE_BYTES_MAX: usize = 64 << 10;
/// What the transport asks the kernel to hold.
const ROOM_BYTES: usize = 1 << 20;

/// Sends messages in packets.
pub(super) struct PacketWriter {
    socket: MessageSocket,
}

impl PacketWriter {
    pub fn new(socket: OwnedFd) -> Self {
        // Less room is less speed, for the transport as for this loop.
        let _ = message_socket::enlarge_send_room(&socket, ROOM_BYTES);
        Self { socket: MessageSocket::new(socket) }
    }
}

impl Outbound for PacketWriter {
    #[inline]
    fn send(&mut self, message: &[u8]) -> Result<(), Fault> {
        let header = (message.len() as u64).to_le_bytes();
        for piece in message.chunks(PIECE_BYTES_MAX) {
            let slices = [IoSlice::new(&header), IoSlice::new(piece)];
            self.socket.send(&slices, Deadline::NEVER).map_err(broken)?;
        }
        Ok(())
    }
}

/// Receives messages in packets.
pub(super) struct PacketReader {
    socket: MessageSocket,
    private: Vec<u8>,
}

impl PacketReader {
    pub fn new(socket: OwnedFd) -> Self {
        Self { socket: MessageSocket::new(socket), private: Vec::new() }
    }
}

impl Inbound for PacketReader {
    #[inline]
    fn receive<A>(&mut self, read: impl FnOnce(&[u8]) -> A) -> Result<A, Fault> {
        let mut header = [0; HEADER_BYTES];
        let mut have = 0;
        loop {
            if self.private.len() < have + PIECE_BYTES_MAX {
                self.private.resize(have + PIECE_BYTES_MAX, 0);
            }
            let room = &mut self.private[have..have + PIECE_BYTES_MAX];
            let received = self.socket.recv(&mut header, room, Deadline::NEVER).map_err(broken)?;
            if received.length < HEADER_BYTES {
                return Err(broken(std::io::ErrorKind::UnexpectedEof.into()));
            }
            have += received.length - HEADER_BYTES;
            if have as u64 >= u64::from_le_bytes(header) {
                return Ok(read(&self.private[..have]));
            }
        }
    }
}
