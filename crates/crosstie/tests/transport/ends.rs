//! How each mechanism ends, starts late, and is taken over: with real processes that are killed.

use std::io::Write;
use std::os::unix::net::UnixStream;
use std::thread;
use std::time::Duration;

use crosstie::contract::{ReceiveMessages, RecvError, SendError, SendMessages};
use crosstie::os::clock::deadline_in;
use crosstie::os::unix::UnixName;
use crosstie::transport::{self, Options};
use crosstie::{Deadline, ErrorKind};

use super::stage::{self, Actor, Named, Stage, options, payload, soon};

/// Not a test of its own: what a child of another test does (see [`Actor`]).
#[test]
fn a_child_plays_its_role() {
    let Ok(role) = std::env::var("CROSSTIE_TEST_ROLE") else { return };
    let named = Named::of_word(&std::env::var("CROSSTIE_TEST_MECHANISM").expect("a mechanism"));
    let target = std::env::var("CROSSTIE_TEST_TARGET").expect("a target");
    match role.as_str() {
        // Three whole messages, then one that never fits, until killed.
        "send until killed" => {
            let mut tx = stage::sender(named, &target, &options()).expect("a sender");
            for seed in 0..3 {
                tx.send(&payload(1000, seed), soon()).expect("sent");
            }
            let _ = tx.send(&payload(60 << 20, 3), Deadline::NEVER);
        }
        // One message, then nothing, until killed.
        "receive until killed" => {
            let mut rx = stage::receiver(named, &target, &options()).expect("a receiver");
            assert_eq!(rx.recv(soon()).expect("a message").payload, b"one");
            loop {
                thread::park();
            }
        }
        "send on the descriptor until killed" => {
            let mut tx = transport::descriptor::sender(given(), &options()).expect("a sender");
            for seed in 0..3 {
                tx.send(&payload(1000, seed), soon()).expect("sent");
            }
            let _ = tx.send(&payload(60 << 20, 3), Deadline::NEVER);
        }
        "send much and end" => {
            let mut tx = stage::sender(named, &target, &options()).expect("a sender");
            tx.send(b"here", soon()).expect("sent");
            for seed in 0..20 {
                tx.send(&payload(1 << 20, seed), soon()).expect("sent");
            }
        }
        // Sends back what comes over the connection that it was given.
        "answer on the descriptor" => {
            let number = std::env::var(transport::spawn::DESCRIPTOR_VARIABLE).expect("a number");
            let fd =
                crosstie::os::inherited::duplicate(number.parse().expect("a number")).expect("it is open");
            let (mut tx, mut rx) = transport::descriptor::connection(fd, &options()).expect("a connection");
            while let Ok(message) = rx.recv(soon()) {
                tx.send(message.payload, soon()).expect("answered");
            }
        }
        other => panic!("no role {other}"),
    }
}

/// The descriptor that this process was given.
fn given() -> std::os::fd::OwnedFd {
    let number = std::env::var(transport::spawn::DESCRIPTOR_VARIABLE).expect("a number");
    crosstie::os::inherited::duplicate(number.parse().expect("a number")).expect("it is open")
}

/// Takes messages until something else comes.
fn drain(rx: &mut dyn ReceiveMessages) -> (usize, RecvError) {
    let mut count = 0;
    loop {
        match rx.recv(soon()) {
            Ok(_) => count += 1,
            Err(end) => return (count, end),
        }
    }
}

#[test]
fn a_sender_killed_inside_a_message_is_told_after_its_whole_messages() {
    for named in Named::ALL {
        let stage = Stage::new();
        let mut rx = stage.receiver(*named).expect("a receiver");
        let mut sender = Actor::start("send until killed", *named, &stage.target(*named));
        for seed in 0..3 {
            assert!(rx.recv(soon()).expect("a message").payload == payload(1000, seed), "{named:?}");
        }
        sender.kill();
        let (count, end) = drain(&mut *rx);
        assert!(count == 0 && matches!(end, RecvError::PeerDied), "{named:?}: {count} {end:?}");
    }
}

#[test]
fn a_child_killed_inside_a_message_is_told_after_its_whole_messages() {
    let command = Actor::command("send on the descriptor until killed", Named::Unix, "");
    let (child, mut rx) = transport::spawn::with_sender(command, &options()).expect("a child");
    let mut child = Actor(child);
    for seed in 0..3 {
        assert!(rx.recv(soon()).expect("a message").payload == payload(1000, seed));
    }
    child.kill();
    let (count, end) = drain(&mut rx);
    assert!(count == 0 && matches!(end, RecvError::PeerDied), "{count} {end:?}");
}

