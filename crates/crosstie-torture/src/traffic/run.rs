//! Who starts the workers, kills them, and waits for the end.

use std::collections::HashMap;
use std::path::Path;

use crosstie::Deadline;
use crosstie::ledger::Domain;
use crosstie::os::{clock, poll};
use tempfile::TempDir;

use super::judge::{Fault, Finding, judge};
use super::message::{Number, WORDS_MAX};
use super::notes::{LANES_MAX, Notes, Tally, UNSURE_MAX};
use super::pattern::{Pattern, Receiver, Sender, domain};
use super::report::Traffic;
use super::worker::{Failure, LAST, Part, Role, Seen, Twin, command};
use crate::dice::Dice;
use crate::kernel::{self, Reaped};

/// Without any message for so long, nothing goes on.
const HANG_NS: u64 = 20_000_000_000;
/// The same beside a twin that surely stops everything.
const TWIN_HANG_NS: u64 = 500_000_000;
/// Between two looks.
const TICK_NS: u64 = 1_000_000;
/// Somebody is killed in one look of so many.
const KILL_EVERY: u64 = 20;

/// A worker that lives.
struct Worker {
    role: Role,
    /// It was told to die.
    is_killed: bool,
}

/// One pattern's run.
pub struct Run {
    role: Role,
    folder: TempDir,
    domain: &'static Domain,
    notes: Notes,
    dice: Dice,
    workers: HashMap<u32, Worker>,
    killed: [u64; 2],
    findings: Vec<Finding>,
    /// How many messages had gone on, and when that was seen first.
    last_seen: (u64, u64),
}

impl Run {
    /// Prepares a run of `messages` messages in all; with `twin`, one worker is that and nobody is killed.
    pub fn new(pattern: Pattern, messages: u64, seed: u64, twin: Option<Twin>) -> Result<Self, Failure> {
        let folder = tempfile::Builder::new().prefix("crosstie-traffic").tempdir_in("/dev/shm")?;
        let quota = messages.div_ceil(pattern.pairs() as u64);
        let role = Role { pattern, part: Part::Send, lane: 0, quota, twin };
        Ok(Self {
            role,
            domain: domain(folder.path())?,
            notes: Notes::open(folder.path(), quota)?,
            folder,
            dice: Dice::new(seed),
            workers: HashMap::new(),
            killed: [0; 2],
            findings: Vec::new(),
            last_seen: (0, clock::now_ns()),
        })
    }

    /// Lets the traffic flow until its end, and has it judged.
    pub fn run(mut self) -> Result<(Traffic, Vec<Finding>), Failure> {
        let start_ns = clock::now_ns();
        let lanes = 0..self.role.pattern.pairs();
        for lane in lanes.clone() {
            self.spawn(Part::Receive, lane)?;
        }
        // The steady subscriber is to get everything.
        while self.role.pattern.is_topic() && !self.notes.has_joined() && self.findings.is_empty() {
            self.look()?;
        }
        for lane in lanes {
            self.spawn(Part::Send, lane)?;
        }
        while self.senders() > 0 && self.findings.is_empty() {
            self.look()?;
            if self.role.twin.is_none() && self.dice.once_in(KILL_EVERY) {
                self.kill_one();
            }
        }
        if self.findings.is_empty() {
            self.ebb()?;
        }
        self.workers.keys().for_each(|&pid| kernel::send(pid, kernel::SIGKILL));
        while kernel::reap_any() != Reaped::NoChild {
            poll::pause(TICK_NS, Deadline::NEVER);
        }
        let is_hung = !self.findings.is_empty();
        let [senders_killed, receivers_killed] = self.killed;
        if !is_hung {
            self.findings.extend(judge(self.role.pattern, &self.notes, receivers_killed));
        }
        let mut traffic = self.count(clock::now_ns() - start_ns);
        (traffic.senders_killed, traffic.receivers_killed) = (senders_killed, receivers_killed);
        Ok((traffic, self.findings))
    }

    fn folder(&self) -> &Path {
        self.folder.path()
    }

    fn spawn(&mut self, part: Part, lane: usize) -> Result<(), Failure> {
        let is_twin = |twin: &Twin| lane == 0 && twin.part() == part;
        let role = Role { part, lane, twin: self.role.twin.filter(is_twin), ..self.role };
        let child = command(self.folder(), role).spawn()?;
        // Reaped by number: whatever ends is a child of this process.
        self.workers.insert(child.id(), Worker { role, is_killed: false });
        Ok(())
    }

