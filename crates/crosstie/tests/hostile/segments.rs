//! What is told to who opens a segment that is cut, of another version, or has bits that no state has.

use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::atomic::AtomicU32;

use crosstie::channel::ring::{RingOptions, RingReceiver, RingSender, WaitMode};
use crosstie::contract::RecvError;
use crosstie::ledger::{Domain, Wait};
use crosstie::os::clock;
use crosstie::{Deadline, Error, ErrorKind, OwnerId};

use crate::judge::{Folder, Watchdog, domain, ledger_file, ring_file};
use crate::runs::{options, sound_ring};

fn write(path: &Path, at: u64, bytes: &[u8]) {
    OpenOptions::new().write(true).open(path).unwrap().write_all_at(bytes, at).unwrap();
}

fn set_len(path: &Path, bytes: u64) {
    OpenOptions::new().write(true).open(path).unwrap().set_len(bytes).unwrap();
}

/// A folder with a ring and a ledger that this process does not have open.
fn strangers() -> (Folder, Folder) {
    let (made, copied) = (Folder::new(), Folder::new());
    sound_ring(made.path());
    domain(copied.path());
    std::fs::copy(ring_file(made.path()), ring_file(copied.path())).unwrap();
    let other = copied.path().join("other");
    std::fs::create_dir(&other).unwrap();
    std::fs::set_permissions(&other, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    std::fs::copy(ledger_file(made.path()), other.join("ledger")).unwrap();
    (made, copied)
}

fn open_ring(folder: &Folder) -> Error {
    RingReceiver::open(domain(folder.path()), "r", &RingOptions::default()).unwrap_err()
}

#[test]
fn a_cut_ring_and_a_cut_ledger_are_corrupt_and_both_sizes_are_named() {
    let (_made, folder) = strangers();
    set_len(&ring_file(folder.path()), 5000);
    let refused = open_ring(&folder);
    assert_eq!(refused.kind(), ErrorKind::Corrupt);
    let text = refused.to_string();
    assert!(text.contains("5000") && text.contains("8192"), "{text}");

    set_len(&folder.path().join("other/ledger"), 70_000);
    let refused = Domain::open(folder.path().join("other")).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Corrupt);
    let text = refused.to_string();
    assert!(text.contains("70000") && text.contains("4259840"), "{text}");
}

#[test]
fn a_file_shorter_than_a_header_is_no_segment() {
    let (_made, folder) = strangers();
    for bytes in [0, 1, 127] {
        set_len(&ring_file(folder.path()), bytes);
        let refused = open_ring(&folder);
        assert_eq!(refused.kind(), ErrorKind::Corrupt);
        assert!(refused.to_string().contains("not a Crosstie segment"), "{refused}");
    }
}

#[test]
fn another_version_is_a_mismatch_that_names_both() {
    let (_made, folder) = strangers();
    write(&ring_file(folder.path()), 8, &77_u32.to_le_bytes());
    let refused = open_ring(&folder);
    assert_eq!(refused.kind(), ErrorKind::Mismatch);
    let text = refused.to_string();
    assert!(text.contains("version 77") && text.contains("reads 1"), "{text}");

    write(&folder.path().join("other/ledger"), 8, &77_u32.to_le_bytes());
    let refused = Domain::open(folder.path().join("other")).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Mismatch);
    assert!(refused.to_string().contains("version 77"), "{refused}");
}

#[test]
fn another_kind_and_another_layout_are_mismatches_that_name_both() {
    let (_made, folder) = strangers();
    write(&ring_file(folder.path()), 24, &0xABCD_u64.to_le_bytes());
    let refused = open_ring(&folder);
    assert_eq!(refused.kind(), ErrorKind::Mismatch);
    assert!(refused.to_string().contains("layout 000000000000abcd"), "{refused}");
    write(&ring_file(folder.path()), 16, b"queue\0\0\0");
    let refused = open_ring(&folder);
    assert_eq!(refused.kind(), ErrorKind::Mismatch);
    assert!(refused.to_string().contains("it is a queue, asked for was a ring"), "{refused}");
}

#[test]
fn a_dead_sender_with_a_bit_too_many_is_still_told_once() {
    const LEFT: u64 = 1 << 63;
    let folder = Folder::new();
    let _watchdog = Watchdog::new();
    sound_ring(folder.path());
    let mut rx = RingReceiver::open(domain(folder.path()), "r", &options(WaitMode::Block)).unwrap();
    while rx.recv(Deadline::NOW).is_ok() {}
    write(&ring_file(folder.path()), 640, &(OwnerId::new(99, 3).to_bits() | LEFT).to_le_bytes());
    assert!(matches!(rx.recv(Deadline::NEVER), Err(RecvError::PeerDied)));
    assert!(matches!(rx.recv(Deadline::NOW), Err(RecvError::Empty)));
    RingSender::open(domain(folder.path()), "r", &options(WaitMode::Block)).unwrap();
}

#[test]
fn a_bell_that_somebody_rang_for_ever_lets_its_watchers_sleep() {
    const BELL: u64 = 384;
    let folder = Folder::new();
    let domain = domain(folder.path());
    let _watchdog = Watchdog::new();
    let me = domain.thread_owner().unwrap();
    write(&ledger_file(folder.path()), BELL, &7_u32.to_le_bytes());
    let deadline = Deadline::at_ns(clock::now_ns()).after_ns(5_000_000);
    assert_eq!(domain.wait(&AtomicU32::new(0), 0, &[me], deadline), Wait::TimedOut);
}

#[test]
fn a_copy_with_holes_takes_its_space_before_it_is_touched() {
    let (_made, folder) = strangers();
    let path = ring_file(folder.path());
    let header = std::fs::read(&path).unwrap()[..128].to_vec();
    std::fs::remove_file(&path).unwrap();
    std::fs::write(&path, header).unwrap();
    set_len(&path, 8192);
    assert_eq!(taken_bytes(&path), 4096);
    RingReceiver::open(domain(folder.path()), "r", &RingOptions::default()).unwrap();
    assert_eq!(taken_bytes(&path), 8192);
}

fn taken_bytes(path: &Path) -> u64 {
    std::os::unix::fs::MetadataExt::blocks(&std::fs::metadata(path).unwrap()) * 512
}
