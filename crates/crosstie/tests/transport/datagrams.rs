//! UDP: what is lost is counted, exactly.

use std::net::UdpSocket;
use std::thread;
use std::time::Duration;

use crosstie::ErrorKind;
use crosstie::contract::{ReceiveMessages, RecvError, SendError, SendMessages};
use crosstie::os::clock::deadline_in;
use crosstie::transport::{Options, udp};

use super::stage::{Stage, options, payload, soon};

fn receiver() -> (udp::UdpReceiver, String) {
    let rx = udp::receiver("127.0.0.1:0", &options()).expect("a receiver");
    let target = rx.address().trim_start_matches("udp:").to_owned();
    (rx, target)
}

const DATA: u8 = 1;
const END: u8 = 2;

/// Says datagrams of any session.
struct Forger {
    socket: UdpSocket,
    target: String,
}

impl Forger {
    fn new(target: String) -> Self {
        Self { socket: UdpSocket::bind("127.0.0.1:0").expect("a socket"), target }
    }

    fn say(&self, kind: u8, session: u64, number: u64, payload: &[u8]) {
        let mut bytes = vec![0xC7, b'T', b'I', b'E', b'd', 1, kind, 0];
        bytes.extend(session.to_le_bytes());
        bytes.extend(number.to_le_bytes());
        bytes.extend(payload);
        self.socket.send_to(&bytes, &self.target).expect("sent");
    }
}

#[test]
fn the_reported_loss_is_what_was_sent_and_not_received() {
    let (mut rx, target) = receiver();
    let mut tx = udp::sender(&target, &options()).expect("a sender");
    // Nobody reads meanwhile, so the kernel's room overflows.
    let sent = 500;
    let large = payload(60_000, 0);
    for number in 0..sent {
        tx.send(&[&u64::to_le_bytes(number)[..], &large].concat(), soon()).expect("sent");
    }
    let closing = thread::spawn(move || tx.close());
    let mut received = 0;
    let end = loop {
        match rx.recv(soon()) {
            Ok(message) => {
                assert!(message.payload[8..] == large, "whole");
                received += 1;
            }
            Err(end) => break end,
        }
    };
    assert!(matches!(end, RecvError::Closed), "{end:?}");
    closing.join().expect("a thread").expect("confirmed");
    assert!(received < sent, "the kernel's room was meant to overflow");
    let losses = rx.losses();
    assert_eq!((losses.lost, losses.duplicated, losses.reordered), (sent - received, 0, 0));
}

#[test]
fn a_paced_sender_loses_nothing_and_many_senders_end_when_the_last_one_does() {
    let (mut rx, target) = receiver();
    let sending: Vec<_> = (0..10)
        .map(|who| {
            let target = target.clone();
            thread::spawn(move || {
                let mut tx = udp::sender(&target, &options()).expect("a sender");
                for _ in 0..5 {
                    tx.send(&[who; 100], soon()).expect("sent");
                }
                let small = [who; 10];
                let batch = [&small[..]; 5];
                assert_eq!(tx.send_batch(&batch, soon()).expect("sent"), 5);
                tx.close().expect("confirmed");
            })
        })
        .collect();
    let mut counts = [0; 10];
    while counts.iter().any(|count| *count < 10) {
        match rx.recv(soon()) {
            Ok(message) => counts[usize::from(message.payload[0])] += 1,
            // All that had come so far were done before the next one came.
            Err(RecvError::Closed) => {}
            Err(error) => panic!("{error:?}: {counts:?}"),
        }
    }
    assert!(matches!(rx.recv(soon()), Err(RecvError::Closed)));
    sending.into_iter().for_each(|sender| sender.join().expect("a sender"));
    assert_eq!(rx.losses(), crosstie::contract::Losses::default());
}

