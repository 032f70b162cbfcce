//! What a death leaves, on every mechanism. A child is this same program.

use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use crosstie::call::{CallError, CallOptions};
use crosstie::channel::queue::{QueueOptions, QueueReceiver};
use crosstie::endpoint::Options;
use crosstie::ledger::Domain;
use crosstie::os::clock::deadline_in;
use crosstie::{Client, Deadline, ErrorKind, Server};

use super::stage::{Stage, Way, options_in, soon, until};

/// Not a test of its own: plays the role that the parent asks for.
#[test]
fn a_child_plays_its_role() {
    let Ok(role) = std::env::var("CROSSTIE_TEST_ROLE") else { return };
    let address = std::env::var("CROSSTIE_TEST_ADDRESS").expect("an address");
    let options = options_in(std::env::var("CROSSTIE_TEST_DOMAIN").expect("a domain").into());
    match role.as_str() {
        "takes and holds" => {
            let server = Server::<[u8], [u8]>::open_with(&address, &options).expect("a server");
            println!("listens");
            let mut held = Vec::new();
            loop {
                held.push(server.receive().expect("a call"));
                println!("holds");
            }
        }
        "serves" => {
            let server = Server::<[u8], [u8]>::open_with(&address, &options).expect("a server");
            println!("listens");
            server
                .serve_calls(1, |call| {
                    let mut reply = call.request().clone();
                    reply.push(u8::from(call.is_repeated()));
                    call.reply(&reply).expect("replied");
                })
                .expect("served");
        }
        "streams" => {
            let server = Server::<[u8], [u8]>::open_with(&address, &options).expect("a server");
            println!("listens");
            let mut stream = server.receive().expect("a call").stream().expect("a stream");
            stream.send(b"one").expect("sent");
            stream.send(b"two").expect("sent");
            println!("streams");
            let _next = server.receive();
        }
        "calls and waits" => {
            let client = Client::<[u8], [u8]>::open_with(&address, &options).expect("a client");
            let reply = client.call(b"held");
            println!(
                "was told {}",
                if matches!(reply, Err(CallError::PeerDied)) { "a death" } else { "something" }
            );
        }
        #[cfg(feature = "tokio")]
        "calls for ever in tasks" => {
            super::futures::calls_for_ever(
                Client::<[u8], [u8]>::open_with(&address, &options).expect("a client"),
            );
        }
        "only listens" => {
            let _server = Server::<[u8], [u8]>::open_with(&address, &options).expect("a server");
            println!("listens");
            thread::park();
        }
        "takes a message of the queue" => {
            take_from_queue(options);
        }
        #[cfg(feature = "tokio")]
        "serves in tasks" => {
            super::async_server::serve_for_ever(
                Server::<[u8], [u8]>::open_with(&address, &options).expect("a server"),
            );
        }
        other => panic!("no role {other}"),
    }
}

/// Takes a call as anybody can who takes part in the queue, and never finds its client.
fn take_from_queue(ends: Options) {
    let domain = Domain::open(ends.domain.expect("a domain")).expect("a domain");
    // As whoever calls through it asks for.
    let options = QueueOptions { deliveries_max: Some(200), ..QueueOptions::default() };
    let taker = QueueReceiver::open(domain, "calls.calls", &options).expect("a queue");
    println!("listens");
    let _job = taker.recv(soon()).expect("a message");
    println!("holds");
    thread::park();
}

#[test]
fn a_server_killed_with_a_call_in_hand_is_told_at_once_to_all_who_wait() {
    for way in Way::ALL {
        let stage = Stage::new(way);
        let mut server = stage.actor("takes and holds");
        server.until_it_says("listens");
        let client = stage.client();
        thread::scope(|scope| {
            let callers: Vec<_> = (0..3).map(|_| scope.spawn(|| client.call(b"never answered"))).collect();
            for _ in 0..3 {
                server.until_it_says("holds");
            }
            server.kill();
            for caller in callers {
                let error = caller.join().expect("the caller").expect_err("no reply");
                assert!(matches!(error, CallError::PeerDied), "{way:?}: {error}");
            }
        });
    }
}

