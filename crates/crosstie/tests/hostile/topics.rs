//! A topic of any bytes, at rest and while a thread changes them.

use std::fs::OpenOptions;
use std::path::Path;
use std::time::Duration;

use crosstie::channel::WaitMode;
use crosstie::channel::topic::{Mode, Start, TopicOptions, TopicReceiver, TopicSender, TopicState};
use crosstie::contract::{RecvError, SendError};
use crosstie::os::clock;
use crosstie::{Deadline, ErrorKind};

use crate::judge::{Dice, Verdict, domain, judge, topic_file};
use crate::runs::{soon, while_changing};

const LIMIT: Duration = Duration::from_secs(30);
const PLACES: u32 = 8;
const MESSAGE_BYTES: usize = 112;
const STRIDE: usize = 128;
/// Where the slots of such a topic begin and end (docs/format.md).
const SLOTS: usize = 86_016;
const END: usize = SLOTS + 8 * STRIDE;

#[test]
fn a_topic_of_any_bytes_gives_errors_or_wrong_payload_within_its_bounds() {
    assert_eq!(judge("topic at rest", LIMIT), Verdict::Sound);
}

#[test]
fn a_topic_that_changes_while_all_work_fails_or_lies_but_every_call_ends() {
    assert_eq!(judge("topic live", LIMIT), Verdict::Sound);
}

fn options(dice: &mut Dice, wait: WaitMode) -> TopicOptions {
    let start = match dice.below(4) {
        0 => Start::Newest,
        1 => Start::Last(3),
        2 => Start::At(dice.roll() % 100),
        _ => Start::Oldest,
    };
    TopicOptions { start, wait, ..TopicOptions::default() }
}

/// A topic that has gone round; its file's bytes.
fn sound_topic(folder: &Path, mode: Mode) -> Vec<u8> {
    let _ = std::fs::remove_file(topic_file(folder));
    let sized = TopicOptions {
        mode: Some(mode),
        places: Some(PLACES),
        message_bytes_max: Some(MESSAGE_BYTES),
        ..TopicOptions::default()
    };
    let mut tx = TopicSender::open(domain(folder), "t", &sized).unwrap();
    for n in 0..45_u8 {
        tx.send(&vec![n; usize::from(n)], Deadline::NOW).unwrap();
    }
    drop(tx);
    std::fs::read(topic_file(folder)).unwrap()
}

/// Takes at most `most` messages; answers how many came.
fn receive(rx: &mut TopicReceiver, most: usize, deadline: impl Fn() -> Deadline) -> usize {
    let mut copy = [0; MESSAGE_BYTES];
    let mut count = 0;
    for _ in 0..most {
        match rx.recv(deadline()) {
            Ok(message) => {
                assert!(message.copy_to(&mut copy) <= MESSAGE_BYTES && message.len() <= MESSAGE_BYTES);
                count += 1;
            }
            Err(RecvError::Closed | RecvError::PeerDied) => {}
            Err(RecvError::Overrun { from, to }) => assert!(from < to),
            Err(RecvError::Empty | RecvError::TimedOut) => break,
            Err(RecvError::Failed(error)) => {
                assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
                break;
            }
            Err(error) => panic!("{error}"),
        }
    }
    count
}

fn send(tx: &mut TopicSender, dice: &mut Dice, most: usize, deadline: impl Fn() -> Deadline) {
    for _ in 0..most {
        let payload = vec![7; dice.below(MESSAGE_BYTES)];
        let sent = match dice.below(2) {
            0 => tx.send(&payload, deadline()),
            _ => tx.reserve(payload.len(), deadline()).and_then(|mut loan| {
                loan.write_at(0, &payload);
                loan.commit_prefix(payload.len() / 2)
            }),
        };
        match sent {
            Ok(()) | Err(SendError::Full | SendError::TimedOut | SendError::HeldUp(_)) => {}
            Err(SendError::Failed(error)) => return assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}"),
            Err(error) => panic!("{error}"),
        }
    }
}