#[test]
fn what_a_killed_receiver_had_not_taken_is_lost_on_sockets() {
    for named in Named::ALL.iter().filter(|named| **named != Named::Fifo) {
        let stage = Stage::new();
        let mut receiver = Actor::start("receive until killed", *named, &stage.target(*named));
        let mut tx = stage.sender(*named).expect("a sender");
        tx.send(b"one", soon()).expect("sent");
        while tx.send(&payload(1000, 0), deadline_in(Duration::from_millis(100))).is_ok() {}
        receiver.kill();
        let mut rx = stage.receiver(*named).expect("the next receiver");
        let mut fresh = stage.sender(*named).expect("a sender");
        fresh.send(b"fresh", soon()).expect("sent");
        assert_eq!(rx.recv(soon()).expect("a message").payload, b"fresh", "{named:?}");
        assert!(matches!(tx.send(b"more", soon()), Err(SendError::PeerDied)), "{named:?}");
    }
}

#[test]
fn a_killed_receiver_is_told_to_the_sender() {
    for named in Named::ALL {
        let stage = Stage::new();
        let mut receiver = Actor::start("receive until killed", *named, &stage.target(*named));
        let mut tx = stage.sender(*named).expect("a sender");
        tx.send(b"one", soon()).expect("sent");
        // Fill what the kernel holds, so that the receiver is known to have taken the first.
        while tx.send(&payload(1000, 0), deadline_in(Duration::from_millis(100))).is_ok() {}
        receiver.kill();
        let end = loop {
            if let Err(end) = tx.send(&payload(1000, 0), soon()) {
                break end;
            }
        };
        // A FIFO cannot tell how its receiver ended, and claims no death.
        let is_told = match named {
            Named::Fifo => matches!(end, SendError::Closed),
            _ => matches!(end, SendError::PeerDied),
        };
        assert!(is_told, "{named:?}: {end:?}");
    }
}

#[test]
fn delivering_tells_whether_the_receiver_took_everything() {
    for named in Named::ALL {
        for taken_count in [1, 3] {
            let stage = Stage::new();
            let mut rx = stage.receiver(*named).expect("a receiver");
            let mut tx = stage.sender(*named).expect("a sender");
            let sent = tx.send_batch(&[b"1", b"2", b"3"], soon()).expect("sent");
            assert_eq!(sent, 3, "{named:?}");
            assert!(
                matches!(tx.deliver(Deadline::NOW), Err(SendError::Full)),
                "{named:?}: nothing was taken"
            );
            for _ in 0..taken_count {
                rx.recv(soon()).expect("a message");
            }
            drop(rx);
            let delivered = tx.deliver(soon());
            assert_eq!(delivered.is_ok(), taken_count == 3, "{named:?}: {delivered:?}");
            assert!(!matches!(delivered, Err(SendError::PeerDied)), "{named:?}: it said goodbye");
        }
    }
}

#[test]
fn a_hundred_senders_lose_nothing() {
    for named in Named::ALL {
        let stage = Stage::new();
        let mut rx = stage.receiver(*named).expect("a receiver");
        let target = stage.target(*named);
        let all_here = std::sync::Arc::new(std::sync::Barrier::new(100));
        let senders: Vec<_> = (0..100_u32)
            .map(|who| {
                let (named, target, all_here) = (*named, target.clone(), all_here.clone());
                thread::spawn(move || {
                    let mut tx = stage::sender(named, &target, &options()).expect("a sender");
                    all_here.wait();
                    for number in 0..50_u32 {
                        let mut message = [who.to_le_bytes(), number.to_le_bytes()].concat();
                        message.extend(payload((number as usize % 7) * 900, who));
                        tx.send(&message, soon()).expect("sent");
                    }
                })
            })
            .collect();
        let mut next = [0_u32; 100];
        let end = loop {
            match rx.recv(soon()) {
                Ok(message) => {
                    let (who, rest) = message.payload.split_first_chunk().expect("who");
                    let (number, rest) = rest.split_first_chunk().expect("number");
                    let who = u32::from_le_bytes(*who);
                    let number = u32::from_le_bytes(*number);
                    assert_eq!(number, next[who as usize], "{named:?}: order of sender {who}");
                    assert!(rest == payload((number as usize % 7) * 900, who), "{named:?}: payload");
                    next[who as usize] += 1;
                }
                Err(end) => break end,
            }
        };
        assert!(matches!(end, RecvError::Closed), "{named:?}: {end:?}");
        assert!(next.iter().all(|count| *count == 50), "{named:?}: {next:?}");
        for sender in senders {
            sender.join().expect("a sender");
        }
    }
}

