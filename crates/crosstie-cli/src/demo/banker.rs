//! `demo banker`: a deadlock that is avoided, beside one that is found and ended.

use std::fmt::Write as _;

use crosstie::Shareable;
use crosstie::shareable::List;
use crosstie::sync::{Barrier, LockError, Monitor, OnDeath, Semaphore};
use crosstie::{Deadline, ErrorKind};

use super::drawing::{circle, encode, links};
use super::role::{Role, refused};
use super::stage::{Stage, claim, say};
use crate::exit::{Failure, Outcome};

const CUSTOMERS: usize = 3;
/// What the bank has.
const UNITS: u32 = 10;
/// What each customer says beforehand that it needs at most.
const CLAIM: u32 = 7;
/// What each asks for first; the rest comes later, and nothing is given back before.
const FIRST: u32 = 3;
const NOTES: usize = 16;

/// A decision of the banker, with what everyone had before it.
#[derive(Clone, Copy, Default, Shareable)]
#[repr(C)]
struct Note {
    who: u64,
    wants: u64,
    answer: u64,
    has: [u64; CUSTOMERS],
}

const GRANTED: u64 = 0;
const UNSAFE: u64 = 1;
const TOO_FEW: u64 = 2;

/// What the banker knows. All claim the same.
#[derive(Default, Shareable)]
#[repr(C)]
struct Bank {
    has: [u64; CUSTOMERS],
    notes: List<Note, NOTES>,
}

impl Bank {
    fn free(&self) -> u64 {
        u64::from(UNITS).saturating_sub(self.has.iter().sum())
    }

    /// What the banker answers to who wants so much more.
    fn answer(&self, who: usize, wants: u64) -> u64 {
        let Some(free) = self.free().checked_sub(wants) else { return TOO_FEW };
        let mut has = self.has;
        has[who] += wants;
        if is_safe(has, free) { GRANTED } else { UNSAFE }
    }

    fn note(&mut self, who: usize, wants: u64, answer: u64) {
        // Beyond the last place the story is told without it.
        let _ = self.notes.push(Note { who: who as u64, wants, answer, has: self.has });
    }
}

/// Whether everyone can have all that they may still ask for, in some order: each gives all back when it is done.
fn is_safe(has: [u64; CUSTOMERS], mut free: u64) -> bool {
    let mut is_done = [false; CUSTOMERS];
    loop {
        let next = (0..CUSTOMERS).find(|&who| !is_done[who] && u64::from(CLAIM) - has[who] <= free);
        let Some(who) = next else { return is_done == [true; CUSTOMERS] };
        is_done[who] = true;
        free += has[who];
    }
}

pub fn tell(stage: &Stage) -> Outcome {
    say(format!(
        "A bank has {UNITS} units. Three processes each need {CLAIM} at most: {FIRST} first, the rest later,"
    ))?;
    say("and they give nothing back before.")?;
    say(
        "\n1. Without a banker, a plain semaphore: each takes its first 3, then asks for 4 more; 1 is left.\n",
    )?;
    let (deadlocks, told) = without_banker(stage)?;
    say(circle(&links(&told)))?;
    say("\n   All three were done in the end.")?;
    say(format!(
        "   Told of a deadlock, gave back what it had, began anew: {deadlocks}. Detection acts afterwards.\n"
    ))?;

    say(
        "2. With the banker's algorithm: a request is granted only if the state behind it is safe, that is,",
    )?;
    say("   if there is an order in which everyone can have all that they may still ask for.\n")?;
    let notes = with_banker(stage)?;
    for note in &notes {
        say(format!("   {}", line(note)))?;
    }
    let unsafe_count = notes.iter().filter(|note| note.answer == UNSAFE).count();
    say("\n   All three were done, with 0 deadlocks.")?;
    say(format!(
        "   Made to wait although there were units enough: {unsafe_count}. Avoidance acts before, and needs claims."
    ))?;
    claim(deadlocks > 0, "that the plain semaphore ends in a deadlock")?;
    claim(unsafe_count > 0, "that the banker refuses an unsafe state")?;
    let granted = notes.iter().filter(|note| note.answer == GRANTED).count();
    claim(granted == 2 * CUSTOMERS, "that everyone got all that they asked for")
}

