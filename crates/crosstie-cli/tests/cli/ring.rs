//! `ring:NAME` from the shell: messages wait, and outlive whoever is killed.

use crate::machine::Machine;

#[test]
fn messages_wait_in_shared_memory() {
    let machine = Machine::new();
    machine.crosstie(&["send", "ring:jobs"]).input("1\n2\n3\n").finish().code(0);
    machine.crosstie(&["recv", "ring:jobs", "-n", "1"]).finish().code(0).wrote("1\n");
    machine.crosstie(&["recv", "ring:jobs"]).finish().code(0).wrote("2\n3\n");
}

#[test]
fn a_full_disk_leaves_the_messages_in_the_ring() {
    let machine = Machine::new();
    machine.crosstie(&["send", "ring:jobs"]).input("1\n2\n3\n").finish().code(0);
    let full = machine.crosstie(&["recv", "ring:jobs"]).output_file("/dev/full").finish();
    full.code(125).said("No space left").said("still in the ring");
    machine.crosstie(&["recv", "ring:jobs"]).finish().code(0).wrote("1\n2\n3\n");
}

#[test]
fn a_message_that_the_framing_cannot_carry_stays_in_the_ring() {
    let machine = Machine::new();
    machine.crosstie(&["send", "ring:jobs", "one", "two\nlines", "three"]).finish().code(0);
    machine.crosstie(&["recv", "ring:jobs"]).finish().code(86).wrote("one\n");
    machine.crosstie(&["recv", "ring:jobs", "-0"]).finish().code(0).wrote("two\nlines\0three\0");
}

#[test]
fn each_end_has_one_owner_who_is_named() {
    let machine = Machine::new();
    let receiver = machine.crosstie(&["recv", "ring:jobs"]).start();
    receiver.until_asleep();
    let pid = receiver.id().to_string();
    machine.crosstie(&["recv", "ring:jobs"]).finish().code(75).said(&pid).said("crosstie");
    let mut sender = machine.crosstie(&["send", "ring:jobs"]).input_open().start();
    sender.type_in(b"1\n");
    machine.crosstie(&["send", "ring:jobs", "2"]).finish().code(75).said(&sender.id().to_string());
    sender.finish().code(0);
    receiver.finish().code(0).wrote("1\n");
}

#[test]
fn a_ring_of_another_capacity_is_refused_by_both_numbers() {
    let machine = Machine::new();
    machine.crosstie(&["send", "ring:jobs?capacity=64KiB", "1"]).finish().code(0);
    machine
        .crosstie(&["recv", "ring:jobs", "--capacity", "128KiB"])
        .finish()
        .code(86)
        .said("65536")
        .said("131072");
    machine.crosstie(&["send", "ring:jobs", "--whole"]).input(vec![0; 70_000]).finish().code(87);
    machine.crosstie(&["recv", "ring:jobs", "-n", "1"]).finish().code(0).wrote("1\n");
}

#[test]
fn a_full_ring_waits_for_its_receiver() {
    let machine = Machine::new();
    let lines = "x".repeat(99) + "\n";
    let lines = lines.repeat(2000);
    let sender = machine.crosstie(&["send", "ring:jobs?capacity=64KiB"]).input(lines.clone()).start();
    sender.until_asleep();
    machine.crosstie(&["recv", "ring:jobs"]).finish().code(0).wrote(&lines);
    sender.finish().code(0);
    let sender = machine.crosstie(&["send", "ring:jobs", "--timeout", "0.2"]).input(lines).finish();
    sender.code(124).said("ring:jobs");
}

#[test]
fn a_killed_receiver_loses_nothing() {
    let machine = Machine::new();
    let mut receiver = machine.crosstie(&["recv", "ring:jobs"]).start();
    receiver.until_asleep();
    receiver.signal(rustix::process::Signal::STOP);
    machine.crosstie(&["send", "ring:jobs"]).input("1\n2\n").finish().code(0);
    receiver.kill();
    receiver.finish();
    machine.crosstie(&["recv", "ring:jobs"]).finish().code(0).wrote("1\n2\n");
}

