//! What the library does with hostile bytes, at rest and while a thread changes them.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use crosstie::channel::ring::{RingOptions, RingReceiver, RingSender, WaitMode};
use crosstie::contract::{RecvError, SendError};
use crosstie::ledger::Domain;
use crosstie::os::clock;
use crosstie::{Deadline, ErrorKind, OwnerId};

use crate::judge::{Dice, Verdict, domain, judge, ledger_file, ring_file};

const LIMIT: Duration = Duration::from_secs(30);
/// Where a ring's positions, sleepers and roles lie (docs/format.md).
const WORDS: [u64; 6] = [128, 256, 384, 512, 640, 768];
const CELLS: u64 = 4096;
const CAPACITY: usize = 4096;

#[test]
fn a_ring_of_any_bytes_gives_errors_or_wrong_payload_within_its_bounds() {
    assert_eq!(judge("ring at rest", LIMIT), Verdict::Sound);
}

#[test]
fn a_ring_that_changes_while_both_ends_work_fails_or_lies_but_every_call_ends() {
    assert_eq!(judge("ring live", LIMIT), Verdict::Sound);
}

#[test]
fn ends_are_taken_or_refused_while_their_roles_change_all_the_time() {
    assert_eq!(judge("roles live", LIMIT), Verdict::Sound);
}

#[test]
fn a_ledger_of_any_bytes_answers_every_question() {
    assert_eq!(judge("ledger at rest", LIMIT), Verdict::Sound);
}

pub fn soon(us: u64) -> Deadline {
    Deadline::at_ns(clock::now_ns()).after_ns(us * 1000)
}

pub fn options(wait: WaitMode) -> RingOptions {
    RingOptions { wait, ..RingOptions::default() }
}

/// A ring in its second lap with five messages waiting; its file's bytes.
pub fn sound_ring(folder: &Path) -> Vec<u8> {
    let sized = RingOptions { capacity_bytes: Some(CAPACITY), ..options(WaitMode::Block) };
    let mut tx = RingSender::open(domain(folder), "r", &sized).unwrap();
    let mut rx = RingReceiver::open(domain(folder), "r", &sized).unwrap();
    for n in 0..45_u8 {
        tx.send(&vec![n; usize::from(n) * 4], Deadline::NOW).unwrap();
        if n < 40 {
            drop(rx.recv(Deadline::NOW).unwrap());
        }
    }
    drop((tx, rx));
    std::fs::read(ring_file(folder)).unwrap()
}

