//! Objects on which processes take turns, of any bytes, at rest and while they change: an error, or a
//! wrong wait that its deadline ends.

use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crosstie::inspect::{Snapshot, diagnose, picture};
use crosstie::ledger::Domain;
use crosstie::os::clock;
use crosstie::shareable::Deque;
use crosstie::sync::{
    Access, Barrier, Condvar, CountingSemaphore, Event, Lock, LockResult, Monitor, Mutex, OnDeath, Once,
    Reset, RwLock, Semaphore, object,
};
use crosstie::{Deadline, Error, ErrorKind, Result};

use crate::judge::{Dice, Folder, Verdict, Watchdog, domain, judge, ledger_file};

const LIMIT: Duration = Duration::from_secs(40);
/// Where an object lies in its file (docs/format.md).
const OBJECT: usize = 4096;
/// A file of each kind; those of `lock` are a mutex's, a read-write lock's and a lock's.
const FILES: [&str; 10] = [
    "lock.m",
    "lock.r",
    "lock.l",
    "sem.s",
    "count.c",
    "monitor.o",
    "cond.w",
    "barrier.b",
    "once.1",
    "event.e",
];

#[test]
fn objects_of_any_bytes_give_errors_or_wrong_waits_that_end() {
    assert_eq!(judge("objects at rest", LIMIT), Verdict::Sound);
}

#[test]
fn objects_and_waits_that_change_while_they_are_used_end_by_their_deadlines() {
    assert_eq!(judge("objects live", LIMIT), Verdict::Sound);
}

fn soon(us: u64) -> Deadline {
    Deadline::at_ns(clock::now_ns()).after_ns(us * 1000)
}

fn path(folder: &Path, file: &str) -> PathBuf {
    folder.join("domain").join(file)
}

/// Uses what is called `file` in every way, with short deadlines; answers whether it could be opened.
fn use_it(domain: &'static Domain, file: &str) -> Result<()> {
    let now = Deadline::NOW;
    match file {
        "lock.m" => {
            let mutex = Mutex::<u64>::open_or_create_in(domain, "m", || 0)?;
            had(mutex.lock_until(now));
            had(mutex.lock_until(soon(100)));
            let _ = (mutex.counters(), mutex.policy());
        }
        "lock.r" => {
            let lock = RwLock::<u64>::open_or_create_in(domain, "r", || 0)?;
            had(lock.read_until(soon(100)));
            had(lock.write_until(soon(100)));
            had(lock.read_until(now));
        }
        "lock.l" => {
            let lock = Lock::open_or_create_in(domain, "l")?;
            had(lock.lock_until(Access::Exclusive, soon(100)));
            had(lock.lock_until(Access::Shared, soon(100)));
            let _ = lock.holders();
        }
        "sem.s" => {
            let gate =
                Semaphore::open_in(domain, "s").or_else(|_| Semaphore::open_or_create_in(domain, "s", 2))?;
            had(gate.acquire_until(soon(100)));
            had(gate.acquire_many(2, soon(100)));
            let _ = (gate.held_by(), gate.counters(), gate.total());
        }
        "count.c" => {
            let count = CountingSemaphore::open_or_create_in(domain, "c", 1)?;
            had(count.wait_until(soon(100)));
            let _ = count.post();
        }
        "monitor.o" => {
            let queue = Monitor::<Deque<u64, 3>>::open_or_create_in(domain, "o", Deque::new)?;
            if let Some(mut inside) = had(queue.enter_until(soon(100))) {
                let _ = inside.push_back(7);
                let waited = had(inside.wait_while_until(|queue| queue.len() < 3, soon(100)));
                assert!(waited.is_none_or(|(inside, _)| inside.iter().count() <= 3));
            }
        }
        "cond.w" => {
            let changed = Condvar::open_or_create_in(domain, "w")?;
            let mutex = Mutex::<u64>::open_or_create_in(domain, "m", || 0)?;
            if let Some(guard) = had(mutex.lock_until(soon(100))) {
                let _ = changed.notify_all(&guard);
                had(changed.wait_until(guard, soon(100)));
            }
        }
        "barrier.b" => {
            let barrier = Barrier::open_in(domain, "b")
                .or_else(|_| Barrier::open_or_create_in(domain, "b", 2, OnDeath::Break))?;
            let _ = (barrier.wait_until(soon(100)), barrier.reset(), barrier.leave(), barrier.is_broken());
        }
        "once.1" => drop(Once::open_or_create_in(domain, "1")?.make_until(|_| (), soon(100))),
        "event.e" => {
            let event = Event::open_in(domain, "e")
                .or_else(|_| Event::open_or_create_in(domain, "e", Reset::Automatic))?;
            had(event.wait_until(soon(100)));
            let _ = (event.set(), event.clear());
        }
        other => panic!("no file {other}"),
    }
    Ok(())
}

