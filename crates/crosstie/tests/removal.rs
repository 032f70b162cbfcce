//! H22: a removal that is killed half-way never makes two rings of one name.

use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};
use std::time::Duration;

use crosstie::channel::ring::{self, RingOptions, RingReceiver, RingSender};
use crosstie::ledger::Domain;
use crosstie::os::clock::deadline_in;
use crosstie::{Deadline, ErrorKind};

/// A domain that goes with the test.
fn stage() -> (tempfile::TempDir, &'static Domain) {
    let folder = tempfile::Builder::new().prefix("crosstie-test").tempdir_in("/dev/shm").unwrap();
    let domain = Domain::open(folder.path().join("domain")).unwrap();
    (folder, domain)
}

fn sender(domain: &'static Domain) -> RingSender {
    RingSender::open(domain, "jobs", &RingOptions::default()).unwrap()
}

fn receiver(domain: &'static Domain) -> RingReceiver {
    RingReceiver::open(domain, "jobs", &RingOptions::default()).unwrap()
}

/// Not a test of its own: the child that removes, waits where nobody was found, and is killed at
/// the mark.
#[test]
fn removes_and_is_killed() {
    fn hook(name: &'static str) {
        match name {
            "remove.unused" => {
                println!("@unused");
                std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
            }
            "remove.marked" => {
                let own = i32::try_from(std::process::id()).unwrap();
                // SAFETY: ends this very process; nothing of it runs on.
                unsafe { libc::kill(own, libc::SIGKILL) };
            }
            _ => {}
        }
    }
    let Ok(domain) = std::env::var("CROSSTIE_TEST_REMOVES_IN") else { return };
    let domain = Domain::open(domain).unwrap();
    crosstie_core::crash::install(hook);
    panic!("it was to be killed: {:?}", ring::remove(domain, "jobs"));
}

/// A remover finds the ring unused; `meanwhile` something happens; it marks the ring and is killed.
fn killed_at_the_mark<T>(domain: &Domain, meanwhile: impl FnOnce() -> T) -> T {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["removes_and_is_killed", "--exact", "--nocapture", "--test-threads=1"])
        .env("CROSSTIE_TEST_REMOVES_IN", domain.name())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let says = BufReader::new(child.stdout.take().unwrap());
    let is_there = says.lines().map_while(Result::ok).any(|line| line.contains("@unused"));
    assert!(is_there, "the child ended before it found the ring unused");
    let done = meanwhile();
    drop(child.stdin.take());
    let status = child.wait().unwrap();
    assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(libc::SIGKILL), "{status}");
    done
}

#[test]
fn h22_who_came_before_the_mark_of_a_killed_remover_and_who_comes_after_meet() {
    let (_folder, domain) = stage();
    drop(sender(domain));
    let mut tx = killed_at_the_mark(domain, || sender(domain));
    tx.send(b"before", Deadline::NOW).unwrap();
    let mut rx = receiver(domain);
    let soon = || deadline_in(Duration::from_secs(20));
    assert_eq!(rx.recv(soon()).unwrap().to_vec(), b"before", "it is the same ring");
    tx.send(b"after", Deadline::NOW).unwrap();
    assert_eq!(rx.recv(soon()).unwrap().to_vec(), b"after");
    assert_eq!(ring::remove(domain, "jobs").unwrap_err().kind(), ErrorKind::Busy);
}

#[test]
fn h22_a_killed_remover_has_removed_nothing_and_the_next_one_removes() {
    let (_folder, domain) = stage();
    sender(domain).send(b"waits", Deadline::NOW).unwrap();
    killed_at_the_mark(domain, || ());
    assert_eq!(receiver(domain).recv(Deadline::NOW).unwrap().to_vec(), b"waits");
    killed_at_the_mark(domain, || ());
    ring::remove(domain, "jobs").unwrap();
    assert_eq!(ring::remove(domain, "jobs").unwrap_err().kind(), ErrorKind::NotFound);
}
