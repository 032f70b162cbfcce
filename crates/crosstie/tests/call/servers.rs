//! Many clients and many servers at one queue.

use std::collections::HashSet;
use std::sync::Mutex;
use std::thread;

use crosstie::call::{CallError, CallOptions};
use crosstie::channel::queue::QueueState;
use crosstie::endpoint::{Options, Sender};
use crosstie::ledger::Domain;
use crosstie::{Deadline, ErrorKind, RecvError};

use super::stage::{Stage, Way, soon, until};

/// The files of clients that are there.
fn client_files(stage: &Stage) -> Vec<String> {
    let entries = std::fs::read_dir(&stage.domain).into_iter().flatten().flatten();
    let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
    names.filter(|name| name.starts_with("client.") || name.contains(".replies.")).collect()
}

#[test]
fn many_clients_are_served_by_many_servers() {
    let stage = Stage::new(Way::Queue);
    let servers: Vec<_> = (0..3).map(|_| stage.server()).collect();
    let done_by = Mutex::new(HashSet::new());
    thread::scope(|scope| {
        for (number, server) in servers.iter().enumerate() {
            let done_by = &done_by;
            scope.spawn(move || {
                let handle = |bytes: Vec<u8>| {
                    done_by.lock().expect("no panic").insert(number);
                    // A server that has one goes on when another has one too.
                    until(|| done_by.lock().expect("no panic").len() == 3);
                    Ok(bytes)
                };
                server.serve(1, handle).expect("served");
            });
        }
        let callers: Vec<_> = (0..4_u8)
            .map(|number| {
                let stage = &stage;
                scope.spawn(move || {
                    let client = stage.client();
                    for at in 0..50_u8 {
                        let reply = client.call_until(&[number, at], soon()).expect("a reply");
                        assert_eq!(reply, [number, at]);
                    }
                })
            })
            .collect();
        for caller in callers {
            caller.join().expect("the caller");
        }
        for server in &servers {
            server.stopper().stop();
        }
    });
    // A server that was told to stop may not have seen the last client out.
    drop(servers);
    assert_eq!(client_files(&stage), [""; 0], "what clients had went with them");
}

#[test]
fn a_call_that_nobody_has_taken_waits_for_the_next_server_when_one_ends() {
    let stage = Stage::new(Way::Queue);
    let server = stage.server();
    let client = stage.client();
    let taken = client.start(b"taken", CallOptions::default()).expect("started");
    let waiting = client.start(b"waits", CallOptions::default()).expect("started");
    let first = server.receive_until(soon()).expect("a call");
    assert_eq!(first.request(), b"taken");
    drop(server);
    drop(first);
    assert_eq!(taken.reply().expect_err("dropped").kind(), ErrorKind::Failed);
    let next = stage.server();
    next.receive_until(soon()).expect("the other call").reply(b"served").expect("replied");
    assert_eq!(waiting.reply().expect("a reply"), b"served");
}

#[test]
fn a_call_whose_server_died_is_done_by_no_other_unless_it_is_idempotent() {
    let stage = Stage::new(Way::Queue);
    let mut first = stage.actor("takes and holds");
    first.until_it_says("listens");
    let client = stage.client();
    let once = client.start(b"once", CallOptions::default()).expect("started");
    first.until_it_says("holds");
    let twice = client.start(b"twice", CallOptions { idempotent: true, deadline: soon() }).expect("started");
    first.until_it_says("holds");
    let second = stage.server();
    first.kill();
    assert!(matches!(once.reply(), Err(CallError::PeerDied)));
    let call = second.receive_until(soon()).expect("the idempotent one");
    assert!(call.request() == b"twice" && call.is_repeated());
    call.reply(b"done").expect("replied");
    assert_eq!(twice.reply().expect("a reply"), b"done");
    assert!(matches!(second.try_receive(), Err(RecvError::Empty)), "the other one is done by nobody");
}

