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
