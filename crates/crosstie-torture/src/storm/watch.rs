//! Who sleeps although nobody has what they want.
//!
//! A wait is a hang when, for 50 ms in a row, everyone who wants the object sleeps in the kernel without
//! having run at all, and those who have it, as far as they have said and live, leave room for each of
//! them. Who is stopped does not sleep: it may have been chosen, and others wait for it rightly. Who is
//! woken and gets no processor does not sleep either. So a loaded machine makes nobody hang.

use std::collections::HashMap;

use super::history::{Act, History};
use super::judge::{Fault, Finding};
use super::things::{PARTIES, THINGS, Thing, Things};

/// Who sleeps so long although it could go on hangs.
const HANG_NS: u64 = 50_000_000;

/// What is known of a page's thread.
#[derive(Debug, Default)]
struct Follower {
    read: usize,
    writer: Option<(u32, u32)>,
    is_over: bool,
    /// What it has, in units.
    has: HashMap<u8, u64>,
    /// What it wants, in units.
    wants: Option<(Thing, u64)>,
    /// Where it waits inside, and whether it puts.
    parked: Option<(Thing, bool)>,
    /// It has slept since, and ran so often before.
    asleep: Option<(u64, u64)>,
}

/// Follows a round.
#[derive(Debug, Default)]
pub struct Watch {
    followers: Vec<Follower>,
    /// Since when an object has room for who wants it.
    roomy_since: HashMap<Thing, u64>,
    /// The most threads that lived at once.
    pub most_alive: u64,
    reported: Vec<Thing>,
}

impl Watch {
    /// Looks once at time `now`; to be called every few milliseconds.
    pub fn look(&mut self, history: &History, things: &Things, now: u64, findings: &mut Vec<Finding>) {
        while (self.followers.len() as u64) < history.given() {
            self.followers.push(Follower::default());
        }
        self.replace_programs(history);
        let mut alive = 0;
        for (number, follower) in (0..).zip(&mut self.followers) {
            if !follower.is_over {
                follower.follow(history, number, now);
                alive += u64::from(!follower.is_over);
            }
        }
        self.most_alive = self.most_alive.max(alive);
        for thing in THINGS {
            if !self.has_room(thing, things) {
                self.roomy_since.remove(&thing);
                continue;
            }
            let since = *self.roomy_since.entry(thing).or_insert(now);
            if now - since >= HANG_NS && self.all_sleep(thing, now) && !self.reported.contains(&thing) {
                self.reported.push(thing);
                findings.push(Finding { fault: Fault::Hang, what: self.describe(thing, now) });
            }
        }
    }

    /// A thread that began a new page is no more who wrote the one before: it executed itself anew.
    fn replace_programs(&mut self, history: &History) {
        for number in 0..self.followers.len() {
            if self.followers[number].writer.is_some() {
                continue;
            }
            let writer = history.writer(number as u64);
            if writer.is_some() {
                let before = self.followers.iter_mut().filter(|follower| follower.writer == writer);
                before.for_each(|follower| follower.is_over = true);
            }
            self.followers[number].writer = writer;
        }
    }

    fn living(&self) -> impl Iterator<Item = &Follower> {
        self.followers.iter().filter(|follower| !follower.is_over)
    }

    fn wanting(&self, thing: Thing) -> impl Iterator<Item = (&Follower, u64)> {
        self.living().filter_map(move |follower| {
            let (wanted, units) = follower.wants?;
            (wanted == thing).then_some((follower, units))
        })
    }

    /// Whether whoever wants `thing` could have it.
    fn has_room(&self, thing: Thing, things: &Things) -> bool {
        let wanting = self.wanting(thing).count();
        let most = self.wanting(thing).map(|(_, units)| units).max().unwrap_or(0);
        if most == 0 {
            return false;
        }
        match thing {
            Thing::Count => things.count.value() > 0,
            Thing::Meet => things.meet.is_broken() || wanting >= PARTIES as usize,
            _ => {
                let had: u64 = self.living().filter_map(|follower| follower.has.get(&(thing as u8))).sum();
                had + most <= thing.room()
            }
        }
    }

