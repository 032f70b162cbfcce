//! A FIFO in packet mode: 32 bytes of header, as many as the transport's, then a piece, at most
//! 4,096 bytes together in one write.

use std::fs::File;
use std::io::{ErrorKind, IoSlice, Read, Write};
use std::os::fd::{AsFd, OwnedFd};

use crosstie::Deadline;
use crosstie::os::fifo::ATOMIC_WRITE_BYTES;
use crosstie::os::poll::{self, Interest};

use super::open::broken;
use crate::engine::exchange::{Fault, Inbound, Outbound};

const HEADER_BYTES: usize = 32;
const PIECE_BYTES_MAX: usize = ATOMIC_WRITE_BYTES - HEADER_BYTES;

/// Writes messages as packets of a FIFO.
pub(super) struct RecordWriter {
    fifo: File,
}

impl RecordWriter {
    /// Takes the writing end, whose writes never block.
    pub fn new(fifo: OwnedFd) -> Self {
        Self { fifo: fifo.into() }
    }
}

impl Outbound for RecordWriter {
    #[inline]
    fn send(&mut self, message: &[u8]) -> Result<(), Fault> {
        let mut header = [0; HEADER_BYTES];
        header[..8].copy_from_slice(&(message.len() as u64).to_le_bytes());
        for piece in message.chunks(PIECE_BYTES_MAX) {
            loop {
                match self.fifo.write_vectored(&[IoSlice::new(&header), IoSlice::new(piece)]) {
                    Ok(_) => break,
                    Err(error) if error.kind() == ErrorKind::WouldBlock => {
                        poll::wait(self.fifo.as_fd(), Interest::Writable, Deadline::NEVER).map_err(broken)?;
                    }
                    Err(error) => return Err(broken(error)),
                }
            }
        }
        Ok(())
    }
}

/// Reads messages from packets of a FIFO.
pub(super) struct RecordReader {
    fifo: File,
    packet: [u8; ATOMIC_WRITE_BYTES],
    private: Vec<u8>,
}

impl RecordReader {
    /// Takes the reading end, whose reads block.
    pub fn new(fifo: OwnedFd) -> Self {
        Self { fifo: fifo.into(), packet: [0; ATOMIC_WRITE_BYTES], private: Vec::new() }
    }
}

impl Inbound for RecordReader {
    #[inline]
    fn receive<A>(&mut self, read: impl FnOnce(&[u8]) -> A) -> Result<A, Fault> {
        self.private.clear();
        loop {
            let length = self.fifo.read(&mut self.packet).map_err(broken)?;
            let Some((header, piece)) = self.packet[..length].split_first_chunk::<HEADER_BYTES>() else {
                return Err(broken(ErrorKind::UnexpectedEof.into()));
            };
            let Some((total, _)) = header.split_first_chunk::<8>() else {
                return Err(broken(ErrorKind::UnexpectedEof.into()));
            };
            let total = u64::from_le_bytes(*total);
            if self.private.is_empty() && piece.len() as u64 == total {
                return Ok(read(piece));
            }
            self.private.extend_from_slice(piece);
            if self.private.len() as u64 == total {
                return Ok(read(&self.private));
            }
        }
    }
}
