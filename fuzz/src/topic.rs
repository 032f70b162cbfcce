//! A topic's file: sound ones to start from, and what an end may do with a broken one.

use std::path::PathBuf;
use std::sync::OnceLock;

use crosstie::channel::WaitMode;
use crosstie::channel::topic::{Mode, Start, TopicOptions, TopicReceiver, TopicSender};
use crosstie::contract::{RecvError, SendError};
use crosstie::{Deadline, ErrorKind};

use crate::bytes::Bytes;
use crate::place;

/// The topic's name.
pub const NAME: &str = "f";
/// Its places, which the newest-value mode has too.
pub const PLACES: u32 = 8;
/// Its longest message, in bytes.
pub const MESSAGE_BYTES: usize = 112;
/// Bytes from one slot to the next, where they begin and where they end (docs/format.md).
pub const STRIDE: usize = 128;
pub const SLOTS: usize = 86_016;
pub const END: usize = SLOTS + PLACES as usize * STRIDE;

/// Where the topic's file lies.
pub fn path() -> PathBuf {
    place::domain().directory().path().join(format!("topic.{NAME}"))
}

/// How the ends are opened: whatever the file is.
pub fn options(start: u8) -> TopicOptions {
    let start = match start % 4 {
        0 => Start::Oldest,
        1 => Start::Newest,
        2 => Start::Last(3),
        _ => Start::At(u64::from(start) / 4),
    };
    TopicOptions { start, wait: WaitMode::Block, ..TopicOptions::default() }
}

/// The bytes of a sound topic of a mode that has gone round, with one number claimed and let go.
pub fn sound(mode: u8) -> &'static [u8] {
    static SOUND: [OnceLock<Vec<u8>>; 3] = [const { OnceLock::new() }; 3];
    let which = usize::from(mode % 3);
    SOUND[which].get_or_init(|| {
        let mode = [Mode::Lossless, Mode::Lossy, Mode::Latest][which];
        let _ = std::fs::remove_file(path());
        let (mode, message_bytes_max) = (Some(mode), Some(MESSAGE_BYTES));
        let places = (which < 2).then_some(PLACES);
        let sized = TopicOptions { mode, places, message_bytes_max, ..options(0) };
        let mut tx = TopicSender::open(place::domain(), NAME, &sized).expect("a topic");
        for n in 0..45_u8 {
            tx.send(&vec![n; usize::from(n)], Deadline::NOW).expect("room");
            if n == 41 {
                drop(tx.reserve(9, Deadline::NOW).expect("room"));
            }
        }
        drop(tx);
        std::fs::read(path()).expect("the topic's file")
    })
}

/// Where a word of a topic lies: of the control page, an end, a cursor, or a slot; the header rarely.
pub fn word(what: u8, which: u8) -> usize {
    let which = usize::from(which);
    match what % 8 {
        0 => which % 16 * 8,
        1 => 128 + which % 80 * 8,
        2 => 4096 + which % 8 * 8,
        3 => 20_480 + which % 16 * 128,
        // A slot's word, and its extent.
        _ => SLOTS + which % PLACES as usize * STRIDE + which / 128 * 8,
    }
}

/// What may be written there: as a slot's word of some lap, as a position, as anything.
pub fn value(what: u8, input: &mut Bytes<'_>) -> u64 {
    match what % 4 {
        0 => u64::from(input.u8() % 9) << 60 | u64::from(input.u16()) << 32 | u64::from(input.u8()),
        1 => u64::from(input.u8() % 64),
        2 => u64::MAX - u64::from(input.u8() % 4),
        _ => input.u64(),
    }
}

/// Takes at most `most` messages; each lies within the limits, or the error is one that the contract names.
pub fn receive(rx: &mut TopicReceiver, most: usize, deadline: impl Fn() -> Deadline) {
    let mut copy = [0; MESSAGE_BYTES];
    for _ in 0..most {
        match rx.recv(deadline()) {
            Ok(message) => {
                assert!(message.len() <= MESSAGE_BYTES && message.copy_to(&mut copy) <= MESSAGE_BYTES);
            }
            Err(RecvError::Closed | RecvError::PeerDied) => {}
            Err(RecvError::Overrun { from, to }) => assert!(from < to),
            Err(RecvError::Empty | RecvError::TimedOut) => return,
            Err(RecvError::Failed(error)) => {
                assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
                return;
            }
            Err(error) => panic!("{error}"),
        }
    }
}

/// Publishes messages of lengths that `input` says, copied or lent, some of them let go.
pub fn send(tx: &mut TopicSender, input: &mut Bytes<'_>, most: usize, deadline: impl Fn() -> Deadline) {
    for _ in 0..most {
        let (how, length) = (input.u8(), usize::from(input.u8() % 120));
        let payload = vec![how; length];
        let sent = match how % 4 {
            0 => tx.send(&payload, deadline()),
            1 => tx.send_batch(&[&payload, b"and", &payload], deadline()).map(drop),
            2 => tx.reserve(length, deadline()).map(drop),
            _ => tx.reserve(length, deadline()).and_then(|mut loan| {
                loan.write_at(length / 2, &payload[length / 2..]);
                loan.commit_prefix(length - length / 3)
            }),
        };
        match sent {
            Ok(()) | Err(SendError::Full | SendError::TimedOut | SendError::HeldUp(_)) => {}
            Err(SendError::TooLarge { limit, .. }) => assert!(limit <= MESSAGE_BYTES),
            Err(SendError::Failed(error)) => {
                assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
                return;
            }
            Err(error) => panic!("{error}"),
        }
    }
}
