//! Waiting at a barrier until all parties have come, or one has died.

use crate::turns::queued::{Queued, Request};
use crate::wait::{Refused, Wait, Wake};
use crate::word::barrier::{Seat, advance, break_it, read};
use crate::word::head::Head;
use crate::{OwnerId, crash_point};

/// What a dead party does to a barrier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OnDeath {
    /// It breaks: everyone is told who died, until it is reset.
    Break,
    /// It has one party fewer.
    Shrink,
}

/// How a wait at a barrier ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Passed {
    /// All have come; the one for which `leads` is true is one of them.
    All {
        /// Whether this party ended the generation.
        leads: bool,
    },
    /// It is broken; a party that died, if it could be told.
    Broken(Option<OwnerId>),
    /// There are more parties than seats.
    Full,
}

/// Arrives, and waits for the others.
///
/// # Errors
/// As [`Refused`] says: the arrival is taken back, unless all came meanwhile.
pub fn arrive<W: Wait>(
    head: &Head,
    seats: &[Seat],
    on_death: OnDeath,
    wait: &W,
    owner: OwnerId,
    request: &Request,
) -> Result<Passed, Refused<W::Cycle>> {
    let (generation, is_broken) = read(&head.word);
    if is_broken {
        return Ok(Passed::Broken(dead_party(seats, wait)));
    }
    let Some(seat) = take_seat(seats, wait, owner, on_death) else { return Ok(Passed::Full) };
    seat.arrive(generation);
    crash_point!("barrier.arrived");
    if let Some(passed) = look(head, seats, on_death, wait, generation) {
        return Ok(passed);
    }
    if request.deadline.is_now() {
        seat.withdraw();
        return Err(Refused::Busy);
    }
    let mut queued = Queued::enter(head, wait, request);
    loop {
        let seen = wait.wake_word();
        if let Some(passed) = look(head, seats, on_death, wait, generation) {
            queued.leave();
            return Ok(passed);
        }
        let mut parties = [owner; WATCHED_MAX];
        let mut count = 0;
        let others = seats.iter().filter_map(|seat| seat.party.owner()).filter(|&party| party != owner);
        for (place, party) in parties.iter_mut().zip(others.filter(|&party| wait.is_alive(party))) {
            *place = party;
            count += 1;
        }
        if let Err(refused) = queued.sleep(seen, &parties[..count]) {
            queued.leave();
            seat.withdraw();
            // All may have come between the time-out and the withdrawal.
            let (now, _) = read(&head.word);
            return if now == generation { Err(refused) } else { Ok(Passed::All { leads: false }) };
        }
    }
}

const WATCHED_MAX: usize = 126;

/// What became of `generation`, if anything: over, broken, or to be ended by the caller.
fn look<W: Wake>(
    head: &Head,
    seats: &[Seat],
    on_death: OnDeath,
    wait: &W,
    generation: u32,
) -> Option<Passed> {
    let (now, is_broken) = read(&head.word);
    if now != generation {
        return Some(Passed::All { leads: false });
    }
    if is_broken {
        return Some(Passed::Broken(dead_party(seats, wait)));
    }
    let mut awaited = 0;
    let mut dead = None;
    for seat in seats {
        match seat.look(generation) {
            Some((_, true)) => {}
            Some((party, false)) if !wait.is_alive(party) => dead = Some(party),
            Some((_, false)) | None => awaited += 1,
        }
    }
    let tell = |passed| {
        crash_point!("barrier.ended");
        wait.each(head.key(), &mut |waiter| wait.nudge(waiter));
        Some(passed)
    };
    match (dead, on_death) {
        (Some(party), OnDeath::Break) => {
            if break_it(&head.word, generation) {
                head.count_death(party);
            }
            tell(Passed::Broken(Some(party)))
        }
        _ if awaited > 0 => None,
        _ => {
            let leads = advance(&head.word, generation);
            tell(Passed::All { leads })
        }
    }
}

fn dead_party<W: Wake>(seats: &[Seat], wait: &W) -> Option<OwnerId> {
    seats.iter().filter_map(|seat| seat.party.owner()).find(|&party| !wait.is_alive(party))
}

/// The party's own seat; the first time an empty one, or a dead party's where the barrier may not break by it.
fn take_seat<'a, W: Wake>(
    seats: &'a [Seat],
    wait: &W,
    owner: OwnerId,
    on_death: OnDeath,
) -> Option<&'a Seat> {
    if let Some(own) = seats.iter().find(|seat| seat.party.owner() == Some(owner)) {
        return Some(own);
    }
    seats.iter().find(|seat| {
        let found = seat.party.owner();
        let may_take = match found {
            None => true,
            Some(party) => on_death == OnDeath::Shrink && !wait.is_alive(party),
        };
        may_take && seat.party.try_take(found, owner).is_some()
    })
}
