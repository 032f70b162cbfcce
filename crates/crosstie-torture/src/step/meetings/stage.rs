//! One object with its people, before and after the kill.

use crosstie::ledger::Domain;
use crosstie::os::clock;
use crosstie::sync::barrier::OnDeath;
use crosstie::sync::object;

use super::case::{Act, Case};
use super::people::Person;
use super::thing::{MADE, Met, Opened, Thing};
use crate::step::fault::{Fault, Finding};
use crate::step::scene::{Kill, Progress, Stage};
use crate::step::victim::Failure;

/// One object, one operation, one kill.
pub struct MeetingStage<'a> {
    case: &'a Case,
    domain: &'static Domain,
    name: String,
    opened: Opened,
    /// Who was there before the kill.
    survivor: Option<Person>,
    /// It was asked for the meeting in question.
    is_asked: bool,
    /// How that went.
    met: Option<Met>,
    victim_pid: u32,
    findings: Vec<Finding>,
    slowest_ns: u64,
}

impl<'a> MeetingStage<'a> {
    /// Before the victim starts.
    pub fn set(case: &'a Case, domain: &'static Domain, name: &str) -> Result<Self, Failure> {
        let opened = case.thing.open(domain, name)?;
        let survivor = Person::new(opened.clone(), case.act == Act::AwaitMaking)?;
        match case.act {
            Act::ComeFirst | Act::ComeLast => survivor.ask(),
            Act::AwaitMaking => {
                survivor.ask();
                survivor.await_sleep(|| true)?;
            }
            _ => {}
        }
        Ok(Self {
            case,
            domain,
            name: name.to_owned(),
            opened,
            survivor: Some(survivor),
            is_asked: case.act == Act::AwaitMaking,
            met: None,
            victim_pid: 0,
            findings: Vec::new(),
            slowest_ns: 0,
        })
    }

    fn ask_survivor(&mut self) {
        if let Some(survivor) = self.survivor.as_ref().filter(|_| !self.is_asked) {
            self.is_asked = true;
            survivor.ask();
        }
    }

    /// Waits for the survivor's meeting, which should have ended at `since_ns`.
    fn await_survivor(&mut self, since_ns: u64) -> Result<(), Finding> {
        if let (None, Some(survivor)) = (self.met, &self.survivor) {
            let (at_ns, met) = told(survivor)?;
            self.slowest_ns = self.slowest_ns.max(at_ns.saturating_sub(since_ns));
            self.met = Some(met);
        }
        Ok(())
    }

    fn find(&mut self, fault: Fault, what: impl Into<String>) {
        self.findings.push(Finding::new(fault, what));
    }

    /// The late joiner opens it by its name.
    fn late_joiner(&self) -> Result<Person, Finding> {
        let opened = self.case.thing.open(self.domain, &self.name);
        let opened = opened.map_err(|error| Finding::new(Fault::TakeOver, error.to_string()))?;
        Person::new(opened, false).map_err(|what| Finding::new(Fault::TakeOver, what))
    }

    fn go_on(&mut self, progress: Progress, since_ns: u64) -> Result<(), Finding> {
        match self.opened.clone() {
            Opened::Barrier(barrier) => {
                self.ask_survivor();
                self.await_survivor(since_ns)?;
                self.judge_barrier(progress);
                if self.case.thing == Thing::Barrier(OnDeath::Break) {
                    barrier.reset().map_err(|error| Finding::new(Fault::TakeOver, error.to_string()))?;
                }
                self.meet_again()
            }
            Opened::Event(event) => {
                let mut since_ns = since_ns;
                if !event.is_set() {
                    since_ns = clock::now_ns();
                    event.set().map_err(|error| Finding::new(Fault::TakeOver, error.to_string()))?;
                }
                self.ask_survivor();
                self.await_survivor(since_ns)?;
                self.join_late()?;
                if !event.clear() || event.is_set() {
                    self.find(Fault::Lost, "the event was not set, although it was");
                }
                Ok(())
            }
            Opened::Once(_) => {
                if let (Act::AwaitMaking, Some(survivor)) = (self.case.act, &self.survivor) {
                    survivor.go_on();
                }
                self.ask_survivor();
                self.await_survivor(since_ns.max(clock::now_ns()))?;
                let late = self.join_late()?;
                self.judge_once(progress, late);
                Ok(())
            }
        }
    }

    /// Somebody comes late, and meets at once.
    fn join_late(&mut self) -> Result<Met, Finding> {
        let joiner = self.late_joiner()?;
        let since_ns = clock::now_ns();
        joiner.ask();
        let (at_ns, met) = told(&joiner)?;
        self.slowest_ns = self.slowest_ns.max(at_ns.saturating_sub(since_ns));
        joiner.leave();
        Ok(met)
    }