#[test]
fn a_sender_waits_for_a_receiver_that_starts_late() {
    for named in Named::ALL {
        let stage = Stage::new();
        let target = stage.target(*named);
        let none = Options { deadline: deadline_in(Duration::from_millis(20)), ..Options::default() };
        let nobody = stage::sender(*named, &target, &none).map(drop).expect_err("nobody is there");
        assert_eq!(nobody.kind(), ErrorKind::TimedOut, "{named:?}: {nobody}");
        let named = *named;
        let sending = thread::spawn(move || {
            let mut tx = stage::sender(named, &target, &options()).expect("a sender");
            tx.send(b"early", soon()).expect("sent");
        });
        let mut rx = stage.receiver(named).expect("a receiver");
        assert_eq!(rx.recv(soon()).expect("a message").payload, b"early", "{named:?}");
        sending.join().expect("the sender");
    }
}

#[test]
fn a_second_receiver_is_told_that_there_is_one() {
    for named in Named::ALL {
        let stage = Stage::new();
        let _first = stage.receiver(*named).expect("a receiver");
        let second = stage.receiver(*named).map(drop).expect_err("refused");
        assert_eq!(second.kind(), ErrorKind::Busy, "{named:?}: {second}");
    }
}

#[test]
fn the_messages_end_for_now_when_the_last_sender_leaves_and_go_on_with_the_next() {
    for named in Named::ALL {
        let stage = Stage::new();
        let mut rx = stage.receiver(*named).expect("a receiver");
        for round in 0..3 {
            let mut first = stage.sender(*named).expect("a sender");
            let mut second = stage.sender(*named).expect("a sender");
            first.send(b"first", soon()).expect("sent");
            drop(first);
            assert_eq!(rx.recv(soon()).expect("a message").payload, b"first", "{named:?} {round}");
            let answer = rx.recv(deadline_in(Duration::from_millis(20))).map(|m| m.payload.len());
            assert!(matches!(answer, Err(RecvError::TimedOut)), "{named:?}: one sender is left: {answer:?}");
            second.send(b"second", soon()).expect("sent");
            drop(second);
            assert_eq!(rx.recv(soon()).expect("a message").payload, b"second", "{named:?} {round}");
            assert!(matches!(rx.recv(soon()), Err(RecvError::Closed)), "{named:?} {round}");
        }
    }
}

#[test]
fn a_stale_socket_file_is_replaced_and_a_live_one_is_not() {
    let stage = Stage::new();
    drop(std::os::unix::net::UnixListener::bind(stage.path()).expect("a socket"));
    assert!(stage.path().exists(), "the file outlives its process");
    let mut rx = stage.receiver(Named::Unix).expect("taken over");
    let mut tx = stage.sender(Named::Unix).expect("a sender");
    tx.send(b"x", soon()).expect("sent");
    assert_eq!(rx.recv(soon()).expect("a message").payload, b"x");
    drop(rx);
    assert!(!stage.path().exists(), "given back");
}

#[test]
fn a_path_that_is_something_else_is_left_alone() {
    let stage = Stage::new();
    std::fs::write(stage.path(), "precious").expect("a file");
    for named in Named::ALL.iter().filter(|named| named.is_file()) {
        let error = stage.receiver(*named).map(drop).expect_err("refused");
        assert_eq!(error.kind(), ErrorKind::AlreadyExists, "{error}");
        assert!(error.to_string().contains("a regular file"), "{error}");
    }
    assert_eq!(std::fs::read(stage.path()).expect("it is there"), b"precious");
}

