//! Descriptors that are handed over: with messages, and to children.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::net::UnixStream;
use std::process::Command;

use crosstie::ErrorKind;
use crosstie::contract::{ReceiveMessages, RecvError, SendError, SendMessages};
use crosstie::os::fd_passing;
use crosstie::os::unix::{UnixKind, pair};
use crosstie::transport::{Options, descriptor, pipe, spawn};

use super::stage::{Actor, Named, options, payload, soon};

/// Whether `a` and `b` lead to the same file.
fn is_same(a: impl AsFd, b: impl AsFd) -> bool {
    let target = |fd: &dyn AsFd| std::fs::read_link(format!("/proc/self/fd/{}", fd.as_fd().as_raw_fd()));
    target(&a).expect("a link") == target(&b).expect("a link")
}

#[test]
fn descriptors_arrive_with_their_own_message() {
    let (a, b) = pair(UnixKind::Stream).expect("a pair");
    let mut tx = descriptor::sender(a, &options()).expect("a sender");
    let mut rx = descriptor::receiver(b, &options()).expect("a receiver");
    rx.take_descriptors();
    let files: Vec<File> = (0..3).map(|_| tempfile::tempfile().expect("a file")).collect();
    tx.send(b"none", soon()).expect("sent");
    tx.send_with_descriptors(b"one", &[files[0].as_fd()], soon()).expect("sent");
    tx.send(b"none again", soon()).expect("sent");
    let large = payload(300_000, 1);
    let sending = std::thread::spawn(move || {
        let two = [files[1].as_fd(), files[2].as_fd()];
        tx.send_with_descriptors(&large, &two, soon()).expect("sent");
        files
    });
    let mut counts = Vec::new();
    let mut came = Vec::new();
    while let Ok(message) = rx.recv(soon()) {
        let length = message.payload.len();
        let descriptors = rx.descriptors();
        counts.push((length, descriptors.len()));
        came.extend(descriptors);
    }
    assert_eq!(counts, [(4, 0), (3, 1), (10, 0), (300_000, 2)]);
    let files = sending.join().expect("the sender");
    for (sent, came) in files.iter().zip(&came) {
        assert!(is_same(sent, came));
        let flags =
            std::fs::read_to_string(format!("/proc/self/fdinfo/{}", came.as_raw_fd())).expect("flags");
        assert!(flags.contains("\nflags:\t02"), "close-on-exec: {flags}");
    }
}

#[test]
fn a_receiver_that_takes_no_descriptors_gets_every_message_that_came_with_some() {
    let (a, b) = pair(UnixKind::Stream).expect("a pair");
    let mut tx = descriptor::sender(a, &options()).expect("a sender");
    let mut rx = descriptor::receiver(b, &options()).expect("a receiver");
    let file = tempfile::tempfile().expect("a file");
    for word in [&b"one"[..], b"two", b"three"] {
        tx.send_with_descriptors(word, &[file.as_fd()], soon()).expect("sent");
        assert_eq!(rx.recv(soon()).expect("a message").payload, word);
    }
}

#[test]
fn descriptors_that_nobody_announced_are_closed_and_missing_ones_are_a_breach() {
    let (a, b) = pair(UnixKind::Stream).expect("a pair");
    let mut rx = descriptor::receiver(b, &options()).expect("a receiver");
    rx.take_descriptors();
    let (mut reader, writer) = std::io::pipe().expect("a pipe");
    let bytes = b"\xC7TIEs\x01\0\0\x01\0\0\0x";
    let slices = [std::io::IoSlice::new(bytes)];
    fd_passing::send(a.as_fd(), &slices, &[writer.as_fd()], soon()).expect("sent");
    drop(writer);
    assert_eq!(rx.recv(soon()).expect("a message").payload, b"x");
    assert!(rx.descriptors().is_empty());
    assert_eq!(reader.read(&mut [0; 1]).expect("the end"), 0, "the surplus was closed");
    let announced = b"\xFE\xFF\xFF\xFF\x01\0\0\0\x01\0\0\0y";
    UnixStream::from(a).write_all(announced).expect("written");
    let error = rx.recv(soon()).map(drop).expect_err("refused");
    assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
}

