//! What `ls`, `inspect` and `watch` show of channels and calls while real processes use them, and are killed.

use rustix::process::Signal;

use crate::machine::{Machine, until};

/// What a command writes, once that holds all of `wanted`.
fn shows(machine: &Machine, words: &[&str], wanted: &[&str]) -> String {
    loop {
        let output = machine.crosstie(words).finish().code(0).output();
        if wanted.iter().all(|wanted| output.contains(wanted)) {
            return output;
        }
    }
}

#[test]
fn of_a_queue_its_depth_who_has_what_in_hand_what_came_back_and_what_is_dead() {
    let machine = Machine::new();
    machine.crosstie(&["send", "queue:jobs?deliveries=2", "a", "b", "c"]).finish().code(0);
    let worker = || {
        let stuck = "kill -STOP $PPID; exec cat > /dev/null";
        machine.crosstie(&["recv", "jobs", "--each", "--", "sh", "-c", stuck]).start()
    };
    let mut first = worker();
    shows(&machine, &["ls"], &["queue:jobs  2 wait, 1 in hand\n"]);
    let has = format!("{} crosstie has 1 in hand", first.id());
    shows(&machine, &["inspect", "jobs"], &[&format!("  {has}, 0 of them delivered before\n")]);
    shows(&machine, &["watch", "--count", "1"], &[&format!("    {has}, 0 of them delivered before\n")]);
    shows(&machine, &["inspect", &first.id().to_string()], &[&format!("{has} of queue:jobs\n")]);
    first.kill();
    // Nobody has come who could bring it back.
    shows(&machine, &["inspect", "jobs"], &[&format!("{} crosstie (has died) has 1 in hand", first.id())]);
    let mut second = worker();
    let has = format!("{} crosstie has 1 in hand, 1 of them delivered before", second.id());
    shows(&machine, &["inspect", "jobs"], &[&has, "1 delivered again, 0 dropped"]);
    shows(&machine, &["ls"], &["queue:jobs  2 wait, 1 in hand, 1 delivered again\n"]);
    let json = shows(&machine, &["inspect", "jobs", "--json"], &["\"redelivered\": 1"]);
    let document: serde_json::Value = serde_json::from_str(&json).expect("a document");
    assert_eq!(document["queue"]["in_hand"][0]["count"], 1);
    second.kill();
    let mut third = worker();
    // Twice delivered, and twice its worker was killed.
    shows(&machine, &["ls"], &["queue:jobs  1 wait, 1 in hand, 1 delivered again, 1 dead letter\n"]);
    third.kill();
}

#[test]
fn of_a_topic_how_far_each_subscriber_is_behind_and_a_dead_one_no_more() {
    let machine = Machine::new();
    let mut slow = machine.crosstie(&["recv", "--follow", "topic:ticks"]).start();
    let quick = machine.crosstie(&["recv", "--follow", "topic:ticks"]).start();
    shows(&machine, &["ls"], &["2 subscribers"]);
    slow.until_asleep();
    slow.signal(Signal::STOP);
    machine.crosstie(&["send", "topic:ticks", "1", "2", "3"]).finish().code(0);
    let behind = |who: u32, count: u32| format!("{who} crosstie subscribes, {count} behind, 0 lost\n");
    let both = [&*behind(slow.id(), 3), &*behind(quick.id(), 0)];
    shows(&machine, &["inspect", "topic:ticks"], &both);
    shows(&machine, &["watch", "--count", "1"], &both);
    shows(&machine, &["ls"], &["2 subscribers, the slowest 3 behind\n"]);
    slow.kill();
    shows(&machine, &["ls"], &["1 subscriber, 0 behind\n"]);
}

#[test]
fn of_a_ring_its_depth_and_who_is_at_its_ends() {
    let machine = Machine::new();
    machine.crosstie(&["send", "ring:orders", "a", "b", "c"]).finish().code(0);
    shows(&machine, &["ls"], &["ring:orders  3 wait, 192 of 1048576 bytes, no sender, no receiver\n"]);
    let mut sender = machine.crosstie(&["send", "ring:orders"]).input_open().start();
    let sends = format!("{} crosstie sends\n", sender.id());
    shows(&machine, &["inspect", "ring:orders"], &["3 wait", ", no receiver\n", &sends]);
    shows(&machine, &["watch", "--count", "1"], &[&sends]);
    sender.kill();
    shows(
        &machine,
        &["inspect", "ring:orders"],
        &["somebody who had an end died, and the other side is still to be told\n"],
    );
    let json = shows(&machine, &["inspect", "ring:orders", "--json"], &["\"waiting\": 3"]);
    let document: serde_json::Value = serde_json::from_str(&json).expect("a document");
    assert_eq!(
        (&document["ring"]["sender"], &document["ring"]["bytes"]),
        (&serde_json::Value::Null, &192.into())
    );
}

#[test]
fn of_servers_the_calls_in_hand_and_those_that_wait() {
    let machine = Machine::new();
    let unix = machine.at("unix", "s");
    for address in ["queue:svc", "ring:svc", &unix] {
        let server = machine.crosstie(&["reply", address, "--", "sleep", "1000"]).start();
        // A ring has one client.
        let clients = if address == "ring:svc" { 1 } else { 2 };
        let callers: Vec<_> =
            (0..clients).map(|_| machine.crosstie(&["call", address, "x"]).start()).collect();
        let waiting = clients - 1;
        let (line, has) = match address {
            "queue:svc" => (
                format!("queue:svc.calls  {waiting} wait, 1 in hand\n"),
                format!("{} crosstie has 1 in hand of queue:svc.calls\n", server.id()),
            ),
            _ => {
                // What one that waits takes is the server's business.
                let end = if waiting == 0 { "0 wait\n" } else { "1 wait, " };
                (
                    format!("{address}  served by {} crosstie, 1 call in hand, {end}", server.id()),
                    format!("{} crosstie serves {address}: 1 call in hand, {end}", server.id()),
                )
            }
        };
        shows(&machine, &["ls"], &[&line]);
        shows(&machine, &["watch", "--count", "1"], &[&line]);
        shows(&machine, &["inspect", &server.id().to_string()], &[&has]);
        if address == unix {
            shows(&machine, &["ls"], &[" bytes\n"]);
        }
        drop((server, callers));
        until(|| !machine.crosstie(&["ls"]).finish().output().contains("served by"));
    }
}
