//! One object with its cast, before and after the kill.

use std::sync::mpsc::Sender;

use crosstie::inspect::Snapshot;
use crosstie::ledger::Domain;
use crosstie::os::clock;
use crosstie::sync::object;
use crosstie_core::word::head::Counters;

use super::case::{Act, Beside, Case};
use super::cast::{Cast, Event, Part, Told};
use super::tally::{Facts, Tally};
use super::thing::{Opened, Thing, Way};
use super::units::Bytes;
use crate::step::fault::{Fault, Finding};
use crate::step::scene::{Kill, Progress, Stage};
use crate::step::victim::Failure;

/// One object, one operation, one kill.
pub struct TurnStage<'a> {
    case: &'a Case,
    domain: &'static Domain,
    name: String,
    bytes: Bytes,
    /// The judge's handle; before the victim has made the object, there is none.
    opened: Option<Opened>,
    cast: Cast,
    /// Who had it before the victim, and how to tell it to give.
    holder: Option<(usize, Sender<()>)>,
    /// Who sleeps: its number and thread.
    sleeper: Option<(usize, Option<u32>)>,
    done: Vec<usize>,
    tally: Tally,
    died_inside: bool,
    findings: Vec<Finding>,
    /// From when on somebody should have gone on.
    since_ns: u64,
    slowest_ns: u64,
}

impl<'a> TurnStage<'a> {
    /// Before the victim starts: the object is there and was in use, and is held if that is the situation.
    pub fn set(case: &'a Case, domain: &'static Domain, name: &str) -> Result<Self, Failure> {
        let mut stage = Self {
            case,
            domain,
            name: name.to_owned(),
            bytes: Bytes::of(case.thing, domain, name),
            opened: None,
            cast: Cast::new(domain, case.thing),
            holder: None,
            sleeper: None,
            done: Vec::new(),
            tally: Tally::default(),
            died_inside: false,
            findings: Vec::new(),
            since_ns: u64::MAX,
            slowest_ns: 0,
        };
        if case.act == Act::Open {
            return Ok(stage);
        }
        if case.act == Act::Transfer {
            domain.process_owner()?;
        }
        let opened = case.thing.open(domain, name)?;
        if let Opened::Event(event) = &opened {
            event.set()?;
        }
        stage.opened = Some(opened);
        let (first, _) = stage.enter(Part::Turn(Way::Alone));
        stage.await_done(first).map_err(|finding| finding.what)?;
        if case.act.is_contended() {
            let (holder, go) = stage.enter(Part::Hold(case.others));
            stage.holder = Some((holder, go));
            let before = stage.tally.entries.len();
            while stage.tally.entries.len() == before {
                stage.hear(holder).map_err(|finding| finding.what)?;
            }
        }
        Ok(stage)
    }

    fn enter(&mut self, part: Part) -> (usize, Sender<()>) {
        self.cast.enter(part, self.opened.as_ref(), &self.name, false)
    }

    /// Somebody comes to sleep.
    fn enter_sleeper(&mut self) -> Result<(), Failure> {
        let is_deaf = self.case.beside == Beside::Deaf;
        let part = Part::Turn(self.case.others);
        let (who, _) = self.cast.enter(part, self.opened.as_ref(), &self.name, is_deaf);
        let thread = self.cast.await_sleep(who)?;
        self.sleeper = Some((who, Some(thread)));
        Ok(())
    }

    /// Takes note of what is told next; `waited_for` is who is waited for.
    fn hear(&mut self, waited_for: usize) -> Result<(), Finding> {
        let Some(Event { at_ns, who, told }) = self.cast.next() else {
            return Err(Finding::new(Fault::Hang, format!("survivor {waited_for} sleeps for ever")));
        };
        match told {
            Told::Thread(_) => {}
            Told::Took(took) => {
                self.slowest_ns = self.slowest_ns.max(at_ns.saturating_sub(self.since_ns));
                self.tally.entries.push((at_ns, took));
            }
            Told::Done => {
                // Whoever comes next was waiting for this one.
                if self.since_ns != u64::MAX {
                    self.since_ns = self.since_ns.max(at_ns);
                }
                self.done.push(who);
            }
            Told::Failed(what) => {
                return Err(Finding::new(Fault::TakeOver, format!("survivor {who}: {what}")));
            }
        }
        Ok(())
    }

    fn await_done(&mut self, who: usize) -> Result<(), Finding> {
        while !self.done.contains(&who) {
            self.hear(who)?;
        }
        Ok(())
    }

    /// Somebody else plays a part now, and is waited for.
    fn play(&mut self, part: Part) -> Result<(), Finding> {
        self.since_ns = clock::now_ns();
        let (who, _) = self.enter(part);
        self.await_done(who)
    }

    /// Gives back what the victim transferred to the judge's process.
    fn give_what_was_transferred(&mut self) {
        let opened = self.case.thing.open(self.domain, &self.name);
        while let Ok(Ok(Some(taken))) = opened.as_ref().map(Opened::accept) {
            drop(taken);
        }
    }

    /// An owner's note in the ledger says what it has: for as long as it has it, and no longer.
    fn look_at_notes(&mut self, pid: u32) {
        let holds = Snapshot::of(self.domain).holds;
        let noted = holds.iter().any(|hold| hold.owner.pid == pid);
        let is_due = self.case.act.takes() && self.case.thing.has_owners();
        if noted != is_due {
            let what = format!("the victim's note is {noted}, and should be {is_due}");
            self.findings.push(Finding::new(Fault::Note, what));
        }
    }

