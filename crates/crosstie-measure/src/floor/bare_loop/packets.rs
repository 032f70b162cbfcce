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
        let mut have = 0;
        loop {
            if self.private.len() < have + HEADER_BYTES + PIECE_BYTES_MAX {
                self.private.resize(have + HEADER_BYTES + PIECE_BYTES_MAX, 0);
            }
            // The header comes to lie on the last bytes before the piece, which are put back.
            let room = &mut self.private[have..];
            let before = *room.first_chunk().unwrap_or(&[0; HEADER_BYTES]);
            let length = self.socket.recv_connected(room, Deadline::NEVER).map_err(broken)?;
            let (Some(header), HEADER_BYTES..) = (room.first_chunk_mut::<HEADER_BYTES>(), length) else {
                return Err(broken(std::io::ErrorKind::UnexpectedEof.into()));
            };
            let total = u64::from_le_bytes(std::mem::replace(header, before));
            have += length - HEADER_BYTES;
            if have as u64 >= total {
                return Ok(read(&self.private[HEADER_BYTES..HEADER_BYTES + have]));
            }
        }
    }
}
