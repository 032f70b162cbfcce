//! Packets on a Unix socket that keeps them: whatever packets come, a receiver answers what the
//! format's definition answers.
//!
//! Input: flags (1 = a right preamble comes first), then packets: a shape, a
//! length of two bytes, so many bytes. Shape 0 is raw, others get a header of that flag.
#![no_main]

use std::sync::OnceLock;

use crosstie::contract::{ReceiveMessages, RecvError};
use crosstie::os::unix::{UnixKind, UnixName, connect};
use crosstie::transport::{Options, unixpacket};
use crosstie::{Deadline, ErrorKind};
use crosstie_fuzz::bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use rustix::net::SendFlags;

const PREAMBLE: [u8; 8] = [0xC7, b'T', b'I', b'E', b'p', 1, 0, 0];
/// The receiver's largest message, in bytes.
const LIMIT: usize = 2000;

#[derive(Debug, PartialEq, Eq)]
enum End {
    Closed,
    PeerDied,
    Mismatch,
    Corrupt,
    TooLarge(usize),
}

fuzz_target!(|data: &[u8]| {
    let mut input = Bytes::new(data);
    let flags = input.u8();
    let mut packets = if flags & 1 != 0 { vec![PREAMBLE.to_vec()] } else { Vec::new() };
    while !input.is_empty() && packets.len() < 30 {
        packets.push(packet(&mut input));
    }
    assert_eq!(received(&packets), expected(&packets));
});

fn packet(input: &mut Bytes<'_>) -> Vec<u8> {
    let shape = input.u8();
    if shape == 0 {
        let length = usize::from(input.u16() % 200);
        let raw = input.take(length).to_vec();
        // An empty packet is the end to every reader.
        return if raw.is_empty() { vec![0] } else { raw };
    }
    let (total, length) = (input.u16(), usize::from(input.u16()));
    let flag = if shape < 0x80 { [8, 2, 4, 1][usize::from(shape % 4)] } else { shape };
    let mut packet = vec![flag, 0, 0, 0];
    packet.extend(u32::from(total).to_le_bytes());
    packet.extend(input.take(length.min(usize::from(total)) % 3000));
    packet
}

fn expected(packets: &[Vec<u8>]) -> (Vec<Vec<u8>>, End) {
    let mut messages = Vec::new();
    let mut under_way: Option<Vec<u8>> = None;
    for (number, packet) in packets.iter().enumerate() {
        if number == 0 {
            let have = packet.len().min(8);
            match () {
                () if packet[..have] != PREAMBLE[..have] => return (messages, End::Mismatch),
                () if packet.len() != 8 => return (messages, End::Corrupt),
                () => continue,
            }
        }
        let Some((header, piece)) = packet.split_first_chunk::<8>() else { return (messages, End::Corrupt) };
        let total = u32::from_le_bytes([header[4], header[5], header[6], header[7]]) as usize;
        if header[0] == 8 && under_way.is_none() {
            if total == 0 || total != piece.len() {
                return (messages, End::Corrupt);
            }
            match batch(piece, &mut messages) {
                Some(end) => return (messages, end),
                None => continue,
            }
        }
        let mut message = match (header[0], under_way.take()) {
            (4, None) => return (messages, End::Closed),
            (1, None) => Vec::new(),
            (2, Some(begun)) => begun,
            _ => return (messages, End::Corrupt),
        };
        if total > LIMIT {
            return (messages, End::TooLarge(total));
        }
        message.extend_from_slice(piece);
        match message.len().cmp(&total) {
            std::cmp::Ordering::Less => under_way = Some(message),
            std::cmp::Ordering::Equal => messages.push(message),
            std::cmp::Ordering::Greater => return (messages, End::Corrupt),
        }
    }
    (messages, End::PeerDied)
}

/// The messages of a batch; the breach that ends them, if there is one.
fn batch(mut rest: &[u8], messages: &mut Vec<Vec<u8>>) -> Option<End> {
    while !rest.is_empty() {
        let Some((length, after)) = rest.split_first_chunk::<4>() else { return Some(End::Corrupt) };
        let length = u32::from_le_bytes(*length) as usize;
        if length > LIMIT {
            return Some(End::TooLarge(length));
        }
        let Some((message, after)) = after.split_at_checked(length) else { return Some(End::Corrupt) };
        messages.push(message.to_vec());
        rest = after;
    }
    None
}

fn received(packets: &[Vec<u8>]) -> (Vec<Vec<u8>>, End) {
    static LISTENER: OnceLock<unixpacket::Listener> = OnceLock::new();
    let name = UnixName::Abstract(format!("crosstie-fuzz-{}", std::process::id()).into_bytes());
    let listener = LISTENER.get_or_init(|| {
        let options = Options { message_bytes_max: LIMIT, ..Options::default() };
        unixpacket::Listener::bind(&name, &options).expect("a free name")
    });
    let peer = connect(&name, UnixKind::Packet).expect("a listener");
    let (tx, mut rx) = listener.accept(Deadline::NOW).expect("a connection");
    for packet in packets {
        // A receiver that found the end or a breach reads no more; the socket has room for all.
        rustix::net::send(&peer, packet, SendFlags::NOSIGNAL | SendFlags::DONTWAIT).expect("room");
    }
    drop(peer);
    let mut messages = Vec::new();
    let end = loop {
        match rx.recv(Deadline::NOW) {
            Ok(arrived) => messages.push(arrived.payload.to_vec()),
            Err(RecvError::Closed) => break End::Closed,
            Err(RecvError::PeerDied) => break End::PeerDied,
            Err(RecvError::TooLarge { length, .. }) => break End::TooLarge(length),
            Err(RecvError::Failed(error)) if error.kind() == ErrorKind::Mismatch => break End::Mismatch,
            Err(RecvError::Failed(error)) if error.kind() == ErrorKind::Corrupt => break End::Corrupt,
            Err(error) => panic!("{error}"),
        }
    };
    drop(tx);
    (messages, end)
}
