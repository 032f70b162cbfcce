//! Who keeps the protocol of calls not: cut off, named, and no harm to others.

use std::thread;

use crosstie::call::CallOptions;
use crosstie::endpoint::{Listener, Sender, connect};
use crosstie::{ErrorKind, RecvError};

use super::stage::{Stage, Way, soon};

const HELLO: &[u8] = b"\x01\0\0\0\x01\0\0\0\x07\0\0\0\0\0\0\0calls";
const WELCOME: &[u8] = b"\x02\0\0\0\x01\0\0\0\x07\0\0\0\0\0\0\0calls";

fn frame(kind: u8, flags: u8, id: u32, rest: &[u8]) -> Vec<u8> {
    [&[kind, flags, 0, 0][..], &id.to_le_bytes(), rest].concat()
}

#[test]
fn a_client_that_breaks_the_protocol_is_named_and_cut_off_and_the_others_are_served() {
    let call = |id| frame(3, 0, id, b"request");
    let hello = || HELLO.to_vec();
    let version_2 = b"\x01\0\0\0\x02\0\0\0\x07\0\0\0\0\0\0\0calls".to_vec();
    let more_than_allowed = (0..=1024).map(call);
    let breaches: [(Vec<Vec<u8>>, ErrorKind); 9] = [
        (vec![b"GET / HTTP/1.1".to_vec()], ErrorKind::Mismatch),
        (vec![version_2], ErrorKind::Mismatch),
        (vec![call(1)], ErrorKind::Mismatch),
        (vec![hello(), hello()], ErrorKind::Corrupt),
        (vec![hello(), frame(3, 0x80, 1, b"")], ErrorKind::Corrupt),
        (vec![hello(), frame(7, 0, 1, b"a reply")], ErrorKind::Corrupt),
        (vec![hello(), frame(3, 1, 1, b"short")], ErrorKind::Corrupt),
        (vec![hello(), frame(12, 0, 1, b"")], ErrorKind::Corrupt),
        ([vec![hello()], more_than_allowed.collect()].concat(), ErrorKind::Corrupt),
    ];
    for way in [Way::Unix, Way::UnixPacket, Way::Tcp] {
        let stage = Stage::new(way);
        let server = stage.server();
        let client = stage.client();
        for (frames, kind) in &breaches {
            let (mut tx, mut rx) =
                connect::<[u8], [u8]>(&stage.address, &stage.options()).expect("connected");
            thread::scope(|scope| {
                scope.spawn(|| {
                    // It may be cut off before it has sent everything.
                    for frame in frames {
                        if tx.send(frame).is_err() {
                            break;
                        }
                    }
                });
                let mut held = Vec::new();
                let error = loop {
                    match server.receive_until(soon()) {
                        Ok(call) => held.push(call),
                        Err(error) => break error,
                    }
                };
                assert!(matches!(error, RecvError::Failed(_)), "{way:?}: {error}");
                assert_eq!(error.kind(), *kind, "{way:?}: {error}");
            });
            let farewell = std::iter::from_fn(|| rx.recv_until(soon()).ok()).last();
            // A machine between may lose it with what was not read; on one machine it comes.
            if way != Way::Tcp {
                assert!(farewell.is_some_and(|farewell| farewell[0] == 10), "{way:?}");
            }
        }
        let pending = client.start(b"served on", CallOptions::default()).expect("started");
        server.receive_until(soon()).expect("a call").reply(b"yes").expect("replied");
        assert_eq!(pending.reply().expect("a reply"), b"yes", "{way:?}");
    }
}

#[test]
fn a_client_that_takes_no_answer_does_not_have_its_server_keep_answers_without_end() {
    for way in [Way::Unix, Way::UnixPacket] {
        let stage = Stage::new(way);
        let server = stage.server();
        let (mut tx, rx) = connect::<[u8], [u8]>(&stage.address, &stage.options()).expect("connected");
        tx.send(HELLO).expect("sent");
        tx.send(&frame(3, 0, 1, b"in hand")).expect("sent");
        let held = server.receive_until(soon()).expect("a call");
        // Each is answered by a refusal as it is cancelled; the kernel has room for some thousands.
        let mut sent = 0;
        for id in 2..40_000 {
            if tx.send(&frame(3, 0, id, b"")).and_then(|()| tx.send(&frame(4, 0, id, b""))).is_err() {
                break;
            }
            sent = id;
            // Lets come in what has come.
            assert!(id < 40_000 - 1, "{way:?}: it keeps whatever is sent");
            if held.is_cancelled() {
                break;
            }
        }
        assert!(sent > 1024, "{way:?}: cut off after {sent}, which it may have sent");
        let error = server.receive_until(soon()).expect_err("cut off");
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{way:?}: {error}");
        drop((held, rx));
    }
}

