//! Many replies to one call.

use std::thread;
use std::time::Duration;

use crosstie::call::{CallError, CallOptions, Refusal};
use crosstie::os::clock::deadline_in;
use crosstie::{ErrorKind, SendError};

use super::stage::{Stage, Way, soon, until};

#[test]
fn replies_come_in_order_and_end() {
    for way in Way::ALL {
        let stage = Stage::new(way);
        let server = stage.server();
        thread::scope(|scope| {
            scope.spawn(|| {
                let mut stream = server.receive_until(soon()).expect("a call").stream().expect("a stream");
                for number in 0..5000_u32 {
                    // Now and then one that fills the window alone.
                    let length = if number % 1000 == 999 { 300_000 } else { number as usize % 500 };
                    let reply = [&number.to_le_bytes()[..], &vec![7; length]].concat();
                    stream.send(&reply).expect("sent");
                }
                stream.end().expect("ended");
            });
            let client = stage.client();
            let mut number = 0_u32;
            for reply in client.stream(b"all", soon()).expect("started") {
                let reply = reply.unwrap_or_else(|error| panic!("{way:?}: {error}"));
                assert_eq!(reply[..4], number.to_le_bytes(), "{way:?}");
                number += 1;
            }
            assert_eq!(number, 5000, "{way:?}");
        });
    }
}

#[test]
fn who_takes_no_replies_stops_its_stream_and_no_other_call() {
    for way in Way::ALL {
        let stage = Stage::new(way);
        let server = stage.server();
        let client = stage.client();
        let slow = client.stream(b"slow", soon()).expect("started");
        let mut stream = server.receive_until(soon()).expect("a call").stream().expect("a stream");
        let mut sent = 0_u64;
        let stopped = loop {
            match stream.send_until(&[0; 1000], deadline_in(Duration::from_millis(20))) {
                Ok(()) => sent += 1064,
                Err(error) => break error,
            }
        };
        assert!(matches!(stopped, SendError::TimedOut), "{way:?}: {stopped}");
        assert!(sent <= (256 << 10) + 1064, "{way:?}: {sent}");
        thread::scope(|scope| {
            let other = scope.spawn(|| client.call_until(b"other", soon()));
            server.receive_until(soon()).expect("a call").reply(b"served").expect("replied");
            // What its client has not read yet goes out at the door.
            until(|| server.try_receive().is_err() && other.is_finished());
            assert_eq!(other.join().expect("the caller").expect("a reply"), b"served", "{way:?}");
        });
        drop(slow);
        until(|| stream.is_cancelled());
        assert!(matches!(stream.send(b"more"), Err(SendError::Closed)), "{way:?}");
    }
}

#[test]
fn a_stream_that_is_dropped_or_refused_ends_with_an_error_behind_its_replies() {
    for way in Way::ALL {
        let stage = Stage::new(way);
        let server = stage.server();
        let client = stage.client();
        for refuses in [false, true] {
            let mut replies = client.stream(b"some", soon()).expect("started");
            let mut stream = server.receive_until(soon()).expect("a call").stream().expect("a stream");
            stream.send(b"one").expect("sent");
            if refuses {
                stream.refuse(&Refusal::new("no more paper"));
            } else {
                drop(stream);
            }
            assert_eq!(replies.next().expect("one").expect("a reply"), b"one", "{way:?}");
            let error = replies.next().expect("an error").expect_err("refused");
            let kind = if refuses { ErrorKind::Negative } else { ErrorKind::Failed };
            assert_eq!(error.kind(), kind, "{way:?}: {error}");
            assert!(replies.next().is_none(), "{way:?}");
        }
    }
}

#[test]
fn one_reply_is_a_stream_and_a_stream_is_not_one_reply() {
    for way in Way::ALL {
        let stage = Stage::new(way);
        let server = stage.server();
        let client = stage.client();
        let mut replies = client.stream(b"one", soon()).expect("started");
        server.receive_until(soon()).expect("a call").reply(b"only").expect("replied");
        assert_eq!(replies.next().expect("one").expect("a reply"), b"only", "{way:?}");
        assert!(replies.next().is_none(), "{way:?}");
        let pending = client.start(b"one", CallOptions::default()).expect("started");
        let refused = server.receive_until(soon()).expect("a call").stream().expect_err("it takes one");
        assert_eq!(refused.kind(), ErrorKind::Mismatch, "{way:?}");
        let error = pending.reply().expect_err("refused");
        assert!(
            matches!(error, CallError::Refused(_)) && error.kind() == ErrorKind::Mismatch,
            "{way:?}: {error}"
        );
    }
}

#[test]
fn two_streams_over_one_client_are_taken_by_two_threads() {
    for way in Way::ALL {
        let stage = Stage::new(way);
        let server = stage.server();
        let stop = server.stopper();
        thread::scope(|scope| {
            scope.spawn(|| {
                server.serve_calls(2, |call| {
                    let seed = call.request()[0];
                    let mut stream = call.stream().expect("a stream");
                    for _ in 0..3000 {
                        stream.send(&[seed; 300]).expect("sent");
                    }
                    stream.end().expect("ended");
                })
            });
            let client = stage.client();
            thread::scope(|scope| {
                for seed in [1_u8, 2] {
                    let client = &client;
                    scope.spawn(move || {
                        let replies = client.stream(&[seed], soon()).expect("started");
                        let all: Vec<_> = replies.map(|reply| reply.expect("a reply")).collect();
                        assert!(
                            all.len() == 3000 && all.iter().all(|reply| reply == &[seed; 300]),
                            "{way:?}"
                        );
                    });
                }
            });
            stop.stop();
        });
    }
}
