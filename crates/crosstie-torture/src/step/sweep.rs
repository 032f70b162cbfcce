//! The points of one operation: a victim runs up to each of them, dies there, and who is left is
//! judged.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crosstie::ledger::{Domain, Net};
use crosstie::os::clock;
use crosstie::os::single_step::{Step, Stepped};

use super::fault::{Fault, Finding};
use super::scene::{Arrival, Kill, Operation, Predecessor, Stepping, is_hang};
use super::segments::Segments;
use super::victim::{Failure, PREDECESSOR};
use super::walk::{Pace, Place, THE_END, Walk};

/// How often a slow survivor is tried: a machine may be busy, a lost wake-up is slow each time. On one that
/// compiles beside the sweep, one run in some dozens is slow.
const TRIES: u32 = 5;
/// How many points behind a system call a sample looks.
const SAMPLE_POINTS: u64 = 4;

/// What the sweep of one operation came to.
#[derive(Debug, Default)]
pub struct Swept {
    /// Instructions of the operation, in the run that counted them.
    pub instructions: u64,
    /// Points at which a victim was killed.
    pub kill_points: u64,
    /// Instructions behind which nothing differed from the point before.
    pub skipped_equal: u64,
    /// Runs that were repeated because a survivor was slow once.
    pub repeated: u64,
    /// Rescues by the net, which is absent.
    pub net_rescues: u64,
    /// The points, and what was found there.
    pub findings: Vec<(String, Finding)>,
}

impl Swept {
    /// Whether the fault was found anywhere.
    pub fn has(&self, fault: Fault) -> bool {
        self.findings.iter().any(|(_, found)| found.fault == fault)
    }
}

/// One run of a victim.
struct Run {
    walk: Walk,
    findings: Vec<Finding>,
    slowest_ns: u64,
}

/// The place of one operation's sweep.
pub struct Sweep<'a> {
    operation: &'a dyn Operation,
    home: Home,
    objects: u64,
}

/// Within this time a thread that has nothing left to do has ended: 5 s.
const ENDS_NS: u64 = 5_000_000_000;

/// A domain of its own.
struct Home {
    folder: tempfile::TempDir,
    domain: &'static Domain,
    /// The slot of the next newcomer.
    slot: u32,
    /// How many take part while nothing is swept.
    owners: usize,
}

impl Home {
    fn new() -> Result<Self, Failure> {
        let folder = tempfile::Builder::new().prefix("crosstie-torture-").tempdir_in("/dev/shm")?;
        let domain = Domain::open(folder.path().join("domain"))?;
        domain.set_net(Net::Absent);
        domain.process_owner()?;
        // The judge posts and sets itself, and says so in a slot of its own.
        domain.thread_owner()?;
        let slot = next_slot(domain)?;
        Ok(Self { owners: domain.owners().len(), folder, domain, slot })
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("domain")
    }

    /// Nobody but the judge takes part any more, and the first free slot is free.
    fn look_at_slots(&self) -> Result<Option<Finding>, Failure> {
        // A survivor that slept in a channel has a slot; it has told its last, and its thread is about to end.
        let give_up_ns = clock::now_ns() + ENDS_NS;
        while self.domain.owners().len() > self.owners && clock::now_ns() < give_up_ns {
            std::thread::yield_now();
        }
        let owners = self.domain.owners().len();
        let slot = next_slot(self.domain)?;
        let is_as_before = slot == self.slot && owners == self.owners;
        let what = format!(
            "{owners} take part and a newcomer gets slot {slot}; it was {} and {}",
            self.owners, self.slot
        );
        Ok((!is_as_before).then(|| Finding::new(Fault::Slot, what)))
    }
}

impl<'a> Sweep<'a> {
    /// Of one operation.
    pub fn of(operation: &'a dyn Operation) -> Result<Self, Failure> {
        Ok(Self { operation, home: Home::new()?, objects: 0 })
    }

    /// Kills at every point, or at `sample` of them.
    pub fn run(mut self, sample: Option<u64>) -> Result<Swept, Failure> {
        let mut swept = Swept::default();
        match (self.operation.twin(), sample) {
            (Some(fault), _) => self.catch(fault, &mut swept)?,
            (None, Some(count)) => self.kill_at_some(count, &mut swept)?,
            (None, None) => self.kill_at_all(&mut swept)?,
        }
        swept.net_rescues += self.home.domain.net_rescues();
        Ok(swept)
    }

    fn kill_at_all(&mut self, swept: &mut Swept) -> Result<(), Failure> {
        let whole = self.judged_run(THE_END, Pace::Steps, Arrival::Late, swept)?.walk;
        swept.instructions = whole.instructions;
        swept.skipped_equal = whole.instructions.saturating_sub(whole.places.len() as u64);
        for place in whole.places {
            for &arrival in self.operation.arrivals() {
                self.judged_run(place, Pace::Steps, arrival, swept)?;
            }
        }
        Ok(())
    }

