//! Taking and giving back the permits of a semaphore, first come, first served.

use crate::turns::queued::{Queued, Request};
use crate::wait::{Blocks, OnCancel, Refused, Seen, WATCHED_MAX, Wait, Wake, block};
use crate::word::head::Head;
use crate::word::permits::{Permit, look};
use crate::word::queueing::{self, QUEUED};
use crate::{OwnerId, crash_point};

/// Takes as many permits as `taken` has places for `owner`; answers each one's number and fencing number.
/// Of `cells` there are as many permits as the head's patience says, which may change at any time.
///
/// # Errors
/// As [`Refused`] says; then `owner` has none of them.
pub fn acquire<W: Blocks>(
    head: &Head,
    cells: &[Permit],
    wait: &W,
    owner: OwnerId,
    request: &Request,
    taken: &mut [(u32, u64)],
) -> Result<(), Refused<W::Cycle>> {
    block(acquire_async(head, cells, wait, owner, request, taken))
}

/// As [`acquire`], also for a task. Dropped before it is ready, `owner` has none of them, and what was free for it is for the next.
///
/// # Errors
/// As [`Refused`] says; then `owner` has none of them.
pub async fn acquire_async<W: Wait>(
    head: &Head,
    cells: &[Permit],
    wait: &W,
    owner: OwnerId,
    request: &Request,
    taken: &mut [(u32, u64)],
) -> Result<(), Refused<W::Cycle>> {
    if look(&head.word) & QUEUED == 0 && take(permits_of(head, cells), wait, head, owner, taken) {
        return Ok(());
    }
    if request.deadline.is_now() {
        // Who queues may be dead, or not be served by what is free.
        let is_free =
            wait.first(head.key()).is_none() && take(permits_of(head, cells), wait, head, owner, taken);
        return if is_free { Ok(()) } else { Err(Refused::Busy) };
    }
    // Dropped in this order, whatever ends it: the place, and then the look for who comes next.
    let _next = OnCancel::new(|| {
        if wait.is_present() {
            settle(head, wait);
        }
    });
    let mut queued = Queued::enter(head, wait, request);
    queueing::announce(&head.word);
    loop {
        let seen = Seen::by(wait);
        let around = queued.neighbours();
        let mut room = [owner; WATCHED_MAX];
        let watch = match &around.ahead {
            Some(ahead) => core::slice::from_ref(ahead),
            None => match holders_beside(permits_of(head, cells), wait, taken.len(), &mut room) {
                Some(holders) => holders,
                None if take(permits_of(head, cells), wait, head, owner, taken) => {
                    head.count_wait(queued.waited_ns(), 0);
                    return Ok(());
                }
                // Somebody who had not seen that we queue was faster; who, the next look tells.
                None => continue,
            },
        };
        queued.sleep(&seen, watch).await?;
    }
}

/// Takes the permit at which `owner` begins to look, if it is free and nobody waits; answers its number and fencing
/// number.
#[inline]
pub fn try_take_first(head: &Head, cells: &[Permit], owner: OwnerId) -> Option<(u32, u64)> {
    let total = head.patience_us();
    let index = if owner.slot() < total { owner.slot() } else { owner.slot().checked_rem(total)? };
    let permit = cells.get(index as usize)?;
    if look(&head.word) & QUEUED != 0 {
        return None;
    }
    Some((index, permit.try_take(None, owner)?))
}

/// Whether somebody may wait, behind a permit that was given back.
#[inline]
#[must_use]
pub fn has_waiters(head: &Head) -> bool {
    look(&head.word) & QUEUED != 0
}

/// The permits that there are now.
fn permits_of<'a>(head: &Head, cells: &'a [Permit]) -> &'a [Permit] {
    cells.get(..head.patience_us() as usize).unwrap_or(cells)
}

/// Looks for who waits, after permits were given back.
#[inline]
pub fn gave_back<W: Wake>(head: &Head, wait: &W) {
    crash_point!("semaphore.gave-back");
    if look(&head.word) & QUEUED != 0 {
        settle(head, wait);
    }
}

/// Wakes the first in the queue, or says that there is none.
#[cold]
fn settle<W: Wake>(head: &Head, wait: &W) {
    let seen = look(&head.word);
    match wait.first(head.key()) {
        Some(first) => wait.nudge(first),
        None => queueing::settle(&head.word, seen),
    }
}

/// Takes all that `taken` asks for, or none.
fn take<W: Wait>(
    permits: &[Permit],
    wait: &W,
    head: &Head,
    owner: OwnerId,
    taken: &mut [(u32, u64)],
) -> bool {
    let is_vacant = |permit: &&Permit| permit.owner().is_none_or(|holder| !wait.is_alive(holder));
    if permits.iter().filter(is_vacant).take(taken.len()).count() < taken.len() {
        return false;
    }
    let mut count = 0;
    // Begin where others with other slots do not.
    let start = (owner.slot() as usize).checked_rem(permits.len()).unwrap_or(0);
    let order = (start..permits.len()).chain(0..start);
    for index in order {
        if count == taken.len() {
            break;
        }
        let Some(permit) = permits.get(index) else { continue };
        let found = permit.owner();
        let is_dead = found.is_some_and(|holder| !wait.is_alive(holder));
        if found.is_some() && !is_dead {
            continue;
        }
        if let Some(uses) = permit.try_take(found, owner) {
            if let (true, Some(who)) = (is_dead, found) {
                head.count_death(who);
            }
            crash_point!("semaphore.took-one");
            if let (Some(place), Ok(index)) = (taken.get_mut(count), u32::try_from(index)) {
                *place = (index, uses);
            }
            count += 1;
        }
    }
    if count == taken.len() {
        return true;
    }
    for (index, _) in &taken[..count] {
        if let Some(permit) = permits.get(*index as usize) {
            permit.give_back(owner);
        }
    }
    // Others were faster; whoever is first, but for the caller, looks at what it has given back.
    if let Some(first) = wait.first(head.key()).filter(|&first| count > 0 && first != wait.me()) {
        wait.nudge(first);
    }
    false
}

/// Who has permits, as far as there is room, or `None` if there are `needed` to be had. One look at each permit says
/// both: whoever dies behind it is watched, or its permit was counted as vacant. The dead give nothing back, and to
/// watch them is not to sleep.
fn holders_beside<'a, W: Wake>(
    permits: &[Permit],
    wait: &W,
    needed: usize,
    room: &'a mut [OwnerId],
) -> Option<&'a [OwnerId]> {
    let (mut vacant, mut count) = (0, 0);
    for permit in permits {
        let Some(holder) = permit.owner().filter(|&holder| wait.is_alive(holder)) else {
            vacant += 1;
            continue;
        };
        if room[..count].contains(&holder) {
            continue;
        }
        if let Some(place) = room.get_mut(count) {
            *place = holder;
            count += 1;
        }
    }
    (vacant < needed).then_some(&room[..count])
}