#[test]
fn an_idempotent_call_goes_to_the_next_server() {
    for way in Way::ALL {
        let stage = Stage::new(way);
        let mut first = stage.actor("takes and holds");
        first.until_it_says("listens");
        let client = stage.client();
        let options = CallOptions { idempotent: true, deadline: soon() };
        thread::scope(|scope| {
            let caller = scope.spawn(|| client.call_with(b"twice", options));
            first.until_it_says("holds");
            first.kill();
            let mut second = stage.actor("serves");
            second.until_it_says("listens");
            let reply = caller.join().expect("the caller").expect("a reply of the second server");
            // The first server's rings and FIFOs keep what it had not taken; this one it had.
            assert_eq!(reply, b"twice\x01", "{way:?}");
        });
    }
}

#[test]
fn a_pending_call_that_is_idempotent_goes_to_the_next_server_too() {
    let stage = Stage::new(Way::Unix);
    let mut first = stage.actor("takes and holds");
    first.until_it_says("listens");
    let client = stage.client();
    let pending =
        client.start(b"twice", CallOptions { idempotent: true, deadline: soon() }).expect("started");
    first.until_it_says("holds");
    first.kill();
    let mut second = stage.actor("serves");
    second.until_it_says("listens");
    assert_eq!(pending.reply().expect("a reply of the second server"), b"twice\x01");
}

#[test]
fn an_idempotent_call_that_kills_its_servers_does_not_kill_the_fourth() {
    let stage = Stage::new(Way::Unix);
    let options = CallOptions { idempotent: true, deadline: soon() };
    thread::scope(|scope| {
        let mut server = stage.actor("takes and holds");
        server.until_it_says("listens");
        let client = stage.client();
        let caller = scope.spawn(move || client.call_with(b"poison", options));
        for dead in 1..=3 {
            server.until_it_says("holds");
            server.kill();
            if dead < 3 {
                server = stage.actor("takes and holds");
            }
        }
        assert!(matches!(caller.join().expect("the caller"), Err(CallError::PeerDied)));
    });
}

#[test]
fn a_client_calls_the_next_server_after_a_death() {
    for way in Way::ALL {
        let stage = Stage::new(way);
        let mut first = stage.actor("serves");
        first.until_it_says("listens");
        let client = stage.client();
        assert_eq!(client.call_until(b"a", soon()).expect("a reply"), b"a\0", "{way:?}");
        first.kill();
        let mut second = stage.actor("serves");
        second.until_it_says("listens");
        // The first call after a death may be the one that meets it.
        let mut replies = (0..2).map(|_| client.call_until(b"b", soon()));
        let reply = replies.find_map(Result::ok);
        assert_eq!(reply.as_deref(), Some(&b"b\0"[..]), "{way:?}");
    }
}

/// Where the kernel, or the memory that both share, says of a server's end before a call is sent.
#[test]
fn a_server_that_dies_with_nothing_in_hand_costs_its_client_no_call() {
    for way in [Way::Unix, Way::UnixAbstract, Way::UnixPacket, Way::Queue, Way::Ring] {
        for comes_before_the_call in [true, false] {
            let stage = Stage::new(way);
            let mut first = stage.actor("serves");
            first.until_it_says("listens");
            let client = stage.client();
            assert_eq!(client.call_until(b"a", soon()).expect("a reply"), b"a\0", "{way:?}");
            first.kill();
            let next = comes_before_the_call.then(|| stage.server());
            thread::scope(|scope| {
                let caller = scope.spawn(|| client.call_until(b"b", soon()));
                let next = next.unwrap_or_else(|| stage.server());
                // What it takes first is that call: nobody was cut off.
                let call = next.receive_until(soon()).unwrap_or_else(|error| panic!("{way:?}: {error}"));
                assert_eq!(call.request(), b"b", "{way:?}");
                call.reply(b"c").expect("replied");
                assert_eq!(caller.join().expect("the caller").expect("a reply"), b"c", "{way:?}");
            });
        }
    }
}

/// It finds everything as it was, but for who is there.
#[test]
fn a_caller_that_stood_still_while_its_server_was_replaced_is_told_the_death() {
    for way in Way::ALL {
        let stage = Stage::new(way);
        let mut first = stage.actor("takes and holds");
        first.until_it_says("listens");
        let mut caller = stage.actor("calls and waits");
        first.until_it_says("holds");
        caller.stop();
        first.kill();
        let mut second = stage.actor("serves");
        second.until_it_says("listens");
        caller.go_on();
        caller.until_it_says("was told a death");
    }
}