#[test]
fn what_carries_no_descriptors_says_so() {
    let (mut tx, _rx) = pipe::pair(&options()).expect("a pipe");
    let file = tempfile::tempfile().expect("a file");
    let Err(SendError::Failed(error)) = tx.send_with_descriptors(b"", &[file.as_fd()], soon()) else {
        panic!("a pipe carries none")
    };
    assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
    let (a, _b) = pair(UnixKind::Stream).expect("a pair");
    let mut tx = descriptor::sender(a, &options()).expect("a sender");
    let many = vec![file.as_fd(); 254];
    let Err(SendError::Failed(error)) = tx.send_with_descriptors(b"", &many, soon()) else {
        panic!("too many")
    };
    assert_eq!(error.kind(), ErrorKind::Usage, "{error}");
}

#[test]
fn a_connection_knows_who_is_at_the_other_end() {
    let (a, _b) = pair(UnixKind::Stream).expect("a pair");
    let (_tx, rx) = descriptor::connection(a, &options()).expect("a connection");
    let peer = rx.peer().expect("known");
    assert_eq!(peer.pid, std::process::id());
    let (_tx, rx) = pipe::pair(&options()).expect("a pipe");
    assert_eq!(rx.peer().expect_err("a pipe does not know").kind(), ErrorKind::Unsupported);
}

#[test]
fn a_child_talks_over_the_connection_that_it_was_given() {
    let command = Actor::command("answer on the descriptor", Named::Unix, "");
    let (child, (mut tx, mut rx)) = spawn::with_connection(command, &options()).expect("a child");
    let mut child = Actor(child);
    for seed in 0..10 {
        tx.send(&payload(1000, seed), soon()).expect("sent");
        assert!(rx.recv(soon()).expect("an answer").payload == payload(1000, seed));
    }
    tx.close().expect("closed");
    assert!(matches!(rx.recv(soon()), Err(RecvError::Closed)));
    assert!(child.0.wait().expect("ended").success());
}

#[test]
fn a_killed_child_is_told_to_its_parent() {
    let mut sleep = Command::new("sleep");
    sleep.arg("1000");
    let (child, mut rx) = spawn::with_sender(sleep, &options()).expect("a child");
    let mut child = Actor(child);
    child.kill();
    assert!(matches!(rx.recv(soon()), Err(RecvError::PeerDied)));
    let mut sleep = Command::new("sleep");
    sleep.arg("1000");
    let (child, mut tx) = spawn::with_receiver(sleep, &options()).expect("a child");
    let mut child = Actor(child);
    child.kill();
    assert!(matches!(tx.send(b"x", soon()), Err(SendError::Closed)));
    let error = spawn::with_sender(Command::new("/no/such/program"), &Options::default());
    assert_eq!(error.map(drop).expect_err("no program").kind(), ErrorKind::NotFound);
}

#[test]
fn a_child_has_no_other_descriptor_of_ours() {
    let (other, _rx) = pipe::pair(&options()).expect("a pipe");
    let other = std::fs::read_link(format!("/proc/self/fd/{}", other.descriptor().expect("one").as_raw_fd()));
    let other = other.expect("a link").display().to_string();
    let out = tempfile::NamedTempFile::new().expect("a file");
    let mut shell = Command::new("sh");
    shell
        .args(["-c", "ls -l /proc/self/fd > \"$OUT\"; echo $CROSSTIE_FD >> \"$OUT\""])
        .env("OUT", out.path());
    let (mut child, mut rx) = spawn::with_sender(shell, &options()).expect("a child");
    assert!(matches!(rx.recv(soon()), Err(RecvError::PeerDied)), "it said nothing");
    assert!(child.wait().expect("ended").success());
    let listing = std::fs::read_to_string(out.path()).expect("a listing");
    let number = listing.lines().last().expect("a number");
    assert!(listing.contains(&format!(" {number} -> pipe:")), "its own: {listing}");
    assert!(!listing.contains(&other), "{other} in {listing}");
}

#[test]
fn a_socket_that_is_no_stream_is_refused() {
    let (a, _b) = pair(UnixKind::Packet).expect("a pair");
    let error = descriptor::sender(a, &options()).map(drop).expect_err("refused");
    assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
    let folder = tempfile::tempdir().expect("a folder");
    let fd = File::open(folder.path()).expect("a folder");
    assert!(descriptor::receiver(fd.into(), &options()).is_err());
}
