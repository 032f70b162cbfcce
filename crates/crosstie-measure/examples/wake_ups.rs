//! How many wake-ups a change costs when eight wait for different values, and what a round takes.
//!
//! `CROSSTIE_DOMAIN=/dev/shm/wake-ups cargo run --release -p crosstie-measure --example wake_ups`

use std::sync::{Condvar, Mutex};
use std::time::Duration;

use crosstie::os::clock;
use crosstie::sync::Monitor;
use crosstie::sync::predicate::equals;

/// Who waits: for 1, for 2 …
const WAITERS: u64 = 8;
const ROUNDS: u64 = 20_000;
/// What the data are when a round is over.
const IDLE: u64 = 0;
/// What the data are when all is over.
const OVER: u64 = u64::MAX;

fn main() {
    let exact = Monitor::new(IDLE);
    report("exact (wait_when)", || {
        play(|wanted, then| *exact.wait_when(|data| equals(data, wanted)).expect("inside") = then)
    });
    let closure = Monitor::new(IDLE);
    report("closure (wait_until)", || {
        play(|wanted, then| *closure.wait_until(|data| *data == wanted).expect("inside") = then)
    });
    let (data, changed) = (Mutex::new(IDLE), Condvar::new());
    report("std Condvar, notify_all", || {
        play(|wanted, then| {
            let inside = data.lock().expect("no panic");
            *changed.wait_while(inside, |data| *data != wanted).expect("no panic") = then;
            changed.notify_all();
        })
    });
}

/// Prints the wake-ups of the waiters a change, and the time a round.
fn report(name: &str, run: impl FnOnce() -> (u64, Duration)) {
    let (woken, took) = run();
    let changes = 2 * ROUNDS;
    println!(
        "{name:24} {:5.2} wake-ups a change  {:6.1} us a round",
        woken as f64 / changes as f64,
        took.as_secs_f64() * 1e6 / ROUNDS as f64
    );
}

/// One sets the data to each value in turn and waits for them to be idle; `step` waits for one value and leaves another.
fn play(step: impl Fn(u64, u64) + Sync) -> (u64, Duration) {
    let began_ns = clock::now_ns();
    let woken = std::thread::scope(|scope| {
        let step = &step;
        let waiters: Vec<_> = (1..=WAITERS)
            .map(|value| {
                scope.spawn(move || {
                    for _ in 0..ROUNDS / WAITERS {
                        step(value, IDLE);
                    }
                    sleeps()
                })
            })
            .collect();
        for round in 0..ROUNDS {
            step(IDLE, 1 + round % WAITERS);
        }
        step(IDLE, OVER);
        waiters.into_iter().map(|waiter| waiter.join().expect("no panic")).sum()
    });
    (woken, Duration::from_nanos(clock::now_ns() - began_ns))
}

/// How often the calling thread has slept.
fn sleeps() -> u64 {
    let status = std::fs::read_to_string("/proc/thread-self/status").expect("/proc");
    let line = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
    line.and_then(|count| count.trim().parse().ok()).expect("a count")
}
