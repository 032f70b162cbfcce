//! The points of one operation: a victim runs up to each of them, dies there, and who is left is
//! judged.
//!
//! A point is the place behind an instruction that changed a shared byte, or behind a system call,
//! or a sleep in one; instructions that changed neither leave the world as the point before them
//! did, and are counted only.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crosstie::ledger::{Domain, Net};
use crosstie::os::clock;
use crosstie::os::single_step::{Step, Stepped};

use super::case::{Act, CASES, Case};
use super::judge::{Fault, Finding, Progress};
use super::segments::Segments;
use super::stage::{Stage, is_hang};
use super::victim::Failure;

/// How often a slow survivor is tried: a machine may be busy, a lost wake-up is slow each time.
const TRIES: u32 = 3;

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

/// Where a victim dies: behind so many system calls, and so many points more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    calls: u64,
    points: u64,
}

/// Behind the end of every operation.
const THE_END: Place = Place { calls: u64::MAX, points: 0 };

/// One run of a victim.
struct Run {
    walk: Walk,
    findings: Vec<Finding>,
    slowest_ns: u64,
}

/// The place of one operation's sweep: a domain of its own.
pub struct Sweep {
    folder: tempfile::TempDir,
    domain: &'static Domain,
    index: usize,
    case: &'static Case,
    slot: u32,
    rings: u64,
}

impl Sweep {
    /// Of the case `index`.
    pub fn of(index: usize) -> Result<Self, Failure> {
        let folder = tempfile::Builder::new().prefix("crosstie-torture-").tempdir_in("/dev/shm")?;
        let domain = Domain::open(folder.path().join("domain"))?;
        domain.set_net(Net::Absent);
        domain.process_owner()?;
        let slot = next_slot(domain)?;
        Ok(Self { folder, domain, index, case: &CASES[index], slot, rings: 0 })
    }

    /// Kills at every point, or at `sample` of them spread evenly; a twin's sweep ends when it is
    /// caught.
    pub fn run(mut self, sample: Option<usize>) -> Result<Swept, Failure> {
        let mut swept = Swept::default();
        let whole = self.judged_run(THE_END, &mut swept)?.walk;
        swept.instructions = whole.instructions;
        swept.skipped_equal = whole.instructions.saturating_sub(whole.places.len() as u64);
        let all = whole.places.len();
        let count = sample.filter(|_| self.case.twin.is_none()).map_or(all, |count| count.min(all));
        for at in 0..count {
            if self.is_caught(&swept) {
                break;
            }
            self.judged_run(whole.places[at * all / count], &mut swept)?;
        }
        swept.net_rescues = self.domain.net_rescues();
        Ok(swept)
    }

    fn is_caught(&self, swept: &Swept) -> bool {
        self.case.twin.is_some_and(|fault| swept.findings.iter().any(|(_, found)| found.fault == fault))
    }

    /// One kill; repeated when all that is wrong is that somebody was slow.
    fn judged_run(&mut self, place: Place, swept: &mut Swept) -> Result<Run, Failure> {
        for attempt in 1.. {
            let mut run = self.run_to(place)?;
            if is_hang(run.slowest_ns) && run.findings.is_empty() {
                if attempt < TRIES {
                    swept.repeated += 1;
                    continue;
                }
                let what = format!("a survivor went on after {} ms", run.slowest_ns / 1_000_000);
                run.findings.push(Finding { fault: Fault::Hang, what });
            }
            swept.kill_points += 1;
            swept.findings.extend(run.findings.drain(..).map(|finding| (place.to_string(), finding)));
            return Ok(run);
        }
        unreachable!("the last attempt returns")
    }

