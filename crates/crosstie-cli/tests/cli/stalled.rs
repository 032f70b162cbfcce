//! Those who wait for one another at channels are shown as stalled; those who are only idle are not.

use crate::machine::{Finished, Machine, Running, until};

/// A relay, once it sleeps at `channel`.
fn relay(machine: &Machine, from: &str, to: &str) -> Running {
    let relay = machine.crosstie(&["relay", from, to]).start();
    let pid = relay.id().to_string();
    until(|| {
        machine.crosstie(&["inspect", &pid]).finish().output().contains(&format!("a message from {from}"))
    });
    relay
}

/// What a command answers once that holds all of `wanted`: a look may come while one of them looks round, and be none.
fn told(machine: &Machine, words: &[&str], wanted: &[&str]) -> Finished {
    loop {
        let finished = machine.crosstie(words).finish();
        let output = finished.output();
        if wanted.iter().all(|wanted| output.contains(wanted)) {
            return finished;
        }
    }
}

#[test]
fn two_that_wait_for_each_others_messages_are_stalled_until_one_of_them_ends() {
    let machine = Machine::new();
    let first = relay(&machine, "ring:a", "ring:b");
    let healthy = machine.crosstie(&["doctor"]).finish().code(0).output();
    assert!(!healthy.contains("stalled"), "the sender of ring:a has yet to come: {healthy}");
    let mut second = relay(&machine, "ring:b", "ring:a");
    let told = told(&machine, &["doctor"], &["stalled: "]).code(1).output();
    assert!(told.contains("nobody else could bring it about"), "{told}");
    for (relay, from) in [(&first, "ring:a"), (&second, "ring:b")] {
        let who = format!("{} crosstie ", relay.id());
        assert!(told.contains(&who) && told.contains(&format!(" for a message from {from}")), "{told}");
    }
    let both = |listed: &str, what: &str| listed.matches(what).count() == 2;
    until(|| both(&machine.crosstie(&["ls"]).finish().code(0).output(), ", stalled\n"));
    until(|| both(&machine.crosstie(&["graph"]).finish().code(0).output(), ", stalled\""));
    let line = format!("{} crosstie waits for a message from ring:a for ", first.id());
    until(|| {
        let watched = machine.crosstie(&["watch", "--count", "1"]).finish().code(0).output();
        watched.lines().any(|it| it.contains(&line) && it.ends_with(", stalled"))
    });
    self::told(&machine, &["inspect", "ring:a", "--json"], &["\"is_stalled\": true"]).code(0);
    second.kill();
    until(|| !machine.crosstie(&["doctor"]).finish().output().contains("stalled"));
}

#[test]
fn two_that_wait_for_room_at_each_other_are_stalled() {
    let machine = Machine::new();
    // Each ring is full, and what is received from one is to go into the other.
    let payload = "x".repeat(4000) + "\n";
    for ring in ["ring:a?capacity=4KiB", "ring:b?capacity=4KiB"] {
        machine.crosstie(&["send", ring]).input(payload.as_bytes()).finish().code(0);
    }
    let first = machine.crosstie(&["relay", "ring:a", "ring:b"]).start();
    let second = machine.crosstie(&["relay", "ring:b", "ring:a"]).start();
    let told = told(&machine, &["doctor"], &["stalled: "]).code(1).output();
    for (relay, to) in [(&first, "ring:b"), (&second, "ring:a")] {
        let who = format!("{} crosstie ", relay.id());
        assert!(told.contains(&who) && told.contains(&format!(" for room in {to}")), "{told}");
    }
}

#[test]
fn at_queues_somebody_may_still_come_and_that_is_said() {
    let machine = Machine::new();
    let _first = relay(&machine, "queue:a", "queue:b");
    let _second = relay(&machine, "queue:b", "queue:a");
    told(&machine, &["doctor"], &["stalled: ", "nobody else who is there could bring it about"]).code(0);
    // Who could send, and does not wait, is there: they are idle.
    let sender = machine.crosstie(&["send", "queue:a"]).input_open().start();
    until(|| machine.crosstie(&["inspect", "queue:a"]).finish().output().contains("2 senders"));
    let told = machine.crosstie(&["doctor"]).finish().code(0).output();
    assert!(!told.contains("stalled"), "{told}");
    drop(sender);
}

#[test]
fn a_worker_that_waits_for_jobs_is_idle() {
    let machine = Machine::new();
    let worker = machine.crosstie(&["recv", "--follow", "queue:jobs"]).start();
    let pid = worker.id().to_string();
    until(|| machine.crosstie(&["inspect", &pid]).finish().output().contains("a message from queue:jobs"));
    let producer = machine.crosstie(&["send", "queue:jobs"]).input_open().start();
    until(|| machine.crosstie(&["inspect", "queue:jobs"]).finish().output().contains("1 senders"));
    let told = machine.crosstie(&["doctor"]).finish().code(0).output();
    assert!(!told.contains("stalled") && !told.contains("has waited"), "{told}");
    // One that waits for a producer of jobs, to which it adds itself, waits for others.
    let _feeds_itself = relay(&machine, "queue:jobs", "queue:jobs");
    drop(producer);
    until(|| machine.crosstie(&["inspect", "queue:jobs"]).finish().output().contains("1 senders"));
    let told = machine.crosstie(&["doctor"]).finish().code(0).output();
    assert!(!told.contains("stalled"), "{told}");
    let listed = machine.crosstie(&["ls"]).finish().code(0).output();
    assert!(!listed.contains("stalled"), "{listed}");
}