/// `process 2 wants 3; they have 3 3 0, free 4: unsafe, it waits`
fn line(note: &Note) -> String {
    let free = u64::from(UNITS).saturating_sub(note.has.iter().sum());
    let mut text = format!("process {} wants {}; they have", note.who + 1, note.wants);
    for has in note.has {
        // Writing to a String cannot fail.
        let _ = write!(text, " {has}");
    }
    let _ = write!(text, ", free {free}:");
    text.push_str(match note.answer {
        GRANTED => " safe, it gets them",
        UNSAFE => " unsafe, it waits",
        _ => " too few, it waits",
    });
    text
}

fn without_banker(stage: &Stage) -> Result<(u64, String), Failure> {
    let mut actors =
        (0..CUSTOMERS).map(|who| stage.actor("borrower", &[&who])).collect::<Result<Vec<_>, _>>()?;
    let (mut deadlocks, mut first) = (0, String::new());
    for actor in &mut actors {
        let told = actor.says("done")?;
        let (count, told) = told.split_once(' ').unwrap_or((&told, ""));
        deadlocks += count.parse::<u64>().unwrap_or(0);
        if told.len() > first.len() {
            first = told.to_owned();
        }
    }
    Ok((deadlocks, first))
}

fn with_banker(stage: &Stage) -> Result<Vec<Note>, Failure> {
    let mut actors =
        (0..CUSTOMERS).map(|who| stage.actor("customer", &[&who])).collect::<Result<Vec<_>, _>>()?;
    for (actor, comes) in actors.iter_mut().zip(1..) {
        // One after the other has its first part, or waits for it, so that the story is the same each time.
        actor.says("ready")?;
        actor.go_on()?;
        let bank = Monitor::<Bank>::open_or_create_in(stage.domain(), "bank", Bank::default)?;
        drop(bank.wait_while(|bank| bank.notes.len() < comes).map_err(refused)?);
    }
    for actor in &mut actors {
        actor.go_on()?;
    }
    for actor in &mut actors {
        actor.says("done")?;
    }
    let bank = Monitor::<Bank>::open_or_create_in(stage.domain(), "bank", Bank::default)?;
    let bank = bank.enter().map_err(refused)?;
    Ok(bank.notes.iter().copied().collect())
}

pub fn play(role: &mut Role) -> Outcome {
    let who: usize = role.next()?;
    if role.name == "borrower" { borrow(role) } else { ask(role, who) }
}

/// Takes from a plain semaphore, and begins anew when that would be a deadlock.
fn borrow(role: &Role) -> Outcome {
    let bank = Semaphore::open_or_create_in(role.domain, "units", UNITS)?;
    let parties = u32::try_from(CUSTOMERS).unwrap_or(u32::MAX);
    let all = Barrier::open_or_create_in(role.domain, "all-have-some", parties, OnDeath::Break)?;
    let (mut deadlocks, mut circle, mut has_met) = (0, String::new(), false);
    loop {
        let some = bank.acquire_many(FIRST, Deadline::NEVER).map_err(refused)?;
        if !has_met {
            has_met = true;
            all.wait_until(Deadline::NEVER)
                .map_err(|error| Failure::new(ErrorKind::Failed, format!("meet: {error}")))?;
        }
        match bank.acquire_many(CLAIM - FIRST, Deadline::NEVER) {
            Ok(_rest) => return role.say("done", format!("{deadlocks} {circle}")),
            Err(LockError::Deadlock(told)) => {
                deadlocks += 1;
                if circle.is_empty() {
                    circle = encode(&told);
                }
            }
            Err(refusal) => return Err(refused(refusal)),
        }
        drop(some);
    }
}

/// Asks the banker for the first part and the rest, then gives all back.
fn ask(role: &Role, who: usize) -> Outcome {
    let bank = Monitor::<Bank>::open_or_create_in(role.domain, "bank", Bank::default)?;
    role.say("ready", "")?;
    for wants in [FIRST, CLAIM - FIRST].map(u64::from) {
        role.wait()?;
        let mut inside = bank.enter().map_err(refused)?;
        let answer = inside.answer(who, wants);
        if answer != GRANTED {
            inside.note(who, wants, answer);
            inside = inside.wait_while(|bank| bank.answer(who, wants) != GRANTED).map_err(refused)?;
        }
        inside.note(who, wants, GRANTED);
        inside.has[who] += wants;
    }
    bank.enter().map_err(refused)?.has[who] = 0;
    role.say("done", "")
}
