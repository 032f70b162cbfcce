//! The contract of calls, the same for every mechanism.

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::thread;
use std::time::Duration;

use crosstie::call::{CallError, CallOptions, Refusal};
use crosstie::endpoint::Options;
use crosstie::os::clock::{deadline_in, now_ns};
use crosstie::{Client, Deadline, ErrorKind, RecvError, Server};

use super::stage::{Stage, Way, soon, until};

/// Serves `stage` with `workers` while `play` runs.
fn served(
    stage: &Stage,
    workers: usize,
    handle: impl Fn(Vec<u8>) -> Result<Vec<u8>, Refusal> + Sync,
    play: impl FnOnce(),
) {
    let server = stage.server();
    let stop = server.stopper();
    thread::scope(|scope| {
        scope.spawn(|| server.serve(workers, &handle).expect("served"));
        // However the play ends, the serving must.
        struct Stops(crosstie::call::Stopper);
        impl Drop for Stops {
            fn drop(&mut self) {
                self.0.stop();
            }
        }
        let _stops = Stops(stop);
        play();
    });
}

fn reversed(mut bytes: Vec<u8>) -> Result<Vec<u8>, Refusal> {
    bytes.reverse();
    Ok(bytes)
}

fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at * 7 + at / 251) as u8).collect()
}

#[test]
fn a_reply_of_any_length_finds_its_caller() {
    for way in Way::ALL {
        let stage = Stage::new(way);
        served(&stage, 1, reversed, || {
            let client = stage.client();
            for length in [0, 1, 8, 48, 4000, 4096, 65_536, 300_000, 1_000_000] {
                if matches!(way, Way::Ring | Way::Queue) && length > 900_000 {
                    continue;
                }
                let request = pattern(length);
                let reply = client.call_until(&request, soon()).expect("a reply");
                assert_eq!(reply, reversed(request).expect("reversed"), "{way:?}: {length}");
            }
        });
    }
}

#[test]
fn a_length_that_changes_from_call_to_call_is_each_calls_own() {
    // Around what fits in a cell, in two, and in what is made ready before a body comes; up and down.
    let lengths =
        [48, 7, 0, 1500, 3, 40, 41, 47, 49, 112, 111, 113, 1, 1023, 1025, 64, 4097, 63, 65, 2, 30_000, 9];
    for way in Way::ALL {
        let stage = Stage::new(way);
        served(&stage, 1, reversed, || {
            let client = stage.client();
            let mut replies = Vec::new();
            for length in lengths {
                replies.push(client.call_until(&pattern(length), soon()).expect("a reply"));
            }
            for (length, reply) in lengths.into_iter().zip(replies) {
                assert_eq!(reply, reversed(pattern(length)).expect("reversed"), "{way:?}: {length}");
                assert!(reply.capacity() <= length + 1024, "{way:?}: {length} in {}", reply.capacity());
            }
        });
    }
}

#[test]
fn typed_calls_are_typed_on_both_sides() {
    for way in Way::ALL {
        let stage = Stage::new(way);
        let server =
            Server::<(u32, String), Vec<u64>>::open_with(&stage.address, &stage.options()).expect("a server");
        let caller = {
            let (address, options) = (stage.address.clone(), stage.options());
            thread::spawn(move || {
                let client = Client::<(u32, String), Vec<u64>>::open_with(&address, &options)?;
                client.call(&(3, "seven".into())).map_err(Box::<dyn std::error::Error + Send + Sync>::from)
            })
        };
        let call = server.receive_until(soon()).expect("a call");
        assert_eq!(call.request(), &(3, "seven".to_owned()), "{way:?}");
        call.reply(&vec![7; 3]).expect("replied");
        assert_eq!(caller.join().expect("the caller").expect("a reply"), [7, 7, 7], "{way:?}");
    }
}

#[test]
fn many_threads_call_over_one_client_and_each_gets_its_own_reply() {
    for way in Way::ALL {
        let stage = Stage::new(way);
        served(&stage, 3, reversed, || {
            let client = stage.client();
            thread::scope(|scope| {
                for seed in 0..8_usize {
                    let client = &client;
                    scope.spawn(move || {
                        for round in 0..200 {
                            let request = pattern((seed * 131 + round * 17) % 3000);
                            let reply = client.call_until(&request, soon()).expect("a reply");
                            assert_eq!(reply, reversed(request).expect("reversed"), "{way:?}");
                        }
                    });
                }
            });
        });
    }
}

