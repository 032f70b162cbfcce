//! Bytes in order: a 4-byte length, then the payload, one `writev` a message; reads go through a
//! buffer of 64 KiB, as the transport's do.

use std::io::{BufReader, IoSlice, Read, Write};

use super::open::broken;
use crate::engine::exchange::{Fault, Inbound, Outbound};

/// As much as the transport reads at once.
const BUFFER_BYTES: usize = 64 << 10;

/// Writes messages to bytes in order.
pub(super) struct StreamWriter<W> {
    writer: W,
}

impl<W> StreamWriter<W> {
    pub fn new(writer: W) -> Self {
        Self { writer }
    }
}

impl<W: Write> Outbound for StreamWriter<W> {
    #[inline]
    fn send(&mut self, message: &[u8]) -> Result<(), Fault> {
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

/// Reads messages from bytes in order.
pub(super) struct StreamReader<R> {
    reader: BufReader<R>,
    private: Vec<u8>,
}

impl<R: Read> StreamReader<R> {
    pub fn new(reader: R) -> Self {
        Self { reader: BufReader::with_capacity(BUFFER_BYTES, reader), private: Vec::new() }
    }
}

impl<R: Read> Inbound for StreamReader<R> {
    #[inline]
    fn receive<A>(&mut self, read: impl FnOnce(&[u8]) -> A) -> Result<A, Fault> {
        let mut header = [0; 4];
        self.reader.read_exact(&mut header).map_err(broken)?;
        self.private.resize(u32::from_le_bytes(header) as usize, 0);
        self.reader.read_exact(&mut self.private).map_err(broken)?;
        Ok(read(&self.private))
    }
}
