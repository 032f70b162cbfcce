//! Domains: whose they are, across PID namespaces, small, removed, and scribbled over.

use std::fs::{self, OpenOptions};
use std::io::{BufRead, BufReader};
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use crosstie::ledger::{Domain, Net, Wait};
use crosstie::os::clock::deadline_in;
use crosstie::os::process;
use crosstie::{Deadline, ErrorKind, OwnerId};
use crosstie_core::layout::ledger::{SLOTS, SLOTS_OFFSET};

use super::roles::{domain, say};
use super::stage::{Dice, Stage, until, until_asleep};

const OWN_PIDS: [&str; 6] = ["unshare", "--user", "--map-root-user", "--pid", "--fork", "--kill-child"];

#[test]
fn a_death_in_another_pid_namespace_wakes_and_equal_tids_are_told_apart() {
    let stage = Stage::new();
    let Some(mut owner) = stage.role_behind(&OWN_PIDS, "owner", &[("AS_THREAD", "1")]) else { return };
    let id = owner.says_owner();
    let bits = id.to_bits().to_string();
    let Some(mut watcher) = stage.role_behind(&OWN_PIDS, "watcher", &[("OWNER", &bits)]) else { return };
    let watcher_tid: u32 = watcher.says("watching").parse().unwrap();
    let owner_tid = stage.domain.identity(id).unwrap().tid;
    assert_eq!(watcher_tid, owner_tid, "both are alike in namespaces of their own");
    watcher.kill();
    watcher.until_ended();
    // The watcher is gone from the ledger when its namespace is.
    until(|| stage.domain.owners().len() == 1);
    assert!(stage.domain.is_alive(id), "a watcher's death is not the death of its namesake");
    assert!(stage.domain.confirm_alive(id), "the byte of its process is locked");

    let waited = std::thread::scope(|scope| {
        let (tell, told) = std::sync::mpsc::channel();
        let sleeper = scope.spawn(move || {
            tell.send(process::tid()).unwrap();
            stage.domain.wait(&AtomicU32::new(0), 0, &[id], Deadline::NEVER)
        });
        until_asleep(process::pid(), told.recv().unwrap());
        owner.kill();
        sleeper.join().unwrap()
    });
    assert_eq!(waited, Wait::OwnerDied);
}

#[test]
fn h23_a_directory_of_others_or_open_to_others_or_behind_a_link_is_refused() {
    let stage = Stage::new();
    let outer = stage.path().join("open");
    fs::create_dir(&outer).unwrap();
    fs::set_permissions(&outer, fs::Permissions::from_mode(0o750)).unwrap();
    let refused = Domain::open(&outer).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::NotPermitted);
    assert!(refused.to_string().contains("mode 0750"), "{refused}");
    assert!(refused.advice().contains("does not exist yet"), "a folder of another purpose: {refused}");
    fs::write(outer.join("ledger"), "").unwrap();
    assert!(Domain::open(&outer).unwrap_err().advice().contains("chmod 700"), "it was a domain once");

    let link = stage.path().join("link");
    std::os::unix::fs::symlink(stage.path(), &link).unwrap();
    assert!(Domain::open(&link).is_err(), "a symbolic link is not followed");
    let file = stage.path().join("file");
    fs::write(&file, "x").unwrap();
    assert!(Domain::open(&file).is_err());

    let foreign = stage.path().join("foreign");
    fs::create_dir(&foreign).unwrap();
    fs::set_permissions(&foreign, fs::Permissions::from_mode(0o700)).unwrap();
    if std::os::unix::fs::chown(&foreign, Some(12345), None).is_err() {
        println!("SKIPPED: only root may give a directory to another user");
        return;
    }
    let refused = Domain::open(&foreign).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::NotPermitted);
    assert!(refused.to_string().contains("user 12345") && refused.advice().contains("sudo -u"), "{refused}");
}

#[test]
fn a_removed_domain_ends_a_sleep_and_a_new_one_is_another_world() {
    let stage = Stage::new();
    let old = stage.domain;
    let me = old.thread_owner().unwrap();
    fs::remove_file(stage.path().join("ledger")).unwrap();
    assert!(!old.has_name());
    old.set_net(Net::Spread);
    assert_eq!(old.wait(&AtomicU32::new(0), 0, &[me], Deadline::NEVER), Wait::DomainRemoved);
    let new = Domain::open(stage.path()).unwrap();
    assert!(!std::ptr::eq(old, new));
    assert!(!new.is_alive(me), "it lives in the old one only");
}

