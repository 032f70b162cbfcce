//! One lock with who waits for it, before and after the kill.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use crosstie::ledger::{Domain, OwnerKind};
use crosstie::os::{clock, process, single_step};
use crosstie::sync::{Access, AnyLock};
use crosstie::{Deadline, OwnerId};

use super::case::{Act, Case};
use super::program::{Child, until};
use crate::kernel;
use crate::step::fault::{Fault, Finding};
use crate::step::scene::{Kill, Progress, Stage};
use crate::step::victim::Failure;

/// What a survivor gets that never comes: with the net off, nothing wakes it later than this.
const NEVER_COMES: Duration = Duration::from_secs(2);
/// How late the end of a program may be seen whose starter is dead: who waits for it looks this often.
const ORPHAN_NS: u64 = 50_000_000;

/// What somebody met that took the lock.
struct Took {
    at_ns: u64,
    is_abandoned: bool,
    token: u64,
}

/// Somebody who takes the lock in a thread, and has it until it is told to leave.
struct Person {
    tid: u32,
    told: Receiver<Result<Took, String>>,
    leave: Sender<()>,
    thread: JoinHandle<()>,
}

impl Person {
    fn new(domain: &'static Domain, name: &str) -> Result<Self, Finding> {
        let wrong = |what: String| Finding::new(Fault::TakeOver, what);
        let lock = AnyLock::open_or_create_in(domain, name).map_err(|error| wrong(error.to_string()))?;
        let (tell_tid, tid) = channel();
        let (tell, told) = channel();
        let (leave, leaving) = channel::<()>();
        let thread = std::thread::spawn(move || {
            // A judge that waits no more has judged.
            let _ = tell_tid.send(process::tid());
            let (_guard, took) = match lock.lock_until(Access::Exclusive, Deadline::NEVER) {
                Ok(guard) => {
                    let (is_abandoned, token) = (guard.is_abandoned(), guard.token());
                    (Some(guard), Ok(Took { at_ns: clock::now_ns(), is_abandoned, token }))
                }
                Err(refusal) => (None, Err(refusal.to_string())),
            };
            let _ = tell.send(took);
            let _ = leaving.recv();
        });
        let tid = tid.recv().map_err(|_| wrong("nobody came".to_owned()))?;
        Ok(Self { tid, told, leave, thread })
    }

    /// What it met.
    fn took(&self) -> Result<Took, Finding> {
        match self.told.recv_timeout(NEVER_COMES) {
            Ok(Ok(took)) => Ok(took),
            Ok(Err(what)) => Err(Finding::new(Fault::TakeOver, what)),
            Err(_) => Err(Finding::new(Fault::Hang, "the lock never comes")),
        }
    }

    /// It gives the lock back and goes.
    fn leave(self) {
        drop(self.leave);
        // A panic has shown itself.
        let _ = self.thread.join();
    }
}

/// One lock, one operation, one kill.
pub struct StartStage<'a> {
    case: &'a Case,
    domain: &'static Domain,
    name: String,
    waiter: Option<Person>,
    /// The command that has the lock.
    owner: Option<OwnerId>,
    /// The starter, as long as it is this process's to reap.
    starter: Option<u32>,
    /// The children of the starter when somebody was killed.
    children: Vec<Child>,
    slowest_ns: u64,
}

impl<'a> StartStage<'a> {
    /// Before the victim starts.
    pub fn set(case: &'a Case, domain: &'static Domain, name: &str) -> Result<Self, Failure> {
        // What a dead starter leaves is reaped here.
        kernel::adopt_orphans()?;
        let name = name.to_owned();
        let (waiter, owner, children) = (None, None, Vec::new());
        Ok(Self { case, domain, name, waiter, owner, starter: None, children, slowest_ns: 0 })
    }

    fn go_on(&mut self, progress: Progress, killed_ns: u64) -> Result<(), Finding> {
        let (mut since_ns, mut late_ns) = (killed_ns, 0);
        for child in self.children.clone() {
            let ended = |what| Finding::new(Fault::Ending, what);
            if child.settled().map_err(ended)? {
                self.judge_running()?;
                child.kill().map_err(ended)?;
            } else {
                child.reap();
                if self.case.act == Act::Start && progress > Progress::Under {
                    return Err(Finding::new(Fault::Lost, "the program died with its starter"));
                }
            }
            (since_ns, late_ns) = (clock::now_ns(), ORPHAN_NS);
        }
        if self.waiter.is_none() {
            since_ns = clock::now_ns();
            self.waiter = Some(Person::new(self.domain, &self.name)?);
        }
        let Some(waiter) = self.waiter.take() else { return Ok(()) };
        let took = waiter.took()?;
        self.slowest_ns = took.at_ns.saturating_sub(since_ns).saturating_sub(late_ns);
        waiter.leave();
        if let Some(starter) = self.starter {
            until(|| has_ended(starter), "the starter hangs")
                .map_err(|what| Finding::new(Fault::Hang, what))?;
            kernel::reap(starter);
            self.starter = None;
        }
        self.judge_told(progress, &took)?;
        self.join_late(&took)
    }

