//! One turn at each object: wanted, had, looked at, left; each step noted.

use std::time::Duration;

use crosstie::Deadline;
use crosstie::sync::{Access, BarrierError, LockError, LockResult, Mutex};

use super::history::Act;
use super::player::Player;
use super::things::{PERMITS, READERS, ROOM, Thing, Traffic};

/// How long who needs another's doing waits for it: that one may have died.
const PATIENCE: Duration = Duration::from_millis(40);

/// Takes a turn at `thing`.
pub fn take(player: &mut Player, thing: Thing) {
    match thing {
        Thing::Fair => mutex(player, thing, &player.place.things.fair.clone()),
        Thing::Fast => mutex(player, thing, &player.place.things.fast.clone()),
        Thing::Data if player.dice.once_in(3) => write(player),
        Thing::Data => read(player),
        Thing::Door => door(player),
        Thing::Permits => permits(player),
        Thing::Count => count(player),
        Thing::Buffer => buffer(player),
        Thing::Bell => bell(player),
        Thing::Meet => meet(player),
    }
}

/// The guard, and whether it came with the news of a death; `None`, noted, when it was refused.
fn had<G>(player: &mut Player, thing: Thing, taken: LockResult<G>) -> Option<(G, bool)> {
    match taken {
        Ok(guard) => Some((guard, false)),
        Err(LockError::Abandoned(guard)) => Some((guard, true)),
        Err(refusal) => {
            player.note(Act::Refused, thing, 0, 0, u64::from(refusal.kind().exit_code()));
            None
        }
    }
}

/// Two numbers that agree whenever nobody is inside, changed one after the other.
fn change(player: &mut Player, thing: Thing, data: &mut [u64; 2], told: bool) {
    if data[0] != data[1] {
        if !told {
            player.note(Act::Torn, thing, 0, 0, data[0]);
        }
        data[1] = data[0];
    }
    data[0] += 1;
    player.linger(500);
    data[1] += 1;
}

fn mutex(player: &mut Player, thing: Thing, mutex: &Mutex<[u64; 2]>) {
    player.note(Act::Want, thing, 1, 0, 0);
    let Some((mut guard, told)) = had(player, thing, mutex.lock()) else { return };
    player.have(thing, 1, told, guard.token(), guard[0]);
    change(player, thing, &mut guard, told);
    if told {
        guard.mark_mended();
    }
    player.nest(thing);
    if player.is_fork_child() {
        drop(guard);
        player.live_as_child();
    }
    player.note(Act::Leave, thing, 1, guard.token(), guard[0]);
    drop(guard);
    player.note(Act::Gone, thing, 1, 0, 0);
}

fn write(player: &mut Player) {
    let (thing, lock) = (Thing::Data, player.place.things.data.clone());
    player.note(Act::Want, thing, READERS, 0, 0);
    let Some((mut guard, told)) = had(player, thing, lock.write()) else { return };
    player.have(thing, READERS, told, guard.token(), guard[0]);
    change(player, thing, &mut guard, told);
    if told {
        guard.mark_mended();
    }
    player.nest(thing);
    if player.is_fork_child() {
        drop(guard);
        player.live_as_child();
    }
    player.note(Act::Leave, thing, READERS, guard.token(), guard[0]);
    drop(guard);
    player.note(Act::Gone, thing, READERS, 0, 0);
}

fn read(player: &mut Player) {
    let (thing, lock) = (Thing::Data, player.place.things.data.clone());
    player.note(Act::Want, thing, 1, 0, 0);
    let Some((guard, told)) = had(player, thing, lock.read()) else { return };
    player.have(thing, 1, told, 0, guard[0]);
    let before = *guard;
    player.nest(thing);
    if !told && (before[0] != before[1] || before != *guard) {
        player.note(Act::Torn, thing, 0, 0, guard[0]);
    }
    if player.is_fork_child() {
        drop(guard);
        player.live_as_child();
    }
    player.note(Act::Leave, thing, 1, 0, guard[0]);
    drop(guard);
    player.note(Act::Gone, thing, 1, 0, 0);
}

fn door(player: &mut Player) {
    let (thing, lock) = (Thing::Door, player.place.things.door.clone());
    let (access, units) =
        if player.dice.once_in(2) { (Access::Exclusive, READERS) } else { (Access::Shared, 1) };
    player.note(Act::Want, thing, units, 0, 0);
    let Some((guard, _)) = had(player, thing, lock.lock_until(access, Deadline::NEVER)) else { return };
    let token = if access == Access::Exclusive { guard.token() } else { 0 };
    player.have(thing, units, guard.is_abandoned(), token, 0);
    player.nest(thing);
    if player.is_fork_child() {
        drop(guard);
        player.live_as_child();
    }
    player.note(Act::Leave, thing, units, token, 0);
    drop(guard);
    player.note(Act::Gone, thing, units, 0, 0);
}

/// One permit or two; the value says which, a bit each.
fn permits(player: &mut Player) {
    let (thing, semaphore) = (Thing::Permits, player.place.things.permits.clone());
    let units = 1 + u32::try_from(player.dice.below(2)).unwrap_or(0).min(PERMITS - 1);
    player.note(Act::Want, thing, u64::from(units), 0, 0);
    let taken = semaphore.acquire_many(units, Deadline::NEVER);
    let Some((guard, _)) = had(player, thing, taken) else { return };
    let which = guard.indices().fold(0, |bits, index| bits | 1 << index);
    player.have(thing, u64::from(units), false, 0, which);
    player.nest(thing);
    if player.is_fork_child() {
        drop(guard);
        player.live_as_child();
    }
    player.note(Act::Leave, thing, u64::from(units), 0, which);
    drop(guard);
    player.note(Act::Gone, thing, u64::from(units), 0, 0);
}

