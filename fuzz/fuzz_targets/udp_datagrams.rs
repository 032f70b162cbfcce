//! Datagrams of hostile senders through real sockets: every number of a session is delivered at most
//! once, nothing above the limit comes out, and the counts add up.
//!
//! Input: shift of the limit, then datagrams: a shape; raw bytes (0) or kind, session, number, message.
#![no_main]

use std::net::UdpSocket;

use crosstie::Deadline;
use crosstie::contract::{ReceiveMessages, RecvError};
use crosstie::transport::{Options, udp};
use crosstie_fuzz::bytes::Bytes;
use libfuzzer_sys::fuzz_target;

const PREAMBLE: [u8; 6] = [0xC7, b'T', b'I', b'E', b'd', 1];
/// More than the socket's default room holds would be lost, which is no fault.
const DATAGRAMS_MAX: usize = 100;

fuzz_target!(|data: &[u8]| {
    let mut input = Bytes::new(data);
    let limit = 1_usize << (input.u8() % 13);
    let options = Options { message_bytes_max: limit, ..Options::default() };
    let mut rx = udp::receiver("127.0.0.1:0", &options).expect("a receiver");
    let tx = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    tx.connect(rx.address().trim_start_matches("udp:")).expect("an address");
    let mut firsts = std::collections::HashSet::new();
    for _ in 0..DATAGRAMS_MAX {
        if input.is_empty() {
            break;
        }
        let datagram = datagram(&mut input);
        tx.send(&datagram).expect("room");
        let session_and_number = datagram.get(8..24).map(<[u8]>::to_vec);
        match rx.recv(Deadline::NOW) {
            Ok(arrived) => {
                assert!(arrived.payload.len() <= limit);
                assert_eq!(Some(arrived.payload), datagram.get(24..), "what was sent");
                assert!(firsts.insert(session_and_number), "delivered twice");
            }
            Err(RecvError::TooLarge { length, limit: told }) => assert!(told == limit && length > limit),
            Err(RecvError::Closed | RecvError::Empty | RecvError::Failed(_)) => {}
            Err(error) => panic!("{error}"),
        }
    }
    let _ = rx.losses();
});

fn datagram(input: &mut Bytes<'_>) -> Vec<u8> {
    let shape = input.u8();
    if shape == 0 {
        let length = usize::from(input.u16() % 100);
        return input.take(length).to_vec();
    }
    let mut datagram = PREAMBLE.to_vec();
    datagram.extend(if shape < 0xF0 { u16::from(shape % 5) } else { input.u16() }.to_le_bytes());
    datagram.extend(u64::from(input.u8() % 4).to_le_bytes());
    let number = u64::from(input.u8());
    datagram.extend(if shape % 16 == 15 { u64::MAX - number } else { number }.to_le_bytes());
    let length = usize::from(input.u8());
    datagram.extend(input.take(length));
    datagram
}