    /// Whether everyone who is at `thing` has slept for so long: who wants it, who was woken inside and goes for it
    /// again, and who has some of it. What is lost while somebody has some is found when everyone is at rest.
    fn all_sleep(&self, thing: Thing, now: u64) -> bool {
        self.at(thing).all(|follower| follower.has_slept(now))
    }

    fn at(&self, thing: Thing) -> impl Iterator<Item = &Follower> {
        self.living().filter(move |follower| {
            follower.parked.is_some_and(|(parked, _)| parked == thing)
                || follower.wants.is_some_and(|(wanted, _)| wanted == thing)
                || follower.has.contains_key(&(thing as u8))
        })
    }

    /// Who waits in the buffer `thing`: whether each puts. `None` unless all who are at it have slept for 50 ms:
    /// they are woken one after the other, so that one who is stopped rightly keeps the next.
    pub fn parked(&self, thing: Thing, now: u64) -> Option<Vec<bool>> {
        let there: Vec<_> = self.at(thing).collect();
        if there.is_empty() || !there.iter().all(|follower| follower.has_slept(now)) {
            return None;
        }
        Some(there.iter().filter_map(|follower| follower.parked).map(|(_, puts)| puts).collect())
    }

    fn describe(&self, thing: Thing, now: u64) -> String {
        let who: Vec<_> = self
            .wanting(thing)
            .map(|(follower, units)| {
                let (pid, tid) = follower.writer.unwrap_or_default();
                let since = follower.asleep.map_or(0, |(since, _)| now.saturating_sub(since)) / 1_000_000;
                format!("{pid}/{tid} wants {units} and has slept for {since} ms")
            })
            .collect();
        format!("{thing:?} has room, and {}", who.join(", "))
    }

    /// How many threads are at a turn.
    pub fn busy(&self) -> usize {
        self.living().filter(|it| it.wants.is_some() || it.parked.is_some() || !it.has.is_empty()).count()
    }
}

impl Follower {
    fn has_slept(&self, now: u64) -> bool {
        self.asleep.is_some_and(|(since, _)| now.saturating_sub(since) >= HANG_NS)
    }

    fn follow(&mut self, history: &History, number: u64, now: u64) {
        let Some((pid, tid)) = self.writer else { return };
        // First whether it lives, then what it wrote: nobody writes behind their end.
        let task = Task::of(pid, tid);
        let before = self.read;
        for entry in history.entries(number, self.read) {
            self.read += 1;
            self.note(entry.act, entry.thing, entry.units, entry.value);
        }
        match task {
            None => self.is_over = true,
            Some(task) if task.sleeps && self.read == before => {
                if self.asleep.is_none_or(|(_, runs)| runs != task.runs) {
                    self.asleep = Some((now, task.runs));
                }
            }
            Some(_) => self.asleep = None,
        }
    }

    fn note(&mut self, act: Act, thing: Thing, units: u64, value: u64) {
        let number = thing as u8;
        match act {
            Act::Want => self.wants = Some((thing, units)),
            Act::Have => {
                self.wants = None;
                self.parked = None;
                self.has.insert(number, units);
            }
            Act::Park => {
                self.has.remove(&number);
                self.parked = Some((thing, value != 0));
            }
            Act::Gone | Act::Refused => {
                self.has.remove(&number);
                self.wants = None;
                self.parked = None;
            }
            Act::Leave | Act::Torn => {}
            Act::End => self.is_over = true,
        }
    }
}

/// A thread as /proc tells it.
struct Task {
    sleeps: bool,
    /// How often it gave the processor up or lost it.
    runs: u64,
}

impl Task {
    /// `None` when it has ended.
    fn of(pid: u32, tid: u32) -> Option<Self> {
        let text = std::fs::read_to_string(format!("/proc/{pid}/task/{tid}/status")).ok()?;
        let field = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
        let state = field("State:")?.chars().next()?;
        let switches = |name: &str| field(name).and_then(|number| number.parse::<u64>().ok()).unwrap_or(0);
        let runs = switches("voluntary_ctxt_switches:") + switches("nonvoluntary_ctxt_switches:");
        (!matches!(state, 'Z' | 'X')).then_some(Self { sleeps: state == 'S', runs })
    }
}
