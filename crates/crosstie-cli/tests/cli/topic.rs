//! `topic:NAME` from the shell: each message to everybody who subscribes.

use crate::machine::{Machine, until};

#[test]
fn everybody_who_subscribes_gets_every_message_and_ends_with_the_publisher() {
    let machine = Machine::new();
    let subscribers = [0, 1].map(|_| machine.crosstie(&["recv", "topic:ticks"]).start());
    for subscriber in &subscribers {
        subscriber.until_asleep();
    }
    machine.crosstie(&["send", "topic:ticks"]).input("1\n2\n3\n").finish().code(0);
    for subscriber in subscribers {
        subscriber.finish().code(0).wrote("1\n2\n3\n");
    }
}

#[test]
fn who_comes_late_begins_where_it_asks() {
    let machine = Machine::new();
    machine.crosstie(&["send", "topic:ticks?places=4"]).input("0\n1\n2\n3\n4\n5\n").finish().code(0);
    let from = |from| machine.crosstie(&["recv", "topic:ticks", "--from", from]).finish();
    from("oldest").code(0).wrote("3\n4\n5\n");
    from("last:2").code(0).wrote("4\n5\n");
    from("4").code(0).wrote("4\n5\n");
    from("1").code(0).wrote("3\n4\n5\n").said("messages 1 to 2 were overwritten").said("2 lost");
    from("first").code(2).said("last:N");
    let json = machine.crosstie(&["recv", "topic:ticks?from=last:1", "--jsonl"]).finish().code(0).output();
    assert!(json.contains("\"number\":5"), "{json}");
    machine.crosstie(&["recv", "ring:ticks", "--from", "oldest"]).finish().code(2).said("for a topic");
    machine.crosstie(&["recv", "topic:ticks", "--timeout", "0.1"]).finish().code(124).wrote("");
}

#[test]
fn a_lossy_topic_tells_a_stopped_subscriber_what_it_lost_and_the_latest_value_is_one() {
    let machine = Machine::new();
    let slow = machine.crosstie(&["recv", "topic:ticks?mode=lossy&places=8"]).start();
    slow.until_asleep();
    slow.signal(rustix::process::Signal::STOP);
    let numbers: String = (0..100).map(|n| format!("{n}\n")).collect();
    machine.crosstie(&["send", "topic:ticks"]).input(numbers).finish().code(0);
    slow.signal(rustix::process::Signal::CONT);
    let kept = "92\n93\n94\n95\n96\n97\n98\n99\n";
    slow.finish().code(0).said("messages 0 to 91 were overwritten").said("92 lost").wrote(kept);
    machine.crosstie(&["send", "topic:now", "--mode", "latest", "a", "b", "c"]).finish().code(0);
    machine.crosstie(&["recv", "topic:now"]).finish().code(0).wrote("c\n");
}

#[test]
fn a_publisher_that_nobody_reads_says_by_whom_it_is_held_up_and_everybody_sees_it() {
    let machine = Machine::new();
    let mut slow = machine.crosstie(&["recv", "topic:ticks?places=4"]).start();
    slow.until_asleep();
    slow.signal(rustix::process::Signal::STOP);
    let late =
        machine.crosstie(&["send", "topic:ticks", "--timeout", "0.1"]).input("0\n1\n2\n3\n4\n").finish();
    late.code(124).said(&slow.id().to_string()).said("has not read its last 4 messages");
    machine
        .crosstie(&["ls", "topic"])
        .finish()
        .code(0)
        .wrote("topic:ticks  lossless, 4 published, 4 kept, 1 subscriber, 4 behind\n");
    let seen = machine.crosstie(&["inspect", "topic:ticks"]).finish().code(0).output();
    assert!(
        seen.contains(&format!("{}", slow.id())) && seen.contains("subscribes, 4 behind, 0 lost"),
        "{seen}"
    );
    let json = machine.crosstie(&["inspect", "topic:ticks", "--json"]).finish().code(0).output();
    let document: serde_json::Value = serde_json::from_str(&json).expect("a document");
    let topic = &document["topic"];
    assert_eq!((&topic["mode"], &topic["places"]), (&"lossless".into(), &4.into()));
    assert_eq!(topic["subscribers"][0]["behind"], 4);
    machine.crosstie(&["rm", "topic:ticks"]).finish().code(75).said(&slow.id().to_string());
    // Its death releases a publisher that sleeps.
    let waiting = machine.crosstie(&["send", "topic:ticks", "5"]).start();
    waiting.until_asleep();
    slow.kill();
    slow.finish();
    waiting.finish().code(0);
    until(|| machine.crosstie(&["rm", "topic:ticks"]).finish().exit_code() == 0);
}

#[test]
fn other_parameters_and_messages_above_the_limit_are_refused() {
    let machine = Machine::new();
    machine.crosstie(&["send", "topic:ticks?places=2&max=100", "a"]).finish().code(0);
    machine.crosstie(&["recv", "topic:ticks?places=16"]).finish().code(86).said("is 2").said("16");
    machine.crosstie(&["recv", "topic:ticks?mode=lossy"]).finish().code(86).said("lossless").said("lossy");
    machine
        .crosstie(&["send", "topic:ticks?max=50", "a"])
        .finish()
        .code(86)
        .said("100 bytes")
        .said("50 bytes");
    machine.crosstie(&["send", "topic:ticks", "--whole"]).input(vec![0; 101]).finish().code(87);
    machine.crosstie(&["send", "topic:odd?places=3", "a"]).finish().code(2).said("power of two");
    machine.crosstie(&["recv", "topic:ticks", "--each", "--", "cat"]).finish().code(2).said("queue:NAME");
}
