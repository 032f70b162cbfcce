//! What may be in a history, and what may not.

use crosstie::ErrorKind;

use super::stays::{End, Had, Stay, Told};
use super::things::{COUNT, PARTIES, THINGS, Thing};

/// What can be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    /// Somebody slept although nobody had what they wanted.
    Hang,
    /// Two had what one may have, or a token did not grow.
    Exclusion,
    PermitLost,
    PermitDoubled,
    /// Data were half changed, or not what the last owner left, and no death was told.
    Torn,
    /// An owner died inside, and the next one was not told.
    DeathUntold,
    /// A death was told, and nobody had died.
    DeathInvented,
    /// More were served before somebody than there are others.
    Overtaken,
    SlotLeaked,
    /// An error where there was no reason for one: a deadlock among others.
    Refused,
    /// An object that nobody uses could not be removed.
    Kept,
}

/// A fault, and what was seen of it.
#[derive(Debug)]
pub struct Finding {
    pub fault: Fault,
    pub what: String,
}

/// What a round's history tells.
#[derive(Debug, Default)]
pub struct Verdict {
    pub findings: Vec<Finding>,
    pub operations: u64,
    pub deaths_told: u64,
}

/// Judges a round whose processes have all ended; `count` is what the counting semaphore was then.
pub fn judge(told: &Told, count: u32) -> Verdict {
    let mut verdict = Verdict::default();
    for (thing, at_ns) in &told.torn {
        verdict.find(Fault::Torn, *thing, format!("half changed at {at_ns}"));
    }
    for thing in THINGS {
        let stays: Vec<&Stay> = told.stays.iter().filter(|stay| stay.thing == thing).collect();
        verdict.operations += stays.iter().filter(|stay| stay.had.is_some()).count() as u64;
        refusals(thing, &stays, &mut verdict);
        match thing {
            Thing::Meet => meetings(&stays, &mut verdict),
            Thing::Count => {
                room(thing, &stays, &mut verdict);
                counted(&stays, count, &mut verdict);
            }
            Thing::Permits => {
                room(thing, &stays, &mut verdict);
                places(&stays, &mut verdict);
            }
            _ => {
                room(thing, &stays, &mut verdict);
                // In the order in which they had it alone.
                let alone: Vec<&Stay> =
                    stays.iter().copied().filter(|stay| stay.units == thing.room()).collect();
                owners(thing, &alone, &mut verdict);
                deaths(thing, &alone, &mut verdict);
            }
        }
    }
    verdict
}

impl Verdict {
    fn find(&mut self, fault: Fault, thing: Thing, what: String) {
        self.findings.push(Finding { fault, what: format!("{thing:?}: {what}") });
    }
}

fn had<'a>(stays: &'a [&'a Stay]) -> impl Iterator<Item = (&'a Stay, Had)> {
    stays.iter().filter_map(|stay| Some((*stay, stay.had?)))
}

/// Errors for which there was a reason: others have died, or did not come.
fn refusals(thing: Thing, stays: &[&Stay], verdict: &mut Verdict) {
    let allowed: &[ErrorKind] = match thing {
        Thing::Count => &[ErrorKind::TimedOut],
        Thing::Meet => &[ErrorKind::TimedOut, ErrorKind::PeerDied, ErrorKind::Usage],
        _ => &[],
    };
    for stay in stays {
        if let End::Refused(code) = stay.end
            && !allowed.iter().any(|kind| u64::from(kind.exit_code()) == code)
        {
            verdict.find(Fault::Refused, thing, format!("page {} was refused with {code}", stay.page));
        }
    }
}

/// Never more at once than there is room for.
fn room(thing: Thing, stays: &[&Stay], verdict: &mut Verdict) {
    let fault = match thing {
        Thing::Permits | Thing::Count => Fault::PermitDoubled,
        _ => Fault::Exclusion,
    };
    let mut events: Vec<(u64, bool, u64)> = Vec::new();
    for (stay, had) in had(stays).filter(|(_, had)| had.until_ns > had.from_ns) {
        events.extend([(had.from_ns, true, stay.units), (had.until_ns, false, stay.units)]);
    }
    // Who left at the very nanosecond had left.
    events.sort_unstable();
    let mut inside = 0_u64;
    for (at_ns, comes, units) in events {
        if !comes {
            inside = inside.saturating_sub(units);
            continue;
        }
        inside += units;
        if inside > thing.room() {
            verdict.find(fault, thing, format!("{inside} of {} were had at {at_ns}", thing.room()));
            return;
        }
    }
}

