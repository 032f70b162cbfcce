//! Counts over all cases, and the closing object.

use serde::Serialize;

use super::play::{Fault, Played};

/// A report that takes longer was not told at once.
const AT_ONCE_NS: u64 = 50_000_000;

/// The closing object.
#[derive(Debug, Default, Serialize)]
pub struct Report {
    seed: u64,
    pub cases: u64,
    deadlocks: u64,
    victims: u64,
    false_reports: u64,
    missed: u64,
    wrong_cycles: u64,
    /// Turns that came against the rules of an object, or did not come.
    wrong_turns: u64,
    slowest_report_ms: f64,
    /// Reports that took more than 50 ms, twice in a row.
    slow_reports: u64,
    /// Cases that were played again because a report was slow once.
    repeated: u64,
    twins: u64,
    twins_caught: u64,
    seconds: f64,
}

impl Report {
    pub fn of(seed: u64) -> Self {
        Self { seed, ..Self::default() }
    }

    /// Whether a report of the case was slow.
    pub fn is_slow(played: &Played) -> bool {
        played.slowest_report_ns > AT_ONCE_NS
    }

    /// Counts a case that is played again.
    pub fn repeat(&mut self) {
        self.repeated += 1;
    }

    /// Counts a case, and tells what was wrong in it.
    pub fn add(&mut self, name: &str, played: &Played) {
        self.cases += 1;
        self.deadlocks += played.deadlocks;
        self.victims += played.victims;
        self.slow_reports += u64::from(Self::is_slow(played));
        let microseconds = u32::try_from(played.slowest_report_ns / 1_000).unwrap_or(u32::MAX);
        self.slowest_report_ms = self.slowest_report_ms.max(f64::from(microseconds) / 1000.0);
        for (fault, what) in &played.faults {
            eprintln!("FAULT {fault:?} in {name}: {what}");
            *match fault {
                Fault::FalseReport => &mut self.false_reports,
                Fault::Missed => &mut self.missed,
                Fault::WrongCycle => &mut self.wrong_cycles,
                Fault::WrongTurn => &mut self.wrong_turns,
            } += 1;
        }
    }

    pub fn add_twin(&mut self, is_caught: bool) {
        self.twins += 1;
        self.twins_caught += u64::from(is_caught);
    }

    pub fn close(&mut self, took_ns: u64) {
        let milliseconds = u32::try_from(took_ns / 1_000_000).unwrap_or(u32::MAX);
        self.seconds = f64::from(milliseconds) / 1000.0;
    }

    /// Whether every answer was the oracle's, and every twin was caught.
    pub fn is_good(&self) -> bool {
        let faults =
            [self.false_reports, self.missed, self.wrong_cycles, self.wrong_turns, self.slow_reports];
        let happened = self.deadlocks > 0 && self.victims == self.deadlocks;
        faults.iter().all(|&count| count == 0) && happened && self.twins == self.twins_caught
    }
}