#[test]
fn what_is_removed_is_gone() {
    let machine = Machine::new();
    machine.crosstie(&["send", "ring:jobs", "1"]).finish().code(0);
    let receiver = machine.crosstie(&["recv", "ring:other"]).start();
    receiver.until_asleep();
    machine.crosstie(&["rm", "ring:other"]).finish().code(75);
    machine.crosstie(&["rm", "ring:jobs"]).finish().code(0);
    machine.crosstie(&["rm", "ring:jobs"]).finish().code(84);
    machine.crosstie(&["rm", "tcp:localhost:9"]).finish().code(2);
    machine.crosstie(&["recv", "ring:jobs", "--timeout", "0.1"]).finish().code(124).wrote("");
}

#[test]
fn a_damaged_ring_is_removed_as_its_hint_says() {
    let machine = Machine::new();
    let ring = machine.path("domain").join("ring.jobs");
    let open = || std::fs::OpenOptions::new().write(true).open(&ring).expect("the ring's file");
    let cut = |bytes| open().set_len(bytes).expect("cut");
    let flip = |at| std::os::unix::fs::FileExt::write_all_at(&open(), &[0x5A], at).expect("written");
    let damages: [&dyn Fn(); 10] = [
        &|| cut(0),
        &|| cut(1),
        &|| cut(100),
        &|| cut(4096),
        &|| cut(500_000),
        &|| flip(0),
        &|| flip(8),
        &|| flip(16),
        &|| flip(24),
        &|| flip(40),
    ];
    for damage in damages {
        machine.crosstie(&["send", "ring:jobs", "1"]).finish().code(0);
        damage();
        machine.crosstie(&["recv", "ring:jobs"]).finish().code(86).said("crosstie rm");
        machine.crosstie(&["rm", "ring:jobs"]).finish().code(0).wrote("");
        assert!(!ring.exists());
    }
}

#[test]
fn domains_do_not_see_each_other() {
    let machine = Machine::new();
    let other = machine.path("other").display().to_string();
    machine.crosstie(&["send", "ring:jobs", "here"]).finish().code(0);
    machine.crosstie(&["--domain", &other, "send", "ring:jobs", "there"]).finish().code(0);
    machine.crosstie(&["recv", "ring:jobs", "--domain", &other]).finish().code(0).wrote("there\n");
    machine.crosstie(&["recv", "ring:jobs"]).finish().code(0).wrote("here\n");
}

#[test]
fn a_wait_in_another_domain_is_told_with_its_name() {
    let machine = Machine::new();
    let (here, there) =
        (machine.path("domain").display().to_string(), machine.path("there").display().to_string());
    let waiting = machine.crosstie(&["recv", "ring:jobs", "--timeout", "2.1"]).start();
    machine.crosstie(&["send", "ring:jobs", "x", "--domain", &there]).finish().code(0);
    waiting.finish().code(124).said(&format!("waiting for a sender on ring:jobs (domain {here})"));
}

#[test]
fn an_empty_stream_ends_who_is_there_and_who_comes_later_waits() {
    let machine = Machine::new();
    for address in ["ring:empty", "queue:empty", "topic:empty"] {
        machine.crosstie(&["send", address]).input("").finish().code(0);
        machine.crosstie(&["recv", address, "--timeout", "0.1"]).finish().code(124).wrote("");
        let receiver = machine.crosstie(&["recv", address]).start();
        receiver.until_asleep();
        machine.crosstie(&["send", address]).input("").finish().code(0);
        receiver.finish().code(0).wrote("");
    }
    for verb in ["send", "recv"] {
        let help = machine.crosstie(&[verb, "--help"]).finish().code(0).output();
        assert!(help.contains("comes later"), "{help}");
    }
}

