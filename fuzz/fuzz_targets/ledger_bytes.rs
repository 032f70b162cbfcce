//! A ledger of any bytes: it is refused with an error, or every question about it is answered in
//! time, newcomers still enter or are told why not, and threads of it end as threads do.
//!
//! Input: flags (1 the header alone is changed and the ledger opened anew, 2 a thread enters before
//! the changes and ends after them, 4 one enters after them), count of changes, the changes, then
//! ids to ask about.
#![no_main]

use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc;

use crosstie::OwnerId;
use crosstie::ledger::Domain;
use crosstie_fuzz::bytes::Bytes;
use crosstie_fuzz::{place, ring};
use libfuzzer_sys::fuzz_target;

/// Counters, obituaries and the first eight slots.
const PART_BYTES: usize = (64 << 10) + 8 * 1024;
const HEADER_BYTES: usize = 128;
/// A domain that opens is kept for the life of the process: no more than so many.
const OPENED_MAX: u32 = 100;
/// So is the thread of each process slot that was made because a change had killed the last one.
const KEEPERS_MAX: u32 = 100;

fuzz_target!(|data: &[u8]| {
    let mut input = Bytes::new(data);
    let flags = input.u8();
    let mut part = sound().to_vec();
    if flags & 1 != 0 {
        let count = usize::from(input.u8() % 8);
        ring::change(&mut part[..HEADER_BYTES], &mut input, count);
        open_anew(&part);
        return;
    }
    let domain = place::domain();
    let ledger = domain.directory().path().join("ledger");
    let file = OpenOptions::new().write(true).open(ledger).expect("the ledger");
    let (leave, left) = mpsc::channel::<()>();
    let early = (flags & 2 != 0).then(|| {
        let (tell, told) = mpsc::channel();
        let thread = std::thread::spawn(move || {
            tell.send(domain.thread_owner().is_ok()).expect("somebody waits");
            let _ = left.recv();
        });
        told.recv().expect("an answer");
        thread
    });
    change(&mut part, &mut input);
    file.write_all_at(&part[HEADER_BYTES..], HEADER_BYTES as u64).expect("room");
    ask(domain, flags, &mut input);
    drop(leave);
    if let Some(thread) = early {
        thread.join().expect("no panic");
    }
    // After a thread's end its keeper may have been called dead: the sound bytes revive it.
    file.write_all_at(&sound()[HEADER_BYTES..], HEADER_BYTES as u64).expect("room");
});

/// The ledger's first bytes when this process, its keeper and one thread are in it.
fn sound() -> &'static [u8] {
    static SOUND: OnceLock<Vec<u8>> = OnceLock::new();
    SOUND.get_or_init(|| {
        let domain = place::domain();
        domain.process_owner().expect("a slot");
        domain.thread_owner().expect("a slot");
        let mut part = std::fs::read(domain.directory().path().join("ledger")).expect("the ledger");
        part.truncate(PART_BYTES);
        part
    })
}

/// Changes counters, obituaries or slots: a field of one of them, or any byte.
fn change(part: &mut [u8], input: &mut Bytes<'_>) {
    for _ in 0..input.u8() % 16 {
        let (what, which) = (input.u8(), usize::from(input.u8()));
        let at = match what % 4 {
            0 => [192, 256, 320, 512][which % 4],
            1 => 4096 + which * 128 + usize::from(what / 4 % 12) * 8,
            2 => (64 << 10) + which % 8 * 1024 + usize::from(what / 4 % 26) * 8,
            _ => HEADER_BYTES + usize::from(input.u16()) % (PART_BYTES - HEADER_BYTES - 16),
        };
        let bytes = input.take(8);
        part[at..at + bytes.len()].copy_from_slice(bytes);
    }
}

fn ask(domain: &'static Domain, flags: u8, input: &mut Bytes<'_>) {
    static KEEPERS: AtomicU32 = AtomicU32::new(0);
    let owners = domain.owners();
    for owner in owners.iter().take(3) {
        assert!(!owner.to_string().contains('\0'));
        let _ = domain.confirm_alive(owner.id);
    }
    let mut ids: Vec<_> = owners.iter().map(|owner| owner.id).take(2).collect();
    ids.extend((0..2).filter_map(|_| OwnerId::from_bits(input.u64())));
    for id in ids {
        let _ = (domain.is_alive(id), domain.identity(id));
        let word = AtomicU32::new(0);
        let _ = domain.wait(&word, 0, &[id], place::soon(20));
    }
    let _ = domain.net_rescues();
    if flags & 4 != 0 {
        let late = std::thread::spawn(|| domain.thread_owner().map_err(|error| error.to_string()));
        let _ = late.join().expect("no panic");
    }
    if flags & 8 != 0 && KEEPERS.fetch_add(1, Ordering::Relaxed) < KEEPERS_MAX {
        let _ = domain.process_owner();
    }
}

/// A ledger with this header, whole in size, opened by name.
fn open_anew(part: &[u8]) {
    static OPENED: AtomicU32 = AtomicU32::new(0);
    if OPENED.load(Ordering::Relaxed) > OPENED_MAX {
        return;
    }
    let path = place::folder().join("anew");
    let _ = std::fs::remove_dir_all(&path);
    std::fs::create_dir(&path).expect("a folder");
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o700)).expect("our own");
    let file = std::fs::File::create(path.join("ledger")).expect("a file");
    file.write_all_at(part, 0).expect("room");
    file.set_len((64 << 10) + (4 << 20)).expect("room");
    match Domain::open(&path) {
        Ok(domain) => {
            OPENED.fetch_add(1, Ordering::Relaxed);
            let _ = domain.owners();
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}
