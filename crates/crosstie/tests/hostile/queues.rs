//! A queue of any bytes, at rest and while a thread changes them.

use std::fs::OpenOptions;
use std::path::Path;
use std::time::Duration;

use crosstie::channel::WaitMode;
use crosstie::channel::queue::{QueueOptions, QueueReceiver, QueueSender, QueueState};
use crosstie::contract::{RecvError, SendError};
use crosstie::os::clock;
use crosstie::{Deadline, ErrorKind};

use crate::judge::{Dice, Verdict, domain, judge, queue_file};
use crate::runs::{soon, while_changing};

const LIMIT: Duration = Duration::from_secs(30);
const PLACES: u32 = 8;
const CAPACITY: usize = 8192;
/// Where the words of such a queue end and its payloads begin (docs/format.md).
const WORDS_END: usize = 20_480 + 3 * 64 + 2 * 128 + 64;

#[test]
fn a_queue_of_any_bytes_gives_errors_or_wrong_payload_within_its_bounds() {
    assert_eq!(judge("queue at rest", LIMIT), Verdict::Sound);
}

#[test]
fn a_queue_that_changes_while_all_work_fails_or_lies_but_every_call_ends() {
    assert_eq!(judge("queue live", LIMIT), Verdict::Sound);
}

fn options(wait: WaitMode) -> QueueOptions {
    QueueOptions { wait, ..QueueOptions::default() }
}

/// A queue that has gone round its orders, with messages in line and in chunks waiting, one come back and one dead;
/// its file's bytes.
fn sound_queue(folder: &Path) -> Vec<u8> {
    let sized =
        QueueOptions { places: Some(PLACES), capacity_bytes: Some(CAPACITY), ..options(WaitMode::Block) };
    let mut tx = QueueSender::open(domain(folder), "q", &sized).unwrap();
    let rx = QueueReceiver::open(domain(folder), "q", &sized).unwrap();
    for n in 0..45_u8 {
        tx.send(&vec![n; usize::from(n) * 20], Deadline::NOW).unwrap();
        if n < 40 {
            rx.recv(Deadline::NOW).unwrap().done().unwrap();
        }
    }
    rx.recv(Deadline::NOW).unwrap().reject().unwrap();
    rx.recv(Deadline::NOW).unwrap().fail().unwrap();
    drop((tx, rx));
    std::fs::read(queue_file(folder)).unwrap()
}

/// Takes at most `most` messages; answers how many came.
fn receive(rx: &QueueReceiver, dice: &mut Dice, most: usize, deadline: impl Fn() -> Deadline) -> usize {
    let mut copy = Vec::new();
    let mut count = 0;
    for _ in 0..most {
        let taken = if dice.below(8) == 0 { rx.recv_dead_letter() } else { rx.recv(deadline()) };
        match taken {
            Ok(job) => {
                job.copy_into(&mut copy);
                assert!(copy.len() <= CAPACITY);
                // It may have been taken away, or the queue be corrupt by now.
                let _ = match dice.below(4) {
                    0 => job.fail(),
                    1 => job.reject(),
                    _ => job.done(),
                };
                count += 1;
            }
            Err(RecvError::Closed | RecvError::PeerDied) => {}
            Err(RecvError::Empty | RecvError::TimedOut | RecvError::TooLarge { .. }) => break,
            Err(RecvError::Failed(error)) => {
                assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
                break;
            }
            Err(error) => panic!("{error}"),
        }
    }
    count
}

fn send(tx: &mut QueueSender, dice: &mut Dice, most: usize, deadline: impl Fn() -> Deadline) {
    for _ in 0..most {
        let payload = vec![7; dice.below(CAPACITY)];
        let sent = match dice.below(2) {
            0 => tx.send(&payload, deadline()),
            _ => tx.reserve(payload.len(), deadline()).and_then(|mut loan| {
                loan.write_at(0, &payload);
                loan.commit_prefix(payload.len() / 2)
            }),
        };
        match sent {
            Ok(()) | Err(SendError::Full | SendError::TimedOut | SendError::TooLarge { .. }) => {}
            Err(SendError::Failed(error)) => return assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}"),
            Err(error) => panic!("{error}"),
        }
    }
}

/// A word of the control page, of an end, of a place or of an order.
fn word(dice: &mut Dice) -> usize {
    match dice.below(8) {
        0 => 128 + dice.below(8) * 128,
        1 => 896 + dice.below(4) * 8,
        2 => 4096 + dice.below(8) * 8,
        _ => 20_480 + dice.below((WORDS_END - 20_480) / 8) * 8,
    }
}

/// A queue's file with one to eight changes: words, the header, or any bytes.
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

/// A word that looks like one of a job or of an order as often as like any other.
fn hostile(dice: &mut Dice) -> u64 {
    let roll = dice.roll();
    match dice.below(4) {
        0 => ((roll & 3) << 32) | ((roll >> 8 & 7) << 16) | ((roll >> 16 & 7) << 12) | (roll >> 24 & 0xFFF),
        1 => ((roll & 7) << 48) | (1 << 47) | ((roll >> 8 & 31) << 20) | (roll >> 16 & 15),
        _ => dice.word(),
    }
}

pub fn at_rest(folder: &Path) {
    let sound = sound_queue(folder);
    let mut dice = Dice(0x5EED);
    let now = || Deadline::NOW;
    let mut opened = 0;
    for _ in 0..1000 {
        std::fs::remove_file(queue_file(folder)).unwrap();
        std::fs::write(queue_file(folder), spoilt(&sound, &mut dice)).unwrap();
        let wait = options(WaitMode::Block);
        let tx = QueueSender::open(domain(folder), "q", &wait);
        if let Ok(rx) = QueueReceiver::open(domain(folder), "q", &wait) {
            opened += 1;
            receive(&rx, &mut dice, 30, now);
            if let Ok(mut tx) = tx {
                send(&mut tx, &mut dice, 10, now);
                receive(&rx, &mut dice, 30, now);
            }
        }
        let _ = QueueState::of(domain(folder), "q");
    }
    assert!(opened > 300, "only {opened} got past opening");
}

pub fn live(folder: &Path) {
    let sound = sound_queue(folder);
    let mut arrived = 0;
    for wait in [WaitMode::Block, WaitMode::Spin, WaitMode::Adaptive] {
        std::fs::write(queue_file(folder), &sound).unwrap();
        let file = OpenOptions::new().read(true).write(true).open(queue_file(folder)).unwrap();
        let at = |dice: &mut Dice| word(dice) as u64;
        while_changing(&file, &sound[128..WORDS_END], at, || {
            arrived += work_at_both_ends(folder, wait, 400_000)
        });
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
                if let Ok(mut tx) = QueueSender::open(domain(folder), "q", &options(wait)) {
                    send(&mut tx, &mut dice, 50, || soon(200));
                }
            }
        });
        let mut dice = Dice(0xBEE);
        while !until.is_over(clock::now_ns()) {
            if let Ok(rx) = QueueReceiver::open(domain(folder), "q", &options(wait)) {
                arrived += receive(&rx, &mut dice, 100, || soon(200));
            }
        }
    });
    arrived
}