#[test]
fn a_receiver_whose_time_has_passed_left_in_order() {
    let machine = Machine::new();
    machine.crosstie(&["recv", "ring:e", "--timeout", "0.1"]).finish().code(124).said("timed out");
    machine
        .crosstie(&["inspect", "ring:e"])
        .finish()
        .code(0)
        .wrote_line("ring:e  0 wait, 0 of 1048576 bytes, no sender, no receiver");
    let ended_by_death = || {
        let json = machine.crosstie(&["inspect", "ring:e", "--json"]).finish().code(0).output();
        let document: serde_json::Value = serde_json::from_str(&json).expect("a document");
        document["ring"]["ended_by_death"].clone()
    };
    assert_eq!(ended_by_death(), false);
    machine.crosstie(&["send", "ring:e", "x"]).finish().code(0);
    machine.crosstie(&["recv", "ring:e", "-n", "2", "--timeout", "0.1"]).finish().code(124).wrote("x\n");
    assert_eq!(ended_by_death(), false);
}

#[test]
fn senders_of_a_ring_take_turns_and_the_receiver_ends_with_the_last_of_them() {
    let machine = Machine::new();
    let turns = "ring:jobs?senders=turns";
    let receiver = machine.crosstie(&["recv", "ring:jobs"]).start();
    receiver.until_asleep();
    let mut first = machine.crosstie(&["send", turns]).input_open().start();
    first.type_in(b"1\n");
    let waiting = ["2", "3"].map(|message| {
        let sender = machine.crosstie(&["send", turns, message]).start();
        sender.until_asleep();
        sender
    });
    machine.crosstie(&["send", turns, "late", "--timeout", "0.1"]).finish().code(124).said("its turn");
    machine.crosstie(&["send", "ring:jobs", "unasked"]).finish().code(75);
    first.type_in(b"1 again\n");
    first.finish().code(0);
    waiting.into_iter().for_each(|sender| drop(sender.finish().code(0)));
    receiver.finish().code(0).wrote("1\n1 again\n2\n3\n");
}

#[test]
fn a_killed_sender_passes_its_turn_on() {
    let machine = Machine::new();
    let turns = "ring:jobs?senders=turns";
    let mut first = machine.crosstie(&["send", turns]).input_open().start();
    first.type_in(b"1\n");
    let mut second = machine.crosstie(&["send", turns, "2"]).start();
    second.until_asleep();
    let third = machine.crosstie(&["send", turns, "3"]).start();
    third.until_asleep();
    // One that only stands in line is not missed.
    second.kill();
    first.kill();
    third.finish().code(0);
    machine.crosstie(&["recv", "ring:jobs"]).finish().code(83).wrote("1\n3\n");
}

#[test]
fn a_ring_says_what_was_sent_and_who_waited() {
    let machine = Machine::new();
    let receiver = machine.crosstie(&["recv", "ring:jobs"]).start();
    receiver.until_asleep();
    machine.crosstie(&["send", "ring:jobs"]).input("one\ntwo\nthree\n").finish().code(0);
    receiver.finish().code(0);
    let shown = machine.crosstie(&["inspect", "ring:jobs"]).finish().code(0);
    let text = shown.wrote_line("3 messages sent, 11 bytes in them").output();
    assert!(text.contains("  the sender has waited 0 times\n  the receiver has waited "), "{text}");
    for arguments in [&["inspect", "ring:jobs", "--json"][..], &["ls", "--json"]] {
        let json = machine.crosstie(arguments).finish().code(0).output();
        let document: serde_json::Value = serde_json::from_str(&json).expect("a document");
        let ring = document.get("ring").unwrap_or_else(|| &document["objects"][0]["ring"]);
        assert_eq!((&ring["sent"], &ring["sent_bytes"]), (&3.into(), &11.into()), "{json}");
        assert!(ring["receiver_waits"]["count"].as_u64() > Some(0), "{json}");
        assert!(ring["receiver_waits"]["longest_ns"].as_u64() > Some(0), "{json}");
        assert_eq!(ring["sender_waits"]["deaths"], 0, "{json}");
    }
}
