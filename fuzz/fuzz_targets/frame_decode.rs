//! Frames on bytes in order, through a real pipe: whatever comes, cut however, a receiver answers
//! what a second, simple decoder answers; and what a sender wrote comes out as it went in.
//!
//! Input: flags (1 = a right preamble is put in front), shift of the limit, seed of the cuts, bytes.
#![no_main]

use std::fs::File;
use std::io::Write;

use crosstie::contract::{ReceiveMessages, RecvError, SendMessages};
use crosstie::transport::{Options, descriptor};
use crosstie::{Deadline, ErrorKind};
use crosstie_fuzz::bytes::Bytes;
use libfuzzer_sys::fuzz_target;

const PREAMBLE: [u8; 8] = [0xC7, b'T', b'I', b'E', b's', 1, 0, 0];
/// As many as one message can have.
const DESCRIPTORS_MAX: u32 = 253;

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
    let (flags, shift, seed) = (input.u8(), input.u8() % 13, input.u8());
    let limit = 1_usize << shift;
    let rest = input.rest();
    let mut bytes = if flags & 1 != 0 { PREAMBLE.to_vec() } else { Vec::new() };
    bytes.extend_from_slice(rest);
    // A pipe takes it all without a reader.
    bytes.truncate(60_000);
    assert_eq!(decoded(&bytes, limit, seed), expected(&bytes, limit));
    round_trip(rest, seed);
});

/// The format's definition, on bytes that are all there.
fn expected(bytes: &[u8], limit: usize) -> (Vec<Vec<u8>>, End) {
    let mut messages = Vec::new();
    let have = bytes.len().min(8);
    if bytes[..have] != PREAMBLE[..have] {
        return (messages, End::Mismatch);
    }
    let mut rest = &bytes[have..];
    let mut descriptors = 0;
    while let Some((word, after)) = rest.split_first_chunk::<4>() {
        match u32::from_le_bytes(*word) {
            u32::MAX => return (messages, End::Closed),
            0xFFFF_FFFE => {
                let Some((count, after)) = after.split_first_chunk::<4>() else { break };
                let count = u32::from_le_bytes(*count);
                if descriptors > 0 || count > DESCRIPTORS_MAX {
                    return (messages, End::Corrupt);
                }
                (descriptors, rest) = (count, after);
            }
            length if length as usize > limit => return (messages, End::TooLarge(length as usize)),
            length => {
                let Some((message, after)) = after.split_at_checked(length as usize) else { break };
                messages.push(message.to_vec());
                (descriptors, rest) = (0, after);
            }
        }
    }
    (messages, End::PeerDied)
}

fn decoded(bytes: &[u8], limit: usize, seed: u8) -> (Vec<Vec<u8>>, End) {
    let (read, write) = rustix::pipe::pipe().expect("a pipe");
    let options = Options { message_bytes_max: limit, ..Options::default() };
    let mut rx = descriptor::receiver(read, &options).expect("a receiver");
    let mut tx = File::from(write);
    let mut messages = Vec::new();
    let mut rest = bytes;
    let mut cut = u32::from(seed);
    while !rest.is_empty() {
        cut = cut.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        // Mostly small pieces, sometimes all at once.
        let most = if cut >> 28 == 0 { rest.len() } else { 1 + (cut >> 20) as usize % 40 };
        let (piece, after) = rest.split_at(most.min(rest.len()));
        tx.write_all(piece).expect("room in the pipe");
        rest = after;
        if let Some(end) = drain(&mut rx, &mut messages) {
            return (messages, end);
        }
    }
    drop(tx);
    let end = drain(&mut rx, &mut messages).expect("an end after the end");
    (messages, end)
}

fn drain(rx: &mut impl ReceiveMessages, messages: &mut Vec<Vec<u8>>) -> Option<End> {
    loop {
        match rx.recv(Deadline::NOW) {
            Ok(arrived) => messages.push(arrived.payload.to_vec()),
            Err(RecvError::Empty) => return None,
            Err(RecvError::Closed) => return Some(End::Closed),
            Err(RecvError::PeerDied) => return Some(End::PeerDied),
            Err(RecvError::TooLarge { length, .. }) => return Some(End::TooLarge(length)),
            Err(RecvError::Failed(error)) if error.kind() == ErrorKind::Mismatch => {
                return Some(End::Mismatch);
            }
            Err(RecvError::Failed(error)) if error.kind() == ErrorKind::Corrupt => return Some(End::Corrupt),
            Err(error) => panic!("{error}"),
        }
    }
}

fn round_trip(bytes: &[u8], seed: u8) {
    let mut rest = &bytes[..bytes.len().min(8000)];
    let mut messages = Vec::new();
    while let Some((length, after)) = rest.split_first() {
        let (message, after) = after.split_at(usize::from(length ^ seed).min(after.len()));
        messages.push(message);
        rest = after;
    }
    let (read, write) = rustix::pipe::pipe().expect("a pipe");
    let mut tx = descriptor::sender(write, &Options::default()).expect("a sender");
    let mut rx = descriptor::receiver(read, &Options::default()).expect("a receiver");
    let mut unsent = &messages[..];
    while !unsent.is_empty() {
        let few = &unsent[..unsent.len().min(1 + usize::from(seed % 5))];
        let sent = tx.send_batch(few, Deadline::NOW).expect("room in the pipe");
        unsent = &unsent[sent..];
    }
    tx.close().expect("room in the pipe");
    let mut arrived = Vec::new();
    assert_eq!(drain(&mut rx, &mut arrived), Some(End::Closed));
    assert_eq!(arrived, messages);
}
