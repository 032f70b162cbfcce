//! The wait-for graph: blocked participants, what they hold, and who blocks whom.
//!
//! Nothing here is trusted: the input may be what others wrote. Indices out of range, doubled ids
//! and sums that overflow give a wrong answer, never a panic or an endless loop.

use crate::OwnerId;

/// In what way a participant wants an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    /// Alone.
    Exclusive,
    /// Beside others that read, behind writers that queued before.
    Shared,
    /// Some of its units, in the order in which they were asked for.
    Units {
        /// How many.
        need: u32,
        /// Of how many that there are.
        total: u32,
    },
}

/// A living participant that waits without a deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Blocked {
    /// Who.
    pub id: OwnerId,
    /// Its publish ticket; 0 = not known yet.
    pub ticket: u64,
    /// The key of the object that it wants.
    pub key: u64,
    /// In what way.
    pub claim: Claim,
    /// Its place in the object's queue: the smallest is first.
    pub queue: u64,
}

/// Something that a blocked participant holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    /// Which participant, by its place among the blocked.
    pub member: u32,
    /// The object's key.
    pub key: u64,
    /// Whether it has it alone.
    pub exclusive: bool,
    /// How many units of it.
    pub units: u32,
}

/// Words of work space that [`judge`](super::judge) needs for so many.
#[must_use]
pub const fn workspace_len(blocked: usize, held: usize) -> usize {
    2 * held + 7 * blocked
}

/// The graph with its indices: who waits for a key, who holds it, what a member holds.
pub(super) struct Graph<'a> {
    pub(super) blocked: &'a [Blocked],
    held: &'a [Held],
    /// Places in `blocked`, by key and queue.
    waiters: &'a [u32],
    /// Places in `held`, by key.
    holds_by_key: &'a [u32],
    /// Places in `held`, by member.
    holds_by_member: &'a [u32],
}

impl<'a> Graph<'a> {
    /// Sorts the indices into `space`; answers what is left of it, or `None` when it is too small.
    pub(super) fn new(
        blocked: &'a [Blocked],
        held: &'a [Held],
        space: &'a mut [u32],
    ) -> Option<(Self, &'a mut [u32])> {
        if space.len() < workspace_len(blocked.len(), held.len()) || u32::try_from(space.len()).is_err() {
            return None;
        }
        let (waiters, rest) = space.split_at_mut(blocked.len());
        let (holds_by_key, rest) = rest.split_at_mut(held.len());
        let (holds_by_member, rest) = rest.split_at_mut(held.len());
        for order in [&mut *waiters, &mut *holds_by_key, &mut *holds_by_member] {
            for (place, index) in order.iter_mut().zip(0..) {
                *place = index;
            }
        }
        waiters.sort_unstable_by_key(|&at| blocked.get(at as usize).map(|b| (b.key, b.queue)));
        holds_by_key.sort_unstable_by_key(|&at| held.get(at as usize).map(|h| h.key));
        holds_by_member.sort_unstable_by_key(|&at| held.get(at as usize).map(|h| h.member));
        Some((Self { blocked, held, waiters, holds_by_key, holds_by_member }, rest))
    }

    /// Everyone who waits for `key`, first come first.
    pub(super) fn waiters_of(&self, key: u64) -> impl Iterator<Item = (u32, &'a Blocked)> {
        let found = |at: &u32| self.blocked.get(*at as usize).map(|b| b.key);
        let blocked = self.blocked;
        range_of(self.waiters, found, key).iter().filter_map(move |&at| Some((at, blocked.get(at as usize)?)))
    }

    /// Every hold of `key`.
    pub(super) fn holds_of_key(&self, key: u64) -> impl Iterator<Item = &'a Held> {
        let found = |at: &u32| self.held.get(*at as usize).map(|h| h.key);
        let held = self.held;
        range_of(self.holds_by_key, found, key).iter().filter_map(move |&at| held.get(at as usize))
    }

    /// Every hold of the member `member`.
    pub(super) fn holds_of(&self, member: u32) -> impl Iterator<Item = &'a Held> {
        let found = |at: &u32| self.held.get(*at as usize).map(|h| u64::from(h.member));
        let held = self.held;
        let range = range_of(self.holds_by_member, found, u64::from(member));
        range.iter().filter_map(move |&at| held.get(at as usize))
    }

    /// Calls `visit` with everyone who blocks `waiter`: who holds what it wants in its way, and who is
    /// before it in the queue in its way. The same may come twice.
    pub(super) fn blockers(&self, waiter: &Blocked, mut visit: impl FnMut(u32)) {
        for hold in self.holds_of_key(waiter.key).filter(|hold| is_in_the_way(hold, waiter)) {
            visit(hold.member);
        }
        for (member, other) in self.waiters_of(waiter.key) {
            if is_before(other, waiter) {
                visit(member);
            }
        }
    }

    /// Calls `visit` with everyone whom `member` blocks. The same may come twice.
    pub(super) fn blocked_by(&self, member: u32, mut visit: impl FnMut(u32)) {
        for hold in self.holds_of(member) {
            for (other, waiter) in self.waiters_of(hold.key) {
                if is_in_the_way(hold, waiter) {
                    visit(other);
                }
            }
        }
        let Some(own) = self.blocked.get(member as usize) else { return };
        for (other, waiter) in self.waiters_of(own.key) {
            if is_before(own, waiter) {
                visit(other);
            }
        }
    }
}

/// Whether the hold keeps the waiter from what it wants.
fn is_in_the_way(hold: &Held, waiter: &Blocked) -> bool {
    match waiter.claim {
        Claim::Exclusive | Claim::Units { .. } => true,
        Claim::Shared => hold.exclusive,
    }
}

/// Whether `other`, which waits for the same object, has to have its turn before `waiter`: readers
/// wait for earlier writers, and units are given out in order.
pub(super) fn is_before(other: &Blocked, waiter: &Blocked) -> bool {
    let kinds = matches!(
        (other.claim, waiter.claim),
        (Claim::Exclusive, Claim::Shared) | (Claim::Units { .. }, Claim::Units { .. })
    );
    kinds && other.queue < waiter.queue
}

/// The part of `order`, sorted by `key_of`, that has `key`.
fn range_of(order: &[u32], key_of: impl Fn(&u32) -> Option<u64>, key: u64) -> &[u32] {
    let from = order.partition_point(|at| key_of(at) < Some(key));
    let rest = order.get(from..).unwrap_or_default();
    let len = rest.partition_point(|at| key_of(at) == Some(key));
    rest.get(..len).unwrap_or_default()
}