#[test]
fn a_call_of_a_caller_that_stands_still_is_not_done_again_when_its_server_dies() {
    let stage = Stage::new(Way::Queue);
    let mut first = stage.actor("takes and holds");
    first.until_it_says("listens");
    let mut caller = stage.actor("calls and waits");
    first.until_it_says("holds");
    caller.stop();
    first.kill();
    // The caller has not said yet that it waits no more.
    let second = stage.server();
    assert!(matches!(second.try_receive(), Err(RecvError::Empty)));
    caller.go_on();
    caller.until_it_says("was told a death");
}

#[test]
fn an_idempotent_call_that_killed_three_servers_of_a_queue_does_not_kill_the_fourth() {
    let stage = Stage::new(Way::Queue);
    let client = stage.client();
    let options = CallOptions { idempotent: true, deadline: soon() };
    let poison = client.start(b"poison", options).expect("started");
    for _ in 0..3 {
        let mut server = stage.actor("takes and holds");
        server.until_it_says("holds");
        server.kill();
    }
    assert!(matches!(poison.reply(), Err(CallError::PeerDied)));
    let fourth = stage.server();
    assert!(matches!(fourth.try_receive(), Err(RecvError::Empty)));
}

#[test]
fn what_is_no_call_is_named_once_and_the_next_call_is_served() {
    let stage = Stage::new(Way::Queue);
    let server = stage.server();
    let client = stage.client();
    // Another limit on deliveries would be another queue.
    let same = Options { deliveries_max: Some(200), ..stage.options() };
    let mut stranger = Sender::<[u8]>::open_with("queue:calls.calls", &same).expect("a sender");
    for message in [&b""[..], b"no call", &[0; 24], &[7; 40]] {
        stranger.send(message).expect("sent");
    }
    let pending = client.start(b"a call", CallOptions::default()).expect("started");
    let mut named = 0;
    let call = loop {
        match server.receive_until(soon()) {
            Ok(call) => break call,
            Err(error) => assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}"),
        }
        named += 1;
    };
    // Those with a token are of nobody who is there.
    assert_eq!(named, 2);
    call.reply(b"served").expect("replied");
    assert_eq!(pending.reply().expect("a reply"), b"served");
}

#[test]
fn what_a_killed_client_had_is_removed_by_the_server_that_heard_of_it_or_by_the_next_that_comes() {
    let stage = Stage::new(Way::Queue);
    let mut unheard = stage.actor("calls and waits");
    until(|| client_files(&stage).len() == 2);
    unheard.kill();
    let server = stage.server();
    assert_eq!(client_files(&stage), [""; 0], "of one that no server had heard of");
    assert!(matches!(server.try_receive(), Err(RecvError::Empty)), "nobody is there to answer to");
    let mut heard = stage.actor("calls and waits");
    let call = server.receive_until(soon()).expect("a call");
    heard.kill();
    until(|| call.is_cancelled());
    drop(call);
    until(|| {
        assert!(matches!(server.try_receive(), Err(RecvError::Empty)));
        client_files(&stage).is_empty()
    });
}

#[test]
fn a_call_that_nobody_has_taken_when_its_time_is_over_leaves_the_queue() {
    let stage = Stage::new(Way::Queue);
    let client = stage.client();
    let domain = Domain::open(&stage.domain).expect("a domain");
    let waiting = || QueueState::of(domain, "calls.calls").expect("a queue").waiting;
    // More of them than there are places.
    for _ in 0..5_000 {
        let late = client.call_until(b"nobody is there", Deadline::at_ns(1));
        assert!(matches!(late, Err(CallError::TimedOut)), "{late:?}");
    }
    drop(client.start(b"nor for this", CallOptions::default()).expect("room"));
    assert_eq!(waiting(), 0);
    // What somebody may still want stays, and is answered.
    let mut pending = client.start(b"for this one", CallOptions::default()).expect("room");
    assert_eq!(waiting(), 1);
    let server = stage.server();
    let call = server.receive_until(soon()).expect("a call");
    assert_eq!(call.request(), b"for this one");
    call.reply(b"done").expect("replied");
    assert_eq!(pending.reply_until(soon()).expect("a reply"), b"done");
}
