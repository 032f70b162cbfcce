//! `fifo:/path`: a pipe with a path, many senders to one receiver.
//!
//! Plain writes above 4,096 bytes tear each other apart, and who dies inside a record leaves half of
//! it to everybody (H20). Here everything goes in packets of at most 4,096 bytes, one write each,
//! which the kernel neither tears nor joins:
//!
//! | bytes | field |
//! |---|---|
//! | 0..8 | preamble, with the flags OPEN 1, END 2, BATCH 4 in its last two bytes |
//! | 8..16 | `u64` LE writer, random |
//! | 16..20 | `u32` LE number of the message, wrapping |
//! | 20..24 | `u32` LE offset of this piece in the message |
//! | 24..28 | `u32` LE length of the whole message |
//! | 28..32 | `u32` LE pid of the writer, for people |
//! | 32.. | the piece, or with BATCH several whole messages, each a `u16` LE length and its bytes |

mod assembly;
mod receiver;
mod sender;

pub use receiver::{FifoReceiver, receiver, remove};
pub use sender::{FifoSender, sender};

use super::inbound::Breach;
use super::preamble::{FIFO, PREAMBLE_BYTES};
use crate::os::fifo::ATOMIC_WRITE_BYTES;

/// A writer is there.
const OPEN: u16 = 1;
/// A writer is done.
const END: u16 = 2;
/// Several whole messages in one packet.
const BATCH: u16 = 4;

const HEADER_BYTES: usize = 32;
/// The longest piece of a message in one packet.
const PIECE_BYTES_MAX: usize = ATOMIC_WRITE_BYTES - HEADER_BYTES;

/// What a packet says about itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Header {
    flags: u16,
    writer: u64,
    number: u32,
    offset: u32,
    total: u32,
    pid: u32,
}

impl Header {
    fn to_bytes(self) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        bytes[..PREAMBLE_BYTES].copy_from_slice(&FIFO.preamble_with(self.flags));
        bytes[8..16].copy_from_slice(&self.writer.to_le_bytes());
        bytes[16..20].copy_from_slice(&self.number.to_le_bytes());
        bytes[20..24].copy_from_slice(&self.offset.to_le_bytes());
        bytes[24..28].copy_from_slice(&self.total.to_le_bytes());
        bytes[28..].copy_from_slice(&self.pid.to_le_bytes());
        bytes
    }

    /// Splits a packet into its header and the rest.
    fn split(packet: &[u8]) -> Result<(Self, &[u8]), Breach> {
        let Some((preamble, rest)) = packet.split_first_chunk::<PREAMBLE_BYTES>() else {
            FIFO.check(packet).map_err(Breach::Mismatch)?;
            return Err(Breach::Corrupt("a packet without a header"));
        };
        let flags = FIFO.flags(*preamble).map_err(Breach::Mismatch)?;
        let fields = rest.split_first_chunk::<8>().and_then(|(writer, rest)| {
            let (number, rest) = rest.split_first_chunk::<4>()?;
            let (offset, rest) = rest.split_first_chunk::<4>()?;
            let (total, rest) = rest.split_first_chunk::<4>()?;
            let (pid, rest) = rest.split_first_chunk::<4>()?;
            let header = Self {
                flags,
                writer: u64::from_le_bytes(*writer),
                number: u32::from_le_bytes(*number),
                offset: u32::from_le_bytes(*offset),
                total: u32::from_le_bytes(*total),
                pid: u32::from_le_bytes(*pid),
            };
            Some((header, rest))
        });
        fields.ok_or(Breach::Corrupt("a packet without a header"))
    }
}
