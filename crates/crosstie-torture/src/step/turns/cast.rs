//! Who goes on after a kill, each in a thread, which tells what it meets.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use crosstie::Deadline;
use crosstie::ledger::Domain;
use crosstie::os::{clock, process, single_step};
use crosstie_core::atomic::AtomicU32;

use super::data::Data;
use super::thing::{Mending, Opened, Refusal, Taken, Thing, Way};

/// What a survivor gets that never comes: with the net off, nothing wakes it later than this.
const NEVER_COMES: Duration = Duration::from_secs(2);
/// More units than anything here has.
const COUNTED_MAX: usize = 8;
/// How long the deaf twin sleeps.
const DEAF: Duration = Duration::from_millis(200);

/// What somebody met when it took the thing.
#[derive(Clone, Copy, Debug)]
pub struct Took {
    pub way: Way,
    pub is_told: bool,
    pub found: Option<Data>,
    pub token: Option<u64>,
    /// How many units the cast had then, these among them.
    pub inside: u64,
}

/// What is told.
#[derive(Debug)]
pub enum Told {
    /// The thread, before it does anything.
    Thread(u32),
    Took(Took),
    /// It has given what it took, or done what it was to do.
    Done,
    Failed(String),
}

/// Something told, and when.
#[derive(Debug)]
pub struct Event {
    pub at_ns: u64,
    pub who: usize,
    pub told: Told,
}

/// What somebody does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Takes, and gives.
    Turn(Way),
    /// Takes, and gives when it is told to.
    Hold(Way),
    /// Takes all units one by one, as long as there are any, and gives them.
    Count,
    /// Mends what a dead owner left.
    Visit,
    /// Gives a unit that nobody owns.
    GiveUnit,
}

/// All of them.
pub struct Cast {
    domain: &'static Domain,
    thing: Thing,
    inside: Arc<AtomicU64>,
    tell: Sender<Event>,
    told: Receiver<Event>,
    threads: Vec<JoinHandle<()>>,
}

impl Cast {
    pub fn new(domain: &'static Domain, thing: Thing) -> Self {
        let (tell, told) = channel();
        Self { domain, thing, inside: Arc::default(), tell, told, threads: Vec::new() }
    }

    /// How many units they have now.
    pub fn inside(&self) -> u64 {
        self.inside.load(Ordering::SeqCst)
    }

    /// The next thing told; `None` if nothing comes.
    pub fn next(&self) -> Option<Event> {
        self.told.recv_timeout(NEVER_COMES).ok()
    }

    /// Somebody comes and plays `part`; answers its number and how to tell a holder to give. One without
    /// a handle opens the object `name` itself; a deaf one first sleeps where no death wakes it.
    pub fn enter(
        &mut self,
        part: Part,
        opened: Option<&Opened>,
        name: &str,
        is_deaf: bool,
    ) -> (usize, Sender<()>) {
        let who = self.threads.len();
        let (go, gone) = channel();
        let actor = Actor {
            domain: self.domain,
            thing: self.thing,
            inside: Arc::clone(&self.inside),
            tell: self.tell.clone(),
            who,
            gone,
        };
        let (opened, name) = (opened.cloned(), name.to_owned());
        self.threads.push(std::thread::spawn(move || {
            actor.tell(Told::Thread(process::tid()));
            if is_deaf {
                actor.domain.wait(&AtomicU32::new(1), 1, &[], clock::deadline_in(DEAF));
            }
            let told = match actor.play(part, opened, &name) {
                Ok(()) => Told::Done,
                Err(Refusal::NotNow) => Told::Failed("refused as busy".to_owned()),
                Err(Refusal::Failed(what)) => Told::Failed(what),
            };
            actor.tell(told);
        }));
        (who, go)
    }

    /// Waits until `who`, which came last, sleeps; answers its thread.
    pub fn await_sleep(&self, who: usize) -> Result<u32, String> {
        let thread = match self.next() {
            Some(Event { who: teller, told: Told::Thread(thread), .. }) if teller == who => thread,
            other => return Err(format!("instead of a sleeper's thread: {other:?}")),
        };
        self.await_sleep_of(thread)?;
        Ok(thread)
    }

    /// Waits until a thread sleeps.
    pub fn await_sleep_of(&self, thread: u32) -> Result<(), String> {
        let give_up = clock::now_ns() + 10_000_000_000;
        while !single_step::is_in_futex(process::pid(), thread) {
            if clock::now_ns() > give_up {
                return Err("a survivor does not sleep".into());
            }
            std::thread::yield_now();
        }
        Ok(())
    }

    /// Waits until all have ended, who have all told that they are done.
    pub fn leave(self) {
        for thread in self.threads {
            // A panic has told itself.
            let _ = thread.join();
        }
    }
}

struct Actor {
    domain: &'static Domain,
    thing: Thing,
    inside: Arc<AtomicU64>,
    tell: Sender<Event>,
    who: usize,
    gone: Receiver<()>,
}

impl Actor {
    fn tell(&self, told: Told) {
        // A judge that waits no more has judged.
        let _ = self.tell.send(Event { at_ns: clock::now_ns(), who: self.who, told });
    }

    fn play(&self, part: Part, opened: Option<Opened>, name: &str) -> Result<(), Refusal> {
        let opened = match opened {
            Some(opened) => opened,
            None => self.thing.open(self.domain, name).map_err(|error| Refusal::Failed(error.to_string()))?,
        };
        let is_told = match part {
            Part::Turn(way) | Part::Hold(way) => {
                let taken = opened.take(way, Deadline::NEVER, Mending::Mends)?;
                self.took(way, &taken);
                if part == Part::Hold(way) {
                    // An error: the judge waits no more.
                    let _ = self.gone.recv();
                }
                self.gives(way);
                taken.give()?
            }
            Part::Count => self.count(&opened)?,
            Part::Visit => opened.visit()?,
            Part::GiveUnit => opened.give_unit()?,
        };
        if is_told {
            // It was there without taking a unit.
            self.tell(Told::Took(Took { way: Way::Alone, is_told, found: None, token: None, inside: 0 }));
        }
        Ok(())
    }

    fn count(&self, opened: &Opened) -> Result<bool, Refusal> {
        let way = if self.thing == Thing::Semaphore { Way::One } else { Way::Alone };
        let mut all = Vec::new();
        while all.len() < COUNTED_MAX
            && let Ok(taken) = opened.take(way, Deadline::NOW, Mending::Mends)
        {
            self.took(way, &taken);
            all.push(taken);
        }
        for taken in all {
            self.gives(way);
            taken.give()?;
        }
        Ok(false)
    }

    fn took(&self, way: Way, taken: &Taken<'_>) {
        let cost = self.thing.cost(way);
        let inside = self.inside.fetch_add(cost, Ordering::SeqCst) + cost;
        let (is_told, found, token) = (taken.is_told, taken.found, taken.token);
        self.tell(Told::Took(Took { way, is_told, found, token, inside }));
    }

    fn gives(&self, way: Way) {
        self.inside.fetch_sub(self.thing.cost(way), Ordering::SeqCst);
    }
}