/// No permit has two owners.
fn places(stays: &[&Stay], verdict: &mut Verdict) {
    for place in 0..u64::BITS {
        let owners = had(stays).filter(|(_, had)| had.value >> place & 1 != 0);
        let mut until_ns = 0;
        for (stay, had) in owners {
            if had.from_ns < until_ns {
                let what =
                    format!("permit {place} had a second owner, page {}, at {}", stay.page, had.from_ns);
                verdict.find(Fault::PermitDoubled, Thing::Permits, what);
                return;
            }
            until_ns = until_ns.max(had.until_ns);
        }
    }
}

/// Tokens grow, and each owner finds what the last one left.
fn owners(thing: Thing, alone: &[&Stay], verdict: &mut Verdict) {
    let mut last: Option<Had> = None;
    for (stay, had) in had(alone).filter(|(_, had)| had.token != 0) {
        let Some(before) = last.replace(had) else { continue };
        if had.token <= before.token {
            let what = format!("page {} got token {} behind {}", stay.page, had.token, before.token);
            verdict.find(Fault::Exclusion, thing, what);
        }
        if had.token == before.token + 1
            && let Some(left) = before.left
            && left != had.value
        {
            let what = format!("token {} left {left}, the next one found {}", before.token, had.value);
            verdict.find(Fault::Torn, thing, what);
        }
    }
}

/// A death is told if and only if an owner died inside.
fn deaths(thing: Thing, alone: &[&Stay], verdict: &mut Verdict) {
    let mut dead: Vec<u64> = alone.iter().filter(|stay| stay.died()).map(|stay| stay.wanted_ns).collect();
    dead.sort_unstable();
    let mut told_count = 0;
    let mut died_inside: Option<u64> = None;
    for (stay, had) in had(alone) {
        if let Some(page) = died_inside.take()
            && !had.told
        {
            let what = format!("page {page} died inside, and page {} was not told", stay.page);
            verdict.find(Fault::DeathUntold, thing, what);
        }
        if had.told {
            told_count += 1;
            let may_be = dead.partition_point(|&wanted_ns| wanted_ns < had.from_ns);
            if may_be < told_count {
                let what = format!("page {} was told of a death, and nobody had died", stay.page);
                verdict.find(Fault::DeathInvented, thing, what);
            }
        }
        if stay.end == End::DiedInside {
            died_inside = Some(stay.page);
        }
    }
    verdict.deaths_told += told_count as u64;
}

/// Of the counting semaphore there are as many as the dead left.
fn counted(stays: &[&Stay], count: u32, verdict: &mut Verdict) {
    let ended = |end: End| stays.iter().filter(|stay| stay.end == end).count() as u64;
    let most = u64::from(COUNT).saturating_sub(ended(End::DiedInside));
    let least = most.saturating_sub(ended(End::DiedWanting) + ended(End::DiedLeaving));
    let what = format!("its value is {count}, the dead left {least} to {most}");
    if u64::from(count) < least {
        verdict.find(Fault::PermitLost, Thing::Count, what);
    } else if u64::from(count) > most {
        verdict.find(Fault::PermitDoubled, Thing::Count, what);
    }
}

/// Nobody passes the barrier alone, and one of them leads.
fn meetings(stays: &[&Stay], verdict: &mut Verdict) {
    let mut by_want: Vec<&Stay> = stays.to_vec();
    by_want.sort_unstable_by_key(|stay| stay.wanted_ns);
    for (index, stay) in by_want.iter().enumerate().filter(|(_, stay)| stay.had.is_some()) {
        // Of the dead it is not known how long they waited.
        let overlaps =
            |other: &&&Stay| (other.died() || other.ended_ns >= stay.wanted_ns) && other.page != stay.page;
        // However long ago it came: many are refused while two have the seats.
        let before = by_want[..index].iter().rev().any(|other| overlaps(&other));
        let until = stay.had.map_or(0, |had| had.from_ns);
        let after = by_want[index + 1..].iter().take_while(|other| other.wanted_ns <= until);
        if !before && after.filter(|other| other.page != stay.page).count() == 0 {
            verdict.find(Fault::Exclusion, Thing::Meet, format!("page {} passed alone", stay.page));
        }
    }
    let passed = had(stays).count() as u64;
    let led = had(stays).filter(|(_, had)| had.value != 0).count() as u64;
    let died = stays.iter().filter(|stay| stay.died()).count() as u64;
    if (led * u64::from(PARTIES)).abs_diff(passed) > died * u64::from(PARTIES) {
        verdict.find(Fault::Exclusion, Thing::Meet, format!("{led} led where {passed} passed, {died} died"));
    }
}
