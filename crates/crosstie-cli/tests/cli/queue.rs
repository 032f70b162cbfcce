//! `queue:NAME` from the shell: each message to one receiver, and again to another if that one fails.

use std::os::unix::process::ExitStatusExt as _;

use crate::machine::{Machine, until};

#[test]
fn messages_wait_in_the_queue_that_a_bare_name_means() {
    let machine = Machine::new();
    machine.crosstie(&["send", "jobs"]).input("1\n2\n3\n").finish().code(0);
    machine.crosstie(&["recv", "queue:jobs", "-n", "1"]).finish().code(0).wrote("1\n");
    machine.crosstie(&["recv", "jobs"]).finish().code(0).wrote("2\n3\n");
}

#[test]
fn what_a_mechanism_can_is_told_of_an_object_and_of_an_address() {
    let machine = Machine::new();
    machine.crosstie(&["send", "jobs", "a"]).finish().code(0);
    let seen = machine.crosstie(&["inspect", "queue:jobs"]).finish().code(0).output();
    assert!(seen.contains("at least once") && seen.contains("many to many"), "{seen}");
    let seen = machine.crosstie(&["inspect", "unix:/nobody/is/there"]).finish().code(0).output();
    assert!(seen.contains("at most once") && seen.contains("many to one"), "{seen}");
    let json = machine.crosstie(&["inspect", "ring:none", "--json"]).finish();
    json.code(84);
    let json = machine.crosstie(&["inspect", "tcp:h:1", "--json"]).finish().code(0).output();
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["caps"]["crosses_machines"], true, "{json}");
}

#[test]
fn a_full_disk_leaves_the_messages_in_the_queue() {
    let machine = Machine::new();
    machine.crosstie(&["send", "jobs"]).input("1\n2\n3\n").finish().code(0);
    let full = machine.crosstie(&["recv", "jobs"]).output_file("/dev/full").finish();
    full.code(125).said("No space left").said("still in the queue");
    machine.crosstie(&["recv", "jobs"]).finish().code(0).wrote("1\n2\n3\n");
}

#[test]
fn a_message_whose_command_fails_is_delivered_again_and_its_command_knows() {
    let machine = Machine::new();
    machine.crosstie(&["send", "jobs", "a", "b"]).finish().code(0);
    let second_time =
        "read -r message; echo \"$message $CROSSTIE_DELIVERY\"; test \"$CROSSTIE_DELIVERY\" -gt 1";
    let worker = machine.crosstie(&["recv", "jobs", "--each", "--", "sh", "-c", second_time]).finish();
    // A message that stands in a command's input has no newline: read fails, and the variable is set.
    worker.code(0).wrote("a 1\na 2\nb 1\nb 2\n").said("delivery 1: the command ended with 1");
    let seen = machine.crosstie(&["inspect", "queue:jobs"]).finish().code(0).output();
    assert!(seen.contains("2 delivered again"), "{seen}");
}

#[test]
fn a_message_that_no_command_can_do_is_a_dead_letter_and_is_taken_from_there() {
    let machine = Machine::new();
    machine.crosstie(&["send", "jobs", "poison", "food"]).finish().code(0);
    let eats_food = "read -r message; test \"$message\" = food";
    machine.crosstie(&["recv", "jobs", "--each", "--", "sh", "-c", eats_food]).finish().code(0);
    machine
        .crosstie(&["ls"])
        .finish()
        .code(0)
        .wrote("queue:jobs  0 wait, 0 in hand, 2 delivered again, 1 dead letter\n");
    machine.crosstie(&["recv", "jobs", "--dead-letters"]).output_file("/dev/full").finish().code(125);
    machine.crosstie(&["recv", "jobs", "--dead-letters"]).finish().code(0).wrote("poison\n");
    machine.crosstie(&["recv", "jobs", "--dead-letters"]).finish().code(0).wrote("");
}

#[test]
fn a_message_whose_worker_is_killed_goes_to_the_next_one_three_times() {
    let machine = Machine::new();
    machine.crosstie(&["send", "jobs", "deadly"]).finish().code(0);
    for delivery in ["1", "2", "3"] {
        let kills = "echo \"$CROSSTIE_DELIVERY\"; kill -9 $PPID";
        let worker = machine.crosstie(&["recv", "jobs", "--each", "--", "sh", "-c", kills]).finish();
        assert_eq!(worker.status.signal(), Some(9));
        worker.wrote(format!("{delivery}\n"));
    }
    machine.crosstie(&["recv", "jobs", "--timeout", "0.1"]).finish().code(124).wrote("");
    machine.crosstie(&["recv", "jobs", "--dead-letters"]).finish().code(0).wrote("deadly\n");
}

#[test]
fn a_command_has_its_message_whole_although_its_worker_is_killed_before_it_reads() {
    let machine = Machine::new();
    machine.crosstie(&["send", "queue:jobs", "--whole"]).input(vec![b'x'; 300_000]).finish().code(0);
    let kills = "kill -9 $PPID; wc -c";
    let worker = machine.crosstie(&["recv", "jobs", "--each", "--", "sh", "-c", kills]).finish();
    assert_eq!(worker.status.signal(), Some(9));
    worker.wrote("300000\n");
    machine.crosstie(&["send", "queue:empty", ""]).finish().code(0);
    machine.crosstie(&["recv", "queue:empty", "--each", "--", "wc", "-c"]).finish().code(0).wrote("0\n");
}

