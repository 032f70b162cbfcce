//! A scene, step by step beside the oracle.

use std::time::Duration;

use crosstie::Deadline;
use crosstie::inspect::Snapshot;
use crosstie::ledger::Domain;
use crosstie::os::{clock, poll, single_step};
use crosstie::sync::object;
use crosstie_core::word::waiting::Mode;

use super::cast::{Cast, Failure, Said};
use super::oracle::World;
use super::scene::{Kind, Scene};
use super::twin::Twin;

/// Who says nothing for so long hangs.
const PATIENCE: Duration = Duration::from_secs(2);
/// Between two looks whether somebody sleeps: 0.2 ms.
const LOOK_NS: u64 = 200_000;

/// What can be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A deadlock was told where there is none, or to one who was to go on.
    FalseReport,
    /// A deadlock was not told.
    Missed,
    /// One was told that names others than those who are in it.
    WrongCycle,
    /// Somebody got their turn, or did not, against the rules of the object.
    WrongTurn,
}

/// What became of a scene.
#[derive(Debug, Default)]
pub struct Played {
    pub faults: Vec<(Fault, String)>,
    pub deadlocks: u64,
    pub victims: u64,
    pub slowest_report_ns: u64,
}

/// The scene ends here: what comes behind would only follow from it.
type Ended<T> = Result<T, Stop>;

enum Stop {
    Fault(Fault, String),
    Failure(Failure),
}

impl<E: Into<Failure>> From<E> for Stop {
    fn from(error: E) -> Self {
        Self::Failure(error.into())
    }
}

/// Plays `scene` in `domain`, where its objects are named after `name`.
pub fn play(
    domain: &'static Domain,
    name: &str,
    scene: &Scene,
    twin: Option<Twin>,
) -> Result<Played, Failure> {
    let patience = if twin == Some(Twin::DetectsNothing) { "patient" } else { "never" };
    let cast = Cast::start(scene.scripts.len(), domain.directory().path(), patience)?;
    let world = World::of(scene);
    let steps_done = vec![0; scene.scripts.len()];
    let mut stage = Stage { domain, name, scene, twin, cast, world, steps_done, played: Played::default() };
    match stage.play() {
        Ok(()) => {}
        Err(Stop::Fault(fault, what)) => stage.played.faults.push((fault, what)),
        Err(Stop::Failure(error)) => return Err(error),
    }
    let Stage { cast, played, .. } = stage;
    drop(cast);
    for (number, kind) in scene.objects.iter().enumerate() {
        let word = if matches!(kind, Kind::Permits(_)) { "sem" } else { "lock" };
        // Nobody took it, perhaps.
        let _ = object::remove(domain, word, &format!("{name}.{number}"));
    }
    Ok(played)
}

struct Stage<'a> {
    domain: &'static Domain,
    name: &'a str,
    scene: &'a Scene,
    twin: Option<Twin>,
    cast: Cast,
    world: World,
    steps_done: Vec<usize>,
    played: Played,
}