#[test]
fn a_doubled_and_a_reordered_datagram_are_counted_and_delivered_once() {
    let (mut rx, target) = receiver();
    let forger = Forger::new(target);
    for (number, payload) in [(0, b"a"), (2, b"c"), (2, b"c"), (1, b"b"), (5, b"f")] {
        forger.say(DATA, 7, number, payload);
    }
    forger.say(END, 7, 8, b"");
    let mut arrived = Vec::new();
    while let Ok(message) = rx.recv(soon()) {
        arrived.extend_from_slice(message.payload);
    }
    assert_eq!(arrived, b"acbf");
    let losses = rx.losses();
    assert_eq!((losses.lost, losses.duplicated, losses.reordered), (4, 1, 1), "3 4 6 7 are lost");
}

#[test]
fn senders_that_never_ended_keep_no_other_from_being_heard() {
    let (mut rx, target) = receiver();
    let forger = Forger::new(target.clone());
    let mut say = |session: u64, number: u64| {
        forger.say(DATA, session, number, b"x");
        assert_eq!(rx.recv(soon()).expect("a message").payload, b"x", "{session} {number}");
    };
    // The first loses its second message, then is silent while 5,000 others come and never end.
    [0, 2].into_iter().for_each(|number| say(1, number));
    (2..5_000).for_each(|session| say(session, 0));
    let sending = thread::spawn(move || {
        let mut tx = udp::sender(&target, &options()).expect("a sender");
        for _ in 0..10 {
            tx.send(b"honest", soon()).expect("sent");
        }
        tx.close().expect("confirmed");
    });
    for _ in 0..10 {
        assert_eq!(rx.recv(soon()).expect("a message").payload, b"honest");
    }
    // Its end is taken and confirmed while others have not ended.
    while !sending.is_finished() {
        let answer = rx.recv(deadline_in(Duration::from_millis(1))).map(|m| m.payload.len());
        assert!(matches!(answer, Err(RecvError::TimedOut)), "{answer:?}");
    }
    sending.join().expect("a sender");
    assert_eq!(rx.losses().lost, 1, "of the first, which was parted with");
    forger.say(DATA, 1, 3, b"on");
    assert_eq!(rx.recv(soon()).expect("a message").payload, b"on", "it was only silent");
    forger.say(END, 1, 5, b"");
    let answer = rx.recv(deadline_in(Duration::from_millis(20))).map(|m| m.payload.len());
    assert!(matches!(answer, Err(RecvError::TimedOut)), "{answer:?}");
    assert_eq!(rx.losses().lost, 2, "numbers 1 and 4");
}

#[test]
fn a_message_above_a_datagram_is_refused() {
    let (_rx, target) = receiver();
    let mut tx = udp::sender(&target, &options()).expect("a sender");
    let answer = tx.send(&payload(udp::MESSAGE_BYTES_MAX + 1, 0), soon());
    assert!(matches!(answer, Err(SendError::TooLarge { length: 65_484, limit: 65_483 })), "{answer:?}");
    tx.send(&payload(udp::MESSAGE_BYTES_MAX, 0), soon()).expect("the largest goes");
}

#[test]
fn an_end_that_nobody_confirms_is_an_error_and_a_receiver_that_is_gone_is_told() {
    let (rx, target) = receiver();
    let mut silent = udp::sender(&target, &options()).expect("a sender");
    let Err(SendError::Failed(error)) = silent.close() else { panic!("nobody confirmed") };
    assert_eq!(error.kind(), ErrorKind::TimedOut, "{error}");
    let mut tx = udp::sender(&target, &options()).expect("a sender");
    drop(rx);
    let end = loop {
        if let Err(end) = tx.send(b"x", soon()) {
            break end;
        }
    };
    assert!(matches!(end, SendError::PeerDied | SendError::Closed), "{end:?}");
}