/// A word of the control page, of an end, of a cursor or of a slot.
fn word(dice: &mut Dice) -> usize {
    match dice.below(8) {
        0 => 128 + dice.below(5) * 128,
        1 => 512 + dice.below(4) * 8,
        2 => 4096 + dice.below(8) * 8,
        3 => 20_480 + dice.below(4) * 64 + dice.below(2) * 8,
        _ => SLOTS + dice.below(8) * STRIDE + dice.below(2) * 8,
    }
}

/// A topic's file with one to eight changes: words, the header, or any bytes.
fn spoilt(sound: &[u8], dice: &mut Dice) -> Vec<u8> {
    let mut file = sound.to_vec();
    for _ in 0..=dice.below(8) {
        let at = match dice.below(16) {
            0 => dice.below(128 / 8) * 8,
            1 => dice.below(sound.len() / 8) * 8,
            _ => word(dice),
        };
        file[at..at + 8].copy_from_slice(&hostile(dice).to_le_bytes());
    }
    if dice.below(16) == 0 {
        file.truncate(dice.below(sound.len()));
    }
    file
}

/// A word that looks like one of a slot as often as like any other.
fn hostile(dice: &mut Dice) -> u64 {
    let roll = dice.roll();
    match dice.below(2) {
        0 => ((roll & 15) << 16) | ((roll >> 8 & 7) << 12) | (roll >> 24 & 0xFFF),
        _ => dice.word(),
    }
}

pub fn at_rest(folder: &Path) {
    let mut dice = Dice(0x5EED);
    let now = || Deadline::NOW;
    let mut opened = 0;
    for mode in [Mode::Lossless, Mode::Lossy, Mode::Latest] {
        let sound = sound_topic(folder, mode);
        for _ in 0..300 {
            std::fs::remove_file(topic_file(folder)).unwrap();
            std::fs::write(topic_file(folder), spoilt(&sound, &mut dice)).unwrap();
            let wanted = options(&mut dice, WaitMode::Block);
            let tx = TopicSender::open(domain(folder), "t", &wanted);
            if let Ok(mut rx) = TopicReceiver::open(domain(folder), "t", &wanted) {
                opened += 1;
                receive(&mut rx, 30, now);
                if let Ok(mut tx) = tx {
                    send(&mut tx, &mut dice, 20, now);
                    receive(&mut rx, 30, now);
                }
            }
            let _ = TopicState::of(domain(folder), "t");
        }
    }
    assert!(opened > 300, "only {opened} got past opening");
}

pub fn live(folder: &Path) {
    let mut arrived = 0;
    for (mode, wait) in
        [(Mode::Lossless, WaitMode::Block), (Mode::Lossy, WaitMode::Spin), (Mode::Latest, WaitMode::Adaptive)]
    {
        let sound = sound_topic(folder, mode);
        let file = OpenOptions::new().read(true).write(true).open(topic_file(folder)).unwrap();
        let at = |dice: &mut Dice| word(dice) as u64;
        while_changing(&file, &sound[128..END], at, || arrived += work_at_both_ends(folder, wait, 400_000));
    }
    assert!(arrived > 20, "only {arrived} messages: nothing was tried");
}

/// Opens ends again and again and works with them, for so many microseconds; answers how many messages
/// arrived.
fn work_at_both_ends(folder: &Path, wait: WaitMode, us: u64) -> usize {
    let until = soon(us);
    let mut arrived = 0;
    std::thread::scope(|threads| {
        threads.spawn(move || {
            let mut dice = Dice(0xACE);
            while !until.is_over(clock::now_ns()) {
                let wanted = options(&mut dice, wait);
                if let Ok(mut tx) = TopicSender::open(domain(folder), "t", &wanted) {
                    send(&mut tx, &mut dice, 50, || soon(200));
                }
            }
        });
        let mut dice = Dice(0xBEE);
        while !until.is_over(clock::now_ns()) {
            let wanted = options(&mut dice, wait);
            if let Ok(mut rx) = TopicReceiver::open(domain(folder), "t", &wanted) {
                arrived += receive(&mut rx, 100, || soon(200));
            }
        }
    });
    arrived
}
