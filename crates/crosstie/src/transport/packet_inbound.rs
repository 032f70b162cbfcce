//! Messages on a socket that keeps packets: the receiver's side.

use std::io::{self, IoSlice};
use std::ops::Range;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use crosstie_core::Deadline;

use super::inbound::{Breach, Inbound, Step};
use super::packet::{BATCH, END, END_PACKET, FIRST, HEADER_BYTES, LENGTH_BYTES, MORE, PACKET_BYTES_MAX};
use super::preamble::{PACKET, PREAMBLE_BYTES};
use crate::os::message_socket::MessageSocket;

/// The receiving side of messages on a socket that keeps packets.
#[derive(Debug)]
pub struct PacketInbound {
    socket: MessageSocket,
    limit: usize,
    header: [u8; HEADER_BYTES],
    /// The message so far is `bytes[HEADER_BYTES..][..have]`; the rest is room for the next packet.
    bytes: Vec<u8>,
    have: usize,
    /// The length of the last packet, until a step has looked at it.
    arrived: Option<usize>,
    is_whole: bool,
    /// What was not yet taken of a packet with several messages.
    batch: Range<usize>,
    is_greeted: bool,
}

impl PacketInbound {
    pub(crate) fn new(socket: MessageSocket, limit: usize) -> Self {
        Self {
            socket,
            limit: limit.min(u32::MAX as usize),
            header: [0; HEADER_BYTES],
            bytes: Vec::new(),
            have: 0,
            arrived: None,
            is_whole: true,
            batch: 0..0,
            is_greeted: false,
        }
    }

    /// Looks at the first packet.
    #[cold]
    fn greet(&mut self, length: usize) -> Result<Step, Breach> {
        let begins = &self.header[..length.min(HEADER_BYTES)];
        if length == PREAMBLE_BYTES && PACKET.check(begins).map_err(Breach::Mismatch)? {
            self.is_greeted = true;
            return Ok(Step::Incomplete);
        }
        PACKET.check(begins).map_err(Breach::Mismatch)?;
        Err(Breach::Corrupt("the first packet is no preamble"))
    }

    /// The next message of a packet with several.
    fn next_of_batch(&mut self) -> Result<Step, Breach> {
        let Some((length, rest)) = self.bytes[self.batch.clone()].split_first_chunk::<LENGTH_BYTES>() else {
            return Err(Breach::Corrupt("a batch that ends inside a length"));
        };
        let length = u32::from_le_bytes(*length) as usize;
        if length > self.limit {
            return Err(Breach::TooLarge { length, limit: self.limit });
        }
        if length > rest.len() {
            return Err(Breach::Corrupt("a message longer than its batch"));
        }
        let begin = self.batch.start + LENGTH_BYTES;
        self.batch.start = begin + length;
        Ok(Step::Message(begin..begin + length))
    }
}

impl Inbound for PacketInbound {
    fn of_connection(fd: OwnedFd, limit: usize) -> io::Result<Self> {
        Ok(Self::new(MessageSocket::new(fd), limit))
    }

    #[inline]
    fn step(&mut self) -> Result<Step, Breach> {
        if !self.batch.is_empty() {
            return self.next_of_batch();
        }
        let Some(length) = self.arrived.take() else { return Ok(Step::Incomplete) };
        if !self.is_greeted {
            return self.greet(length);
        }
        let Some(piece) = length.checked_sub(HEADER_BYTES) else {
            return Err(Breach::Corrupt("a packet without a header"));
        };
        let [flag, _, _, _, a, b, c, d] = self.header;
        let total = u32::from_le_bytes([a, b, c, d]) as usize;
        match flag {
            END if self.is_whole => return Ok(Step::End),
            FIRST if self.is_whole => self.have = 0,
            MORE if !self.is_whole => {}
            BATCH if self.is_whole && total == piece && total > 0 => {
                self.batch = HEADER_BYTES..HEADER_BYTES + piece;
                return self.next_of_batch();
            }
            BATCH if self.is_whole => {
                return Err(Breach::Corrupt("a batch that is empty or of another length than it says"));
            }
            _ => return Err(Breach::Corrupt("a packet that cannot follow the last one")),
        }
        if total > self.limit {
            return Err(Breach::TooLarge { length: total, limit: self.limit });
        }
        self.have += piece;
        self.is_whole = self.have == total;
        match self.have.cmp(&total) {
            std::cmp::Ordering::Less => Ok(Step::Incomplete),
            std::cmp::Ordering::Equal => Ok(Step::Message(HEADER_BYTES..HEADER_BYTES + total)),
            std::cmp::Ordering::Greater => Err(Breach::Corrupt("a message longer than it said")),
        }
    }

    #[inline]
    fn fill(&mut self, deadline: Deadline) -> io::Result<usize> {
        // A whole message stays until here, then its room is free.
        let begin = if self.is_whole { 0 } else { self.have };
        if self.bytes.len() < begin + PACKET_BYTES_MAX {
            self.bytes.resize(begin + PACKET_BYTES_MAX, 0);
        }
        let room = &mut self.bytes[begin..begin + PACKET_BYTES_MAX];
        // One piece of memory, so that the piece follows the message so far: the header comes to lie
        // on what stands before the piece, which is put back.
        let before = *room.first_chunk::<HEADER_BYTES>().unwrap_or(&[0; HEADER_BYTES]);
        let length = self.socket.recv_connected(room, deadline)?;
        if let Some(place) = room.first_chunk_mut::<HEADER_BYTES>() {
            self.header = std::mem::replace(place, before);
        }
        if length > PACKET_BYTES_MAX {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "a packet longer than any of ours"));
        }
        self.arrived = Some(length);
        Ok(length)
    }

    #[inline]
    fn message(&self, range: Range<usize>) -> &[u8] {
        &self.bytes[range]
    }

    fn may_have_more(&self) -> bool {
        true
    }

    fn is_drained(&self) -> bool {
        // One packet says nothing of the next.
        false
    }

    fn has_begun(&self) -> bool {
        self.is_greeted
    }

    fn limit(&self) -> usize {
        self.limit
    }

    fn descriptor(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    fn say_goodbye(&mut self, taken_count: u64) {
        // The sender may be gone or its side full; then it finds out from the kernel.
        let begun = self.socket.send(&[IoSlice::new(&PACKET.preamble())], Deadline::NOW);
        if begun.is_ok() {
            let taken_count = taken_count.to_le_bytes();
            let _ = self.socket.send(&[IoSlice::new(&END_PACKET), IoSlice::new(&taken_count)], Deadline::NOW);
        }
    }
}
