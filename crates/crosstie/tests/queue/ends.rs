//! When a receiver is told that no more will come, and what a fork child may do.

use crosstie::contract::{RecvError, SendError};
use crosstie::{Deadline, ErrorKind};

use super::stage::{TestDomain, blocking, wait_until_threads_sleep};

#[test]
fn an_end_is_told_once_to_each_receiver_and_the_next_sender_begins_anew() {
    let domain = TestDomain::new();
    let receivers = [domain.receiver(), domain.receiver()];
    assert!(matches!(receivers[0].recv(Deadline::NOW), Err(RecvError::Empty)), "nobody has come");
    let mut sender = domain.sender();
    sender.send(b"one", Deadline::NOW).unwrap();
    sender.close();
    assert!(matches!(sender.send(b"late", Deadline::NOW), Err(SendError::Closed)));
    receivers[1].recv(Deadline::NOW).unwrap().done().unwrap();
    for receiver in &receivers {
        assert!(matches!(receiver.recv(Deadline::NOW), Err(RecvError::Closed)));
        assert!(matches!(receiver.recv(Deadline::NOW), Err(RecvError::Empty)));
    }
    let mut next = domain.sender();
    next.send(b"two", Deadline::NOW).unwrap();
    receivers[0].recv(Deadline::NOW).unwrap().done().unwrap();
    drop(next);
    assert!(matches!(receivers[0].recv(Deadline::NOW), Err(RecvError::Closed)));
    let late = domain.receiver();
    assert!(matches!(late.recv(Deadline::NOW), Err(RecvError::Empty)), "an old end is no news");
}

#[test]
fn the_end_waits_for_the_last_job_in_anybodys_hands() {
    let domain = TestDomain::new();
    domain.sender().send(b"the last", Deadline::NOW).unwrap();
    let (busy, idle) = (domain.receiver(), domain.receiver_with(&blocking()));
    let job = busy.recv(Deadline::NOW).unwrap();
    assert!(matches!(idle.recv(Deadline::NOW), Err(RecvError::Empty)), "the job may come again");
    let told = std::thread::spawn(move || idle.recv(Deadline::NEVER).map(|_| ()));
    wait_until_threads_sleep(1);
    job.done().unwrap();
    assert!(matches!(told.join().unwrap(), Err(RecvError::Closed)));
    assert!(matches!(busy.recv(Deadline::NOW), Err(RecvError::Closed)));
}

#[test]
fn a_receiver_with_the_last_job_in_hand_does_not_wait_for_itself() {
    let domain = TestDomain::new();
    domain.sender().send(b"the last", Deadline::NOW).unwrap();
    let receiver = domain.receiver_with(&blocking());
    let job = receiver.recv(Deadline::NOW).unwrap();
    assert!(matches!(receiver.recv(Deadline::NEVER), Err(RecvError::Closed)));
    job.fail().unwrap();
    assert_eq!(receiver.recv(Deadline::NOW).unwrap().deliveries(), 2);
}

#[test]
fn a_sender_that_panics_is_told_as_a_death() {
    let domain = TestDomain::new();
    let receiver = domain.receiver();
    let mut sender = domain.sender();
    let panicked = std::thread::spawn(move || {
        sender.send(b"one", Deadline::NOW).unwrap();
        panic!("on purpose");
    });
    assert!(panicked.join().is_err());
    receiver.recv(Deadline::NOW).unwrap().done().unwrap();
    assert!(matches!(receiver.recv(Deadline::NOW), Err(RecvError::PeerDied)));
}

#[test]
fn a_follower_is_told_no_end() {
    let domain = TestDomain::new();
    let follower = domain.receiver().follow();
    for _ in 0..3 {
        domain.sender().send(b"one", Deadline::NOW).unwrap();
        follower.recv(Deadline::NOW).unwrap().done().unwrap();
        assert!(matches!(follower.recv(Deadline::NOW), Err(RecvError::Empty)));
    }
}

#[test]
fn h6_a_fork_child_that_drops_inherited_ends_ends_nothing() {
    let domain = TestDomain::new();
    let mut sender = domain.sender();
    let receiver = domain.receiver();
    sender.send(b"held over the fork", Deadline::NOW).unwrap();
    let job = receiver.recv(Deadline::NOW).unwrap();
    // SAFETY: the child only drops what it inherited, which takes no lock, and ends by _exit.
    let child = unsafe { libc::fork() };
    if child == 0 {
        drop(job);
        let sent = sender.send(b"by the child", Deadline::NOW);
        let refused = matches!(sent, Err(SendError::Failed(error)) if error.kind() == ErrorKind::Unsupported);
        drop(sender);
        drop(receiver);
        // SAFETY: ends the child without running the harness's destructors.
        unsafe { libc::_exit(if refused { 0 } else { 1 }) };
    }
    let mut status = -1;
    // SAFETY: waits for the child made above; `status` outlives the call.
    assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
    assert_eq!(status, 0, "the child's send was not refused");
    job.done().unwrap();
    assert!(matches!(receiver.recv(Deadline::NOW), Err(RecvError::Empty)), "the child ended the sender");
    sender.send(b"by the parent", Deadline::NOW).unwrap();
    assert_eq!(receiver.recv(Deadline::NOW).unwrap().to_vec(), b"by the parent");
}
