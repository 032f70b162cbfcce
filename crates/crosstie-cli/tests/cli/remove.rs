//! What is removed, and what is not.

use rustix::process::Signal;

use crate::machine::Machine;

#[test]
fn the_file_of_an_interrupted_receiver_is_removed_and_that_of_a_living_one_is_not() {
    let machine = Machine::new();
    for mechanism in ["unix", "unixpacket", "fifo"] {
        let address = machine.at(mechanism, mechanism);
        machine.crosstie(&["rm", &address]).finish().code(84).said(&address);
        let receiver = machine.crosstie(&["recv", &address]).start();
        receiver.until_asleep();
        machine.crosstie(&["rm", &address]).finish().code(75).said(&address);
        receiver.signal(Signal::INT);
        receiver.finish();
        assert!(machine.path(mechanism).exists());
        machine.crosstie(&["rm", &address]).finish().code(0);
        assert!(!machine.path(mechanism).exists());
    }
    for mechanism in ["unix", "unixpacket", "fifo"] {
        let path = machine.file("file", b"precious");
        machine.crosstie(&["rm", &machine.at(mechanism, "file")]).finish().code(85).said("a regular file");
        assert_eq!(std::fs::read(path).unwrap(), b"precious");
    }
    machine.crosstie(&["rm", "tcp:127.0.0.1:9"]).finish().code(2).said("goes with its processes");
    machine.crosstie(&["rm", "unix:@name"]).finish().code(2).said("goes with its process");
}

#[test]
fn a_fifo_that_only_a_sender_has_open_is_in_use() {
    let machine = Machine::new();
    let address = machine.at("fifo", "f");
    let mut receiver = machine.crosstie(&["recv", &address]).start();
    let mut sender = machine.crosstie(&["send", &address]).input_open().start();
    sender.type_in(b"1\n");
    receiver.kill();
    receiver.finish();
    machine.crosstie(&["rm", &address]).finish().code(75).said("has it open");
}

#[test]
fn what_is_missing_is_named_as_it_was_asked_for() {
    let machine = Machine::new();
    machine.crosstie(&["rm", "ring:nope"]).finish().code(84).said("ring:nope").silent_about("ring.nope");
    machine.crosstie(&["region", "read", "/crosstie-nope"]).finish().code(84).said("crosstie region ls");
    machine.crosstie(&["recv", &machine.at("fifo", "nodir/f")]).finish().code(84).said("make its folder");
    for mechanism in ["unix", "unixpacket"] {
        let at = machine.at(mechanism, "nodir/s");
        machine.crosstie(&["recv", &at]).finish().code(84).said("there is no folder").said("make it first");
    }
}

#[test]
fn of_several_the_others_are_removed_and_each_that_was_not_is_told() {
    let machine = Machine::new();
    for name in ["x", "y"] {
        machine.crosstie(&["lock", name, "--", "true"]).finish().code(0);
    }
    machine.crosstie(&["send", "used", "1"]).finish().code(0);
    let user = machine.crosstie(&["recv", "used", "--follow"]).start();
    user.until_asleep();
    let all = ["rm", "lock:x", "lock:nope", "queue:used", "ring:none", "lock:y"];
    machine.crosstie(&all).finish().code(84).said("lock:nope").said("queue:used").said("ring:none");
    machine.crosstie(&["rm", "queue:used", "lock:nope"]).finish().code(75).said("lock:nope");
    machine.crosstie(&["ls", "lock"]).finish().code(0).wrote("");
    user.signal(Signal::TERM);
    // What is not understood removes nothing.
    machine.crosstie(&["lock", "x", "--", "true"]).finish().code(0);
    machine.crosstie(&["rm", "lock:x", "nonsense:y"]).finish().code(2);
    machine.crosstie(&["rm", "lock:x"]).finish().code(0);
}