#[test]
fn many_calls_of_one_thread_are_in_flight_and_answered_in_any_order() {
    for way in Way::ALL {
        let stage = Stage::new(way);
        served(&stage, 2, reversed, || {
            let client = stage.client();
            // More than may be in flight at a time: those that are answered make room.
            let started: Vec<_> = (0..3000_u32)
                .map(|number| {
                    let options = CallOptions { deadline: soon(), ..CallOptions::default() };
                    client.start(&number.to_le_bytes(), options).expect("started")
                })
                .collect();
            for (number, pending) in started.into_iter().enumerate().rev() {
                let reply = pending.reply().expect("a reply");
                assert_eq!(reply, (number as u32).to_be_bytes(), "{way:?}");
            }
        });
    }
}

#[test]
fn large_requests_and_replies_that_fill_both_directions_block_nobody_for_ever() {
    for way in Way::ALL {
        let stage = Stage::new(way);
        served(&stage, 1, reversed, || {
            let client = stage.client();
            let request = pattern(200_000);
            // Nobody reads while these are sent, so the replies fill their direction first.
            let started: Vec<_> = (0..40)
                .map(|_| {
                    let options = CallOptions { deadline: soon(), ..CallOptions::default() };
                    client.start(&request, options).expect("started")
                })
                .collect();
            for pending in started {
                assert_eq!(pending.reply().expect("a reply").len(), request.len(), "{way:?}");
            }
        });
    }
}

#[test]
fn clients_come_and_go_and_are_served_at_a_time() {
    for way in Way::SHARED {
        let stage = Stage::new(way);
        served(&stage, 2, reversed, || {
            thread::scope(|scope| {
                for seed in 0..20_usize {
                    let stage = &stage;
                    scope.spawn(move || {
                        let client = stage.client();
                        for round in 0..10 {
                            let request = pattern(seed * 100 + round);
                            let reply = client.call_until(&request, soon()).expect("a reply");
                            assert_eq!(reply, reversed(request).expect("reversed"), "{way:?}");
                        }
                    });
                }
            });
        });
    }
}

#[test]
fn a_ring_has_one_client_at_a_time_and_serves_the_next() {
    let stage = Stage::new(Way::Ring);
    served(&stage, 1, reversed, || {
        for round in 0..5 {
            let client = stage.client();
            let second = Client::<[u8], [u8]>::open_with(&stage.address, &stage.options());
            assert_eq!(second.expect_err("one at a time").kind(), ErrorKind::Busy);
            assert_eq!(client.call_until(&[round, 1], soon()).expect("a reply"), [1, round]);
        }
    });
}

#[test]
fn a_refusal_tells_its_caller_why() {
    for way in Way::ALL {
        let stage = Stage::new(way);
        let refuse = |_| Err(Refusal::new("there is no such order").with_code(3));
        served(&stage, 1, refuse, || {
            let error = stage.client().call_until(b"order", soon()).expect_err("refused");
            let CallError::Refused(refusal) = &error else { panic!("{way:?}: {error}") };
            assert_eq!((refusal.code(), refusal.text()), (3, "there is no such order"), "{way:?}");
            assert_eq!(error.kind(), ErrorKind::Negative, "{way:?}");
        });
    }
}

#[test]
fn a_handler_that_panics_refuses_its_call_and_the_next_is_served() {
    for way in Way::ALL {
        let stage = Stage::new(way);
        let panics = |request: Vec<u8>| {
            // Not `panic!`: the hook would print it.
            if request == b"panic" {
                std::panic::resume_unwind(Box::new("as told"));
            }
            Ok(request)
        };
        served(&stage, 1, panics, || {
            let client = stage.client();
            let error = client.call_until(b"panic", soon()).expect_err("refused");
            assert_eq!(error.kind(), ErrorKind::Poisoned, "{way:?}: {error}");
            assert_eq!(client.call_until(b"go on", soon()).expect("a reply"), b"go on", "{way:?}");
        });
    }
}

#[test]
fn a_call_that_is_dropped_is_refused() {
    for way in Way::ALL {
        let stage = Stage::new(way);
        let server = stage.server();
        let client = stage.client();
        let mut pending = client.start(b"forget", CallOptions::default()).expect("started");
        drop(server.receive_until(soon()).expect("a call"));
        let error = pending.reply_until(soon()).expect_err("refused");
        assert_eq!(error.kind(), ErrorKind::Failed, "{way:?}: {error}");
    }
}

