//! Messages between C, Rust and the shell.

use std::process::Stdio;

use crosstie::endpoint::Options;
use crosstie::{Deadline, Receiver, RecvError, Sender};

use crate::actor::Actor;
use crate::stage::{Stage, crosstie, until_asleep};

fn options(stage: &Stage) -> Options {
    Options { domain: Some(stage.path("domain")), ..Options::default() }
}

#[test]
fn what_c_sends_over_every_address_rust_receives_and_knows_its_end() {
    let stage = Stage::new();
    let unix = format!("unix:{}", stage.path("x.sock").display());
    for address in ["ring:frames", "queue:jobs", "topic:ticks", unix.as_str()] {
        let Some(mut c) = Actor::start(&stage) else { return };
        let rust = std::thread::scope(|threads| {
            let opened = threads.spawn(|| Receiver::<[u8]>::open_with(address, &options(&stage)).unwrap());
            assert_eq!(c.does(&format!("tx open {address}")), "ok");
            opened.join().unwrap()
        });
        let mut rust = rust;
        assert_eq!(c.does(&format!("tx send {address} hello")), "ok");
        assert_eq!(c.does(&format!("tx loan {address} written-in-place")), "ok");
        assert_eq!(rust.recv().unwrap(), b"hello", "{address}");
        assert_eq!(rust.recv().unwrap(), b"written-in-place", "{address}");
        assert_eq!(c.does(&format!("tx close {address}")), "ok");
        if address.starts_with("topic") {
            continue;
        }
        assert!(matches!(rust.recv_until(Deadline::NEVER), Err(RecvError::Closed)), "{address}");
    }
}

#[test]
fn what_rust_and_the_shell_send_c_receives_and_a_short_buffer_loses_nothing() {
    let stage = Stage::new();
    let Some(mut c) = Actor::start(&stage) else { return };
    let mut rust = Sender::<[u8]>::open_with("ring:frames", &options(&stage)).unwrap();
    rust.send(b"a message of some length").unwrap();
    assert_eq!(c.does("rx open ring:frames"), "ok");
    let short = c.does("rx recv ring:frames try 4");
    assert!(short.starts_with("too-large") && short.contains("24 bytes"), "{short}");
    assert_eq!(c.does("rx recv ring:frames try 100"), "ok a message of some length");
    assert!(c.does("rx recv ring:frames try 100").starts_with("busy"));
    assert!(c.does("rx recv ring:frames 1 100").starts_with("timed-out"));
    c.begin("rx recv ring:frames forever 100");
    until_asleep(c.pid());
    rust.close().unwrap();
    assert!(c.says().starts_with("closed"));
    assert_eq!(c.does("rx open queue:lines"), "ok");
    let sent = stage.crosstie(&["send", "queue:lines", "from the shell"]);
    assert_eq!(sent.status.code(), Some(0));
    assert_eq!(c.does("rx recv queue:lines forever 100"), "ok from the shell");
}

#[test]
fn a_killed_c_sender_is_a_death_and_a_shell_receiver_is_told() {
    let stage = Stage::new();
    let Some(mut c) = Actor::start(&stage) else { return };
    assert_eq!(c.does("tx open ring:frames"), "ok");
    assert_eq!(c.does("tx send ring:frames last"), "ok");
    let mut shell = stage.command(&crosstie());
    shell.args(["recv", "ring:frames"]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let shell = shell.spawn().unwrap();
    c.kill();
    let told = shell.wait_with_output().unwrap();
    assert_eq!((told.status.code(), String::from_utf8_lossy(&told.stdout).as_ref()), (Some(83), "last\n"));
}

#[test]
fn a_job_in_the_hands_of_a_killed_c_program_goes_to_another() {
    let stage = Stage::new();
    let Some(mut c) = Actor::start(&stage) else { return };
    assert_eq!(stage.crosstie(&["send", "queue:jobs", "paint"]).status.code(), Some(0));
    assert_eq!(c.does("rx open queue:jobs"), "ok");
    assert_eq!(c.does("rx job queue:jobs forever"), "ok 1 paint");
    assert!(c.does("rx recv queue:jobs try 100").starts_with("busy"), "one at a time");
    c.kill();
    let mut next = Actor::start(&stage).unwrap();
    assert_eq!(next.does("rx open queue:jobs"), "ok");
    assert_eq!(next.does("rx job queue:jobs forever"), "ok 2 paint");
    assert_eq!(next.does("rx fail queue:jobs"), "ok");
    assert_eq!(next.does("rx job queue:jobs forever"), "ok 3 paint");
    assert_eq!(next.does("rx done queue:jobs"), "ok");
    assert!(next.does("rx done queue:jobs").starts_with("usage"));
    assert!(next.does("rx job queue:jobs try").starts_with("closed"));
    assert_eq!(next.does("rx close queue:jobs"), "ok");
}

#[test]
fn a_c_program_polls_a_ring_like_any_descriptor() {
    let stage = Stage::new();
    let Some(mut c) = Actor::start(&stage) else { return };
    assert_eq!(c.does("rx open ring:frames"), "ok");
    let mut rust = Sender::<[u8]>::open_with("ring:frames", &options(&stage)).unwrap();
    c.begin("rx poll ring:frames");
    rust.send(b"rung").unwrap();
    assert_eq!(c.says(), "ok rung");
}

#[test]
fn a_wrong_address_is_told_in_words() {
    let stage = Stage::new();
    let Some(mut c) = Actor::start(&stage) else { return };
    let wrong = c.does("tx open unxi:./server");
    assert!(wrong.starts_with("usage") && wrong.contains("did you mean unix:./server?"), "{wrong}");
    assert!(c.does("rx open ring:a/b").starts_with("usage"));
    assert!(c.does("tx send nowhere hello").starts_with("usage NULL"));
}