impl Stage<'_> {
    fn play(&mut self) -> Ended<()> {
        let everyone = 0..self.scene.scripts.len();
        for &process in &self.scene.order {
            self.go_on(process)?;
        }
        // Then all others in turn, until nobody is left.
        while everyone.clone().any(|process| !self.world.is_over(process)) {
            for process in everyone.clone() {
                self.go_on(process)?;
            }
        }
        // Nobody says anything behind their end.
        match self.cast.hear(Duration::ZERO)? {
            Some((process, said)) => Err(self.unexpected(process, &said)),
            None => Ok(()),
        }
    }

    /// The next step of `process`, or its end, if it does not wait.
    fn go_on(&mut self, process: usize) -> Ended<()> {
        if self.world.is_over(process) || self.world.waits_for(process).is_some() {
            return Ok(());
        }
        let Some(&step) = self.scene.scripts[process].get(self.steps_done[process]) else {
            return self.end(process);
        };
        self.steps_done[process] += 1;
        let has_it = self.world.want(process, step);
        let object = format!("{}.{}", self.name, step.object);
        self.cast.take(process, step, self.scene.objects[step.object], &object)?;
        if has_it {
            return self.await_turns(vec![process]);
        }
        let dead = self.world.deadlocked();
        if !dead.is_empty() && !dead.contains(&process) {
            return Err(Stop::Failure(
                format!("the oracle missed a deadlock of {dead:?} before {process} came").into(),
            ));
        }
        let is_deadlock = dead.contains(&process) != (self.twin == Some(Twin::InvertsTheAnswer));
        if !is_deadlock {
            return self.await_sleep();
        }
        self.await_deadlock(process, &dead)?;
        let mut served = self.world.withdraw(process);
        served.extend(self.world.end(process));
        self.cast.end(process)?;
        self.await_turns(served)
    }

    fn end(&mut self, process: usize) -> Ended<()> {
        let served = self.world.end(process);
        self.cast.end(process)?;
        self.await_turns(served)
    }

    /// Waits until each of `processes` has said that it has what it wanted.
    fn await_turns(&mut self, mut processes: Vec<usize>) -> Ended<()> {
        let mut programs = 0;
        while !processes.is_empty() || programs > 0 {
            match self.cast.hear(PATIENCE)? {
                Some((process, Said::Had)) if processes.contains(&process) => {
                    processes.retain(|&other| other != process);
                    let last = self.steps_done[process].saturating_sub(1);
                    programs += usize::from(self.scene.scripts[process][last].nested);
                }
                // What a command runs goes on in its place.
                Some((process, Said::Pid(pid))) if programs > 0 => {
                    self.cast.now_played_by(process, pid);
                    programs -= 1;
                }
                Some((process, said)) => return Err(self.unexpected(process, &said)),
                None => {
                    let what = format!("{processes:?} were to get their turn, and did not");
                    return Err(Stop::Fault(Fault::WrongTurn, what));
                }
            }
        }
        self.await_sleep()
    }

    /// Waits until everyone who waits sleeps where the oracle has them, having looked for a deadlock.
    fn await_sleep(&mut self) -> Ended<()> {
        let until_ns = clock::now_ns() + 2_000_000_000;
        let everyone = 0..self.scene.scripts.len();
        loop {
            if let Some((who, said)) = self.cast.hear(Duration::ZERO)? {
                return Err(self.unexpected(who, &said));
            }
            let now = Snapshot::of(self.domain);
            let awake = everyone.clone().find(|&process| !self.sleeps_rightly(process, &now));
            let Some(process) = awake else { return Ok(()) };
            if clock::now_ns() > until_ns {
                let what = format!("{process} neither sleeps where it should nor says anything");
                return Err(Stop::Fault(Fault::WrongTurn, what));
            }
            poll::pause(LOOK_NS, Deadline::NEVER);
        }
    }

    fn sleeps_rightly(&self, process: usize, now: &Snapshot) -> bool {
        let Some(object) = self.world.waits_for(process) else { return true };
        let pid = self.cast.pid(process);
        let Some(wait) = now.waits.iter().find(|wait| wait.owner.pid == pid) else { return false };
        // Who has the word of a lock already waits a second time, for its readers.
        let drains = self.world.drains(process)
            == now.holders(wait.key).any(|hold| hold.owner.pid == pid && hold.mode == Mode::Exclusive);
        now.object_name(wait.key) == self.object(object)
            && drains
            && single_step::is_in_futex(pid, wait.owner.tid)
    }

    /// Waits until `process` is told of the deadlock that it closed, and looks at what it was told.
    fn await_deadlock(&mut self, process: usize, dead: &[usize]) -> Ended<()> {
        self.played.deadlocks += 1;
        match self.cast.hear(PATIENCE)? {
            Some((who, Said::Deadlock(took_ns, cycle))) if who == process => {
                self.played.victims += 1;
                self.played.slowest_report_ns = self.played.slowest_report_ns.max(took_ns);
                self.check_cycle(process, dead, cycle)
            }
            Some((who, said)) => Err(self.unexpected(who, &said)),
            None => {
                let what = format!("{process} closed a deadlock of {dead:?}, and nobody was told");
                Err(Stop::Fault(Fault::Missed, what))
            }
        }
    }

    /// Each in the cycle waits for what is named, and cannot go on because of the next one.
    fn check_cycle(&self, victim: usize, dead: &[usize], mut cycle: Vec<(u32, String)>) -> Ended<()> {
        if self.twin == Some(Twin::NamesAnother) {
            let other = cycle.first().map_or(1, |(pid, _)| pid + 1);
            cycle.iter_mut().take(1).for_each(|link| link.0 = other);
        }
        let wrong = |what: String| {
            Err(Stop::Fault(Fault::WrongCycle, format!("{what} in {cycle:?}, told to {victim} of {dead:?}")))
        };
        let mut members = Vec::new();
        for (pid, object) in &cycle {
            let everyone = 0..self.scene.scripts.len();
            let Some(member) = everyone.clone().find(|&process| self.cast.pid(process) == *pid) else {
                return wrong(format!("nobody is {pid}"));
            };
            let waits_for = self.world.waits_for(member).map(|number| self.object(number));
            if waits_for.as_ref() != Some(object) || !dead.contains(&member) {
                return wrong(format!("{member} waits for {waits_for:?}, not for {object}"));
            }
            members.push(member);
        }
        if members.first() != Some(&victim) {
            return wrong("the victim is not the first".to_owned());
        }
        for (&waiter, &next) in members.iter().zip(members.iter().cycle().skip(1)) {
            if !self.world.is_kept_by(waiter, next) {
                return wrong(format!("{waiter} does not wait for {next}"));
            }
        }
        Ok(())
    }

    fn object(&self, number: usize) -> String {
        let word = if matches!(self.scene.objects[number], Kind::Permits(_)) { "sem" } else { "lock" };
        format!("{word}:{}.{number}", self.name)
    }

    fn unexpected(&self, process: usize, said: &Said) -> Stop {
        let fault = if matches!(said, Said::Deadlock(..)) { Fault::FalseReport } else { Fault::WrongTurn };
        Stop::Fault(fault, format!("{process} said {said:?} where it was not to"))
    }
}
