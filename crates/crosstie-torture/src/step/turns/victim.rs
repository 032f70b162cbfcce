//! What a victim does to a thing on which processes take turns.

use std::time::Duration;

use crosstie::ledger::{Identity, OwnerKind};
use crosstie::os::{clock, process, single_step};
use crosstie::{Deadline, OwnerId};

use super::case::{Act, Case, Dead};
use super::data::{FIRST, change};
use super::thing::{Mending, Opened, Refusal, Taken, Thing, Way};
use super::twin::{self, Twin};
use crate::step::victim::{Failure, Role};

/// How long a victim waits in vain; it needs some of that to fall asleep, in a debug build more.
const IN_VAIN: Duration = Duration::from_millis(if cfg!(debug_assertions) { 150 } else { 60 });

/// Does the operation of `case` between its marks; the dead before it come no further than theirs.
pub fn play(case: &Case, role: Role<'_>) -> Result<(), Failure> {
    if role.is_predecessor {
        return precede(case, role);
    }
    if case.act == Act::Open {
        role.domain.thread_owner()?;
        single_step::mark()?;
        if case.is(Twin::NamesFirst) {
            twin::name_first(case, role)?;
        }
        let opened = case.thing.open(role.domain, role.object)?;
        return finish(opened);
    }
    let opened = case.thing.open(role.domain, role.object)?;
    role.domain.thread_owner()?;
    if case.way == Way::Owned {
        role.domain.process_owner()?;
    }
    let victim = Victim { case, opened: &opened };
    match case.act {
        Act::Give => {
            if matches!(case.thing, Thing::TestingMutex | Thing::TestingRwLock) {
                opened.make_testing();
            }
            let taken = victim.take(Deadline::NEVER)?;
            single_step::mark()?;
            victim.give(taken)?;
            finish(())
        }
        Act::Transfer => {
            let taken = victim.take(Deadline::NEVER)?;
            let to = receiver(role)?;
            single_step::mark()?;
            victim.transfer(taken, to)?;
            finish(())
        }
        Act::Accept => {
            // Transferred to itself: whatever follows is the receiver's part.
            let own = role.domain.process_owner()?;
            victim.take(Deadline::NEVER)?.transfer_to(own)?;
            single_step::mark()?;
            finish(opened.accept()?)
        }
        Act::Change => {
            single_step::mark()?;
            let mut taken = victim.take(Deadline::NEVER)?;
            if let Some(data) = taken.data() {
                change(data, 0);
            }
            victim.give(taken)?;
            finish(())
        }
        Act::Drop => {
            single_step::mark()?;
            drop(opened);
            finish(())
        }
        act => {
            single_step::mark()?;
            // What it got it keeps until the kill.
            let taken = match act {
                Act::TryHeld => refused(victim.take(Deadline::NOW))?,
                Act::Outwait => refused(victim.take(clock::deadline_in(IN_VAIN)))?,
                Act::Try => Some(victim.take(Deadline::NOW)?),
                _ => Some(victim.take(Deadline::NEVER)?),
            };
            finish(taken)
        }
    }
}

/// Dies as an owner inside, the data half changed; or in its sleep.
fn precede(case: &Case, role: Role<'_>) -> Result<(), Failure> {
    let opened = case.thing.open(role.domain, role.object)?;
    role.domain.thread_owner()?;
    if case.dead == Dead::Waiter {
        single_step::mark()?;
        let taken = opened.take(case.others, Deadline::NEVER, Mending::Leaves)?;
        return finish(taken);
    }
    let mut taken = opened.take(case.way, Deadline::NEVER, Mending::Leaves)?;
    if let Some(data) = taken.data() {
        data[FIRST] += 1;
    }
    Ok(single_step::mark()?)
}

struct Victim<'a> {
    case: &'a Case,
    opened: &'a Opened,
}

impl<'a> Victim<'a> {
    fn take(&self, deadline: Deadline) -> Result<Taken<'a>, Refusal> {
        if let Some((broken, _)) = self.case.twin
            && let Some(taken) = twin::take(broken, self.opened, self.case.way)?
        {
            return Ok(taken);
        }
        self.opened.take(self.case.way, deadline, Mending::Leaves)
    }

    fn transfer(&self, taken: Taken<'a>, to: OwnerId) -> Result<(), Refusal> {
        let taken = match self.case.twin {
            Some((broken, _)) => twin::transfer(broken, self.opened, taken, to)?,
            None => Some(taken),
        };
        taken.map_or(Ok(()), |taken| taken.transfer_to(to))
    }

    fn give(&self, taken: Taken<'a>) -> Result<(), Refusal> {
        match self.case.twin {
            Some((broken, _)) => twin::give(broken, self.opened, taken),
            None => taken.give().map(drop),
        }
    }
}

/// The judge's process.
fn receiver(role: Role<'_>) -> Result<OwnerId, Failure> {
    let is_judge = |who: &Identity| who.kind == OwnerKind::Process && who.pid != process::pid();
    let judge = role.domain.owners().into_iter().find(is_judge).ok_or("there is nobody to transfer to")?;
    Ok(judge.id)
}

/// The operation has returned, and nothing is left to do; what it has it keeps until the kill.
fn finish<T>(kept: T) -> Result<(), Failure> {
    single_step::mark()?;
    single_step::mark()?;
    drop(kept);
    Ok(())
}

/// A refusal is what is expected.
fn refused<T>(taken: Result<T, Refusal>) -> Result<Option<T>, Failure> {
    match taken {
        Ok(_) => Err("the victim took what another has".into()),
        Err(Refusal::NotNow) => Ok(None),
        Err(other) => Err(other.into()),
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::NotNow => "refused as busy".into(),
            Refusal::Failed(what) => what.into(),
        }
    }
}