#[test]
fn a_stranger_is_named_and_does_not_stop_the_others() {
    let stage = Stage::new();
    let mut rx = stage.receiver(Named::Unix).expect("a receiver");
    let mut tx = stage.sender(Named::Unix).expect("a sender");
    let mut stranger = UnixStream::connect(stage.path()).expect("connected");
    stranger.write_all(b"GET / HTTP/1.1\r\n\r\n").expect("written");
    let error = rx.recv(soon()).map(|m| m.payload.len()).expect_err("refused");
    assert_eq!(error.kind(), ErrorKind::Mismatch, "{error}");
    assert!(error.to_string().contains("it began with \"GET / HT\""), "{error}");
    tx.send(b"still served", soon()).expect("sent");
    assert_eq!(rx.recv(soon()).expect("a message").payload, b"still served");
}

#[test]
fn a_stranger_is_no_sender_whose_end_would_be_that_of_all() {
    let stage = Stage::new();
    let mut rx = stage.receiver(Named::Unix).expect("a receiver");
    for word in [&b"GET / HTTP/1.1"[..], b"\xC7TI", b""] {
        let mut stranger = UnixStream::connect(stage.path()).expect("connected");
        stranger.write_all(word).expect("written");
        drop(stranger);
        let told = loop {
            match rx.recv(deadline_in(Duration::from_millis(20))).map(|m| m.payload.len()) {
                Err(RecvError::Failed(error)) => assert_eq!(error.kind(), ErrorKind::Mismatch),
                told => break told,
            }
        };
        assert!(matches!(told, Err(RecvError::TimedOut)), "{word:?}: {told:?}");
    }
    stage.sender(Named::Unix).expect("a sender").send(b"met", soon()).expect("sent");
    assert_eq!(rx.recv(soon()).expect("a message").payload, b"met");
}

#[test]
fn a_header_of_four_gigabytes_reserves_nothing() {
    let stage = Stage::new();
    let mut rx = stage.receiver(Named::Unix).expect("a receiver");
    let mut liar = UnixStream::connect(stage.path()).expect("connected");
    liar.write_all(b"\xC7TIEs\x01\0\0\xFD\xFF\xFF\xFF").expect("written");
    let error = rx.recv(soon()).map(|m| m.payload.len()).expect_err("refused");
    assert!(matches!(error, RecvError::TooLarge { length: 0xFFFF_FFFD, .. }), "{error:?}");
}

#[test]
fn half_a_message_of_one_sender_delays_no_other() {
    let stage = Stage::new();
    let mut rx = stage.receiver(Named::Unix).expect("a receiver");
    let mut slow = UnixStream::connect(stage.path()).expect("connected");
    slow.write_all(b"\xC7TIEs\x01\0\0\x05\0\0\0ab").expect("written");
    let mut tx = stage.sender(Named::Unix).expect("a sender");
    tx.send(b"quick", soon()).expect("sent");
    assert_eq!(rx.recv(soon()).expect("a message").payload, b"quick");
    slow.write_all(b"cde\xFF\xFF\xFF\xFF").expect("written");
    assert_eq!(rx.recv(soon()).expect("a message").payload, b"abcde");
}

#[test]
fn a_name_that_is_too_long_is_said_so() {
    let target = UnixName::Path("/tmp/".to_owned().repeat(30).into());
    let error = transport::unix::receiver(&target, &options()).map(drop).expect_err("refused");
    assert!(matches!(error.kind(), ErrorKind::Usage | ErrorKind::NotFound), "{error}");
    let error = transport::unix::sender(&target, &options()).map(drop).expect_err("refused");
    assert_eq!(error.kind(), ErrorKind::Usage, "{error}");
}

#[test]
fn both_ends_of_a_connection_talk_and_close_apart() {
    let stage = Stage::new();
    let at = UnixName::Path(stage.path());
    let listener = transport::unix::Listener::bind(&at, &options()).expect("a listener");
    let (mut client_tx, mut client_rx) = transport::unix::connect(&at, &options()).expect("connected");
    let (mut server_tx, mut server_rx) = listener.accept(soon()).expect("accepted");
    client_tx.send(b"question", soon()).expect("sent");
    client_tx.close().expect("closed");
    let message = server_rx.recv(soon()).expect("a message");
    assert_eq!((message.payload, message.sender_pid), (&b"question"[..], Some(std::process::id())));
    assert!(matches!(server_rx.recv(soon()), Err(RecvError::Closed)));
    server_tx.send(b"answer", soon()).expect("the other direction is open");
    drop(server_tx);
    assert_eq!(client_rx.recv(soon()).expect("a message").payload, b"answer");
    assert!(matches!(client_rx.recv(soon()), Err(RecvError::Closed)));
}