    /// Runs a victim to the place, kills it, and judges who is left.
    fn run_to(&mut self, place: Place) -> Result<Run, Failure> {
        self.rings += 1;
        let ring = format!("r{}", self.rings);
        let mut stage = Stage::set(self.case, self.domain, &ring)?;
        if self.case.behind_dead {
            self.start(&ring, Some("predecessor"))?.1.kill()?;
        }
        let (pid, mut victim) = self.start(&ring, None)?;
        if self.case.act == Act::AttachProcess {
            victim.follow_new_thread()?;
        }
        stage.start()?;
        let mut segments = Segments::of(self.ledger(), self.path().join(format!("ring.{ring}")), pid)?;
        let mut walk = Walk::new();
        walk.go(self.case, &mut victim, &mut stage, &mut segments, place)?;
        let killed_ns = clock::now_ns();
        victim.kill()?;
        let (mut findings, mut slowest_ns) = stage.judge(walk.progress, killed_ns);
        let joined_ns = clock::now_ns();
        let slot = next_slot(self.domain)?;
        slowest_ns = slowest_ns.max(clock::now_ns() - joined_ns);
        if slot != self.slot {
            let what = format!("a newcomer gets slot {slot}, the victim's was {}", self.slot);
            findings.push(Finding { fault: Fault::Slot, what });
        }
        Ok(Run { walk, findings, slowest_ns })
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("domain")
    }

    fn ledger(&self) -> PathBuf {
        self.path().join("ledger")
    }

    /// A child that has come to its first mark.
    fn start(&self, ring: &str, predecessor: Option<&str>) -> Result<(u32, Stepped), Failure> {
        let child = Command::new(Path::new("/proc/self/exe"))
            .args(["victim", &self.index.to_string()])
            .arg(self.path())
            .args([ring, &std::process::id().to_string()])
            .args(predecessor)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()?;
        Ok((child.id(), Stepped::at_mark(child.id())?))
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match *self {
            THE_END => f.write_str("at the end"),
            Self { calls, points } => write!(f, "{points} points behind system call {calls}"),
        }
    }
}

/// One victim on its way.
struct Walk {
    /// Instructions that were stepped.
    instructions: u64,
    at: Place,
    /// Every point that was met by stepping.
    places: Vec<Place>,
    progress: Progress,
}

impl Walk {
    fn new() -> Self {
        // Before the first instruction.
        let at = Place::default();
        Self { instructions: 0, at, places: vec![at], progress: Progress::Under }
    }

    /// Goes to the place, or to the end of the operation: at full speed up to the last system call
    /// before it, then by single steps. The walk to the end steps all the way.
    fn go(
        &mut self,
        case: &Case,
        victim: &mut Stepped,
        stage: &mut Stage<'_>,
        segments: &mut Segments,
        place: Place,
    ) -> Result<(), Failure> {
        let mut is_looking = false;
        while self.at < place && self.progress != Progress::Ended {
            let is_stepping = place == THE_END || self.at.calls == place.calls;
            if is_stepping && !is_looking {
                is_looking = true;
                segments.refresh(victim.robust_list_head());
                segments.have_changed()?;
            }
            let step = if is_stepping { victim.step()? } else { victim.run_call()? };
            self.instructions += 1;
            match step {
                Step::Ran if segments.have_changed()? => self.at.points += 1,
                Step::Ran => continue,
                Step::Called => {
                    self.at = Place { calls: self.at.calls + 1, points: 0 };
                    is_looking = false;
                }
                Step::Marked => {
                    self.at.points += 1;
                    self.progress = match self.progress {
                        Progress::Under => Progress::Returned,
                        _ => Progress::Ended,
                    };
                }
                Step::Asleep => {
                    self.at.points += 1;
                    if case.act == Act::AttachProcess {
                        // The thread that keeps the slot sleeps for the rest of its life.
                        self.progress = Progress::Ended;
                    } else if self.at < place {
                        stage.wake_victim()?;
                    }
                }
            }
            self.places.push(self.at);
        }
        Ok(())
    }
}

/// The slot that a newcomer gets: the first that is free. It is free again when this returns.
fn next_slot(domain: &'static Domain) -> Result<u32, Failure> {
    let newcomer = std::thread::spawn(move || domain.thread_owner().map(|id| id.slot()));
    Ok(newcomer.join().map_err(|_| "a newcomer panicked")??)
}
