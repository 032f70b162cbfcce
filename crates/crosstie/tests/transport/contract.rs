//! The contract, the same for every mechanism.

use std::thread;
use std::time::Duration;

use crosstie::Deadline;
use crosstie::contract::{ReceiveMessages, RecvError, SendError};
use crosstie::os::clock::deadline_in;
use crosstie::transport::Options;

use super::stage::{options, pairs, payload, soon};

fn receive(rx: &mut dyn ReceiveMessages) -> Vec<u8> {
    rx.recv(soon()).expect("a message").payload.to_vec()
}

#[test]
fn messages_keep_their_boundaries_and_their_order() {
    for (name, _stage, mut tx, mut rx) in pairs(&options()) {
        let lengths = [0, 1, 7, 4095, 4096, 4097, 65_531, 65_532, 65_536, 300_000, 5 << 20, 0, 3];
        let sending = thread::spawn(move || {
            for (seed, length) in lengths.into_iter().enumerate() {
                tx.send(&payload(length, seed as u32), soon()).expect("sent");
            }
            tx.close().expect("closed");
        });
        for (seed, length) in lengths.into_iter().enumerate() {
            assert!(
                receive(&mut *rx) == payload(length, seed as u32),
                "{name}: message {seed} of {length} bytes"
            );
        }
        assert!(matches!(rx.recv(soon()), Err(RecvError::Closed)), "{name}");
        sending.join().expect("the sender");
    }
}

#[test]
fn a_batch_arrives_as_its_messages() {
    for (name, _stage, mut tx, mut rx) in pairs(&options()) {
        let payloads: Vec<Vec<u8>> = (0..1000).map(|seed| payload(seed % 300, seed as u32)).collect();
        let sent = payloads.clone();
        let sending = thread::spawn(move || {
            let mut rest: Vec<&[u8]> = sent.iter().map(Vec::as_slice).collect();
            while !rest.is_empty() {
                let count = tx.send_batch(&rest, soon()).expect("sent");
                assert!(count > 0);
                rest.drain(..count);
            }
        });
        for payload in &payloads {
            assert!(receive(&mut *rx) == *payload, "{name}");
        }
        assert!(matches!(rx.recv(soon()), Err(RecvError::Closed)), "{name}");
        sending.join().expect("the sender");
    }
}

#[test]
fn a_dropped_sender_ends_cleanly() {
    for (name, _stage, tx, mut rx) in pairs(&options()) {
        drop(tx);
        assert!(matches!(rx.recv(soon()), Err(RecvError::Closed)), "{name}");
    }
}

#[test]
fn a_sender_that_panics_is_seen_as_dead() {
    for (name, _stage, mut tx, mut rx) in pairs(&options()) {
        let sending = thread::Builder::new().name("a panic that belongs to the test".into());
        let sending = sending.spawn(move || {
            tx.send(b"before", soon()).expect("sent");
            std::panic::resume_unwind(Box::new(tx.message_bytes_max()));
        });
        assert!(sending.expect("a thread").join().is_err());
        assert_eq!(receive(&mut *rx), b"before", "{name}");
        assert!(matches!(rx.recv(soon()), Err(RecvError::PeerDied)), "{name}");
    }
}

#[test]
fn the_senders_limit_is_kept() {
    let small = Options { message_bytes_max: 100, ..options() };
    for (name, _stage, mut tx, mut rx) in pairs(&small) {
        let answer = tx.send(&payload(101, 0), soon());
        assert!(matches!(answer, Err(SendError::TooLarge { length: 101, limit: 100 })), "{name}: {answer:?}");
        tx.send(&payload(100, 1), soon()).expect("the limit itself is sent");
        assert!(receive(&mut *rx) == payload(100, 1), "{name}");
    }
}

#[test]
fn trying_never_waits_and_timed_forms_end_in_time() {
    for (name, _stage, mut tx, mut rx) in pairs(&options()) {
        assert!(matches!(rx.recv(Deadline::NOW), Err(RecvError::Empty)), "{name}");
        let answer = rx.recv(deadline_in(Duration::from_millis(20))).map(|m| m.payload.len());
        assert!(matches!(answer, Err(RecvError::TimedOut)), "{name}");
        let mut sent = 0;
        let full = loop {
            match tx.send(&payload(1000, sent), Deadline::NOW) {
                Ok(()) => sent += 1,
                Err(error) => break error,
            }
        };
        assert!(matches!(full, SendError::Full), "{name}: {full:?}");
        // A few bytes may still fit where a try for more did not.
        let late = loop {
            match tx.send(&payload(1000, sent), deadline_in(Duration::from_millis(20))) {
                Ok(()) => sent += 1,
                Err(error) => break error,
            }
        };
        assert!(matches!(late, SendError::TimedOut), "{name}: {late:?}");
        let draining = thread::spawn(move || {
            let mut seed = 0;
            let end = loop {
                match rx.recv(soon()) {
                    Ok(message) => assert!(message.payload == payload(1000, seed), "message {seed}"),
                    Err(end) => break end,
                }
                seed += 1;
            };
            (seed, matches!(end, RecvError::Closed))
        });
        drop(tx);
        assert_eq!(draining.join().expect("the receiver"), (sent, true), "{name}");
    }
}

#[test]
fn a_message_that_a_deadline_cuts_is_finished_later() {
    for (name, _stage, mut tx, mut rx) in pairs(&options()) {
        let large = payload(5 << 20, 9);
        let answer = tx.send(&large, Deadline::NOW);
        assert!(answer.is_ok(), "{name}: {answer:?}");
        assert!(matches!(tx.send(b"next", Deadline::NOW), Err(SendError::Full)), "{name}");
        let closing = thread::spawn(move || tx.close());
        assert!(receive(&mut *rx) == large, "{name}");
        assert!(matches!(rx.recv(soon()), Err(RecvError::Closed)), "{name}");
        closing.join().expect("a thread").expect("closed");
    }
}

#[test]
fn a_receiver_that_ended_is_told_to_the_sender() {
    for (name, _stage, mut tx, rx) in pairs(&options()) {
        tx.send(b"unread", soon()).expect("sent");
        drop(rx);
        let end = loop {
            match tx.send(&payload(1000, 0), soon()) {
                Ok(()) => {}
                Err(error) => break error,
            }
        };
        assert!(matches!(end, SendError::Closed), "{name}: {end:?}");
        assert!(matches!(tx.send(b"", soon()), Err(SendError::Closed)), "{name}: told again");
    }
}
