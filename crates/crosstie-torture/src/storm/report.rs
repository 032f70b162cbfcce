//! Counts over all rounds, and the closing object.

use serde::Serialize;

use super::judge::{Fault, Finding};

/// The closing object.
#[derive(Debug, Default, Serialize)]
pub struct Report {
    pub seconds: f64,
    seed: u64,
    processes: usize,
    pub rounds: u64,
    pub kills: u64,
    pub stops: u64,
    pub forks: u64,
    pub execs: u64,
    /// Threads that took turns, and the most that lived at once.
    pub threads: u64,
    pub threads_most: u64,
    /// Turns that were had.
    pub operations: u64,
    pub deaths_told: u64,
    deaths_untold: u64,
    deaths_invented: u64,
    hangs: u64,
    exclusion: u64,
    permits_lost: u64,
    permits_doubled: u64,
    torn: u64,
    /// Errors without a reason: a deadlock that is none, among others.
    refused: u64,
    /// The most that somebody was overtaken at the fair mutex, and how often that was too much.
    pub overtaken_most: u64,
    overtaken_too_often: u64,
    slots_leaked: u64,
    /// Objects that could not be removed at the end.
    kept: u64,
    pub net_rescues: u64,
    pub twins: u64,
    pub twins_caught: u64,
}

impl Report {
    pub fn of(seed: u64, processes: usize) -> Self {
        Self { seed, processes, ..Self::default() }
    }

    /// Counts what was found, and tells it.
    pub fn add(&mut self, findings: &[Finding]) {
        for finding in findings {
            eprintln!("FAULT {:?}: {}", finding.fault, finding.what);
            *match finding.fault {
                Fault::Hang => &mut self.hangs,
                Fault::Exclusion => &mut self.exclusion,
                Fault::PermitLost => &mut self.permits_lost,
                Fault::PermitDoubled => &mut self.permits_doubled,
                Fault::Torn => &mut self.torn,
                Fault::DeathUntold => &mut self.deaths_untold,
                Fault::DeathInvented => &mut self.deaths_invented,
                Fault::Overtaken => &mut self.overtaken_too_often,
                Fault::SlotLeaked => &mut self.slots_leaked,
                Fault::Refused => &mut self.refused,
                Fault::Kept => &mut self.kept,
            } += 1;
        }
    }

    /// Notes how long the storm took.
    pub fn close(&mut self, took_ns: u64) {
        let milliseconds = u32::try_from(took_ns / 1_000_000).unwrap_or(u32::MAX);
        self.seconds = f64::from(milliseconds) / 1000.0;
    }

    /// Whether there was a storm, everybody was well, and every twin was caught.
    pub fn is_good(&self) -> bool {
        let faults = [
            self.deaths_untold,
            self.deaths_invented,
            self.hangs,
            self.exclusion,
            self.permits_lost,
            self.permits_doubled,
            self.torn,
            self.refused,
            self.overtaken_too_often,
            self.slots_leaked,
            self.kept,
            self.net_rescues,
        ];
        let happened = self.operations > 0 && self.kills > 0 && self.deaths_told > 0;
        faults.iter().all(|&count| count == 0) && happened && self.twins == self.twins_caught
    }
}
