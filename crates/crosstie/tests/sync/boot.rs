//! A domain that outlived the boot of its participants, as one on a disk does.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::PathBuf;

use crosstie::os::boot;

use super::stage::{Actor, Stage};

/// Where the ledger says in which boot it is used (docs/format.md).
const BOOT: u64 = 472;

/// The stage's domain as a disk keeps it, used last in the boot `boot`.
fn kept(stage: &Stage, name: &str, boot: u64) -> PathBuf {
    let copy = stage.path().with_file_name(name);
    fs::create_dir(&copy).unwrap();
    fs::set_permissions(&copy, fs::Permissions::from_mode(0o700)).unwrap();
    for file in ["ledger", "lock.m", "sem.gate"] {
        fs::copy(stage.path().join(file), copy.join(file)).unwrap();
    }
    let ledger = OpenOptions::new().write(true).open(copy.join("ledger")).unwrap();
    ledger.write_all_at(&boot.to_le_bytes(), BOOT).unwrap();
    copy
}

#[test]
fn whoever_took_part_in_a_former_boot_is_dead_in_this_one() {
    let Some(this) = boot::number() else {
        println!("SKIPPED: the kernel does not say which boot this is");
        return;
    };
    let stage = Stage::new();
    let gate = crosstie::sync::Semaphore::open_or_create_in(stage.domain, "gate", 1).unwrap();
    // Its numbers are those of a thread that lives: no other witness could tell.
    let mut holder = stage.role("lock m; acquire gate; pause", &[]);
    holder.says("locked");
    assert!(holder.says("locked").starts_with("gate clean"));
    assert_eq!(gate.held_by().len(), 1);

    let same = kept(&stage, "same-boot", this);
    let mut late = Actor::start(&[], "try_lock m", &same, &[]);
    assert!(late.says("locked").starts_with("m busy"), "the twin: it lives as far as anybody can tell");
    let former = kept(&stage, "former-boot", this ^ 0xF00D);
    let mut late = Actor::start(&[], "try_lock m; acquire gate", &former, &[]);
    assert!(late.says("locked").starts_with("m abandoned"), "and here it is known to be dead");
    assert!(late.says("locked").starts_with("gate clean"), "its permit is back");
    late.says("done");
    let mut again = Actor::start(&[], "try_lock m; pause", &former, &[]);
    again.says("locked");
    let mut third = Actor::start(&[], "try_lock m", &former, &[]);
    assert!(third.says("locked").starts_with("m busy"), "those of this boot live");
    for file in [same, former] {
        fs::remove_dir_all(file).unwrap();
    }
}
