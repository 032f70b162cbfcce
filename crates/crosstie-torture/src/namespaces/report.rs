//! Counts over all scenes, and the closing object.

use serde::Serialize;

use super::stage::{Outcome, Wrong};

/// The closing object.
#[derive(Debug, Default, Serialize)]
pub struct Report {
    pub scenes: u64,
    passed: u64,
    failed: u64,
    skipped: u64,
    /// Why scenes were skipped.
    reasons: Vec<String>,
    /// The longest from a kill until somebody outside was told.
    slowest_told_ms: f64,
    net_rescues: u64,
    twins: u64,
    twins_caught: u64,
}

impl Report {
    pub fn add(&mut self, name: &str, outcome: &Outcome, told_ns: u64) {
        self.scenes += 1;
        let microseconds = u32::try_from(told_ns / 1_000).unwrap_or(u32::MAX);
        self.slowest_told_ms = self.slowest_told_ms.max(f64::from(microseconds) / 1000.0);
        match outcome {
            Ok(()) => {
                self.passed += 1;
                eprintln!("{name:<60} ok");
            }
            Err(Wrong::Fault(what)) => {
                self.failed += 1;
                eprintln!("{name:<60} FAULT: {what}");
            }
            Err(Wrong::Skipped(reason)) => {
                self.skip(reason);
                eprintln!("{name:<60} SKIPPED: {reason}");
            }
        }
    }

    pub fn add_twin(&mut self, name: &str, outcome: &Outcome) {
        match outcome {
            Err(Wrong::Skipped(reason)) => {
                self.skip(reason);
                eprintln!("twin {name:<55} SKIPPED: {reason}");
            }
            other => {
                self.twins += 1;
                self.twins_caught += u64::from(other.is_err());
                eprintln!("twin {name:<55} {}", if other.is_err() { "caught" } else { "NOT CAUGHT" });
            }
        }
    }

    fn skip(&mut self, reason: &str) {
        self.skipped += 1;
        if !self.reasons.iter().any(|known| known == reason) {
            self.reasons.push(reason.to_owned());
        }
    }

    pub fn add_rescues(&mut self, count: u64) {
        self.net_rescues += count;
    }

    /// Whether nothing could be shown on this machine; why.
    pub fn skipped_all(&self) -> Option<&str> {
        (self.passed + self.failed == 0).then(|| self.reasons.first().map_or("", String::as_str))
    }

    /// Whether what could be shown held, and every twin was caught.
    pub fn is_good(&self) -> bool {
        self.failed == 0 && self.passed > 0 && self.net_rescues == 0 && self.twins == self.twins_caught
    }
}