    /// The survivor, and a late joiner in the victim's place, meet once more: one of them leads.
    fn meet_again(&mut self) -> Result<(), Finding> {
        let joiner = self.late_joiner()?;
        joiner.ask();
        let asleep = joiner.await_sleep(|| self.domain.waiting_count() > 0);
        asleep.map_err(|what| Finding::new(Fault::TakeOver, what))?;
        let since_ns = clock::now_ns();
        let mut leaders = 0;
        if let Some(survivor) = &self.survivor {
            survivor.ask();
            for person in [survivor, &joiner] {
                let (at_ns, met) = told(person)?;
                self.slowest_ns = self.slowest_ns.max(at_ns.saturating_sub(since_ns));
                match met {
                    Met::All { leads } => leaders += u32::from(leads),
                    other => {
                        return Err(Finding::new(Fault::TakeOver, format!("a late meeting went {other:?}")));
                    }
                }
            }
        }
        joiner.leave();
        match leaders {
            1 => Ok(()),
            0 => Err(Finding::new(Fault::Lost, "nobody leads")),
            _ => Err(Finding::new(Fault::Doubled, format!("{leaders} lead"))),
        }
    }

    /// A death breaks a barrier that breaks, unless the victim had come; who died is told.
    fn judge_barrier(&mut self, progress: Progress) {
        let may_break = progress == Progress::Under && self.case.thing == Thing::Barrier(OnDeath::Break);
        match self.met {
            Some(Met::Broken(_)) if !may_break => {
                self.find(Fault::Ending, "the barrier was told as broken, and was not to be");
            }
            Some(Met::Broken(who)) if who != Some(self.victim_pid) => {
                self.find(Fault::Ending, format!("{who:?} was told as dead, {} is", self.victim_pid));
            }
            _ => {}
        }
    }

    /// It is made once, whole, and whoever makes it after a death is told of the first try.
    fn judge_once(&mut self, progress: Progress, late: Met) {
        let mut makers = 0;
        for met in self.met.into_iter().chain([late]) {
            let Met::Made { retries, data } = met else { continue };
            if data != MADE {
                self.find(Fault::Torn, format!("{data:?} was taken for made"));
            }
            makers += u32::from(retries.is_some());
            if self.case.act == Act::EndMaking && retries == Some(0) {
                self.find(Fault::Ending, "who makes it again was not told that somebody had tried");
            }
        }
        let is_made_by_victim = self.case.act != Act::AwaitMaking && progress > Progress::Under;
        if makers > u32::from(!is_made_by_victim) {
            self.find(Fault::Doubled, format!("{makers} of those who were left have made it"));
        }
    }
}

/// When and how the meeting went.
fn told(person: &Person) -> Result<(u64, Met), Finding> {
    match person.told() {
        Some((at_ns, Ok(met))) => Ok((at_ns, met)),
        Some((_, Err(what))) => Err(Finding::new(Fault::TakeOver, what)),
        None => Err(Finding::new(Fault::Hang, "somebody sleeps for ever")),
    }
}

impl Stage for MeetingStage<'_> {
    fn start(&mut self) -> Result<(), Failure> {
        if let (Thing::Barrier(_), Some(survivor)) = (self.case.thing, &self.survivor) {
            // The meeting that made the victim a party.
            told(survivor).map_err(|finding| finding.what)?;
        }
        if self.case.has_sleeper() {
            self.ask_survivor();
            let waits = || self.domain.waiting_count() > 0;
            self.survivor.as_ref().map_or(Ok(()), |survivor| survivor.await_sleep(waits))?;
        }
        Ok(())
    }

    fn victim_sleeps(&mut self) -> Result<(), Failure> {
        if self.case.act == Act::AwaitEvent && !self.is_asked {
            self.ask_survivor();
            let waits = || self.domain.waiting_count() > 1;
            self.survivor.as_ref().map_or(Ok(()), |survivor| survivor.await_sleep(waits))?;
        }
        Ok(())
    }

    fn wake_victim(&mut self) -> Result<(), Failure> {
        match (&self.opened, &self.survivor) {
            (Opened::Barrier(_), _) => self.ask_survivor(),
            (Opened::Event(event), _) => event.set()?,
            (Opened::Once(_), Some(survivor)) => survivor.go_on(),
            _ => {}
        }
        Ok(())
    }

    fn before_kill(&mut self, pid: u32, progress: Progress) {
        self.victim_pid = pid;
        if self.case.has_sleeper() && progress > Progress::Under {
            // What was brought about must be told without a death.
            if let Err(finding) = self.await_survivor(clock::now_ns()) {
                self.findings.push(finding);
            }
        }
    }

    fn judge(mut self: Box<Self>, kill: Kill) -> (Vec<Finding>, u64) {
        let Kill { progress, at_ns: killed_ns, .. } = kill;
        if let Err(finding) = self.go_on(progress, killed_ns) {
            self.findings.push(finding);
            return (self.findings, self.slowest_ns);
        }
        if let Some(survivor) = self.survivor.take() {
            survivor.leave();
        }
        let Self { case, domain, name, opened, mut findings, slowest_ns, .. } = *self;
        drop(opened);
        if let Err(error) = object::remove(domain, case.thing.kind(), &name) {
            findings.push(Finding::new(Fault::TakeOver, error.to_string()));
        }
        (findings, slowest_ns)
    }
}
