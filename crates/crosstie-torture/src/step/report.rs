//! Counts over all operations, and the closing object.

use serde::Serialize;

use super::fault::Fault;
use super::scene::Operation;
use super::sweep::Swept;

/// The closing object.
#[derive(Debug, Default, Serialize)]
pub struct Report {
    /// Operations that were swept, each in one situation.
    operations: u64,
    /// Their instructions.
    instructions: u64,
    /// Kills, the one behind each operation's end among them.
    kill_points: u64,
    /// Instructions that changed neither shared bytes nor the kernel's state.
    skipped_equal: u64,
    hangs: u64,
    lost: u64,
    doubled: u64,
    torn: u64,
    /// What a latecomer could not open, take, give or remove; new ends at another position.
    not_taken_over: u64,
    /// Clean ends told as deaths, deaths told as clean ends, ends not told.
    wrong_endings: u64,
    /// Fencing numbers that did not grow.
    wrong_tokens: u64,
    wrong_counters: u64,
    wrong_notes: u64,
    slots_leaked: u64,
    net_rescues: u64,
    /// Runs that were done again because somebody was slow once.
    repeated: u64,
    /// Broken twins, and how many of them were found out.
    twins: u64,
    twins_caught: u64,
    seconds: f64,
}

impl Report {
    /// Adds one operation, and tells it in a line.
    pub fn add(&mut self, operation: &dyn Operation, swept: &Swept) {
        let verdict = match operation.twin() {
            Some(fault) => self.add_twin(fault, swept),
            None => self.add_operation(swept),
        };
        eprintln!(
            "{:<60} · {:>6} instructions · {:>4} kills · {verdict}",
            operation.name(),
            swept.instructions,
            swept.kill_points
        );
        let is_of_interest = operation.twin().is_none_or(|fault| !swept.has(fault));
        for (point, finding) in swept.findings.iter().filter(|_| is_of_interest) {
            eprintln!("    {point}: {:?}: {}", finding.fault, finding.what);
        }
    }

    fn add_twin(&mut self, fault: Fault, swept: &Swept) -> &'static str {
        let is_caught = swept.has(fault);
        self.twins += 1;
        self.twins_caught += u64::from(is_caught);
        if is_caught { "caught" } else { "NOT CAUGHT" }
    }

    fn add_operation(&mut self, swept: &Swept) -> &'static str {
        self.operations += 1;
        self.instructions += swept.instructions;
        self.kill_points += swept.kill_points;
        self.skipped_equal += swept.skipped_equal;
        self.net_rescues += swept.net_rescues;
        self.repeated += swept.repeated;
        for (_, finding) in &swept.findings {
            *match finding.fault {
                Fault::Hang => &mut self.hangs,
                Fault::Lost => &mut self.lost,
                Fault::Doubled => &mut self.doubled,
                Fault::Torn => &mut self.torn,
                Fault::TakeOver => &mut self.not_taken_over,
                Fault::Ending => &mut self.wrong_endings,
                Fault::Token => &mut self.wrong_tokens,
                Fault::Counters => &mut self.wrong_counters,
                Fault::Note => &mut self.wrong_notes,
                Fault::Slot => &mut self.slots_leaked,
            } += 1;
        }
        if swept.findings.is_empty() && swept.net_rescues == 0 { "ok" } else { "FAULT" }
    }

    /// Notes how long all of it took.
    pub fn close(&mut self, took_ns: u64) {
        let milliseconds = u32::try_from(took_ns / 1_000_000).unwrap_or(u32::MAX);
        self.seconds = f64::from(milliseconds) / 1000.0;
    }

    /// Whether everybody was well, and every twin was caught.
    pub fn is_good(&self) -> bool {
        let faults = [
            self.hangs,
            self.lost,
            self.doubled,
            self.torn,
            self.not_taken_over,
            self.wrong_endings,
            self.wrong_tokens,
            self.wrong_counters,
            self.wrong_notes,
            self.slots_leaked,
            self.net_rescues,
        ];
        faults.iter().all(|&count| count == 0)
            && self.twins == self.twins_caught
            && self.operations + self.twins > 0
    }
}