    /// Kills a twin behind each of its system calls, then at every point, until the judge finds `fault`.
    fn catch(&mut self, fault: Fault, swept: &mut Swept) -> Result<(), Failure> {
        for pace in [Pace::Calls, Pace::Steps] {
            let places = self.judged_run(THE_END, pace, Arrival::Late, swept)?.walk.places;
            for place in places {
                for &arrival in self.operation.arrivals() {
                    if swept.has(fault) {
                        return Ok(());
                    }
                    self.judged_run(place, pace, arrival, swept)?;
                }
            }
        }
        Ok(())
    }

    /// Spread evenly over the system calls, and a few points behind them.
    fn kill_at_some(&mut self, count: u64, swept: &mut Swept) -> Result<(), Failure> {
        let whole = self.judged_run(THE_END, Pace::Calls, Arrival::Late, swept)?.walk;
        let all = whole.places.len() as u64;
        let arrivals = self.operation.arrivals().iter().cycle();
        for (at, &arrival) in (0..count).zip(arrivals) {
            let place = whole.places[usize::try_from(at * all / count)?];
            self.judged_run(place.after(at % SAMPLE_POINTS), Pace::Steps, arrival, swept)?;
        }
        Ok(())
    }

    /// One kill; repeated when all that is wrong is that somebody was slow.
    fn judged_run(
        &mut self,
        place: Place,
        pace: Pace,
        arrival: Arrival,
        swept: &mut Swept,
    ) -> Result<Run, Failure> {
        for attempt in 1.. {
            let mut run = self.run_to(place, pace, arrival)?;
            if is_hang(run.slowest_ns) && run.findings.is_empty() {
                if attempt < TRIES {
                    swept.repeated += 1;
                    continue;
                }
                let what = format!("a survivor waited {} ms, {TRIES} times", run.slowest_ns / 1_000_000);
                run.findings.push(Finding::new(Fault::Hang, what));
            }
            swept.kill_points += 1;
            if run.findings.iter().any(|finding| finding.fault == Fault::Hang) {
                // Somebody may sleep there for ever.
                swept.net_rescues += self.home.domain.net_rescues();
                self.home = Home::new()?;
            }
            swept.findings.extend(run.findings.drain(..).map(|finding| (told(place, arrival), finding)));
            return Ok(run);
        }
        unreachable!("the last attempt returns")
    }

    /// Runs a victim to the place, kills it, and judges who is left.
    fn run_to(&mut self, place: Place, pace: Pace, arrival: Arrival) -> Result<Run, Failure> {
        self.objects += 1;
        let object = format!("o{}", self.objects);
        let operation = self.operation;
        let mut stage = operation.set(self.home.domain, &object)?;
        if operation.predecessor() == Predecessor::AtMark {
            self.start(&object, Some(PREDECESSOR))?.1.kill()?;
        }
        let (pid, mut victim) = self.start(&object, None)?;
        let asleep = match operation.predecessor() {
            Predecessor::Asleep => Some(self.start_asleep(&object)?),
            _ => None,
        };
        if operation.stepping() == Stepping::NewThread {
            victim.follow_new_thread()?;
        }
        stage.start()?;
        if operation.stepping() == Stepping::NewChild {
            victim.follow_new_child()?;
        }
        if let Some(predecessor) = asleep {
            predecessor.kill()?;
            stage.settle()?;
        }
        let mut segments =
            Segments::of(&self.home.path(), operation.watched(&self.home.path(), &object), pid)?;
        let mut walk = Walk::new(pace);
        walk.go(operation, &mut victim, &mut *stage, &mut segments, place)?;
        stage.before_kill(pid, walk.progress);
        let kill = Kill { progress: walk.progress, at_ns: clock::now_ns(), arrival };
        victim.kill()?;
        let (mut findings, mut slowest_ns) = stage.judge(kill);
        let joined_ns = clock::now_ns();
        findings.extend(self.home.look_at_slots()?);
        slowest_ns = slowest_ns.max(clock::now_ns() - joined_ns);
        Ok(Run { walk, findings, slowest_ns })
    }

    /// A child that has come to its first mark.
    fn start(&self, object: &str, predecessor: Option<&str>) -> Result<(u32, Stepped), Failure> {
        let child = Command::new(Path::new("/proc/self/exe"))
            .args(["victim", self.operation.name()])
            .arg(self.home.path())
            .args([object, &std::process::id().to_string()])
            .args(predecessor)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()?;
        Ok((child.id(), Stepped::at_mark(child.id())?))
    }

    /// A predecessor that sleeps.
    fn start_asleep(&self, object: &str) -> Result<Stepped, Failure> {
        let (_, mut predecessor) = self.start(object, Some(PREDECESSOR))?;
        loop {
            match predecessor.run_call()? {
                Step::Asleep => return Ok(predecessor),
                Step::Marked => return Err("the predecessor did not have to wait".into()),
                _ => {}
            }
        }
    }
}

/// The point, in words.
fn told(place: Place, arrival: Arrival) -> String {
    match arrival {
        Arrival::Late => place.to_string(),
        Arrival::AtOnce => format!("{place}, a newcomer at once"),
    }
}

/// The slot that a newcomer gets: the first that is free. It is free again when this returns.
fn next_slot(domain: &'static Domain) -> Result<u32, Failure> {
    let newcomer = std::thread::spawn(move || domain.thread_owner().map(|id| id.slot()));
    Ok(newcomer.join().map_err(|_| "a newcomer panicked")??)
}
