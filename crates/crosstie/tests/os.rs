//! The kernel's objects as the wrappers promise them.

use std::os::fd::AsFd;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use crosstie::Deadline;
use crosstie::os::futex::{self, Wakeup};
use crosstie::os::{clock, file_lock, membarrier, memory, process};

/// Waits until the thread sleeps in a futex call.
fn until_asleep(tid: u32) {
    loop {
        let call = std::fs::read_to_string(format!("/proc/self/task/{tid}/syscall")).unwrap_or_default();
        if matches!(call.split(' ').next(), Some("202" | "98" | "449")) {
            return;
        }
        std::thread::yield_now();
    }
}

#[test]
fn a_sleeper_on_several_words_wakes_by_any_of_them() {
    for woken in 0..5 {
        let words: [AtomicU32; 5] = std::array::from_fn(|_| AtomicU32::new(7));
        let tid = AtomicU32::new(0);
        std::thread::scope(|scope| {
            let sleeper = scope.spawn(|| {
                tid.store(process::tid(), Ordering::Release);
                futex::wait_any(&words.each_ref().map(|word| (word, 7)), Deadline::NEVER)
            });
            while tid.load(Ordering::Acquire) == 0 {
                std::thread::yield_now();
            }
            if futex::has_waitv() {
                until_asleep(tid.load(Ordering::Acquire));
            }
            words[woken].store(8, Ordering::Release);
            futex::wake(&words[woken], 1);
            assert_ne!(sleeper.join().unwrap(), Wakeup::TimedOut);
        });
    }
}

#[test]
fn a_wait_answers_at_its_deadline_and_not_before() {
    let (word, wide, bell) = (AtomicU32::new(1), AtomicU64::new(1 << 40 | 5), AtomicU32::new(0));
    let count = AtomicU32::new(3);
    let before = clock::now_ns();
    let deadline = clock::deadline_in(Duration::from_millis(2));
    assert_eq!(futex::wait(&word, 1, deadline), Wakeup::TimedOut);
    assert!(clock::now_ns() - before >= 2_000_000);
    let soon = clock::deadline_in(Duration::from_millis(2));
    let beside = |wide_expected, deadline| {
        futex::wait_beside_all((&word, 1), &[(&wide, wide_expected)], (&bell, 0), &[(&count, 3)], deadline)
    };
    assert_eq!(beside(5, soon), Wakeup::TimedOut, "only the low half is compared");
    let counted = [(&count, 3), (&count, 4)];
    let of_counts = futex::wait_beside_all((&word, 1), &[], (&bell, 0), &counted, Deadline::NEVER);
    assert_eq!(of_counts, Wakeup::Changed);
    assert_eq!(beside(6, Deadline::NEVER), Wakeup::Changed);
    assert_eq!(beside(5, Deadline::NOW), Wakeup::TimedOut);
    assert_eq!(futex::wait_any(&[(&word, 1), (&bell, 1)], Deadline::NEVER), Wakeup::Changed);
}

#[test]
fn a_wake_counts_whom_it_woke() {
    let (word, tids) = (AtomicU32::new(0), [const { AtomicU32::new(0) }; 3]);
    std::thread::scope(|scope| {
        for tid in &tids {
            let word = &word;
            scope.spawn(move || {
                tid.store(process::tid(), Ordering::Release);
                futex::wait(word, 0, Deadline::NEVER);
            });
        }
        for tid in &tids {
            while tid.load(Ordering::Acquire) == 0 {
                std::thread::yield_now();
            }
            until_asleep(tid.load(Ordering::Acquire));
        }
        assert_eq!(futex::wake(&word, 1) + futex::wake(&word, u32::MAX), 3);
    });
}

#[test]
fn a_byte_locked_by_one_description_is_seen_by_another_until_it_closes() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("locks");
    std::fs::write(&path, "").unwrap();
    let open = || std::fs::OpenOptions::new().read(true).write(true).open(&path).unwrap();
    let (ours, theirs) = (open(), open());
    let far = 1 << 41;
    assert!(file_lock::try_lock_byte(ours.as_fd(), far).unwrap());
    assert!(file_lock::try_lock_byte(ours.as_fd(), far).unwrap(), "ours already");
    assert!(!file_lock::try_lock_byte(theirs.as_fd(), far).unwrap());
    assert!(file_lock::is_byte_locked(theirs.as_fd(), far).unwrap());
    assert!(!file_lock::is_byte_locked(theirs.as_fd(), far + 1).unwrap());
    assert!(!file_lock::is_byte_locked(ours.as_fd(), far).unwrap(), "one's own does not stand in one's way");
    drop(ours);
    assert!(!file_lock::is_byte_locked(theirs.as_fd(), far).unwrap());
}

#[test]
fn what_does_not_fit_is_refused_at_creation() {
    let file = memory::memfd("test", 4096).unwrap();
    assert_eq!(memory::file_bytes(file.as_fd()).unwrap(), 4096);
    assert!(memory::Mapping::shared(file.as_fd(), 0, 0).is_err());
    assert!(memory::Mapping::shared(file.as_fd(), 1, 4096).is_err(), "not at a page");
    assert!(memory::MirroredMapping::shared(file.as_fd(), 0, 100).is_err(), "not a page");
    assert!(memory::reserve(file.as_fd(), 0, u64::MAX).is_err());
}

#[test]
fn the_clock_and_the_barrier_answer() {
    let before = clock::now_ns();
    assert!(clock::deadline_in(Duration::ZERO).is_over(clock::now_ns()) && clock::now_ns() >= before);
    if membarrier::register_global_expedited() {
        assert!(membarrier::global_expedited());
    } else {
        println!("SKIPPED: membarrier is not permitted on this machine");
    }
}

#[test]
fn threads_are_told_apart_by_their_start_and_gone_ones_are_gone() {
    let ended = std::thread::spawn(process::tid).join().unwrap();
    let deadline = clock::deadline_in(Duration::from_secs(20));
    while process::thread_exists(process::pid(), ended) {
        assert!(!deadline.is_over(clock::now_ns()), "the thread ended long ago");
        std::thread::yield_now();
    }
    assert_eq!(process::task(process::pid(), ended).unwrap_err().kind(), std::io::ErrorKind::NotFound);
    assert!(process::thread_exists(process::pid(), process::tid()));
    assert!(!process::thread_exists(0, 1) && !process::thread_exists(u32::MAX, 1));
    assert_eq!(process::fork_epoch(), process::fork_epoch());
}