#[test]
fn the_death_of_a_client_cancels_its_call() {
    for way in Way::ALL {
        let stage = Stage::new(way);
        let server = stage.server();
        let mut client = stage.actor("calls and waits");
        let call = server.receive_until(soon()).expect("a call");
        assert_eq!(call.request(), b"held", "{way:?}");
        assert!(!call.is_cancelled(), "{way:?}");
        client.kill();
        until(|| call.is_cancelled());
        call.reply(b"to nobody").expect("no error");
        let next = stage.client();
        let pending = next.start(b"next", CallOptions::default()).expect("started");
        server.receive_until(soon()).expect("a call").reply(b"served").expect("replied");
        assert_eq!(pending.reply().expect("a reply"), b"served", "{way:?}");
    }
}

#[test]
fn a_server_killed_inside_a_stream_is_told_behind_its_replies() {
    for way in Way::ALL {
        let stage = Stage::new(way);
        let mut server = stage.actor("streams");
        server.until_it_says("listens");
        let client = stage.client();
        let mut replies = client.stream(b"all", soon()).expect("started");
        server.until_it_says("streams");
        server.kill();
        assert_eq!(replies.next().expect("one").expect("a reply"), b"one", "{way:?}");
        assert_eq!(replies.next().expect("two").expect("a reply"), b"two", "{way:?}");
        let error = replies.next().expect("an error").expect_err("no end");
        assert!(matches!(error, CallError::PeerDied), "{way:?}: {error}");
    }
}

#[test]
fn a_call_to_nobody_waits_for_a_server_until_its_deadline() {
    let stage = Stage::new(Way::Ring);
    let client = stage.client();
    let error = client.call_until(b"anybody?", deadline_in(Duration::from_millis(20))).expect_err("nobody");
    assert_eq!(error.kind(), ErrorKind::TimedOut);
    let pending = client.start(b"later", CallOptions::default()).expect("it waits in shared memory");
    let mut server = stage.actor("serves");
    server.until_it_says("listens");
    assert_eq!(pending.reply().expect("a reply"), b"later\0");
    let none = Stage::new(Way::Unix);
    let options = crosstie::endpoint::Options { open_deadline: Deadline::NOW, ..none.options() };
    let error = Client::<[u8], [u8]>::open_with(&none.address, &options).expect_err("nobody");
    assert_eq!(error.kind(), ErrorKind::TimedOut);
}

/// Accepts connections at a path, and ends each at once, as the socket of a server does that has just died; until `is_over`.
fn ends_connections(path: &Path, mut count: u32, is_over: &AtomicBool) {
    // What the server before has left.
    let _ = std::fs::remove_file(path);
    let ending = UnixListener::bind(path).expect("a socket");
    ending.set_nonblocking(true).expect("not blocking");
    while count > 0 && !is_over.load(Ordering::Relaxed) {
        count -= u32::from(ending.accept().is_ok());
    }
    drop(ending);
    std::fs::remove_file(path).expect("its file");
}

#[test]
fn a_call_that_could_not_be_sent_to_a_dying_server_goes_to_the_next() {
    let stage = Stage::new(Way::Unix);
    let path = PathBuf::from(stage.address.strip_prefix("unix:").expect("a path"));
    for round in 0..20 {
        let first = stage.server();
        let client = stage.client();
        let is_over = AtomicBool::new(false);
        let (tells, ended) = std::sync::mpsc::channel();
        let reply = thread::scope(|scope| {
            scope.spawn(|| {
                let call = first.receive_until(soon()).expect("a call");
                call.reply(b"one").expect("sent");
                drop(first);
                tells.send(()).expect("heard");
                ends_connections(&path, 3, &is_over);
                let next = stage.server();
                while !is_over.load(Ordering::Relaxed) {
                    // poll: whether the client has been answered, or has given up.
                    if let Ok(call) = next.receive_for(Duration::from_millis(1)) {
                        call.reply(b"two").expect("sent");
                    }
                }
            });
            assert_eq!(client.call_until(b"x", soon()).expect("a reply"), b"one");
            ended.recv().expect("it has ended");
            let reply = client.call_until(b"y", soon());
            is_over.store(true, Ordering::Relaxed);
            reply
        });
        assert_eq!(reply.expect("a reply"), b"two", "round {round}");
    }
}
