//! A domain that a group shares, because somebody made it so; and everything that only looks alike.

use std::fs;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt, chown};
use std::path::Path;
use std::sync::atomic::AtomicU32;

use crosstie::channel::ring::{RingOptions, RingReceiver, RingSender};
use crosstie::ledger::{Domain, Wait};
use crosstie::os::process;
use crosstie::{Deadline, ErrorKind};
use tempfile::TempDir;

use super::roles::{domain, say, until_told};
use super::stage::{Actor, Watchdog, until};

/// A group and users that nobody has.
const TEAM: u32 = 54_321;
const ANNA: u32 = 54_001;
const BERT: u32 = 54_002;

/// A folder in which everybody may make things, as in /dev/shm.
fn folder() -> TempDir {
    let folder = tempfile::Builder::new().prefix("crosstie-test").tempdir_in("/dev/shm").unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o1777)).unwrap();
    folder
}

fn is_root() -> bool {
    let is_root = process::effective_uid() == 0;
    if !is_root {
        println!("SKIPPED: only root may act for other users");
    }
    is_root
}

/// Acts for user `UID` and groups `GID` and `MORE_GID` from here on, with a umask that takes all away.
fn become_another() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u32>().ok());
    let (uid, gid) = (number("UID").unwrap(), number("GID").unwrap());
    let more: Vec<_> = number("MORE_GID").into_iter().collect();
    // SAFETY: the array holds as many groups as said.
    assert_eq!(unsafe { libc::setgroups(more.len(), more.as_ptr()) }, 0);
    // SAFETY: setgid takes a number and no memory.
    assert_eq!(unsafe { libc::setgid(gid) }, 0);
    // SAFETY: setuid takes a number and no memory.
    assert_eq!(unsafe { libc::setuid(uid) }, 0);
    // A process that has changed its user may else not look at itself.
    // SAFETY: a flag of this process.
    assert_eq!(unsafe { libc::prctl(libc::PR_SET_DUMPABLE, 1) }, 0);
    // SAFETY: umask takes a number and cannot fail.
    unsafe { libc::umask(0o077) };
}

/// The role: takes part as another user; tells its owner, or why it may not.
pub fn becomes() {
    become_another();
    match Domain::open_default() {
        Err(error) => say("refused", format!("{:?} {error}", error.kind())),
        Ok(_) => {
            say("owner", domain().process_owner().unwrap().to_bits());
            if std::env::var_os("SENDS").is_some() {
                let mut tx = RingSender::open(domain(), "jobs", &RingOptions::default()).unwrap();
                tx.send(b"for the team", Deadline::NEVER).unwrap();
                say("sent", "");
            }
        }
    }
    until_told();
}

/// The role: makes a domain for the group `TEAM` as another user, or tells why it may not.
pub fn creates() {
    become_another();
    let path = std::env::var("CROSSTIE_DOMAIN").unwrap();
    match Domain::create_shared(path, &TEAM.to_string()) {
        Err(error) => say("refused", format!("{:?} {error}", error.kind())),
        Ok(domain) => say("created", domain.name()),
    }
}

fn actor(role: &str, path: &Path, uid: u32, gid: u32, more: &[(&str, &str)]) -> Actor {
    let (uid, gid) = (uid.to_string(), gid.to_string());
    let mut environment = vec![("UID", uid.as_str()), ("GID", gid.as_str()), ("CROSSTIE_TEST_PARENT", "")];
    environment.extend(more);
    Actor::start(&[], role, path, &environment)
}

fn is_of_the_team(path: &Path, mode: u32) {
    let found = fs::metadata(path).unwrap();
    assert_eq!((found.mode() & 0o7777, found.gid()), (mode, TEAM), "{}", path.display());
}

#[test]
fn a_domain_made_for_a_group_opens_for_its_members_and_their_deaths_are_seen() {
    if !is_root() {
        return;
    }
    let (folder, _watchdog) = (folder(), Watchdog::of(std::time::Duration::from_secs(60)));
    let path = folder.path().join("team");
    let domain = Domain::create_shared(&path, &TEAM.to_string()).unwrap();
    is_of_the_team(&path, 0o6770);
    is_of_the_team(&path.join("ledger"), 0o660);

    let mut anna = actor("becomes", &path, ANNA, TEAM, &[("SENDS", "1")]);
    let id = anna.says_owner();
    anna.says("sent");
    // Made with a umask that leaves nothing to a group.
    is_of_the_team(&path.join("ring.jobs"), 0o660);
    // Bert is in the group beside another.
    let mut bert = actor("becomes", &path, BERT, BERT, &[("MORE_GID", &TEAM.to_string())]);
    assert!(domain.is_alive(bert.says_owner()));
    let who = domain.identity(id).unwrap();
    assert_eq!((who.pid, who.uid), (anna.pid(), ANNA));
    assert!(domain.is_alive(id) && domain.confirm_alive(id), "another user's process is judged too");
    anna.kill();
    until(|| domain.wait(&AtomicU32::new(0), 0, &[id], Deadline::NEVER) == Wait::OwnerDied);
    let mut rx = RingReceiver::open(domain, "jobs", &RingOptions::default()).unwrap();
    assert_eq!(rx.recv(Deadline::NEVER).unwrap().to_vec(), b"for the team");
}