#[test]
fn a_domain_whose_directory_was_moved_ends_a_sleep_too() {
    let stage = Stage::new();
    let old = stage.domain;
    let me = old.thread_owner().unwrap();
    old.set_net(Net::Spread);
    fs::rename(stage.path(), stage.path().with_extension("moved")).unwrap();
    assert!(!old.has_name(), "who comes now would not find it");
    assert_eq!(old.wait(&AtomicU32::new(0), 0, &[me], Deadline::NEVER), Wait::DomainRemoved);
    fs::rename(stage.path().with_extension("moved"), stage.path()).unwrap();
    assert!(old.has_name(), "and here it is again");
    old.set_net(Net::Absent);
}

#[test]
fn a_damaged_ledger_is_refused_with_advice_that_helps() {
    let folder = tempfile::Builder::new().prefix("crosstie-test").tempdir_in("/dev/shm").unwrap();
    let path = folder.path().join("domain");
    fs::create_dir(&path).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
    fs::write(path.join("ledger"), [0; 4096]).unwrap();
    let refused = Domain::open(&path).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Corrupt, "{refused}");
    assert!(refused.advice().contains(&format!("rm -r {}", path.display())), "{}", refused.advice());
    fs::remove_dir_all(&path).unwrap();
    Domain::open(&path).unwrap();
}

/// In a mount namespace with a /dev/shm of `size` of its own.
pub fn with_own_shm(role: &str, size: &str) -> Option<String> {
    with_mounts(role, &format!("mount -t tmpfs -o size={size} tmpfs /dev/shm"))
}

/// In a mount namespace that `mounts` has prepared.
fn with_mounts(role: &str, mounts: &str) -> Option<String> {
    let wrapper = ["unshare", "--user", "--map-root-user", "--mount"];
    if !super::stage::is_allowed(&wrapper) {
        return None;
    }
    let script = format!("{mounts} && exec \"$@\"");
    let out = Command::new(wrapper[0])
        .args(&wrapper[1..])
        .args(["sh", "-c", &script, "sh"])
        .arg(std::env::current_exe().unwrap())
        .args(["roles::play", "--exact", "--nocapture"])
        .env("CROSSTIE_TEST_ROLE", role)
        .env_remove("CROSSTIE_DOMAIN")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    assert!(out.status.success(), "{text}{}", String::from_utf8_lossy(&out.stderr));
    Some(text)
}

/// The role: uses up a small /dev/shm.
pub fn small_shm() {
    let told = match Domain::open_default() {
        Err(error) => error,
        Ok(domain) => {
            fs::write("/dev/shm/rest", vec![0; 1 << 20]).expect_err("no room for this");
            let attached = std::thread::spawn(|| domain.thread_owner()).join().unwrap();
            attached.expect_err("no room for a slot's page")
        }
    };
    assert_eq!(told.kind(), ErrorKind::NoSpace);
    say("told", told);
}

#[test]
fn a_full_dev_shm_is_an_error_that_names_its_size_and_the_remedy() {
    for size in ["32k", "128k"] {
        let Some(text) = with_own_shm("small-shm", size) else { return };
        assert!(text.contains("remount,size=") && text.contains("--shm-size"), "{size}: {text}");
    }
}

/// The role: other processes take part in the default domain, whose files are then deleted as logind
/// does: with its folder, or without, if somebody keeps that busy.
pub fn second_world() {
    let own = std::env::current_exe().unwrap();
    for with_folder in [true, false] {
        let mut member = Command::new(&own);
        member.args(["roles::play", "--exact", "--nocapture"]).env("CROSSTIE_TEST_ROLE", "maps-ledger");
        let mut member = member.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut says = BufReader::new(member.stdout.take().unwrap()).lines();
        until(|| says.next().unwrap().unwrap().contains("@mapped"));
        fs::remove_file(Domain::default_path().join("ledger")).unwrap();
        if with_folder {
            fs::remove_dir(Domain::default_path()).unwrap();
        }
        let refused = Domain::open_default().unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Busy);
        assert!(refused.to_string().contains(&format!("process {}", member.id())), "{refused}");
        assert_eq!(Domain::default_path().exists(), !with_folder, "nothing was created");
        say("told", refused);
        drop(member.stdin.take());
        member.wait().unwrap();
    }
    Domain::open_default().expect("the last one of the old world has ended");
}

/// The role: has the default domain's ledger mapped until it is told to end.
pub fn maps_ledger() {
    domain().thread_owner().unwrap();
    say("mapped", "");
    super::roles::until_told();
}

#[test]
fn a_default_domain_deleted_under_living_processes_is_not_created_again() {
    let Some(text) = with_own_shm("second-world", "16m") else { return };
    assert!(text.contains("files were deleted") && text.contains("enable-linger"), "{text}");
}

