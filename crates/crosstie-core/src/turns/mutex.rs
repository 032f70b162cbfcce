//! Locking and unlocking a mutex: the word's protocol ([`crate::word::mutex`]) with its queue.
//!
//! The fast path is [`MutexWord::try_lock`] and [`give_up`]; the rest of what stands here is for
//! when those say no.

use crate::turns::queued::{Queued, Request};
use crate::wait::{Blocks, Neighbours, OnCancel, Refused, Seen, Wait, Wake, block};
use crate::word::head::Head;
use crate::word::mutex::{CONTENDED, Found, GRANTED, HANDOFF, MutexWord};
use crate::{OwnerId, crash_point};

/// How a mutex was had.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Taken {
    /// The owner before, which died while it had it.
    pub abandoned_by: Option<OwnerId>,
}

/// Locks the mutex of `head` for `owner`: the waiting participant, its process, or its command.
///
/// # Errors
/// As [`Refused`] says; then `owner` has nothing.
#[cold]
pub fn lock<W: Blocks>(
    head: &Head,
    wait: &W,
    owner: OwnerId,
    request: &Request,
) -> Result<Taken, Refused<W::Cycle>> {
    block(lock_async(head, wait, owner, request))
}

/// As [`lock`], also for a task. Dropped before it is ready, `owner` has nothing: a mutex that had just been granted to the
/// waiting one is given up, and the next in the queue has it.
///
/// # Errors
/// As [`Refused`] says; then `owner` has nothing.
pub async fn lock_async<W: Wait>(
    head: &Head,
    wait: &W,
    owner: OwnerId,
    request: &Request,
) -> Result<Taken, Refused<W::Cycle>> {
    let word = MutexWord::new(&head.word);
    if let Some(taken) = spin(head, wait, owner) {
        return Ok(taken);
    }
    if request.deadline.is_now() {
        return Err(Refused::Busy);
    }
    // Dropped behind the place in the queue.
    let cancelled = OnCancel::new(|| {
        if wait.is_present() && take_crossed(head, wait, owner) {
            unlock(head, wait, owner);
        }
    });
    let mut queued = Queued::enter(head, wait, request);
    // Published first (`word::giving` I3).
    let is_sure = head.giving().forbid(|| wait.fence_all());
    crash_point!("mutex.forbidden");
    let mut place = None;
    let mut guard = Guard::new(wait.guards(), is_sure);
    let mut was_first = false;
    let refused = loop {
        let seen = Seen::by(wait);
        // To whom it is granted need not look who stands where: meanwhile nobody could use it. Nor who was the first and
        // finds it free: somebody who came to an earlier place since has it next.
        let is_mine = |found| is_granted_to_me(wait, found) || was_first && found.owner().is_none();
        let mine = Some(word.read()).filter(|&found| is_mine(found));
        let around = if mine.is_none() { queued.neighbours() } else { Neighbours::default() };
        let is_first = around.ahead.is_none();
        let found = mine.unwrap_or_else(|| word.read());
        was_first = is_first;
        if is_vacant(head, wait, found) && (is_first || is_granted_to_me(wait, found)) {
            if word.take_first(found, owner).is_err() {
                continue;
            }
            crash_point!("mutex.taken");
            // The next one is the first from now on.
            let now_ns = wait.now_ns();
            head.set_first_since_ns(now_ns);
            count(head, queued.waited_ns_at(now_ns), place);
            queued.took();
            cancelled.end();
            return Ok(after(head, wait, found));
        }
        if is_first && head.first_since_ns() == 0 {
            head.set_first_since_ns(wait.now_ns());
        }
        if word.announce(found, marks(head, wait, is_first)).is_err() {
            continue;
        }
        if place.is_none() {
            place = Some((head.token(), around.ahead_count));
            head.meet_owner(wait.now_ns());
        }
        let watch = around.ahead.or(found.owner());
        let limit_ns = guard.limit_ns(head, around.ahead_count);
        if let Err(refused) = queued.sleep_at_most(limit_ns, &seen, watch.as_slice()).await {
            break refused;
        }
    };
    queued.leave();
    cancelled.end();
    if take_crossed(head, wait, owner) { Ok(Taken::default()) } else { Err(refused) }
}

/// Takes what was granted while the caller left the queue: it is the caller's, or of whoever finds it void first.
fn take_crossed<W: Wait>(head: &Head, wait: &W, owner: OwnerId) -> bool {
    let word = MutexWord::new(&head.word);
    let found = word.read();
    is_granted_to_me(wait, found) && word.take_first(found, owner).is_ok()
}

/// How [`give_up`] ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GivenUp {
    /// Given up.
    Done,
    /// Given up, but somebody may have come to wait: call [`wake_first`].
    MayBeAwaited,
    /// Not given up: call [`unlock`], and before it [`allow_stores`].
    Not,
}

