//! H6: a fork child inherits bytes, not ownership.

use std::sync::atomic::AtomicU32;

use crosstie::Deadline;
use crosstie::ledger::Wait;

use super::roles::{domain, say, until_told};
use super::stage::Stage;

/// The role: takes part, then forks in a way, and tells what each of the two is.
pub fn forks() {
    let domain = domain();
    let thread = domain.thread_owner().unwrap();
    let process = domain.process_owner().unwrap();
    let child = if std::env::var_os("RAW_CLONE").is_some() {
        // SAFETY: a clone that shares nothing, as fork; the child only uses the library and exits.
        unsafe { libc::syscall(libc::SYS_clone, libc::SIGCHLD, 0, 0, 0, 0) }
    } else {
        // SAFETY: the child only uses the library and exits.
        i64::from(unsafe { libc::fork() })
    };
    assert!(child >= 0, "{}", std::io::Error::last_os_error());
    if child == 0 {
        let own = domain.thread_owner().unwrap();
        let same_again = domain.thread_owner().unwrap();
        let own_process = domain.process_owner().unwrap();
        let differs = own != thread && own_process != process && own == same_again;
        let parent_lives = domain.is_alive(thread) && domain.confirm_alive(process);
        say("child", format!("{} {differs} {parent_lives}", own.to_bits()));
        until_told();
        std::process::exit(0);
    }
    say("parent", format!("{} {} {child}", thread.to_bits(), process.to_bits()));
    until_told();
    // The child ends too: it shares our input.
    let mut status = 0;
    // SAFETY: waits for the child made above.
    unsafe { libc::waitpid(i32::try_from(child).unwrap(), &raw mut status, 0) };
    let after =
        domain.is_alive(thread) && domain.is_alive(process) && domain.thread_owner().unwrap() == thread;
    say("after", after);
}

fn a_child_is_someone_else(more: &[(&str, &str)]) {
    let stage = Stage::new();
    let mut family = stage.role("forks", more);
    // Both write to one pipe, in either order.
    let (first, second) = (family.says_any(), family.says_any());
    let (parent, child) = if first.0 == "parent" { (first.1, second.1) } else { (second.1, first.1) };
    let words: Vec<_> = child.split(' ').collect();
    assert_eq!(&words[1..], ["true", "true"], "another owner, and the parent lives: {child}");
    let id = |text: &str| crosstie::OwnerId::from_bits(text.parse().unwrap()).unwrap();
    let child_id = id(words[0]);
    assert!(stage.domain.is_alive(child_id));
    assert!(parent.split(' ').take(2).all(|owner| stage.domain.is_alive(id(owner))));
    family.go_on();
    assert_eq!(family.says("after"), "true", "the child's end is not the parent's");
    let waited = stage.domain.wait(&AtomicU32::new(0), 0, &[child_id], Deadline::NEVER);
    assert_eq!(waited, Wait::OwnerDied);
    stage.nothing_was_rescued();
}

#[test]
fn h6_a_fork_child_has_slots_of_its_own() {
    a_child_is_someone_else(&[]);
}

#[test]
fn h6_a_child_of_a_bare_clone_has_slots_of_its_own() {
    a_child_is_someone_else(&[("RAW_CLONE", "1")]);
}