#[test]
fn a_domain_made_for_a_group_is_closed_to_everybody_else() {
    if !is_root() {
        return;
    }
    let folder = folder();
    let path = folder.path().join("team");
    Domain::create_shared(&path, &TEAM.to_string()).unwrap();
    let told = actor("becomes", &path, BERT, BERT, &[]).says("refused");
    assert!(told.starts_with("NotPermitted"), "{told}");
    // Root could enter any directory; it does not enter one whose group nobody gave it.
    chown(&path, Some(ANNA), Some(TEAM)).unwrap();
    let elsewhere = folder.path().join("again");
    fs::rename(&path, &elsewhere).unwrap();
    fs::set_permissions(&elsewhere, fs::Permissions::from_mode(0o6770)).unwrap();
    let refused = Domain::open(&elsewhere).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::NotPermitted);
    assert!(refused.to_string().contains("shared by group 54321"), "{refused}");
    assert!(refused.advice().contains("sudo -g"), "{}", refused.advice());
}

#[test]
fn only_a_member_can_make_a_domain_for_a_group() {
    if !is_root() {
        return;
    }
    let folder = folder();
    let path = folder.path().join("team");
    let told = actor("creates", &path, BERT, BERT, &[]).says("refused");
    assert!(told.starts_with("NotPermitted") && told.contains("member of group 54321"), "{told}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is left behind");
    actor("creates", &path, ANNA, TEAM, &[]).says("created");
    is_of_the_team(&path, 0o6770);
    assert_eq!(fs::metadata(&path).unwrap().uid(), ANNA);
    is_of_the_team(&path.join("ledger"), 0o660);
}

#[test]
fn what_a_stranger_makes_to_look_like_a_groups_domain_is_refused() {
    if !is_root() {
        return;
    }
    let folder = folder();
    // A place of the group in which everybody may make things: what is made there is the group's too.
    let place = folder.path().join("place");
    fs::create_dir(&place).unwrap();
    chown(&place, None, Some(TEAM)).unwrap();
    fs::set_permissions(&place, fs::Permissions::from_mode(0o3777)).unwrap();
    let forged = place.join("team");
    let made = forged.clone();
    // SAFETY: the child makes a directory and exits.
    let child = unsafe { libc::fork() };
    if child == 0 {
        // SAFETY: no groups, so no array.
        unsafe { libc::setgroups(0, std::ptr::null()) };
        // SAFETY: takes a number and no memory.
        unsafe { libc::setgid(BERT) };
        // SAFETY: takes a number and no memory.
        unsafe { libc::setuid(BERT) };
        // SAFETY: umask takes a number and cannot fail.
        unsafe { libc::umask(0) };
        let mut directory = fs::DirBuilder::new();
        let worked = directory.mode(0o6770).create(&made).is_ok();
        // SAFETY: ends the child without the parent's clean-up.
        unsafe { libc::_exit(i32::from(!worked)) };
    }
    let mut status = 0;
    // SAFETY: waits for the child made above.
    unsafe { libc::waitpid(child, &raw mut status, 0) };
    assert_eq!(status, 0);
    is_of_the_team(&forged, 0o2770);
    let told = actor("becomes", &forged, ANNA, TEAM, &[]).says("refused");
    assert!(told.starts_with("NotPermitted") && told.contains("belongs to user 54002"), "{told}");
    assert!(!forged.join("ledger").exists());
}

#[test]
fn a_groups_directory_under_the_name_of_a_users_own_domain_is_not_entered() {
    if !is_root() {
        return;
    }
    let trap = Path::new("/dev/shm").join(format!("crosstie-{ANNA}"));
    fs::create_dir(&trap).unwrap();
    chown(&trap, Some(BERT), Some(TEAM)).unwrap();
    fs::set_permissions(&trap, fs::Permissions::from_mode(0o6770)).unwrap();
    let told = actor("becomes", Path::new(""), ANNA, TEAM, &[]).says("refused");
    let by_name = actor("becomes", &trap, ANNA, TEAM, &[]).says_any();
    fs::remove_dir_all(&trap).unwrap();
    assert!(told.starts_with("NotPermitted") && told.contains("belongs to user 54002"), "{told}");
    assert_eq!(by_name.0, "owner", "who names it means it: {}", by_name.1);
}

#[test]
fn a_domain_is_made_for_a_group_once_and_only_for_one_that_exists() {
    let folder = folder();
    let path = folder.path().join("team");
    let refused = Domain::create_shared(&path, "no such group").unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::NotFound);
    assert!(refused.to_string().contains("no such group"), "{refused}");
    let own = process::effective_gid().to_string();
    Domain::create_shared(&path, &own).unwrap();
    let refused = Domain::create_shared(&path, &own).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::AlreadyExists);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left behind");
    let private = folder.path().join("private");
    Domain::open(&private).unwrap();
    assert_eq!(Domain::create_shared(&private, &own).unwrap_err().kind(), ErrorKind::AlreadyExists);
    assert_eq!(fs::metadata(&private).unwrap().mode() & 0o7777, 0o700);
}

#[test]
fn a_domain_whose_path_depends_on_a_working_directory_is_refused() {
    let own = process::effective_gid().to_string();
    for path in ["crosstie-relative", "./crosstie-relative", "", "../crosstie-relative"] {
        for refused in [Domain::open(path), Domain::create_shared(path, &own)] {
            let refused = refused.unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::Usage, "{path:?}");
            let told = refused.to_string();
            assert!(told.contains("other working directories") && told.contains(path), "{told}");
        }
    }
    let folder = folder();
    let [written, plain] = ["./d/.", "d"].map(|end| folder.path().join(end));
    assert!(
        std::ptr::eq(Domain::open(written).unwrap(), Domain::open(plain).unwrap()),
        "one, however written"
    );
}