/// So many acquisitions apart an owner sees whether it may give up by a store again.
pub const ALLOW_EVERY: u64 = 256;

/// Gives the mutex of `head` up if that takes some instructions. `is_fenced`: whether the caller's process is among those that
/// [`Wait::fence_all`] reaches.
#[inline(always)]
pub fn give_up(head: &Head, owner: OwnerId, is_fenced: bool) -> GivenUp {
    let (word, giving) = (MutexWord::new(&head.word), head.giving());
    let Some(seen) = giving.may_store().filter(|_| is_fenced) else {
        let is_done = !head.token().is_multiple_of(ALLOW_EVERY) && word.try_unlock(owner);
        return if is_done { GivenUp::Done } else { GivenUp::Not };
    };
    word.store_free();
    crash_point!("mutex.stored");
    if giving.is_still(seen) { GivenUp::Done } else { GivenUp::MayBeAwaited }
}

/// Looks for the first in the queue of `head`, whose mutex was given up, and wakes it.
#[cold]
pub fn wake_first<W: Wake>(head: &Head, wait: &W) {
    match wait.first(head.key()) {
        Some(first) => wait.nudge(first),
        None => head.set_first_since_ns(0),
    }
}

/// Whether its owner may see whether the mutex of `head` can be given up by stores: it is no fair one, and nobody is known to wait.
#[cold]
pub fn may_allow_stores(head: &Head, owner: OwnerId) -> bool {
    head.patience_us() != 0 && MutexWord::new(&head.word).read().to_bits() == owner.to_bits()
}

/// Lets owners give the mutex of `head` up by a store from now on, if nobody waits; only its owner calls it, behind [`may_allow_stores`], from a
/// process that [`Wait::fence_all`] reaches.
#[cold]
pub fn allow_stores<W: Wake>(head: &Head, wait: &W) {
    // The key is read behind the first step: who waits for a mutex on the heap has named it before it looked.
    head.giving().allow(|| wait.first(head.key()).is_some());
}

/// Unlocks the mutex of `head`, which `owner` has and [`give_up`] would not give up.
///
/// Never waits. Does nothing if `owner` does not have it.
#[cold]
pub fn unlock<W: Wake>(head: &Head, wait: &W, owner: OwnerId) {
    let word = MutexWord::new(&head.word);
    loop {
        let found = word.read();
        if found.owner() != Some(owner) {
            return;
        }
        if found.has_no_flags() {
            if word.try_unlock(owner) {
                return;
            }
            continue;
        }
        let hands_over = found.has(HANDOFF) || is_late(head, wait);
        let is_done = if hands_over { hand_over(head, wait, found, owner) } else { wake(head, wait, found) };
        if is_done {
            return;
        }
    }
}

/// Takes the mutex away from `owner`, which lives and has it: as if it had given it up, and with a token skipped so
/// that it can be refused where it comes late. Answers whether it had it. What it gives up later does nothing, for stores were forbidden for good
/// ([`Giving::forbid_for_good`](crate::word::giving::Giving::forbid_for_good)), and it had not begun one.
///
/// A mutex that is being handed to a waiter is not taken away: nobody has it yet.
pub fn take_away<W: Wake>(head: &Head, wait: &W, owner: OwnerId) -> bool {
    let found = MutexWord::new(&head.word).read();
    if found.owner() != Some(owner) || found.has(GRANTED) {
        return false;
    }
    head.skip_token();
    unlock(head, wait, owner);
    wake_who_was_left(head, wait);
    true
}

/// Wakes the first in the queue of a mutex that was taken away: its owner may have been about to give it up, and each may have left the
/// look for waiters to the other.
pub(super) fn wake_who_was_left<W: Wake>(head: &Head, wait: &W) {
    if let Some(first) = wait.first(head.key()) {
        wait.nudge(first);
    }
}

/// Gives the mutex up and wakes the first in the queue; answers whether it was given up.
fn wake<W: Wake>(head: &Head, wait: &W, found: Found) -> bool {
    let word = MutexWord::new(&head.word);
    if word.release(found).is_err() {
        return false;
    }
    crash_point!("mutex.released");
    wake_first(head, wait);
    true
}

/// How long one whom an owner may have missed sleeps: 1 ms.
const UNSURE_NS: u64 = 1_000_000;

/// What those behind the first do for it. Who runs does not know that the first was woken long ago and has no
/// processor yet; one of those behind may have one. So each looks now and then, the nearest most often.
struct Guard {
    guards: bool,
    /// How long it sleeps at most even as the first.
    most_ns: u64,
    token: u64,
    quiet: u32,
}

/// A guard to whom nothing happens looks so rarely at last: every 64 patiences.
const QUIET_MAX: u32 = 6;

impl Guard {
    /// `is_sure`: whether no owner can miss it.
    const fn new(guards: bool, is_sure: bool) -> Self {
        Self { guards, most_ns: if is_sure { u64::MAX } else { UNSURE_NS }, token: u64::MAX, quiet: 0 }
    }

