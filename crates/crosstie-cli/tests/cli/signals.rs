//! A signal that is sent to a command that stands for another reaches that one, whenever it comes.

use std::os::unix::process::ExitStatusExt;
use std::time::Instant;

use rustix::process::Signal;

use super::machine::{Machine, until};

/// How many instants of the start are tried; which they are has no part in what is asked of them.
const INSTANTS: u32 = 40;

#[test]
fn a_signal_at_any_instant_ends_the_command_that_has_the_lock() {
    let machine = Machine::new();
    let started = Instant::now();
    let told = machine.crosstie(&["lock", "db", "--", "sh", "-c", "touch runs; exec sleep 1000"]).start();
    until(|| machine.path("runs").exists());
    let whole = started.elapsed();
    told.signal(Signal::TERM);
    told.finish().code(143);
    for instant in 0..INSTANTS {
        let began = Instant::now();
        let command = machine.crosstie(&["lock", "db", "--", "sleep", "1000"]).start();
        // Spread over the start, and a little beyond.
        until(|| began.elapsed() >= whole * instant / (INSTANTS * 3 / 4));
        command.signal(Signal::TERM);
        // One that is lost leaves a command that runs for ever, and this fails as one that hangs.
        let status = command.finish().status;
        let is_ended_before = status.signal() == Some(Signal::TERM.as_raw());
        assert!(is_ended_before || status.code() == Some(143), "{status} at instant {instant}");
        machine.crosstie(&["lock", "db", "--try", "--", "true"]).finish().code(0);
    }
}

/// How often a message was delivered, when the next one comes.
const DELIVERY: [&str; 8] = ["recv", "jobs", "--each", "-n", "1", "--", "printenv", "CROSSTIE_DELIVERY"];

#[test]
fn a_signal_ends_the_command_of_a_message_before_the_message_is_delivered_again() {
    let machine = Machine::new();
    for (signal, code) in [(Signal::TERM, 143), (Signal::INT, 130)] {
        machine.crosstie(&["send", "jobs", "work"]).finish().code(0);
        let slow = "trap 'touch ended; exit 3' TERM INT; touch runs; while :; do sleep 0.01; done";
        let worker = machine.crosstie(&["recv", "jobs", "--each", "--", "sh", "-c", slow]).start();
        until(|| machine.path("runs").exists());
        worker.signal(signal);
        worker.finish().code(code).said("the command ended with 3");
        // Whoever gets it next is alone with it.
        assert!(machine.path("ended").exists());
        machine.crosstie(&DELIVERY).finish().code(0).wrote("2\n");
        for name in ["runs", "ended"] {
            std::fs::remove_file(machine.path(name)).unwrap();
        }
    }
}

#[test]
fn a_worker_that_is_told_to_end_takes_no_further_message_and_loses_none() {
    let machine = Machine::new();
    machine.crosstie(&["send", "jobs", "first", "second"]).finish().code(0);
    let finishes = "trap 'cat; exit 0' TERM; touch runs; while :; do sleep 0.01; done";
    let worker = machine.crosstie(&["recv", "jobs", "--each", "--", "sh", "-c", finishes]).start();
    until(|| machine.path("runs").exists());
    worker.signal(Signal::TERM);
    // What the command did to its end is done.
    worker.finish().code(143).wrote("first");
    machine.crosstie(&["recv", "jobs"]).finish().code(0).wrote("second\n");
    // Without a command nobody stands between a signal and its end.
    let idle = machine.crosstie(&["recv", "jobs", "--follow", "--each", "--", "true"]).start();
    idle.until_asleep();
    machine.crosstie(&["send", "jobs", "third"]).finish().code(0);
    until(|| machine.crosstie(&["ls", "queue"]).finish().output().contains("0 wait, 0 in hand"));
    idle.until_asleep();
    idle.signal(Signal::TERM);
    assert_eq!(idle.finish().status.signal(), Some(Signal::TERM.as_raw()));
}
