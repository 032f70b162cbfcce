//! `udp:host:port`: datagrams, which may be lost, doubled or reordered; the receiver counts it.
//!
//! Neither encrypted nor authenticated, and bound to nothing but what the target spells out. A
//! datagram is
//!
//! | bytes | field |
//! |---|---|
//! | 0..8 | preamble, with the kind in its last two bytes |
//! | 8..16 | `u64` LE session: one sender's, random |
//! | 16..24 | `u64` LE: HELLO 0; DATA the message's number from 0; END how many were sent; ACK the same |
//! | 24.. | DATA: the message |
//!
//! HELLO says that a sender is there, END that it is done: it is repeated until the receiver
//! acknowledges it, for two seconds. BYE says that the receiver ends.

mod connection;
mod receiver;
mod sender;
mod tally;

pub use connection::{Listener, UdpConnection, connect};
pub use receiver::{UdpReceiver, receiver};
pub use sender::{UdpSender, sender};

use super::inbound::Breach;
use super::preamble::{DATAGRAM, PREAMBLE_BYTES};
use crate::os::udp::DATAGRAM_BYTES_MAX;

const HELLO: u16 = 0;
const DATA: u16 = 1;
const END: u16 = 2;
const ACK: u16 = 3;
const BYE: u16 = 4;

const HEADER_BYTES: usize = 24;

/// The longest message, in bytes.
pub const MESSAGE_BYTES_MAX: usize = DATAGRAM_BYTES_MAX - HEADER_BYTES;

/// What a datagram says about itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Header {
    kind: u16,
    session: u64,
    number: u64,
}

impl Header {
    fn to_bytes(self) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        bytes[..PREAMBLE_BYTES].copy_from_slice(&DATAGRAM.preamble_with(self.kind));
        bytes[8..16].copy_from_slice(&self.session.to_le_bytes());
        bytes[16..].copy_from_slice(&self.number.to_le_bytes());
        bytes
    }

    /// The header of a datagram of `length` bytes, of which the first are here.
    fn of_datagram(bytes: &[u8; HEADER_BYTES], length: usize) -> Result<Self, Breach> {
        let have = &bytes[..length.min(HEADER_BYTES)];
        let (Some((preamble, _)), true) = (bytes.split_first_chunk(), length >= HEADER_BYTES) else {
            DATAGRAM.check(&have[..have.len().min(6)]).map_err(Breach::Mismatch)?;
            return Err(Breach::Corrupt("a datagram without a header"));
        };
        let kind = DATAGRAM.flags(*preamble).map_err(Breach::Mismatch)?;
        let [session, number] = [8, 16].map(|at| {
            let word = bytes[at..].first_chunk::<8>().copied();
            word.map_or(0, u64::from_le_bytes)
        });
        Ok(Self { kind, session, number })
    }
}