#[test]
fn a_receiver_that_ends_cleanly_says_so_to_the_senders_that_it_heard() {
    let (mut rx, target) = receiver();
    let mut tx = udp::sender(&target, &options()).expect("a sender");
    tx.send(b"heard", soon()).expect("sent");
    assert_eq!(rx.recv(soon()).expect("a message").payload, b"heard");
    drop(rx);
    let end = loop {
        if let Err(end) = tx.send(b"x", soon()) {
            break end;
        }
    };
    assert!(matches!(end, SendError::Closed), "{end:?}");
}

#[test]
fn a_sender_waits_for_a_receiver_of_this_machine() {
    let target = Stage::new().target(super::stage::Named::Tcp);
    let none = Options { deadline: deadline_in(Duration::from_millis(20)), ..Options::default() };
    let error = udp::sender(&target, &none).map(drop).expect_err("nobody is there");
    assert_eq!(error.kind(), ErrorKind::TimedOut, "{error}");
}

#[test]
fn a_server_answers_each_client_and_a_client_is_told_when_it_dies() {
    let mut server = udp::Listener::bind("127.0.0.1:0", &options()).expect("a server");
    let target = server.address().trim_start_matches("udp:").to_owned();
    let mut clients: Vec<_> = (0..3).map(|_| udp::connect(&target, &options()).expect("a client")).collect();
    for (who, (tx, _)) in clients.iter_mut().enumerate() {
        tx.send(&[who as u8], soon()).expect("sent");
        let heard = server.recv(soon()).expect("a message").payload.to_vec();
        server.answer(&[heard[0] + 100], soon()).expect("answered");
    }
    for (who, (_, rx)) in clients.iter_mut().enumerate() {
        assert_eq!(rx.recv(soon()).expect("an answer").payload, [who as u8 + 100]);
    }
    drop(server);
    for (_, rx) in &mut clients {
        assert!(matches!(rx.recv(soon()), Err(RecvError::Closed)), "it said so");
    }
    let mut server = udp::Listener::bind(&target, &options()).expect("the port is free again");
    let (mut tx, mut rx) = udp::connect(&target, &options()).expect("a client");
    tx.send(b"x", soon()).expect("sent");
    assert_eq!(server.recv(soon()).expect("a message").payload, b"x");
    // As by a kill: nothing is said.
    let dying = thread::spawn(move || {
        let _server = server;
        std::panic::resume_unwind(Box::new(()));
    });
    assert!(dying.join().is_err());
    tx.send(b"to nobody", soon()).expect("it goes out");
    assert!(matches!(rx.recv(soon()), Err(RecvError::PeerDied)), "the network said so");
}

#[test]
fn a_stranger_s_datagram_is_named_and_does_not_stop_the_others() {
    let (mut rx, target) = receiver();
    let raw = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    for bytes in [&b"hello there, who is it"[..], b"", b"\xC7TIEd\x01\x01"] {
        raw.send_to(bytes, &target).expect("sent");
        let error = rx.recv(soon()).map(|m| m.payload.len()).expect_err("refused");
        assert!(matches!(error.kind(), ErrorKind::Mismatch | ErrorKind::Corrupt), "{error}");
    }
    let mut tx = udp::sender(&target, &options()).expect("a sender");
    tx.send(b"served", soon()).expect("sent");
    assert_eq!(rx.recv(soon()).expect("a message").payload, b"served");
}

#[test]
fn the_death_of_a_datagram_sender_is_not_noticed() {
    let (mut rx, target) = receiver();
    let dying = thread::spawn(move || {
        let mut tx = udp::sender(&target, &options()).expect("a sender");
        tx.send(b"last words", soon()).expect("sent");
        // As by a kill: nothing is said.
        std::panic::resume_unwind(Box::new(tx.message_bytes_max()));
    });
    assert!(dying.join().is_err());
    assert_eq!(rx.recv(soon()).expect("a message").payload, b"last words");
    let answer = rx.recv(deadline_in(Duration::from_millis(50))).map(|m| m.payload.len());
    assert!(matches!(answer, Err(RecvError::TimedOut)), "{answer:?}");
}