    /// Whoever was left goes on, then somebody who comes late.
    fn go_on(&mut self) -> Result<(), Finding> {
        if let Some((holder, go)) = self.holder.take() {
            self.since_ns = clock::now_ns();
            // An error: it was told before, and has gone.
            let _ = go.send(());
            self.await_done(holder)?;
        }
        if self.case.beside == Beside::Awake {
            let (who, _) = self.enter(Part::Turn(self.case.others));
            self.sleeper = Some((who, None));
        }
        if !self.case.thing.has_owners() {
            if self.died_inside {
                self.play(Part::Visit)?;
            }
            self.replace_unit()?;
        }
        if let Some((who, _)) = self.sleeper {
            self.await_done(who)?;
        }
        // The late joiner opens the object by its name.
        self.opened = None;
        if self.case.thing.has_owners() {
            self.count()?;
            self.play(Part::Turn(Way::Alone))
        } else {
            if self.bytes.free_units() == 0 {
                self.replace_unit()?;
            }
            self.play(Part::Turn(Way::Alone))
        }
    }

    /// Gives the unit that the victim may have taken with it, if there is none.
    fn replace_unit(&mut self) -> Result<(), Finding> {
        if self.bytes.free_units() > 0 {
            return Ok(());
        }
        self.tally.given += 1;
        self.play(Part::GiveUnit)
    }

    /// Takes all that can be had: of what has owners that is all there is.
    fn count(&mut self) -> Result<(), Finding> {
        let before = self.tally.entries.len();
        self.play(Part::Count)?;
        let counted = self.tally.entries[before..].iter().map(|(_, took)| took.inside).max().unwrap_or(0);
        let all = self.case.thing.total();
        if counted < all {
            let what = format!("{counted} units are to be had at the end, of {all}");
            return Err(Finding::new(Fault::Lost, what));
        }
        Ok(())
    }

    fn counters(&self) -> Option<Counters> {
        match self.case.thing.open(self.domain, &self.name).ok()? {
            // Its tokens are skipped on purpose.
            Opened::Mutex(_) if self.case.thing == Thing::TestingMutex => None,
            Opened::Mutex(mutex) => Some(mutex.counters()),
            Opened::RwLock(lock) => Some(lock.counters()),
            Opened::Lock(lock) => Some(lock.counters()),
            _ => None,
        }
    }

    fn conclude(&mut self, progress: Progress, killed_ns: u64) -> Result<(), Finding> {
        self.go_on()?;
        let thing = self.case.thing;
        let facts = Facts {
            progress,
            killed_ns,
            died_inside: self.died_inside,
            counters: self.counters(),
            free_units: (!thing.has_owners()).then(|| self.bytes.free_units()),
        };
        self.findings.extend(self.tally.judge(self.case, &facts));
        Ok(())
    }

    /// Nobody needs it any more.
    fn remove(&mut self) {
        for (kind, name) in self.case.thing.objects(&self.name) {
            if let Err(error) = object::remove(self.domain, kind, &name) {
                self.findings.push(Finding::new(Fault::TakeOver, error.to_string()));
            }
        }
    }
}

impl Stage for TurnStage<'_> {
    fn start(&mut self) -> Result<(), Failure> {
        match self.case.beside {
            Beside::Ahead | Beside::Deaf => self.enter_sleeper(),
            _ => Ok(()),
        }
    }

    fn settle(&mut self) -> Result<(), Failure> {
        match self.sleeper {
            Some((_, Some(thread))) => Ok(self.cast.await_sleep_of(thread)?),
            _ => Ok(()),
        }
    }

    fn victim_sleeps(&mut self) -> Result<(), Failure> {
        if self.case.beside == Beside::Behind && self.sleeper.is_none() {
            self.enter_sleeper()?;
        }
        Ok(())
    }

    fn wake_victim(&mut self) -> Result<(), Failure> {
        if let (Act::Await, Some((_, go))) = (self.case.act, &self.holder) {
            // An error: it was told before, and has gone.
            let _ = go.send(());
        }
        Ok(())
    }

    fn before_kill(&mut self, pid: u32, progress: Progress) {
        if progress > Progress::Under {
            self.look_at_notes(pid);
            let units = if self.case.act.takes() { self.case.thing.cost(self.case.way) } else { 0 };
            let out = self.cast.inside() + units;
            if out > self.case.thing.total() {
                let what = format!("the victim and others have {out} units");
                self.findings.push(Finding::new(Fault::Doubled, what));
            }
            if self.case.act == Act::Transfer {
                self.give_what_was_transferred();
            }
            if let (true, Some((who, _))) = (self.case.act.gives(), self.sleeper) {
                self.since_ns = clock::now_ns();
                // What was given must be had without a death.
                if let Err(finding) = self.await_done(who) {
                    self.findings.push(finding);
                }
            }
        }
        self.died_inside = self.bytes.is_inside(pid);
    }

    fn judge(mut self: Box<Self>, kill: Kill) -> (Vec<Finding>, u64) {
        let Kill { progress, at_ns: killed_ns, .. } = kill;
        self.since_ns = killed_ns;
        if self.case.act == Act::Transfer {
            self.give_what_was_transferred();
        }
        match self.conclude(progress, killed_ns) {
            Ok(()) => {
                self.opened = None;
                let cast = std::mem::replace(&mut self.cast, Cast::new(self.domain, self.case.thing));
                cast.leave();
                self.remove();
            }
            Err(finding) => self.findings.push(finding),
        }
        (self.findings, self.slowest_ns)
    }
}
