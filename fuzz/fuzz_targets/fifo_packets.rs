//! Packets of many writers through a real FIFO: whatever they say, nothing above the limit comes
//! out, nothing that nobody wrote, and the end comes.
//!
//! Input: shift of the limit, then packets: a shape; raw bytes (0) or a header's fields and a piece.
#![no_main]

use std::fs::File;
use std::io::Write;

use crosstie::Deadline;
use crosstie::contract::{ReceiveMessages, RecvError};
use crosstie::os::fifo::open_to_write;
use crosstie::transport::{Options, fifo};
use crosstie_fuzz::bytes::Bytes;
use crosstie_fuzz::place;
use libfuzzer_sys::fuzz_target;

const PREAMBLE: [u8; 6] = [0xC7, b'T', b'I', b'E', b'f', 1];
/// A FIFO of the default size holds 16 packets.
const PACKETS_MAX: usize = 14;

fuzz_target!(|data: &[u8]| {
    let mut input = Bytes::new(data);
    let limit = 1_usize << (input.u8() % 13);
    let path = place::folder().join("fifo");
    let options = Options { message_bytes_max: limit, ..Options::default() };
    let mut rx = fifo::receiver(&path, &options).expect("a receiver");
    let mut tx = File::from(open_to_write(&path).expect("a FIFO").expect("a reader"));
    let mut written = 0;
    for _ in 0..PACKETS_MAX {
        if input.is_empty() {
            break;
        }
        let packet = packet(&mut input);
        tx.write_all(&packet).expect("room");
        written += packet.len();
    }
    drop(tx);
    let mut delivered = 0;
    // Each packet gives at most one outcome per two bytes of a batch, and at the end one more.
    for _ in 0..written + 2 {
        match rx.recv(Deadline::NOW) {
            Ok(arrived) => {
                assert!(arrived.payload.len() <= limit, "{} > {limit}", arrived.payload.len());
                delivered += arrived.payload.len();
            }
            Err(RecvError::Closed | RecvError::PeerDied | RecvError::Empty) => {
                assert!(delivered <= written);
                return;
            }
            Err(RecvError::TooLarge { length, limit: told }) => assert!(told == limit && length > limit),
            Err(RecvError::Failed(_)) => {}
            Err(error) => panic!("{error}"),
        }
    }
    panic!("no end");
});

fn packet(input: &mut Bytes<'_>) -> Vec<u8> {
    let shape = input.u8();
    if shape == 0 {
        let length = 1 + usize::from(input.u16() % 100);
        let raw = input.take(length).to_vec();
        return if raw.is_empty() { vec![0] } else { raw };
    }
    let mut packet = PREAMBLE.to_vec();
    packet.extend(if shape < 0xF0 { u16::from(shape % 8) } else { input.u16() }.to_le_bytes());
    packet.extend(u64::from(input.u8() % 4).to_le_bytes());
    packet.extend(u32::from(input.u8() % 4).to_le_bytes());
    let (offset, total) = (u32::from(input.u16()), u32::from(input.u16()));
    packet.extend(offset.to_le_bytes());
    packet.extend(if shape % 16 == 15 { total << 16 } else { total }.to_le_bytes());
    packet.extend(0_u32.to_le_bytes());
    let length = usize::from(input.u16() % 4065);
    packet.extend(input.take(length));
    packet
}
