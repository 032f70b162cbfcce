//! An object, and the wait records and hold tables of those who use it, change while two threads work on
//! it: every operation ends by its deadline, whatever it answers.
//!
//! Input: kind, count of changes, the changes (place, value), then what the threads do.
#![no_main]

use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use crosstie_fuzz::bytes::Bytes;
use crosstie_fuzz::object::Kind;
use crosstie_fuzz::{place, view};
use libfuzzer_sys::fuzz_target;

const OBJECT: u64 = 4096;
/// Where the slots of a ledger begin, how far they lie apart, and how many are changed.
const SLOTS: u64 = 64 << 10;
const SLOT_BYTES: u64 = 1024;
const SLOTS_CHANGED: u64 = 4;

/// One change: in which file, where, and the eight bytes that alternate with what was there.
struct Change<'a> {
    file: &'a File,
    at: u64,
    bytes: [u8; 8],
}

fuzz_target!(|data: &[u8]| {
    let mut input = Bytes::new(data);
    let kind = Kind::of(input.u8());
    let _ = std::fs::remove_file(kind.path());
    std::fs::write(kind.path(), kind.sound()).expect("a file");
    let object = open(&kind.path());
    let ledger = open(&place::domain().directory().path().join("ledger"));
    let changes: Vec<_> = (0..1 + input.u8() % 8).map(|_| change(&object, &ledger, &mut input)).collect();
    let is_over = AtomicBool::new(false);
    std::thread::scope(|threads| {
        let changing = threads.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                for Change { file, at, bytes } in &changes {
                    let mut before = [0; 8];
                    file.read_exact_at(&mut before, *at).expect("a file");
                    file.write_all_at(bytes, *at).expect("a file");
                    file.write_all_at(&before, *at).expect("a file");
                }
            }
        });
        let working = threads.spawn(|| {
            let mut input = input;
            kind.work(&mut input, 12);
        });
        let mut own = Bytes::new(&[1, 3, 7, 5, 9, 11, 13, 15]);
        kind.work(&mut own, 8);
        view::look(place::domain());
        working.join().expect("no panic");
        is_over.store(true, Ordering::Relaxed);
        changing.join().expect("no panic");
    });
    kind.remove();
});

fn open(path: &Path) -> File {
    OpenOptions::new().read(true).write(true).open(path).expect("the file")
}

/// The object's words, or a wait record or a hold table of the first slots; never who lives there.
fn change<'a>(object: &'a File, ledger: &'a File, input: &mut Bytes<'_>) -> Change<'a> {
    let length = object.metadata().expect("a file").len();
    let (what, which) = (input.u8(), u64::from(input.u8()));
    let slot = SLOTS + which % SLOTS_CHANGED * SLOT_BYTES;
    let (file, at) = match what % 8 {
        0..4 => (object, OBJECT + which % 16 * 8),
        // The smallest object has nothing but its head.
        4 if length > OBJECT + 128 => (object, OBJECT + (128 + which * 8) % (length - OBJECT)),
        4 => (object, OBJECT),
        5 => (ledger, slot + 200 + which / SLOTS_CHANGED % 16 * 8),
        6 => (ledger, slot + 384 + which / SLOTS_CHANGED * 8),
        // The set of those to look at for waiters, and the tickets.
        _ => (ledger, [448, 456, 520, 528][(which % 4) as usize]),
    };
    let word = match what / 8 % 4 {
        0 => u64::MAX,
        1 => u64::from(input.u8() % 6 + 1) | u64::from(input.u8() % 4) << 16 | u64::from(input.u8()) << 56,
        2 => u64::from(input.u16()),
        _ => input.u64(),
    };
    Change { file, at, bytes: word.to_le_bytes() }
}