/// Takes one and posts it again. Who dies between takes it along: permits without owners.
fn count(player: &mut Player) {
    let (thing, semaphore) = (Thing::Count, player.place.things.count.clone());
    player.note(Act::Want, thing, 1, 0, 0);
    let taken = semaphore.wait_for(PATIENCE);
    if had(player, thing, taken).is_none() {
        return;
    }
    player.have(thing, 1, false, 0, 0);
    player.linger(500);
    player.note(Act::Leave, thing, 1, 0, 0);
    if semaphore.post().is_err() {
        player.note(Act::Refused, thing, 0, 0, 1);
    }
    player.note(Act::Gone, thing, 1, 0, 0);
}

/// Puts one in, or takes one out.
fn change_traffic(player: &mut Player, traffic: &mut Traffic, puts: bool) {
    if traffic.is_closed != 0 {
        return;
    }
    if puts {
        traffic.came += 1;
        player.linger(300);
        traffic.inside += 1;
    } else {
        traffic.inside -= 1;
        player.linger(300);
        traffic.went += 1;
    }
}

/// Whether who puts, or takes, has to wait.
pub fn must_wait(traffic: &Traffic, puts: bool) -> bool {
    traffic.is_closed == 0 && if puts { traffic.inside >= ROOM } else { traffic.inside == 0 }
}

fn look_inside(player: &mut Player, thing: Thing, traffic: &Traffic, told: bool) {
    player.have(thing, 1, told, 0, traffic.inside);
    if !told && traffic.is_torn() {
        player.note(Act::Torn, thing, 0, 0, traffic.inside);
    }
}

/// Puts in, or takes out, one to three without leaving: then it waits inside for others although it has changed
/// the buffer before.
fn buffer(player: &mut Player) {
    let (thing, monitor) = (Thing::Buffer, player.place.things.buffer.clone());
    let puts = player.dice.once_in(2);
    player.note(Act::Want, thing, 1, 0, 0);
    let Some((mut inside, mut told)) = had(player, thing, monitor.enter()) else { return };
    look_inside(player, thing, &inside, told);
    let mut left = 1 + player.dice.below(3);
    while left > 0 && inside.is_closed == 0 {
        if told {
            inside.mend();
            inside.mark_mended();
        }
        let mut parked = false;
        let waited = inside.wait_while(|traffic| {
            if parked {
                look_inside(player, thing, traffic, false);
            }
            parked = must_wait(traffic, puts);
            if parked {
                player.note(Act::Park, thing, 1, 0, u64::from(puts));
            }
            parked
        });
        let Some(again) = had(player, thing, waited) else { return };
        (inside, told) = again;
        if told {
            look_inside(player, thing, &inside, told);
        } else {
            change_traffic(player, &mut inside, puts);
            left -= 1;
        }
    }
    if told {
        inside.mend();
        inside.mark_mended();
    }
    player.note(Act::Leave, thing, 1, inside.token(), 0);
    drop(inside);
    player.note(Act::Gone, thing, 1, 0, 0);
}

fn bell(player: &mut Player) {
    let (thing, mutex, bell) =
        (Thing::Bell, player.place.things.guarded.clone(), player.place.things.bell.clone());
    let puts = player.dice.once_in(2);
    player.note(Act::Want, thing, 1, 0, 0);
    let Some((mut guard, mut told)) = had(player, thing, mutex.lock()) else { return };
    loop {
        look_inside(player, thing, &guard, told);
        if told {
            guard.mend();
            guard.mark_mended();
            // Who died may not have rung.
            let _ = bell.notify_all(&guard);
        }
        if !must_wait(&guard, puts) {
            break;
        }
        player.note(Act::Park, thing, 1, 0, u64::from(puts));
        let Some(again) = had(player, thing, bell.wait(guard)) else { return };
        (guard, told) = again;
    }
    change_traffic(player, &mut guard, puts);
    let _ = bell.notify_all(&guard);
    player.note(Act::Leave, thing, 1, guard.token(), 0);
    drop(guard);
    player.note(Act::Gone, thing, 1, 0, 0);
}

/// Meets another. The value says whether it led; who finds the barrier broken makes it whole.
fn meet(player: &mut Player) {
    let (thing, barrier) = (Thing::Meet, player.place.things.meet.clone());
    player.note(Act::Want, thing, 1, 0, 0);
    match barrier.wait_for(PATIENCE) {
        Ok(leads) => player.have(thing, 1, false, 0, u64::from(leads)),
        Err(BarrierError::Broken(_)) => {
            player.note(Act::Refused, thing, 0, 0, u64::from(crosstie::ErrorKind::PeerDied.exit_code()));
            let _ = barrier.reset();
        }
        Err(refusal) => player.note(Act::Refused, thing, 0, 0, u64::from(refusal.kind().exit_code())),
    }
    let _ = barrier.leave();
    player.note(Act::Gone, thing, 1, 0, 0);
}