/// The guard, clean or not.
fn had<G>(outcome: LockResult<G>) -> Option<G> {
    match outcome.map_err(|refusal| refusal.into_guard()) {
        Ok(guard) | Err(Ok(guard)) => Some(guard),
        Err(Err(refusal)) => {
            assert!(!refusal.to_string().is_empty());
            None
        }
    }
}

/// What people are shown.
fn look(domain: &'static Domain) {
    let snapshot = Snapshot::of(domain);
    assert!(picture::svg(&snapshot).ends_with("</svg>\n") && picture::dot(&snapshot).ends_with("}\n"));
    assert!(!picture::mermaid(&snapshot).is_empty());
    diagnose(domain).iter().for_each(|finding| drop(finding.to_string()));
}

/// Sound objects, used once; the bytes of their files.
fn sound(folder: &Path) -> Vec<Vec<u8>> {
    let bytes = |file| {
        use_it(domain(folder), file).unwrap();
        std::fs::read(path(folder, file)).unwrap()
    };
    FILES.map(bytes).to_vec()
}

pub fn at_rest(folder: &Path) {
    let sound = sound(folder);
    let domain = domain(folder);
    let me = domain.thread_owner().unwrap().to_bits();
    let mut dice = Dice(0x0B1EC7);
    let mut opened = 0;
    for round in 0..1200 {
        let which = round % FILES.len();
        let mut file = sound[which].clone();
        for _ in 0..dice.below(6) {
            let at = match dice.below(8) {
                0 => dice.below(16) * 8,
                1..6 => OBJECT + dice.below(16) * 8,
                _ => OBJECT + dice.below((file.len() - OBJECT) / 8) * 8,
            };
            let word = if dice.below(8) == 0 { me | dice.word() & 0b1111 << 60 } else { dice.word() };
            file[at..at + 8].copy_from_slice(&word.to_le_bytes());
        }
        if dice.below(16) == 0 {
            file.truncate(dice.below(file.len()));
        }
        let place = path(folder, FILES[which]);
        std::fs::remove_file(&place).unwrap();
        std::fs::write(&place, file).unwrap();
        opened += usize::from(use_it(domain, FILES[which]).is_ok());
        if round % 8 == 0 {
            look(domain);
        }
        let _ = std::fs::remove_file(&place);
        std::fs::write(&place, &sound[which]).unwrap();
    }
    assert!(opened > 600, "only {opened} were opened: nothing was tried");
}