/// Receives at most `most` messages; answers how many came.
fn receive(rx: &mut RingReceiver, most: usize, deadline: impl Fn() -> Deadline) -> usize {
    let mut copy = Vec::new();
    let mut count = 0;
    for _ in 0..most {
        let limit = rx.message_bytes_max();
        match rx.recv(deadline()) {
            Ok(message) => {
                message.copy_into(&mut copy);
                assert!(copy.len() <= limit);
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

fn send(tx: &mut RingSender, dice: &mut Dice, most: usize, deadline: impl Fn() -> Deadline) {
    for _ in 0..most {
        let payload = vec![7; dice.below(CAPACITY)];
        let sent = match dice.below(2) {
            0 => tx.send(&payload, deadline()),
            _ => tx.reserve(payload.len(), deadline()).map(|mut loan| {
                loan.write_at(0, &payload);
                loan.commit_prefix(payload.len() / 2);
            }),
        };
        match sent {
            Ok(()) | Err(SendError::Full | SendError::TimedOut | SendError::TooLarge { .. }) => {}
            Err(SendError::Closed | SendError::PeerDied) => {}
            Err(SendError::Failed(error)) => return assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}"),
            Err(error) => panic!("{error}"),
        }
    }
}

/// A ring's file with one to eight changes: control words, roles, commit words, or any bytes.
fn spoilt(sound: &[u8], dice: &mut Dice) -> Vec<u8> {
    let mut file = sound.to_vec();
    for _ in 0..=dice.below(8) {
        let at = match dice.below(8) {
            0 => dice.below(128 / 8) * 8,
            1..4 => usize::try_from(WORDS[dice.below(WORDS.len())]).unwrap(),
            4..7 => 4096 + dice.below(CAPACITY / 64) * 64,
            _ => dice.below(sound.len() / 8) * 8,
        };
        file[at..at + 8].copy_from_slice(&dice.word().to_le_bytes());
    }
    if dice.below(16) == 0 {
        file.truncate(dice.below(sound.len()));
    }
    file
}

pub fn ring_at_rest(folder: &Path) {
    let sound = sound_ring(folder);
    let mut dice = Dice(0x5EED);
    let now = || Deadline::NOW;
    let mut opened = 0;
    for _ in 0..1500 {
        std::fs::remove_file(ring_file(folder)).unwrap();
        std::fs::write(ring_file(folder), spoilt(&sound, &mut dice)).unwrap();
        let wait = options(WaitMode::Block);
        let tx = RingSender::open(domain(folder), "r", &wait);
        if let Ok(mut rx) = RingReceiver::open(domain(folder), "r", &wait) {
            opened += 1;
            receive(&mut rx, 70, now);
            if let Ok(mut tx) = tx {
                send(&mut tx, &mut dice, 10, now);
                receive(&mut rx, 70, now);
            }
        }
    }
    assert!(opened > 300, "only {opened} got past opening");
}

/// Writes hostile words to places that `at` chooses until `work` ends. Most are taken back at once,
/// the others after a while, by writing `sound` behind the header, so that the ends are not refused for ever after.
pub fn while_changing(file: &File, sound: &[u8], at: impl Fn(&mut Dice) -> u64 + Sync, work: impl FnOnce()) {
    let is_over = AtomicBool::new(false);
    std::thread::scope(|threads| {
        let changing = threads.spawn(|| {
            let mut dice = Dice(0xBAD5EED);
            let mut changes = 0_u64;
            // Relaxed: ends the loop some time after.
            while !is_over.load(Ordering::Relaxed) {
                let at = at(&mut dice);
                let mut before = [0; 8];
                file.read_exact_at(&mut before, at).unwrap();
                file.write_all_at(&dice.word().to_le_bytes(), at).unwrap();
                if dice.below(4) != 0 {
                    file.write_all_at(&before, at).unwrap();
                }
                if dice.below(32) == 0 {
                    file.write_all_at(sound, 128).unwrap();
                }
                changes += 1;
            }
            changes
        });
        work();
        // Relaxed: as above.
        is_over.store(true, Ordering::Relaxed);
        assert!(changing.join().unwrap() > 1000);
    });
}

fn word_or_cell(dice: &mut Dice) -> u64 {
    match dice.below(2) {
        0 => WORDS[dice.below(WORDS.len())],
        _ => CELLS + dice.below(CAPACITY / 64) as u64 * 64,
    }
}

pub fn ring_live(folder: &Path) {
    let sound = sound_ring(folder);
    let mut arrived = 0;
    for wait in [WaitMode::Block, WaitMode::Spin, WaitMode::Adaptive] {
        std::fs::write(ring_file(folder), &sound).unwrap();
        let file = OpenOptions::new().read(true).write(true).open(ring_file(folder)).unwrap();
        while_changing(&file, &sound[128..832], word_or_cell, || {
            arrived += work_at_both_ends(folder, wait, 400_000)
        });
    }
    assert!(arrived > 20, "only {arrived} messages: nothing was tried");
}

/// Opens both ends again and again and works with them, for so many microseconds; answers how many
/// messages arrived.
fn work_at_both_ends(folder: &Path, wait: WaitMode, us: u64) -> usize {
    let until = soon(us);
    let mut arrived = 0;
    std::thread::scope(|threads| {
        threads.spawn(move || {
            let mut dice = Dice(0xACE);
            while !until.is_over(clock::now_ns()) {
                if let Ok(mut tx) = RingSender::open(domain(folder), "r", &options(wait)) {
                    send(&mut tx, &mut dice, 50, || soon(200));
                }
            }
        });
        while !until.is_over(clock::now_ns()) {
            if let Ok(mut rx) = RingReceiver::open(domain(folder), "r", &options(wait)) {
                arrived += receive(&mut rx, 100, || soon(200));
            }
        }
    });
    arrived
}

pub fn roles_live(folder: &Path) {
    let sound = sound_ring(folder);
    let file = OpenOptions::new().read(true).write(true).open(ring_file(folder)).unwrap();
    let roles = |dice: &mut Dice| WORDS[4 + dice.below(2)];
    let mut arrived = 0;
    while_changing(&file, &sound[128..832], roles, || {
        arrived = work_at_both_ends(folder, WaitMode::Adaptive, 300_000);
    });
    assert!(arrived > 0, "nothing was tried");
}

pub fn ledger_at_rest(folder: &Path) {
    const SLOTS: usize = 64 << 10;
    let domain = domain(folder);
    domain.thread_owner().unwrap();
    domain.process_owner().unwrap();
    let mut sound = std::fs::read(ledger_file(folder)).unwrap();
    sound.truncate(SLOTS + 16 * 1024);
    let file = OpenOptions::new().write(true).open(ledger_file(folder)).unwrap();
    let mut dice = Dice(0x1ED6E4);
    for round in 0..400 {
        for _ in 0..=dice.below(12) {
            let at = match dice.below(3) {
                0 => [192, 256, 320, 512][dice.below(4)],
                1 => 4096 + dice.below(256) * 128 + dice.below(16) * 8,
                _ => SLOTS + dice.below(8) * 1024 + dice.below(26) * 8,
            };
            file.write_all_at(&dice.word().to_le_bytes(), at as u64).unwrap();
        }
        ask(domain, &mut dice);
        if round % 8 == 0 {
            // A newcomer enters or is told why not, and its end follows no pointer that it finds.
            std::thread::spawn(|| domain.thread_owner().map_err(|error| error.to_string()))
                .join()
                .unwrap()
                .ok();
        }
        file.write_all_at(&sound[128..], 128).unwrap();
    }
}

fn ask(domain: &'static Domain, dice: &mut Dice) {
    let owners = domain.owners();
    let mut ids: Vec<_> = owners.iter().map(|owner| owner.id).take(3).collect();
    ids.extend((0..4).filter_map(|_| OwnerId::from_bits(dice.word())));
    for id in ids {
        let _ = (domain.is_alive(id), domain.identity(id).map(|identity| identity.to_string()));
        domain.wait(&AtomicU32::new(0), 0, &[id], soon(50));
        let _ = domain.confirm_alive(id);
    }
}
