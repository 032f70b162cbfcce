//! Who sends the signals, replaces the dead, and has each round judged.

use std::path::Path;

use crosstie::Deadline;
use crosstie::os::{clock, poll, process};
use tempfile::TempDir;

use super::closing::Closing;
use super::history::{Act, Entry, PAGES, Pen, Phase};
use super::judge::{Fault, Finding, judge};
use super::player::Place;
use super::report::Report;
use super::stays::Told;
use super::things::Thing;
use super::turn::must_wait;
use super::twin::Twin;
use super::watch::Watch;
use super::worker::{self, Failure};
use crate::dice::Dice;
use crate::kernel::{self, Reaped};

/// How long a round lasts, if its history has room for so much.
const ROUND_NS: u64 = 1_000_000_000;
/// How long a round with a twin lasts.
const TWIN_ROUND_NS: u64 = 300_000_000;
/// How long everyone may take to end.
pub const PATIENCE_NS: u64 = 5_000_000_000;
/// Between two looks.
const TICK_NS: u64 = 2_000_000;
/// The longest that somebody is stopped.
const STOPPED_NS: u64 = 30_000_000;

struct Worker {
    pid: u32,
    /// When it may go on, if it is stopped.
    stopped_until: Option<u64>,
}

/// A storm in a domain of its own.
pub struct Weather {
    place: Place,
    dice: Dice,
    processes: usize,
    workers: Vec<Worker>,
    most_alive: u64,
    folder: TempDir,
}

impl Weather {
    pub fn new(seed: u64, processes: usize) -> Result<Self, Failure> {
        let folder = tempfile::Builder::new().prefix("crosstie-storm").tempdir_in("/dev/shm")?;
        // The history's folder is checked as a domain's is.
        let place = Place::open(Path::new(folder.path()), process::pid())?;
        Ok(Self { place, dice: Dice::new(seed), processes, workers: Vec::new(), most_alive: 0, folder })
    }

    /// One round; with `twin`, one worker is that and nobody is killed. Answers what was found.
    pub fn round(&mut self, twin: Option<Twin>, report: &mut Report) -> Result<Vec<Finding>, Failure> {
        let mut watch = Watch::default();
        let mut findings = Vec::new();
        let mut pen = self.place.history.pen().ok_or("an empty history has no page")?;
        if twin.is_some() {
            self.spawn(twin)?;
        }
        let start_ns = clock::now_ns();
        let until_ns = start_ns + if twin.is_some() { TWIN_ROUND_NS } else { ROUND_NS };
        while clock::now_ns() < until_ns && self.place.history.given() + 24 < PAGES && findings.is_empty() {
            self.reap();
            while self.workers.len() < self.processes {
                self.spawn(None)?;
            }
            if twin.is_none() {
                self.strike(report);
            }
            self.look(&mut watch, &mut pen, &mut findings);
            poll::pause(TICK_NS, Deadline::NEVER);
        }
        self.drain(&mut watch, &mut pen, &mut findings);
        self.most_alive = self.most_alive.max(watch.most_alive);
        self.close(&mut pen, &mut findings, report);
        Ok(findings)
    }

    fn spawn(&mut self, twin: Option<Twin>) -> Result<(), Failure> {
        let child = worker::command(&self.place, self.dice.roll(), twin).spawn()?;
        // Reaped by number: whatever ends is a child of this process.
        self.workers.push(Worker { pid: child.id(), stopped_until: None });
        Ok(())
    }

    fn reap(&mut self) -> Reaped {
        loop {
            match kernel::reap_any() {
                Reaped::Ended(pid) => self.workers.retain(|worker| worker.pid != pid),
                other => {
                    let now = clock::now_ns();
                    for worker in &mut self.workers {
                        if worker.stopped_until.is_some_and(|until| until <= now) {
                            worker.stopped_until = None;
                            kernel::send(worker.pid, kernel::SIGCONT);
                        }
                    }
                    return other;
                }
            }
        }
    }

    /// A signal for somebody, now and then.
    fn strike(&mut self, report: &mut Report) {
        let Some(at) = usize::try_from(self.dice.below(self.workers.len() as u64)).ok() else { return };
        let choice = self.dice.below(20);
        let length = self.dice.below(STOPPED_NS);
        let Some(worker) = self.workers.get_mut(at) else { return };
        match choice {
            0..2 => {
                report.kills += 1;
                kernel::send(worker.pid, kernel::SIGKILL);
            }
            2..4 if worker.stopped_until.is_none() => {
                report.stops += 1;
                worker.stopped_until = Some(clock::now_ns() + length);
                kernel::send(worker.pid, kernel::SIGSTOP);
            }
            _ => {}
        }
    }

