//! What the child processes do: this test binary once more, with a role in its environment.

use std::io::Read;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::sync::atomic::AtomicU32;

use crosstie::ledger::{Domain, Net, Wait};
use crosstie::os::{clock, parent, process};
use crosstie::{Deadline, OwnerId};

#[test]
fn play() {
    let Ok(role) = std::env::var("CROSSTIE_TEST_ROLE") else { return };
    if let Some(parent) = variable("CROSSTIE_TEST_PARENT") {
        // Also when the watchdog ends the test run.
        parent::end_with_parent(u32::try_from(parent).unwrap()).unwrap();
    }
    match role.as_str() {
        "owner" => owner(),
        "watcher" => watcher(),
        "execs" => execs(),
        "dies-at" => dies_at(),
        "forks" => super::fork::forks(),
        "starts" => super::command::starts(),
        "forwards" => super::command::forwards(),
        "closes-all" => super::command::closes_all(),
        "behind" => super::behind::behind(),
        "becomes" => super::shared::becomes(),
        "creates" => super::shared::creates(),
        "second-world" => super::world::second_world(),
        "comes-late" => super::full::comes_late(),
        "shm-full-later" => super::full::shm_full_later(),
        "maps-ledger" => super::world::maps_ledger(),
        "bound-elsewhere" => super::world::bound_elsewhere(),
        "no-place" => super::world::no_place(),
        "small-shm" => super::world::small_shm(),
        "scribbled" => super::world::scribbled(),
        other => panic!("no role {other}"),
    }
}

pub fn domain() -> &'static Domain {
    let domain = Domain::open_default().unwrap();
    domain.set_net(Net::Absent);
    domain
}

pub fn say(key: &str, what: impl std::fmt::Display) {
    println!("@{key} {what}");
}

/// Waits until the test closes our input.
pub fn until_told() {
    std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
}

fn variable(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// Takes part as a process or as a thread, holding some memory.
fn owner() {
    let mib = usize::try_from(variable("MIB").unwrap_or(0)).unwrap();
    let memory = std::hint::black_box(vec![1_u8; mib << 20]);
    let domain = domain();
    let is_thread = std::env::var_os("AS_THREAD").is_some();
    let id = if is_thread { domain.thread_owner() } else { domain.process_owner() }.unwrap();
    say("owner", id.to_bits());
    until_told();
    drop(memory);
}

/// Sleeps until an owner dies, in a place where more may be forbidden.
fn watcher() {
    if std::env::var_os("FORBID_WAITV").is_some() {
        forbid_waitv();
    }
    let domain = domain();
    domain.thread_owner().unwrap();
    let watched = OwnerId::from_bits(variable("OWNER").unwrap());
    let word = AtomicU32::new(0);
    say("watching", process::tid());
    // A watcher's death rings the bell although the owner lives: a wake for no reason.
    let waited = loop {
        match domain.wait(&word, 0, watched.as_slice(), Deadline::NEVER) {
            Wait::Woken => {}
            other => break other,
        }
    };
    say("woke", format!("{waited:?} {} {}", clock::now_ns(), crosstie::os::futex::has_waitv()));
    until_told();
}

/// Takes part as a thread that is not its process's first, then executes another program.
fn execs() {
    assert_ne!(process::pid(), process::tid(), "the test harness runs tests in threads");
    say("owner", domain().thread_owner().unwrap().to_bits());
    panic!("{}", Command::new("sleep").arg("1000").exec());
}

/// Dies as if it were killed.
pub fn kill_self() {
    let own = i32::try_from(std::process::id()).unwrap();
    // SAFETY: ends this very process; nothing of it runs on.
    unsafe { libc::kill(own, libc::SIGKILL) };
}

/// From now on this process kills itself at the point `POINT`.
pub fn die_at_point() {
    crosstie_core::crash::install(|name| {
        if std::env::var("POINT").is_ok_and(|point| point == name) {
            kill_self();
        }
    });
}

/// Takes part, killing itself at the chosen point.
fn dies_at() {
    let domain = domain();
    die_at_point();
    let _ = domain.thread_owner();
    say("survived", "");
}

/// From now on `futex_waitv` answers EPERM in this thread and those that it starts.
fn forbid_waitv() {
    const LOAD_NUMBER: u16 = 0x20;
    const JUMP_IF_EQUAL: u16 = 0x15;
    const RETURN: u16 = 0x06;
    let waitv = u32::try_from(libc::SYS_futex_waitv).unwrap();
    let step = |code, jt, jf, k| libc::sock_filter { code, jt, jf, k };
    let mut steps = [
        step(LOAD_NUMBER, 0, 0, 0),
        step(JUMP_IF_EQUAL, 0, 1, waitv),
        step(RETURN, 0, 0, libc::SECCOMP_RET_ERRNO | libc::EPERM.unsigned_abs()),
        step(RETURN, 0, 0, libc::SECCOMP_RET_ALLOW),
    ];
    let program = libc::sock_fprog { len: 4, filter: steps.as_mut_ptr() };
    // SAFETY: a flag of this thread.
    let granted = unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) };
    assert_eq!(granted, 0);
    // SAFETY: the program and its steps live until the call returns.
    let set = unsafe { libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const program) };
    assert_eq!(set, 0, "{}", std::io::Error::last_os_error());
}