    /// How long one who has so many before it sleeps at most.
    fn limit_ns(&mut self, head: &Head, ahead_count: u64) -> u64 {
        if !self.guards || head.patience_us() == 0 || ahead_count == 0 {
            return self.most_ns;
        }
        let token = head.token();
        self.quiet = if token == self.token { QUIET_MAX.min(self.quiet + 1) } else { 0 };
        self.token = token;
        patience_ns(head).saturating_mul(ahead_count).saturating_mul(1 << self.quiet).min(self.most_ns)
    }
}

fn patience_ns(head: &Head) -> u64 {
    u64::from(head.patience_us()) * 1_000
}

/// Whether the first in the queue has been first for as long as it is patient.
fn is_late<W: Wake>(head: &Head, wait: &W) -> bool {
    let since_ns = head.first_since_ns();
    let is_over = || since_ns != 0 && wait.now_ns().saturating_sub(since_ns) >= patience_ns(head);
    head.patience_us() == 0 || is_over()
}

/// What a waiter adds to the word of an owner.
fn marks<W: Wake>(head: &Head, wait: &W, is_first: bool) -> u64 {
    match (is_late(head, wait), is_first) {
        (true, _) => CONTENDED | HANDOFF,
        (false, true) => CONTENDED,
        // The first sees to it, and whoever is first after it looks for the next.
        (false, false) => 0,
    }
}

/// Makes the first in the queue the owner; answers whether that was done.
fn hand_over<W: Wake>(head: &Head, wait: &W, found: Found, owner: OwnerId) -> bool {
    let word = MutexWord::new(&head.word);
    // All flags, not only those that the protocol leaves together: somebody may have written others.
    if word.hush(found, owner).is_err() {
        return false;
    }
    crash_point!("mutex.hushed");
    let Some(first) = wait.first(head.key()) else {
        head.set_first_since_ns(0);
        return word.try_unlock(owner);
    };
    let mut found = word.read();
    let granted = loop {
        match word.grant(found, first) {
            Ok(granted) => break granted,
            // Those who come only add their marks.
            Err(now) if now.owner() == Some(owner) => found = now,
            Err(_) => return true,
        }
    };
    crash_point!("mutex.granted");
    // First of all: until it runs, nobody has the mutex.
    wait.nudge(first);
    // If it left while we chose it, the grant is void, unless it was seen after all.
    wait.waits_for(first, head.key()) || word.take_back(granted, owner).is_err()
}

/// Whether the caller may find nobody in its way: free, the owner dead, granted to the caller, or to
/// one who is not there.
fn is_vacant<W: Wait>(head: &Head, wait: &W, found: Found) -> bool {
    match found.owner() {
        None => true,
        Some(owner) if found.has(GRANTED) => owner == wait.me() || !wait.waits_for(owner, head.key()),
        Some(owner) => !wait.is_alive(owner),
    }
}

fn is_granted_to_me<W: Wait>(wait: &W, found: Found) -> bool {
    found.owner() == Some(wait.me()) && found.has(GRANTED)
}

fn after<W: Wake>(head: &Head, wait: &W, found: Found) -> Taken {
    let abandoned_by = found.owner().filter(|&owner| !found.has(GRANTED) && !wait.is_alive(owner));
    if let Some(who) = abandoned_by {
        head.count_death(who);
    }
    Taken { abandoned_by }
}

/// Looks for a short while whether the mutex becomes vacant, without queueing.
fn spin<W: Wait>(head: &Head, wait: &W, owner: OwnerId) -> Option<Taken> {
    let word = MutexWord::new(&head.word);
    let is_fair = head.patience_us() == 0;
    let marks = if !is_fair && is_late(head, wait) { CONTENDED | HANDOFF } else { 0 };
    for look in 0..=wait.spins() {
        let found = word.read();
        // Who is in the queue of a fair mutex, or has waited long, is not overtaken.
        let is_reserved = found.has(HANDOFF) || found.has(CONTENDED) && is_fair;
        let is_worth_a_look = found.owner().is_none() || look == 0;
        let is_vacant = is_worth_a_look && is_vacant(head, wait, found);
        if is_vacant && !(is_reserved && wait.first(head.key()).is_some()) {
            if word.overtake(found, owner, marks).is_ok() {
                return Some(after(head, wait, found));
            }
        } else if is_reserved || found.has(GRANTED) || marks != 0 {
            break;
        }
        wait.pause();
    }
    None
}

/// Counts a wait that has ended: its length, and by how many it was overtaken since it stood in the
/// queue with `place`'s many before it.
fn count(head: &Head, waited_ns: u64, place: Option<(u64, u64)>) {
    let overtaken = place.map_or(0, |(token, ahead)| head.token().wrapping_sub(token).saturating_sub(ahead));
    head.count_wait(waited_ns, overtaken);
}
