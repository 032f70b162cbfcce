//! A queue's file: a sound one to start from, and what an end may do with a broken one.

use std::path::PathBuf;
use std::sync::OnceLock;

use crosstie::channel::WaitMode;
use crosstie::channel::queue::{QueueOptions, QueueReceiver, QueueSender};
use crosstie::contract::{RecvError, SendError};
use crosstie::{Deadline, ErrorKind};

use crate::bytes::Bytes;
use crate::place;

/// The queue's name.
pub const NAME: &str = "f";
/// Its places.
pub const PLACES: u32 = 8;
/// Its room, in bytes.
pub const CAPACITY_BYTES: usize = 8192;
/// Where its words end and its payloads begin.
pub const WORDS_END: usize = 20_480 + 3 * 64 + 2 * 128 + 64;

/// Where the queue's file lies.
pub fn path() -> PathBuf {
    place::domain().directory().path().join(format!("queue.{NAME}"))
}

/// How the ends are opened.
pub fn options() -> QueueOptions {
    QueueOptions { wait: WaitMode::Block, ..QueueOptions::default() }
}

/// The bytes of a sound queue that has gone round, with messages waiting, one come back and one dead.
pub fn sound() -> &'static [u8] {
    static SOUND: OnceLock<Vec<u8>> = OnceLock::new();
    SOUND.get_or_init(|| {
        let _ = std::fs::remove_file(path());
        let sized = QueueOptions { places: Some(PLACES), capacity_bytes: Some(CAPACITY_BYTES), ..options() };
        let mut tx = QueueSender::open(place::domain(), NAME, &sized).expect("a queue");
        let rx = QueueReceiver::open(place::domain(), NAME, &sized).expect("a queue");
        for n in 0..45_u8 {
            tx.send(&vec![n; usize::from(n) * 20], Deadline::NOW).expect("room");
            if n < 40 {
                rx.recv(Deadline::NOW).expect("a message").done().expect("in hand");
            }
        }
        rx.recv(Deadline::NOW).expect("a message").reject().expect("in hand");
        rx.recv(Deadline::NOW).expect("a message").fail().expect("in hand");
        drop((tx, rx));
        std::fs::read(path()).expect("the queue's file")
    })
}

/// Takes at most `most` messages and says what `input` says became of them; each lies within the limits, or
/// the error is one that the contract names.
pub fn receive(rx: &QueueReceiver, input: &mut Bytes<'_>, most: usize) {
    let mut copy = Vec::new();
    for _ in 0..most {
        let how = input.u8();
        let taken = if how & 8 != 0 { rx.recv_dead_letter() } else { rx.recv(Deadline::NOW) };
        match taken {
            Ok(job) => {
                assert!(job.len() <= CAPACITY_BYTES);
                job.copy_into(&mut copy);
                // It may have been taken away, or the queue be corrupt by now.
                let _ = match how % 4 {
                    0 => job.done(),
                    1 => job.fail(),
                    2 => job.reject(),
                    _ => continue,
                };
            }
            Err(RecvError::Closed | RecvError::PeerDied | RecvError::TooLarge { .. }) => {}
            Err(RecvError::Empty) => return,
            Err(RecvError::Failed(error)) => {
                assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
                return;
            }
            Err(error) => panic!("{error}"),
        }
    }
}

/// Sends messages of lengths that `input` says, copied or lent.
pub fn send(tx: &mut QueueSender, input: &mut Bytes<'_>, most: usize) {
    for _ in 0..most {
        let (how, length) = (input.u8(), usize::from(input.u16() % 9000));
        let payload = vec![how; length];
        let sent = match how % 3 {
            0 => tx.send(&payload, Deadline::NOW),
            1 => tx.send_batch(&[&payload, b"and", &payload], Deadline::NOW).map(drop),
            _ => tx.reserve(length, Deadline::NOW).and_then(|mut loan| {
                loan.write_at(length / 2, &payload[length / 2..]);
                loan.commit_prefix(length - length / 3)
            }),
        };
        match sent {
            Ok(()) | Err(SendError::Full | SendError::TooLarge { .. }) => {}
            Err(SendError::Failed(error)) => {
                assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
                return;
            }
            Err(error) => panic!("{error}"),
        }
    }
}
