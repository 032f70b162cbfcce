//! The strongly connected component of a member of the knot: who waits for it, of those for whom it waits.
//!
//! A search in breadth against the edges of [`cycle`](super::cycle), among those that the search along
//! them has reached. Two such searches give the one component that is asked for; Tarjan's algorithm would
//! give all of them, at the price of a stack of its own.
//!
//! # Cost
//! O(b + h), as in [`cycle`](super::cycle): an object's claims of one kind are walked once, and of the
//! claims behind a place in the queue only those that are not walked yet.

use super::cycle::Ahead;
use super::keys::{Keys, Lent};
use super::wait_for::Claim;

/// An object's claims that were walked already.
const EXCLUSIVE: u32 = 1;
const SHARED: u32 = 2;
const UNITS: u32 = 4;

/// Who waits for the member that was asked for; see [`component`].
struct Behind<'w, 's> {
    ahead: &'s Ahead<'s>,
    /// Member → 1 when it was reached.
    is_reached: &'w mut [u32],
    /// Who was reached.
    reached: &'w mut [u32],
    reached_count: usize,
    /// Object → which of its claims were walked.
    walked: &'w mut [u32],
    /// Object → how many of its last `Shared` claims were walked.
    shared_walked: &'w mut [u32],
    /// Object → how many of its last `Units` claims were walked.
    units_walked: &'w mut [u32],
}

/// The words that [`component`] takes.
pub(super) const fn words(blocked: usize) -> usize {
    blocked.saturating_mul(5)
}

/// The component of `me`, by index; `None` when there are too few words.
pub(super) fn component<'w>(
    keys: &Keys<'_, '_>,
    ahead: &Ahead<'_>,
    me: u32,
    lent: &mut Lent<'w>,
) -> Option<&'w [u32]> {
    let members = keys.blocked.len();
    let mut behind = Behind {
        ahead,
        is_reached: lent.take(members, 0)?,
        reached: lent.take(members, 0)?,
        reached_count: 0,
        walked: lent.take(keys.count, 0)?,
        shared_walked: lent.take(keys.count, 0)?,
        units_walked: lent.take(keys.count, 0)?,
    };
    behind.find(me);
    let mut next = 0;
    while next < behind.reached_count {
        behind.walk(keys, behind.reached[next]);
        next += 1;
    }
    let (component, _) = behind.reached.split_at_mut(behind.reached_count);
    component.sort_unstable();
    Some(component)
}

impl Behind<'_, '_> {
    /// Reaches everybody who waits for `member`.
    fn walk(&mut self, keys: &Keys<'_, '_>, member: u32) {
        for &possession in keys.possessions(member) {
            let (object, held) = (keys.held_by(possession), &keys.held[possession as usize]);
            self.walk_claims(object, EXCLUSIVE, keys.exclusive(object));
            if held.exclusive {
                self.walk_claims(object, SHARED, keys.shared(object));
            }
            if held.units > 0 {
                // Who lacks no units waits for an earlier place, and the earliest place in the knot lacks some:
                // all of the queue wait for the holder, directly or through others.
                self.walk_claims(object, UNITS, keys.units(object));
            }
        }
        let object = keys.waited_by(member);
        let later = |waiter| keys.place(member) < keys.place(waiter);
        match keys.blocked[member as usize].claim {
            Claim::Exclusive => {
                let shared = keys.shared(object);
                while let Some(&waiter) = shared.iter().nth_back(self.shared_walked[object] as usize)
                    && later(waiter)
                {
                    self.shared_walked[object] += 1;
                    self.find(waiter);
                }
            }
            Claim::Shared => {}
            Claim::Units { .. } => {
                let units = keys.units(object);
                while let Some(&waiter) = units.iter().nth_back(self.units_walked[object] as usize)
                    && later(waiter)
                {
                    self.units_walked[object] += 1;
                    self.find(waiter);
                }
            }
        }
    }

    fn walk_claims(&mut self, object: usize, kind: u32, claims: &[u32]) {
        if self.walked[object] & kind != 0 {
            return;
        }
        self.walked[object] |= kind;
        for &waiter in claims {
            self.find(waiter);
        }
    }

    /// Notes that `waiter` waits for somebody who was reached, if it is waited for in turn.
    fn find(&mut self, waiter: u32) {
        let is_reached = &mut self.is_reached[waiter as usize];
        if self.ahead.reaches(waiter) && *is_reached == 0 {
            *is_reached = 1;
            self.reached[self.reached_count] = waiter;
            self.reached_count += 1;
        }
    }
}