#[test]
fn a_worker_waits_for_what_another_has_in_hand_and_gets_it_at_once_when_that_one_is_killed() {
    let machine = Machine::new();
    machine.crosstie(&["send", "jobs", "work"]).finish().code(0);
    let stuck = "kill -STOP $PPID; exec cat > /dev/null";
    let mut stopped = machine.crosstie(&["recv", "jobs", "--each", "--", "sh", "-c", stuck]).start();
    until(|| machine.crosstie(&["ls", "queue"]).finish().output().contains("1 in hand"));
    let second = machine.crosstie(&["recv", "jobs", "--each", "--", "cat"]).start();
    second.until_asleep();
    stopped.kill();
    stopped.finish();
    second.finish().code(0).wrote("work");
}

#[test]
fn who_has_what_is_seen_in_words_and_as_json() {
    let machine = Machine::new();
    machine.crosstie(&["send", "queue:jobs?places=64", "a", "b"]).finish().code(0);
    machine.crosstie(&["ls", "queue"]).finish().code(0).wrote("queue:jobs  2 wait, 0 in hand\n");
    let json = machine.crosstie(&["inspect", "queue:jobs", "--json"]).finish().code(0).output();
    let document: serde_json::Value = serde_json::from_str(&json).expect("a document");
    assert_eq!((&document["queue"]["waiting"], &document["queue"]["places"]), (&2.into(), &64.into()));
    assert_eq!(document["queue"]["in_hand"], serde_json::json!([]));
}

#[test]
fn other_parameters_are_refused_and_a_full_queue_does_as_it_was_told() {
    let machine = Machine::new();
    machine.crosstie(&["send", "queue:jobs?places=2", "a", "b"]).finish().code(0);
    machine.crosstie(&["recv", "queue:jobs?places=16"]).finish().code(86).said("2 places").said("16");
    machine.crosstie(&["recv", "queue:jobs?deliveries=5"]).finish().code(86).said("3 deliveries").said("5");
    machine.crosstie(&["send", "queue:jobs?full=error", "c"]).finish().code(75);
    machine.crosstie(&["send", "queue:jobs?full=drop", "c"]).finish().code(0);
    let seen = machine.crosstie(&["inspect", "jobs"]).finish().code(0).output();
    assert!(seen.contains("1 dropped"), "{seen}");
    let late = machine.crosstie(&["send", "queue:jobs", "c", "--timeout", "0.1"]).finish();
    late.code(124).said("is full and has no receiver");
    // Who could not send what it was to send has broken off.
    machine.crosstie(&["recv", "jobs"]).finish().code(83).wrote("a\nb\n");
    machine.crosstie(&["send", "queue:jobs", "--whole"]).input(vec![0; 2 << 20]).finish().code(87);
}

#[test]
fn what_is_removed_is_gone_and_what_is_used_stays() {
    let machine = Machine::new();
    let receiver = machine.crosstie(&["recv", "jobs"]).start();
    receiver.until_asleep();
    machine.crosstie(&["rm", "queue:jobs"]).finish().code(75).said(&receiver.id().to_string());
    machine.crosstie(&["send", "jobs", "x"]).finish().code(0);
    receiver.finish().code(0).wrote("x\n");
    machine.crosstie(&["rm", "queue:jobs"]).finish().code(0);
    machine.crosstie(&["rm", "queue:jobs"]).finish().code(84);
}

#[test]
fn a_command_runs_for_messages_of_a_queue_alone_and_has_to_be_one() {
    let machine = Machine::new();
    machine.crosstie(&["recv", "ring:jobs", "--each", "--", "cat"]).finish().code(2).said("queue:NAME");
    machine.crosstie(&["recv", "jobs", "--each"]).finish().code(2);
    machine.crosstie(&["recv", "jobs", "--", "cat"]).finish().code(2);
    machine.crosstie(&["recv", "jobs", "--each", "--raw", "--", "cat"]).finish().code(2);
    machine.crosstie(&["send", "jobs", "x"]).finish().code(0);
    machine.crosstie(&["recv", "jobs", "--each", "--", "./no-such-command"]).finish().code(127);
    machine.crosstie(&["recv", "jobs"]).finish().code(0).wrote("x\n");
}

#[test]
fn a_sender_that_is_killed_is_told_after_its_messages() {
    let machine = Machine::new();
    let mut sender = machine.crosstie(&["send", "jobs"]).input_open().start();
    sender.type_in(b"1\n");
    machine.crosstie(&["recv", "jobs", "-n", "1"]).finish().code(0).wrote("1\n");
    sender.kill();
    sender.finish();
    let receiver = machine.crosstie(&["recv", "jobs", "--timeout", "0.1"]).finish();
    receiver.code(124).wrote("");
}