/// The role: takes part in the domain under the path that it has here.
pub fn bound_elsewhere() {
    let domain = Domain::open(BOUND).unwrap();
    let me = domain.process_owner().unwrap();
    assert!(domain.is_alive(me));
    let others = domain.owners().into_iter().filter(|owner| owner.id != me);
    for other in others {
        assert!(domain.is_alive(other.id) && domain.confirm_alive(other.id));
    }
    let (tag, owners) = (domain.tag(), domain.owners().len());
    say("seen", format!("{tag:016x} {owners}"));
}

/// Where a container has the shared directory.
const BOUND: &str = "/mnt/domain";

#[test]
fn a_directory_mounted_elsewhere_is_the_same_domain() {
    let stage = Stage::new();
    stage.domain.thread_owner().unwrap();
    let mounts = format!(
        "mount -t tmpfs tmpfs /mnt && mkdir {BOUND} && mount --bind {} {BOUND}",
        stage.path().display()
    );
    let Some(text) = with_mounts("bound-elsewhere", &mounts) else { return };
    assert!(text.contains(&format!("@seen {:016x} 2", stage.domain.tag())), "{text}");
}

/// The role: has no place for a domain.
pub fn no_place() {
    let refused = Domain::open_default().unwrap_err();
    say("told", format!("{:?} {refused}", refused.kind()));
}

#[test]
fn a_dev_shm_that_is_read_only_or_absent_is_an_error_with_the_remedy() {
    for (mounts, kind) in
        [("mount -t tmpfs -o ro tmpfs /dev/shm", "NotPermitted"), ("mount -t tmpfs tmpfs /dev", "NotFound")]
    {
        let Some(text) = with_mounts("no-place", mounts) else { return };
        assert!(text.contains(&format!("@told {kind}")), "{text}");
        assert!(text.contains("--tmpfs /dev/shm:rw") && text.contains("CROSSTIE_DOMAIN"), "{text}");
    }
}

#[test]
fn h23_a_domain_of_a_user_who_does_not_exist_here_is_refused() {
    let stage = Stage::new();
    // As root of a container whose users are others than the host's.
    let wrapper = ["unshare", "--user", "--map-root-user"];
    let folder = stage.path().join("foreign");
    fs::create_dir(&folder).unwrap();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o777)).unwrap();
    if std::os::unix::fs::chown(&folder, Some(12345), None).is_err() {
        println!("SKIPPED: only root may give a directory to another user");
        return;
    }
    let place = folder.display().to_string();
    let Some(mut actor) = stage.role_behind(&wrapper, "no-place", &[("CROSSTIE_DOMAIN", &place)]) else {
        return;
    };
    let told = actor.says("told");
    assert!(told.starts_with("NotPermitted") && told.contains("belongs to user 65534"), "{told}");
}

/// The role: uses a ledger in every way while another thread writes anything into it.
pub fn scribbled() {
    let domain = domain();
    domain.set_net(Net::Spread);
    let ledger = OpenOptions::new().write(true).open(domain.directory().path().join("ledger")).unwrap();
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut dice = Dice(0x9E37_79B9_7F4A_7C15);
            while !stop.load(Ordering::Relaxed) {
                let near = dice.roll() % 8192;
                // The counters, the obituaries, and the first slots, where everybody is.
                let at =
                    if dice.roll().is_multiple_of(2) { 128 + near * 4 } else { SLOTS_OFFSET as u64 + near };
                ledger.write_all_at(&dice.roll().to_le_bytes(), at & !7).unwrap();
            }
        });
        let users: Vec<_> =
            (0..2_u64).map(|n| scope.spawn(move || use_everything(domain, Dice(n + 77)))).collect();
        users.into_iter().for_each(|user| user.join().unwrap());
        stop.store(true, Ordering::Relaxed);
    });
    say("survived", "");
}

fn use_everything(domain: &'static Domain, mut dice: Dice) {
    for _ in 0..300 {
        // Whatever they answer, they answer.
        let _ = std::thread::spawn(|| domain.thread_owner()).join().unwrap();
        let slot = u32::try_from(dice.roll() % u64::from(SLOTS)).unwrap();
        for id in [OwnerId::new(slot, dice.roll() % 4), OwnerId::new(slot % 8, 1 + dice.roll() % 300)] {
            let _ = (domain.is_alive(id), domain.confirm_alive(id), domain.identity(id));
            let word = AtomicU32::new(0);
            let _ = domain.wait(&word, 0, &[id], deadline_in(Duration::from_micros(50)));
        }
        let _ = domain.owners();
    }
}

#[test]
fn h23_whatever_a_peer_writes_into_the_ledger_nobody_panics_or_hangs() {
    let stage = Stage::new();
    let mut actor = stage.role("scribbled", &[]);
    actor.says("survived");
}