    /// A program runs: its lock is held, and nobody else has it.
    fn judge_running(&self) -> Result<(), Finding> {
        let doubled = |what: &str| Err(Finding::new(Fault::Doubled, what));
        if !self.owner.is_some_and(|owner| self.domain.confirm_alive(owner)) {
            return doubled("the program runs, and its command counts as dead");
        }
        if self.waiter.as_ref().is_some_and(|waiter| waiter.told.try_recv().is_ok()) {
            return doubled("the program runs, and somebody else has its lock");
        }
        let lock = AnyLock::open_or_create_in(self.domain, &self.name);
        let lock = lock.map_err(|error| Finding::new(Fault::TakeOver, error.to_string()))?;
        match lock.lock_until(Access::Exclusive, Deadline::NOW) {
            Ok(_) => doubled("the program runs, and its lock is to be had"),
            Err(_) => Ok(()),
        }
    }

    /// Whoever has the lock next is told of a death that it was taken from, and of no other.
    fn judge_told(&self, progress: Progress, took: &Took) -> Result<(), Finding> {
        let is_abandoned = match self.case.act {
            Act::Start => Some(true),
            Act::StartNothing | Act::End => (progress > Progress::Under).then_some(false),
            // One that was killed before its program may be told as one that never was.
            Act::Child => (progress == Progress::Ended).then_some(true),
        };
        if is_abandoned.is_some_and(|is_abandoned| is_abandoned != took.is_abandoned) {
            let told = if took.is_abandoned { "as abandoned" } else { "as given back" };
            return Err(Finding::new(Fault::Ending, format!("the lock was told {told}")));
        }
        Ok(())
    }

    /// The late joiner opens the lock by its name, and has it at once.
    fn join_late(&mut self, before: &Took) -> Result<(), Finding> {
        let since_ns = clock::now_ns();
        let joiner = Person::new(self.domain, &self.name)?;
        let took = joiner.took()?;
        joiner.leave();
        self.slowest_ns = self.slowest_ns.max(took.at_ns.saturating_sub(since_ns));
        if took.token <= before.token {
            return Err(Finding::new(Fault::Token, format!("{} behind {}", took.token, before.token)));
        }
        match took.is_abandoned {
            true => Err(Finding::new(Fault::Ending, "a death was told twice")),
            false => Ok(()),
        }
    }
}

impl Stage for StartStage<'_> {
    fn start(&mut self) -> Result<(), Failure> {
        let commands = self.domain.owners().into_iter().filter(|owner| owner.kind == OwnerKind::Command);
        self.owner = commands.map(|owner| owner.id).next();
        if self.case.has_waiter {
            let waiter = Person::new(self.domain, &self.name).map_err(|finding| finding.what)?;
            let sleeps =
                || self.domain.waiting_count() > 0 && single_step::is_in_futex(process::pid(), waiter.tid);
            until(sleeps, "the waiter does not sleep")?;
            self.waiter = Some(waiter);
        }
        Ok(())
    }

    fn wake_victim(&mut self) -> Result<(), Failure> {
        Err("a starter sleeps in no futex".into())
    }

    fn before_kill(&mut self, pid: u32, _progress: Progress) {
        // Where it is the one that is killed, who kills it reaps it.
        self.starter = (self.case.act == Act::Child).then_some(pid);
        self.children = Child::of(pid);
    }

    fn judge(mut self: Box<Self>, kill: Kill) -> (Vec<Finding>, u64) {
        let Kill { progress, at_ns: killed_ns, .. } = kill;
        let findings: Vec<_> = self.go_on(progress, killed_ns).err().into_iter().collect();
        if !findings.is_empty() {
            // Whatever is left of a run that went wrong.
            for child in self.children.iter().filter(|child| child.is_running()) {
                let _ = child.kill();
            }
            if let Some(starter) = self.starter {
                kernel::send(starter, kernel::SIGKILL);
                kernel::reap(starter);
            }
            if let Some(waiter) = self.waiter.take() {
                waiter.leave();
            }
        }
        (findings, self.slowest_ns)
    }
}

/// Whether `pid`, which was not reaped, has ended: what has ended has no command line.
fn has_ended(pid: u32) -> bool {
    std::fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|line| line.is_empty())
}