#[test]
fn a_request_and_a_reply_of_another_type_are_told_to_who_can_mend_it() {
    for way in Way::ALL {
        let stage = Stage::new(way);
        let server = Server::<u64, str>::open_with(&stage.address, &stage.options()).expect("a server");
        let client = Client::<str, u64>::open_with(&stage.address, &stage.options()).expect("a client");
        let options = CallOptions { deadline: soon(), ..CallOptions::default() };
        let pending = client.start("this is no number, as far as one can see", options).expect("started");
        assert!(matches!(server.receive_until(soon()), Err(RecvError::Malformed(_))), "{way:?}");
        assert_eq!(pending.reply().expect_err("refused").kind(), ErrorKind::Mismatch, "{way:?}");
        let pending = client.start("\u{7}", options).expect("started");
        server.receive_until(soon()).expect("a call").reply("no number").expect("replied");
        assert!(matches!(pending.reply(), Err(CallError::Malformed(_))), "{way:?}");
    }
}

#[test]
fn what_is_above_the_limit_is_named_on_both_sides() {
    for way in Way::ALL {
        let stage = Stage::new(way);
        let small = Options { message_bytes_max: 1016, ..stage.options() };
        let server = Server::<[u8], [u8]>::open_with(&stage.address, &small).expect("a server");
        let client = Client::<[u8], [u8]>::open_with(&stage.address, &small).expect("a client");
        let error = client.call_until(&[1; 1001], soon()).expect_err("too large");
        assert!(matches!(error, CallError::TooLarge { length: 1001, limit: 1000 }), "{way:?}: {error}");
        let options = CallOptions { deadline: soon(), ..CallOptions::default() };
        let pending = client.start(&[1; 1000], options).expect("started");
        let call = server.receive_until(soon()).expect("a call");
        assert_eq!(call.reply(&[2; 1001]).expect_err("too large").kind(), ErrorKind::TooLarge, "{way:?}");
        let error = pending.reply().expect_err("refused");
        assert_eq!(error.kind(), ErrorKind::TooLarge, "{way:?}: {error}");
    }
}

#[test]
fn a_request_above_the_servers_own_limit_is_named_to_its_caller_who_goes_on() {
    for way in Way::ALL {
        let stage = Stage::new(way);
        let small = Options { message_bytes_max: 1016, ..stage.options() };
        let server = Server::<[u8], [u8]>::open_with(&stage.address, &small).expect("a server");
        let client = stage.client();
        let options = CallOptions { deadline: soon(), ..CallOptions::default() };
        // One packet of a FIFO, and several.
        for length in [1001, 30_000] {
            let mut pending = client.start(&vec![1; length], options).expect("started");
            let error = loop {
                if let Ok(call) = server.try_receive() {
                    panic!("{way:?}: {} bytes were taken", call.request().len());
                }
                match pending.reply_for(Duration::from_millis(1)) {
                    Err(CallError::Pending) => {}
                    other => break other.expect_err("refused"),
                }
            };
            assert_eq!(error.kind(), ErrorKind::TooLarge, "{way:?}: {error}");
            let pending = client.start(&[1; 1000], options).expect("started");
            let call = loop {
                match server.receive_until(soon()) {
                    Ok(call) => break call,
                    Err(error) => assert_eq!(error.kind(), ErrorKind::TooLarge, "{way:?}: {error}"),
                }
            };
            call.reply(b"small enough").expect("replied");
            assert_eq!(pending.reply().expect("a reply"), b"small enough", "{way:?}");
        }
    }
}

#[test]
fn the_deadline_travels_with_the_call_and_ends_it_on_both_sides() {
    for way in Way::ALL {
        let stage = Stage::new(way);
        let server = stage.server();
        let client = stage.client();
        let deadline = deadline_in(Duration::from_millis(200));
        let pending =
            client.start(b"slow", CallOptions { deadline, ..CallOptions::default() }).expect("started");
        let call = server.receive_until(soon()).expect("a call");
        assert!(!call.deadline().is_never() && call.deadline() <= soon(), "{way:?}");
        assert!(call.deadline() >= deadline, "{way:?}: counted from its arrival");
        assert!(matches!(pending.reply(), Err(CallError::TimedOut)), "{way:?}");
        assert!(deadline.is_over(now_ns()), "{way:?}");
        until(|| call.is_cancelled());
        // A server that answers a cancelled call: thrown away, and the next one gets its own reply.
        call.reply(b"late").expect("no error");
        let pending = client.start(b"next", CallOptions::default()).expect("started");
        let call = server.receive_until(soon()).expect("a call");
        assert!(call.deadline().is_never(), "{way:?}");
        call.reply(b"its own").expect("replied");
        assert_eq!(pending.reply().expect("a reply"), b"its own", "{way:?}");
    }
}

