//! A ring's file: a sound one to start from, and what an end may do with a broken one.

use std::path::PathBuf;
use std::sync::OnceLock;

use crosstie::channel::ring::{RingOptions, RingReceiver, RingSender, WaitMode};
use crosstie::contract::{RecvError, SendError};
use crosstie::{Deadline, ErrorKind};

use crate::bytes::Bytes;
use crate::place;

/// The ring's name.
pub const NAME: &str = "f";
/// Bytes of the sound ring's cells.
pub const CAPACITY_BYTES: usize = 4096;

/// Where the ring's file lies.
pub fn path() -> PathBuf {
    place::domain().directory().path().join(format!("ring.{NAME}"))
}

/// How the ends are opened.
pub fn options(wait: WaitMode) -> RingOptions {
    RingOptions { capacity_bytes: None, message_bytes_max: 1 << 20, wait }
}

/// The bytes of a sound ring in its second lap, with five messages waiting.
pub fn sound() -> &'static [u8] {
    static SOUND: OnceLock<Vec<u8>> = OnceLock::new();
    SOUND.get_or_init(|| {
        let _ = std::fs::remove_file(path());
        let sized = RingOptions { capacity_bytes: Some(CAPACITY_BYTES), ..options(WaitMode::Block) };
        let mut tx = RingSender::open(place::domain(), NAME, &sized).expect("a ring");
        let mut rx = RingReceiver::open(place::domain(), NAME, &sized).expect("a ring");
        for n in 0..45_u8 {
            tx.send(&vec![n; usize::from(n) * 4], Deadline::NOW).expect("room");
            if n < 40 {
                drop(rx.recv(Deadline::NOW).expect("a message"));
            }
        }
        drop((tx, rx));
        std::fs::read(path()).expect("the ring's file")
    })
}

/// Writes changes that `input` says over `file`: place (two bytes), length, bytes.
pub fn change(file: &mut [u8], input: &mut Bytes<'_>, count: usize) {
    for _ in 0..count {
        let at = usize::from(input.u16()) % file.len().max(1);
        let length = 1 + usize::from(input.u8() % 16);
        let bytes = input.take(length);
        if let Some(to) = file.get_mut(at..at + bytes.len()) {
            to.copy_from_slice(bytes);
        }
    }
}

/// Receives at most `most` messages; each is whole and within the limits, or the error is one that
/// the contract names.
pub fn receive(rx: &mut RingReceiver, most: usize, deadline: impl Fn() -> Deadline) {
    let limit = rx.message_bytes_max();
    let mut copy = Vec::new();
    for _ in 0..most {
        match rx.recv(deadline()) {
            Ok(message) => {
                assert!(message.len() <= limit);
                message.copy_into(&mut copy);
                let _ = message.is_redelivered();
            }
            Err(RecvError::Closed | RecvError::PeerDied) => {}
            Err(RecvError::Empty | RecvError::TimedOut | RecvError::TooLarge { .. }) => return,
            Err(RecvError::Failed(error)) => {
                assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
                return;
            }
            Err(error) => panic!("{error}"),
        }
    }
}

/// Sends messages of lengths that `input` says, copied or lent.
pub fn send(tx: &mut RingSender, input: &mut Bytes<'_>, most: usize, deadline: impl Fn() -> Deadline) {
    for _ in 0..most {
        let (how, length) = (input.u8(), usize::from(input.u16() % 5000));
        let payload = vec![how; length];
        let sent = match how % 3 {
            0 => tx.send(&payload, deadline()),
            1 => tx.send_batch(&[&payload, b"and", &payload], deadline()).map(drop),
            _ => tx.reserve(length, deadline()).map(|mut loan| {
                loan.write_at(length / 2, &payload[length / 2..]);
                loan.commit_prefix(length - length / 3);
            }),
        };
        match sent {
            Ok(()) | Err(SendError::Full | SendError::TimedOut | SendError::TooLarge { .. }) => {}
            Err(SendError::Closed | SendError::PeerDied) => {}
            Err(SendError::Failed(error)) => {
                assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
                return;
            }
            Err(error) => panic!("{error}"),
        }
    }
}