    fn look(&mut self, watch: &mut Watch, pen: &mut Pen, findings: &mut Vec<Finding>) {
        let (history, things) = (&self.place.history, &self.place.things);
        watch.look(history, things, clock::now_ns(), findings);
        for thing in [Thing::Buffer, Thing::Bell] {
            if watch.parked(thing, clock::now_ns()).is_none() {
                continue;
            }
            let Some((traffic, is_whole)) = (Closing { things, pen, findings }).look_into(thing) else {
                continue;
            };
            // Who died inside may not have rung the bell: that is its users' business, not the monitor's.
            if thing == Thing::Bell && !is_whole {
                continue;
            }
            watch.look(history, things, clock::now_ns(), findings);
            let still = watch.parked(thing, clock::now_ns()).unwrap_or_default();
            if still.iter().any(|&puts| !must_wait(&traffic, puts)) {
                let what = format!(
                    "{thing:?}: somebody waits inside although there are {} in it (whole: {is_whole})",
                    traffic.inside
                );
                findings.push(Finding { fault: Fault::Hang, what });
            }
        }
    }

    /// Everyone comes to rest, then ends.
    fn drain(&mut self, watch: &mut Watch, pen: &mut Pen, findings: &mut Vec<Finding>) {
        for worker in &mut self.workers {
            worker.stopped_until = None;
            kernel::send(worker.pid, kernel::SIGCONT);
        }
        self.place.history.enter(Phase::Resting);
        let things = &self.place.things;
        Closing { things, pen, findings }.close_buffers();
        let until_ns = clock::now_ns() + PATIENCE_NS;
        let is_hopeless = |findings: &[Finding]| findings.iter().any(|finding| finding.fault == Fault::Hang);
        while watch.busy() > 0 && !is_hopeless(findings) {
            if clock::now_ns() > until_ns {
                let what = format!("{} threads did not come to rest", watch.busy());
                findings.push(Finding { fault: Fault::Hang, what });
            }
            self.reap();
            watch.look(&self.place.history, &self.place.things, clock::now_ns(), findings);
            poll::pause(TICK_NS, Deadline::NEVER);
        }
        self.place.history.enter(Phase::Over);
        while self.reap() != Reaped::NoChild {
            if is_hopeless(findings) || clock::now_ns() > until_ns {
                self.workers.iter().for_each(|worker| kernel::send(worker.pid, kernel::SIGKILL));
            }
            poll::pause(TICK_NS, Deadline::NEVER);
        }
    }

    /// Nobody is left: what they wrote is judged, and everything is made as it was.
    fn close(&mut self, pen: &mut Pen, findings: &mut Vec<Finding>, report: &mut Report) {
        let own = process::pid();
        let left: Vec<_> = self.place.domain.owners().into_iter().filter(|owner| owner.pid != own).collect();
        if let Some(owner) = left.first() {
            let what = format!("{} of those who have ended live on in the ledger, {owner} first", left.len());
            findings.push(Finding { fault: Fault::SlotLeaked, what });
        }
        let count = Closing { things: &self.place.things, pen, findings }.take_all();
        pen.write(Entry {
            act: Act::End,
            thing: Thing::Fair,
            units: 0,
            told: false,
            at_ns: 0,
            token: 0,
            value: 0,
        });
        let verdict = judge(&Told::of(&self.place.history), count);
        findings.extend(verdict.findings);
        report.operations += verdict.operations;
        report.deaths_told += verdict.deaths_told;
        let (forks, execs) = self.place.history.counts();
        report.forks += forks;
        report.execs += execs;
        report.threads += self.place.history.given();
        self.place.history.clear();
    }

    /// The end of the storm: who was overtaken, what the net did, and everything can be removed.
    pub fn end(self, report: &mut Report, findings: &mut Vec<Finding>) {
        let overtaken = self.place.things.fair.counters().overtaken_most;
        report.overtaken_most = report.overtaken_most.max(overtaken);
        if overtaken + 1 > self.most_alive {
            let what = format!("Fair: overtaken {overtaken} times by at most {} others", self.most_alive - 1);
            findings.push(Finding { fault: Fault::Overtaken, what });
        }
        report.threads_most = report.threads_most.max(self.most_alive);
        report.net_rescues += self.place.domain.net_rescues();
        if let Err(error) = self.place.things.remove(self.place.domain) {
            findings.push(Finding { fault: Fault::Kept, what: error.to_string() });
        }
        drop(self.folder);
    }
}