    fn senders(&self) -> usize {
        self.workers.values().filter(|worker| worker.role.part == Part::Send).count()
    }

    /// Replaces those who were killed, and sees whether anything goes on.
    fn look(&mut self) -> Result<(), Failure> {
        while let Reaped::Ended(pid) = kernel::reap_any() {
            let Some(Worker { role, is_killed }) = self.workers.remove(&pid) else { continue };
            let is_done = match role.part {
                Part::Send => self.notes.sent_count(role.lane) >= role.quota,
                Part::Receive => self.senders() == 0 && self.notes.arrivals()[0] > 0,
            };
            if is_killed && !(is_done && role.part == Part::Send) {
                self.spawn(role.part, role.lane)?;
            } else if !is_done {
                let what = format!("a worker of lane {} ended by itself: {:?}", role.lane, role.part);
                self.findings.push(Finding { fault: Fault::Gave, what });
            }
        }
        let progress =
            self.notes.arrivals()[0] + (0..LANES_MAX).map(|lane| self.notes.sent_count(lane)).sum::<u64>();
        let now = clock::now_ns();
        let stops_all = self.role.twin.is_some_and(|twin| twin.fault() == Fault::Hang);
        let patience = if stops_all { TWIN_HANG_NS } else { HANG_NS };
        if progress != self.last_seen.0 {
            self.last_seen = (progress, now);
        } else if now - self.last_seen.1 > patience {
            let what = format!("nothing goes on behind {progress} steps");
            self.findings.push(Finding { fault: Fault::Hang, what });
        }
        poll::pause(TICK_NS, Deadline::NEVER);
        Ok(())
    }

    /// Kills somebody, whatever it does now.
    fn kill_one(&mut self) {
        let mut pids: Vec<u32> = self.workers.keys().copied().collect();
        pids.sort_unstable();
        let Some(at) = usize::try_from(self.dice.below(pids.len() as u64)).ok() else { return };
        let Some(&pid) = pids.get(at) else { return };
        let Some(worker) = self.workers.get_mut(&pid) else { return };
        let is_sender = worker.role.part == Part::Send;
        let is_steady = worker.role.pattern.is_topic() && !is_sender && worker.role.lane == 0;
        if is_steady {
            return;
        }
        if worker.is_killed || is_sender && self.killed[0] as usize >= UNSURE_MAX {
            return;
        }
        worker.is_killed = true;
        self.killed[usize::from(!is_sender)] += 1;
        kernel::send(pid, kernel::SIGKILL);
    }

    /// Everything is sent: each receiver gets one message more, behind which nothing comes.
    fn ebb(&mut self) -> Result<(), Failure> {
        let pattern = self.role.pattern;
        let mut room = [0; WORDS_MAX * 8];
        let mut sender = Sender::open(pattern, self.domain)?;
        for _ in 0..if pattern.is_topic() { 1 } else { pattern.pairs() } {
            sender.send(LAST.write(&mut room), Deadline::NEVER)?;
        }
        drop(sender);
        while !self.workers.is_empty() && self.findings.is_empty() {
            self.look()?;
        }
        if self.findings.is_empty() && !pattern.is_topic() {
            let mut receiver = Receiver::open(pattern, self.domain)?;
            let mut seen = Seen::default();
            while receiver
                .receive(Deadline::NOW, |message, again| seen.note(&self.notes, message, again))?
                .is_some()
            {}
        }
        Ok(())
    }

    fn count(&self, took_ns: u64) -> Traffic {
        let unsure: Vec<(usize, u64)> = (0..LANES_MAX)
            .flat_map(|lane| self.notes.unsure(lane).into_iter().map(move |it| (lane, it)))
            .collect();
        let is_missing = |&&(lane, number): &&(usize, u64)| !self.notes.has_arrived(Number { lane, number });
        let [_, flagged, twice] = self.notes.arrivals();
        Traffic {
            pattern: self.role.pattern.name(),
            messages: (0..LANES_MAX).map(|lane| self.notes.sent_count(lane)).sum(),
            seconds: f64::from(u32::try_from(took_ns / 1_000_000).unwrap_or(u32::MAX)) / 1000.0,
            unsure: unsure.len() as u64,
            unsure_missing: unsure.iter().filter(is_missing).count() as u64,
            flagged,
            told_lost: self.notes.tally(Tally::Told),
            twice,
            net_rescues: self.domain.net_rescues(),
            ..Traffic::default()
        }
    }
}
