//! Counts, and the closing object.

use serde::Serialize;

use super::judge::Finding;

/// What one pattern went through.
#[derive(Debug, Default, Serialize)]
pub struct Traffic {
    pub pattern: &'static str,
    /// Numbers that were given out: sent, or unsure.
    pub messages: u64,
    pub seconds: f64,
    pub senders_killed: u64,
    pub receivers_killed: u64,
    /// Numbers whose sender was killed while it sent them, and how many of these never arrived.
    pub unsure: u64,
    pub unsure_missing: u64,
    /// Messages that said that they may have come before, and those that had.
    pub flagged: u64,
    pub twice: u64,
    /// Of a lossy topic: numbers that its steady subscriber was told are lost.
    pub told_lost: u64,
    pub net_rescues: u64,
    pub faults: u64,
}

/// The closing object.
#[derive(Debug, Default, Serialize)]
pub struct Report {
    pub seed: u64,
    pub traffic: Vec<Traffic>,
    pub twins: u64,
    pub twins_caught: u64,
}

impl Traffic {
    /// Counts what was found, and tells it.
    pub fn add(&mut self, findings: &[Finding]) {
        for finding in findings {
            eprintln!("FAULT {}, {:?}: {}", self.pattern, finding.fault, finding.what);
            self.faults += 1;
        }
    }
}

impl Report {
    /// Whether there was traffic, both sides were killed, nothing was wrong, and every twin was caught.
    pub fn is_good(&self) -> bool {
        let well = |it: &Traffic| {
            it.messages > 0
                && it.senders_killed > 0
                && it.receivers_killed > 0
                && it.faults == 0
                && it.net_rescues == 0
        };
        !self.traffic.is_empty() && self.traffic.iter().all(well) && self.twins == self.twins_caught
    }
}