pub fn live(folder: &Path) {
    let sound = sound(folder);
    let domain = domain(folder);
    let ledger = OpenOptions::new().read(true).write(true).open(ledger_file(folder)).unwrap();
    for (file, bytes) in FILES.iter().zip(&sound) {
        std::fs::write(path(folder, file), bytes).unwrap();
        let object = OpenOptions::new().read(true).write(true).open(path(folder, file)).unwrap();
        let is_over = AtomicBool::new(false);
        std::thread::scope(|threads| {
            let changing = threads.spawn(|| {
                let mut dice = Dice(0x11FE);
                let mut changes = 0;
                // Relaxed: ends the loop some time after.
                while !is_over.load(Ordering::Relaxed) {
                    // Words of the object; wait records and hold tables of the first four slots.
                    let (to, at) = match dice.below(8) {
                        0 => (&ledger, (64 << 10) + dice.below(4) * 1024 + 200 + dice.below(16) * 8),
                        1 => (&ledger, (64 << 10) + dice.below(4) * 1024 + 384 + dice.below(80) * 8),
                        _ => (&object, OBJECT + dice.below(16) * 8),
                    };
                    let mut before = [0; 8];
                    to.read_exact_at(&mut before, at as u64).unwrap();
                    to.write_all_at(&dice.word().to_le_bytes(), at as u64).unwrap();
                    if dice.below(4) != 0 {
                        to.write_all_at(&before, at as u64).unwrap();
                    }
                    if dice.below(16) == 0 {
                        object.write_all_at(&bytes[OBJECT..OBJECT + 128], OBJECT as u64).unwrap();
                    }
                    changes += 1;
                }
                changes
            });
            let until = soon(250_000);
            let work = move || {
                while !until.is_over(clock::now_ns()) {
                    let _ = use_it(domain, file);
                }
            };
            let other = threads.spawn(work);
            work();
            look(domain);
            other.join().unwrap();
            // Relaxed: as above.
            is_over.store(true, Ordering::Relaxed);
            assert!(changing.join().unwrap() > 500, "nothing was changed");
        });
    }
}

#[test]
fn four_thousand_forged_participants_are_shown_without_end_of_time_or_memory() {
    assert_eq!(judge("a crowd", LIMIT), Verdict::Sound);
}

/// Every slot lives, waits for one object and holds it and 23 others.
pub fn crowd(folder: &Path) {
    const SLOTS: u64 = 4096;
    let domain = domain(folder);
    let key = {
        let _mutex = Mutex::<u64>::open_or_create_in(domain, "m", || 0).unwrap();
        let file = std::fs::read(path(folder, "lock.m")).unwrap();
        u64::from_le_bytes(*file[OBJECT + 16..].first_chunk().unwrap())
    };
    let ledger = OpenOptions::new().write(true).open(ledger_file(folder)).unwrap();
    ledger.write_all_at(&u32::try_from(SLOTS).unwrap().to_le_bytes(), 512).unwrap();
    ledger.write_all_at(&[0xFF; 512], 520).unwrap();
    let parent = u64::from(crosstie::os::process::pid());
    for number in 0..SLOTS {
        let mut slot = [0; 1024];
        let mut put = |at: usize, word: u64| slot[at..at + 8].copy_from_slice(&word.to_le_bytes());
        put(0, 1 | 1 << 32);
        put(64, 1);
        put(72, parent | parent << 32);
        put(108, 1);
        // Since the clock began, as the last but for its place, without a deadline.
        [(200, 1), (216, key), (224, 1), (232, 1 | 1 << 32), (240, number), (256, u64::MAX)]
            .into_iter()
            .for_each(|(at, word)| put(at, word));
        put(384, (1 << 24) - 1);
        for entry in 0..24 {
            put(448 + entry * 24, if entry == 0 { key } else { 1000 + number * 24 + entry as u64 });
            put(456 + entry * 24, 1 | 1 << 8);
        }
        ledger.write_all_at(&slot, (64 << 10) + number * 1024).unwrap();
    }
    let snapshot = Snapshot::of(domain);
    assert_eq!((snapshot.waits.len(), snapshot.holds.len()), (4096, 4096 * 24));
    look(domain);
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let peak_kib: u64 = peak.split_whitespace().next().unwrap().parse().unwrap();
    assert!(peak_kib < 512 << 10, "{peak_kib} KiB");
}

