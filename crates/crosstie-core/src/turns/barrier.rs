//! Waiting at a barrier until all parties have come, or one has died.

use crate::turns::queued::{Queued, Request};
use crate::wait::{Blocks, Refused, Seen, WATCHED_MAX, Wait, Wake, block};
use crate::word::barrier::{Generation, Seat, advance, break_it, call_off, read};
use crate::word::head::Head;
use crate::word::waiting::look_for_waiters;
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

/// Arrives, and waits for the others. `announce`, as in [`super::counting::post`], is called for one that comes for the first
/// time: until they are told of it, those who wait do not watch it.
///
/// # Errors
/// As [`Refused`] says: the arrival is taken back, unless all came meanwhile.
pub fn arrive<W: Blocks, A>(
    head: &Head,
    seats: &[Seat],
    on_death: OnDeath,
    wait: &W,
    owner: OwnerId,
    request: &Request,
    announce: impl FnOnce() -> A,
) -> Result<Passed, Refused<W::Cycle>> {
    block(arrive_async(head, seats, on_death, wait, owner, request, announce))
}

/// As [`arrive`], also for a task. Dropped before it is ready, the arrival is taken back as a late one's is; if all had come by then, it
/// has taken part.
///
/// # Errors
/// As [`arrive`].
pub async fn arrive_async<W: Wait, A>(
    head: &Head,
    seats: &[Seat],
    on_death: OnDeath,
    wait: &W,
    owner: OwnerId,
    request: &Request,
    announce: impl FnOnce() -> A,
) -> Result<Passed, Refused<W::Cycle>> {
    if read(&head.word).is_broken() {
        return Ok(Passed::Broken(dead_party(seats, wait)));
    }
    let Some(seat) = own_seat(head, seats, wait, owner, on_death, announce) else {
        return Ok(Passed::Full);
    };
    // Behind the seat: no generation ends without whoever has one, but one that was read before may be over, and who
    // took no part in it would pass alone.
    let found = read(&head.word);
    if found.is_broken() {
        return Ok(Passed::Broken(dead_party(seats, wait)));
    }
    let generation = found.generation();
    seat.arrive(owner, generation);
    crash_point!("barrier.arrived");
    let mut arrival = Arrival { head, seat, wait, generation, is_over: false };
    let mut room = [owner; WATCHED_MAX];
    if let Ok(passed) = look(head, seats, on_death, wait, generation, &mut room) {
        return Ok(arrival.end(passed));
    }
    let refused = if request.deadline.is_now() {
        Refused::Busy
    } else {
        // Dropped in this order, whatever ends it: the place, and then the arrival.
        let mut queued = Queued::enter(head, wait, request);
        let outcome = loop {
            let seen = Seen::of(wait, [head]);
            match look(head, seats, on_death, wait, generation, &mut room) {
                Ok(passed) => break Ok(passed),
                Err(count) => {
                    if let Err(refused) = queued.sleep(&seen, &room[..count]).await {
                        break Err(refused);
                    }
                }
            }
        };
        queued.leave();
        match outcome {
            Ok(passed) => return Ok(arrival.end(passed)),
            Err(refused) => refused,
        }
    };
    // All may have come between the time-out and the withdrawal.
    if arrival.take_back() { Err(refused) } else { Ok(Passed::All { leads: false }) }
}

/// An arrival that counts; dropped before its end, it is taken back.
struct Arrival<'a, W: Wait> {
    head: &'a Head,
    seat: &'a Seat,
    wait: &'a W,
    generation: Generation,
    is_over: bool,
}

impl<W: Wait> Arrival<'_, W> {
    fn end(&mut self, passed: Passed) -> Passed {
        self.is_over = true;
        passed
    }

    /// Answers whether it is not too late for that.
    fn take_back(&mut self) -> bool {
        self.is_over = true;
        self.seat.withdraw();
        crash_point!("barrier.withdrew");
        call_off(&self.head.word, self.generation)
    }
}

impl<W: Wait> Drop for Arrival<'_, W> {
    fn drop(&mut self) {
        // A fork child's copy is its parent's.
        if !self.is_over && self.wait.is_present() {
            self.take_back();
        }
    }
}

/// What became of `generation`: over, broken, or ended by the caller.
///
/// # Errors
/// It goes on; so many in `room`, all other parties that were seen to live by this very look, are to be watched.
fn look<W: Wait>(
    head: &Head,
    seats: &[Seat],
    on_death: OnDeath,
    wait: &W,
    generation: Generation,
    room: &mut [OwnerId],
) -> Result<Passed, usize> {
    loop {
        let found = read(&head.word);
        if generation.is_met(found.generation()) {
            return Ok(Passed::All { leads: false });
        }
        // Broken, or broken and made whole again meanwhile.
        if found.is_broken() || found.generation() != generation {
            return Ok(Passed::Broken(dead_party(seats, wait)));
        }
        let (mut awaited, mut dead, mut count) = (0, None, 0);
        for seat in seats {
            let Some((party, has_come)) = seat.look(generation) else {
                awaited += 1;
                continue;
            };
            if !wait.is_alive(party) {
                dead = dead.or(Some(party).filter(|_| !has_come));
                continue;
            }
            awaited += u32::from(!has_come);
            if let Some(place) = room.get_mut(count).filter(|_| party != wait.me()) {
                *place = party;
                count += 1;
            }
        }
        let passed = match (dead, on_death) {
            (Some(party), OnDeath::Break) => {
                if !break_it(&head.word, found) {
                    continue;
                }
                head.count_death(party);
                Passed::Broken(Some(party))
            }
            _ if awaited > 0 => return Err(count),
            // Another ended or broke it, or took its arrival back: the word tells.
            _ if !advance(&head.word, found) => continue,
            _ => Passed::All { leads: true },
        };
        crash_point!("barrier.ended");
        // Who has queued and reads the word as it was is seen here: where a party has left since, the seats show it no more
        // that all had come.
        look_for_waiters();
        wait.each(head.key(), &mut |waiter| wait.nudge(waiter));
        return Ok(passed);
    }
}

fn dead_party<W: Wake>(seats: &[Seat], wait: &W) -> Option<OwnerId> {
    seats.iter().filter_map(|seat| seat.party.owner()).find(|&party| !wait.is_alive(party))
}

/// The party's own seat; the first time an empty one, or a dead party's where the barrier may not break by it. From then on
/// those who wait there watch it.
fn own_seat<'a, W: Wake, A>(
    head: &Head,
    seats: &'a [Seat],
    wait: &W,
    owner: OwnerId,
    on_death: OnDeath,
    announce: impl FnOnce() -> A,
) -> Option<&'a Seat> {
    if let Some(own) = seats.iter().find(|seat| seat.party.owner() == Some(owner)) {
        return Some(own);
    }
    let announced = announce();
    let seat = seats.iter().find(|seat| {
        let found = seat.party.owner();
        let may_take = match found {
            None => true,
            Some(party) => on_death == OnDeath::Shrink && !wait.is_alive(party),
        };
        may_take && seat.party.try_take(found, owner).is_some()
    })?;
    crash_point!("barrier.seated");
    look_for_waiters();
    wait.each(head.key(), &mut |waiter| wait.nudge(waiter));
    drop(announced);
    Some(seat)
}