#[test]
fn a_call_whose_deadline_has_passed_is_not_begun() {
    for way in Way::ALL {
        let stage = Stage::new(way);
        let server = stage.server();
        let client = stage.client();
        assert!(matches!(client.call_until(b"late", Deadline::NOW), Err(CallError::TimedOut)), "{way:?}");
        assert!(matches!(server.try_receive(), Err(RecvError::Empty)), "{way:?}");
    }
}

#[test]
fn a_dropped_pending_cancels_its_call_also_before_a_worker_has_it() {
    for way in Way::ALL {
        let stage = Stage::new(way);
        let server = stage.server();
        let client = stage.client();
        let first = client.start(b"first", CallOptions::default()).expect("started");
        let call = server.receive_until(soon()).expect("a call");
        drop(first);
        until(|| call.is_cancelled());
        let waiting = client.start(b"waiting", CallOptions::default()).expect("started");
        drop(waiting);
        let third = client.start(b"third", CallOptions::default()).expect("started");
        // It lets in what has come: the one in the middle, if it is there, with its cancellation.
        let _ = call.is_cancelled();
        let next = server.receive_until(soon()).expect("a call");
        if next.request() == b"waiting" {
            // It was taken before its cancellation came; only a lone worker can see that.
            until(|| next.is_cancelled());
        } else {
            assert_eq!(next.request(), b"third", "{way:?}");
        }
        drop((next, third));
    }
}

#[test]
fn the_forms_of_a_pending_wait_as_long_as_they_say() {
    for way in Way::ALL {
        let stage = Stage::new(way);
        let server = stage.server();
        let client = stage.client();
        let mut pending = client.start(b"wait", CallOptions::default()).expect("started");
        assert!(matches!(pending.try_reply(), Err(CallError::Pending)), "{way:?}");
        assert!(matches!(pending.reply_for(Duration::from_millis(5)), Err(CallError::Pending)), "{way:?}");
        server.receive_until(soon()).expect("a call").reply(b"there").expect("replied");
        assert_eq!(pending.reply_until(soon()).expect("a reply"), b"there", "{way:?}");
        assert!(matches!(pending.try_reply(), Err(CallError::Closed)), "{way:?}: it had its reply");
    }
}

#[test]
fn a_pool_serves_so_many_calls_at_a_time_and_no_more() {
    for way in Way::ALL {
        let stage = Stage::new(way);
        let (busy, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let gate = std::sync::Barrier::new(3);
        let handle = |request: Vec<u8>| {
            most.fetch_max(busy.fetch_add(1, SeqCst) + 1, SeqCst);
            // Only three at a time get through: fewer workers would hang here, more are seen.
            gate.wait();
            busy.fetch_sub(1, SeqCst);
            Ok(request)
        };
        served(&stage, 3, handle, || {
            let client = stage.client();
            let options = CallOptions { deadline: soon(), ..CallOptions::default() };
            let started: Vec<_> =
                (0..30_u8).map(|number| client.start(&[number], options).expect("started")).collect();
            for (number, pending) in started.into_iter().enumerate() {
                assert_eq!(pending.reply().expect("a reply"), [number as u8], "{way:?}");
            }
        });
        assert_eq!(most.into_inner(), 3, "{way:?}");
    }
}

#[test]
fn a_server_that_ends_tells_its_callers_a_clean_end() {
    // In a queue a call that nobody has taken is not this server's: see `servers`.
    for way in Way::ALL.into_iter().filter(|&way| way != Way::Queue) {
        let stage = Stage::new(way);
        let server = stage.server();
        let client = stage.client();
        let mut waiting = client.start(b"never taken", CallOptions::default()).expect("started");
        let mut taken = client.start(b"taken", CallOptions::default()).expect("started");
        let first = server.receive_until(soon()).expect("a call");
        drop(server);
        drop(first);
        for pending in [&mut waiting, &mut taken] {
            let kind = pending.reply_until(soon()).expect_err("no reply").kind();
            assert!(matches!(kind, ErrorKind::Closed | ErrorKind::Failed), "{way:?}: {kind:?}");
        }
    }
}

#[test]
fn calls_go_over_nothing_that_has_one_direction() {
    for address in ["udp:127.0.0.1:9", "pipe:", "-"] {
        let error = Client::<[u8], [u8]>::open(address).expect_err("one way");
        assert_eq!(error.kind(), ErrorKind::Usage, "{error}");
        let error = Server::<[u8], [u8]>::open(address).expect_err("one way");
        assert_eq!(error.kind(), ErrorKind::Usage, "{error}");
    }
}