#[test]
fn a_cut_or_zeroed_object_is_corrupt_and_one_of_another_version_or_layout_a_mismatch() {
    let folder = Folder::new();
    let _watchdog = Watchdog::new();
    let sound = sound(folder.path());
    let refused = |file: &str, bytes: &[u8]| -> Error {
        std::fs::remove_file(path(folder.path(), file)).unwrap();
        std::fs::write(path(folder.path(), file), bytes).unwrap();
        let refused = use_it(domain(folder.path()), file).unwrap_err();
        assert!(refused.to_string().starts_with("open "), "{refused}");
        refused
    };
    for (file, sound) in FILES.iter().zip(&sound) {
        for cut in [0, 100, 200, 5000.min(sound.len() - 1)] {
            assert_eq!(refused(file, &sound[..cut]).kind(), ErrorKind::Corrupt, "{file} of {cut} bytes");
        }
        assert_eq!(refused(file, &vec![0; sound.len()]).kind(), ErrorKind::Corrupt, "{file} of zeros");
        let with = |at: usize, byte| {
            let mut bytes = sound.clone();
            bytes[at] = byte;
            refused(file, &bytes)
        };
        // What an older or a newer program makes, and what an older one is told of ours.
        for other in [0, 2, 255] {
            let version = with(8, other);
            assert_eq!(version.kind(), ErrorKind::Mismatch);
            let both = [format!("version {other}"), "reads 1".to_owned()];
            assert!(both.iter().all(|one| version.to_string().contains(one)), "{version}");
        }
        assert_eq!(with(80, 1).kind(), ErrorKind::Corrupt, "what this version writes as zero");
        assert_eq!(with(24, sound[24] ^ 1).kind(), ErrorKind::Mismatch, "another layout of all objects");
        assert_eq!(with(56, sound[56] ^ 1).kind(), ErrorKind::Mismatch, "another layout of {file}");
        // Nobody can use it, and whoever removes it can go on.
        let (kind, name) = file.split_once('.').unwrap();
        object::remove(domain(folder.path()), kind, name).unwrap();
        use_it(domain(folder.path()), file).unwrap();
    }
}

#[test]
fn four_billion_forged_notifications_are_taken_away_at_once() {
    let folder = Folder::new();
    let _watchdog = Watchdog::new();
    let domain = domain(folder.path());
    let mutex = Mutex::<u64>::open_or_create_in(domain, "m", || 0).unwrap();
    let changed = Condvar::open_or_create_in(domain, "w").unwrap();
    let file = OpenOptions::new().write(true).open(path(folder.path(), "cond.w")).unwrap();
    file.write_all_at(&u64::from(u32::MAX).to_le_bytes(), OBJECT as u64).unwrap();
    let begun = clock::now_ns();
    let (_guard, is_late) = changed.wait_until(mutex.lock().unwrap(), soon(1000)).unwrap();
    assert!(is_late && clock::now_ns() - begun < 20_000_000_000, "not one by one");
}

#[test]
fn a_ledger_of_another_version_or_cut_or_zeroed_is_refused_before_it_is_mapped() {
    let folder = Folder::new();
    let made = std::fs::read(ledger_file({
        domain(folder.path());
        folder.path()
    }))
    .unwrap();
    let mut versioned = made.clone();
    versioned[8] = 2;
    let mut laid_out = made.clone();
    laid_out[24] ^= 1;
    let cases = [
        (versioned, ErrorKind::Mismatch),
        (laid_out, ErrorKind::Mismatch),
        (made[..70_000].to_vec(), ErrorKind::Corrupt),
        (vec![0; made.len()], ErrorKind::Corrupt),
        (b"no ledger".to_vec(), ErrorKind::Corrupt),
    ];
    for (number, (bytes, kind)) in cases.into_iter().enumerate() {
        let other = folder.path().join(format!("other{number}"));
        std::fs::create_dir(&other).unwrap();
        std::fs::set_permissions(&other, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
        std::fs::write(other.join("ledger"), bytes).unwrap();
        let refused = Domain::open(&other).unwrap_err();
        assert_eq!(refused.kind(), kind, "{refused}");
        assert!(refused.advice().contains("rm -r"), "{}", refused.advice());
    }
}
