//! The program that runs, seen from outside.

use std::fs;

use crosstie::os::{clock, process};

use crate::kernel;

/// A program that runs until it is killed; should nobody do that, for a minute.
pub const RUNS: &str = "sleep";
pub const RUNS_SECONDS: &str = "60";
/// One that ends at once.
pub const ENDS: &str = "true";
/// None.
pub const NOT_THERE: &str = "crosstie-torture-no-such-program";

/// How long a child may take to run its program or to end, on a loaded machine.
const PATIENCE_NS: u64 = 10_000_000_000;

/// A child of a starter.
#[derive(Clone, Copy, Debug)]
pub struct Child {
    pid: u32,
    start_ticks: u64,
}

impl Child {
    /// The children that `parent` has now.
    pub fn of(parent: u32) -> Vec<Self> {
        let pids = fs::read_dir("/proc").into_iter().flatten().flatten();
        let pids = pids.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        pids.filter(|&pid| parent_of(pid) == Some(parent))
            .filter_map(|pid| Some(Self { pid, start_ticks: process::process(pid).ok()?.first.start_ticks }))
            .collect()
    }

    /// Whether it has not ended.
    pub fn is_running(self) -> bool {
        process::is_running(self.pid, self.start_ticks)
    }

    /// Waits until it runs its program, or has ended; answers whether it runs it.
    pub fn settled(self) -> Result<bool, String> {
        until(|| !self.is_running() || self.has_executed(), "a child neither runs its program nor ends")?;
        Ok(self.is_running())
    }

    /// Reaps it, which has ended, where it was left to this process.
    pub fn reap(self) {
        kernel::reap(self.pid);
    }

    /// The kernel names a process after its program.
    fn has_executed(self) -> bool {
        let name = fs::read_to_string(format!("/proc/{}/comm", self.pid)).unwrap_or_default();
        [RUNS, ENDS].contains(&name.trim_end())
    }

    /// Kills it, which nobody else does; this process reaps it, for its parent has ended.
    pub fn kill(self) -> Result<(), String> {
        kernel::send(self.pid, kernel::SIGKILL);
        kernel::reap(self.pid);
        until(|| !self.is_running(), "a killed program runs on")
    }
}

/// Waits for a fact about processes.
pub fn until(is_so: impl Fn() -> bool, else_what: &str) -> Result<(), String> {
    let give_up_ns = clock::now_ns() + PATIENCE_NS;
    while !is_so() {
        if clock::now_ns() > give_up_ns {
            return Err(else_what.to_owned());
        }
        std::thread::yield_now();
    }
    Ok(())
}

/// From /proc/PID/stat, whose second field may hold blanks and brackets.
fn parent_of(pid: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(')')?.1.split_ascii_whitespace().nth(1)?.parse().ok()
}