#[test]
fn a_server_that_breaks_the_protocol_is_named_to_the_caller() {
    let breaches: [(Vec<Vec<u8>>, ErrorKind); 8] = [
        (vec![b"220 smtp ready".to_vec()], ErrorKind::Mismatch),
        (vec![WELCOME.to_vec(), frame(3, 0, 1, b"")], ErrorKind::Corrupt),
        (vec![WELCOME.to_vec(), frame(1, 0, 1, b"")], ErrorKind::Corrupt),
        (vec![frame(10, 0, 0, b"\x57\0\0\0\x09too-largeit was")], ErrorKind::TooLarge),
        (vec![frame(10, 0, 0, b"")], ErrorKind::Failed),
        (vec![b"\x02\0\0\0\x02\0\0\0\x07\0\0\0\0\0\0\0calls".to_vec()], ErrorKind::Mismatch),
        (vec![WELCOME.to_vec()], ErrorKind::Closed),
        (vec![WELCOME.to_vec(), frame(7, 0, 77, b"no call of this id")], ErrorKind::Closed),
    ];
    for way in [Way::Unix, Way::UnixPacket, Way::Tcp] {
        for (frames, kind) in &breaches {
            let stage = Stage::new(way);
            let listener = Listener::open_with(&stage.address, &stage.options()).expect("listens");
            thread::scope(|scope| {
                scope.spawn(|| {
                    let (mut tx, mut rx) = listener.accept::<[u8], [u8]>().expect("a client");
                    let mut hello = rx.recv().expect("a hello");
                    assert_eq!(hello[..4], [1, 0, 0, 0]);
                    rx.recv().expect("a call");
                    for frame in frames {
                        let mut frame = frame.clone();
                        if frame.starts_with(&[2]) {
                            // In the token of this very client.
                            frame[8..16].copy_from_slice(&hello.split_off(8)[..8]);
                        }
                        tx.send(&frame).expect("sent");
                    }
                });
                let error = stage.client().call_until(b"?", soon()).expect_err("no reply");
                assert_eq!(error.kind(), *kind, "{way:?}: {frames:?}: {error}");
            });
        }
    }
}

#[test]
fn a_stranger_in_a_fifo_is_named_and_the_others_are_served() {
    let stage = Stage::new(Way::Fifo);
    let server = stage.server();
    let client = stage.client();
    let mut stranger = Sender::<[u8]>::open_with(&stage.address, &stage.options()).expect("a sender");
    stranger.send(b"a line of text").expect("sent");
    let error = server.receive_until(soon()).expect_err("a stranger");
    assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
    let pending = client.start(b"served on", CallOptions::default()).expect("started");
    server.receive_until(soon()).expect("a call").reply(b"yes").expect("replied");
    assert_eq!(pending.reply().expect("a reply"), b"yes");
    drop((client, server));
    let left: Vec<_> = stage.files().into_iter().filter(|name| name.starts_with("f.")).collect();
    assert!(left.is_empty(), "the FIFOs of replies go with their clients: {left:?}");
}

/// A reply that belongs to another call, or to none, wakes nobody and reaches nobody.
#[test]
fn replies_under_ids_of_no_call_are_thrown_away() {
    let stage = Stage::new(Way::Unix);
    let listener = Listener::open_with(&stage.address, &stage.options()).expect("listens");
    thread::scope(|scope| {
        scope.spawn(|| {
            let (mut tx, mut rx) = listener.accept::<[u8], [u8]>().expect("a client");
            let hello = rx.recv().expect("a hello");
            tx.send(&[&b"\x02\0\0\0\x01\0\0\0"[..], &hello[8..16], b"calls"].concat()).expect("sent");
            let call = rx.recv().expect("a call");
            let id = u32::from_le_bytes([call[4], call[5], call[6], call[7]]);
            for wrong in [id ^ 1, id.wrapping_add(1024), 0, u32::MAX] {
                for kind in [6, 7, 8, 9] {
                    let body: &[u8] = if kind == 8 { b"" } else { b"wrong" };
                    tx.send(&frame(kind, 0, wrong, body)).expect("sent");
                }
            }
            tx.send(&frame(7, 0, id, b"right")).expect("sent");
            // Twice: the second is late.
            tx.send(&frame(7, 0, id, b"again")).expect("sent");
            let call = rx.recv().expect("the next call");
            let id = u32::from_le_bytes([call[4], call[5], call[6], call[7]]);
            tx.send(&frame(7, 0, id, b"next")).expect("sent");
        });
        let client = stage.client();
        assert_eq!(client.call_until(b"one", soon()).expect("a reply"), b"right");
        assert_eq!(client.call_until(b"two", soon()).expect("a reply"), b"next");
    });
}
