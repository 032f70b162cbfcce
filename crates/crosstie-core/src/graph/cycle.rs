//! Whom a member of the knot waits for, directly and through others, and the shortest way back to it.
//!
//! A search in breadth over the edges "waits for" inside the knot: a member waits for each holder that
//! keeps its claim out, and for each earlier claim that it must not overtake. Its own possession can
//! be what it waits for.
//!
//! # Cost
//! All who wait for one object find the same holders, and a prefix of the same queue. What one of them
//! has walked, no other walks again, so the search is O(b + h), although there can be b² edges. The
//! shortest cycle is not lost by this: whatever is skipped was found before, from at most as far away.

use super::keys::{Keys, Lent};
use super::knot::Knot;
use super::wait_for::{Claim, Held};

/// In place of a member: not reached.
const NOBODY: u32 = u32::MAX;

/// An object's holders that were walked already: of any kind, exclusive ones, ones with units.
const ANY: u32 = 1;
const EXCLUSIVE: u32 = 2;
const UNITS: u32 = 4;

/// Whom `me` waits for; see [`Ahead::search`].
pub(super) struct Ahead<'w> {
    me: u32,
    /// Member → who was found waiting for it; `NOBODY` when it was not reached.
    found_from: &'w mut [u32],
    /// Who was reached, in the order of distance.
    reached: &'w mut [u32],
    reached_count: usize,
    /// Who waits for `me`, of those reached, and is nearest.
    last: Option<u32>,
    /// Object → which of its holders were walked.
    walked: &'w mut [u32],
    /// Object → how many of its `Exclusive` claims were walked.
    writers_walked: &'w mut [u32],
    /// Object → how many of its `Units` claims were walked.
    units_walked: &'w mut [u32],
}

impl<'w> Ahead<'w> {
    /// The words that [`Ahead::search`] takes.
    pub(super) const fn words(blocked: usize) -> usize {
        blocked.saturating_mul(5)
    }

    /// Searches from `me`, who is in the knot; `None` when there are too few words.
    pub(super) fn search(keys: &Keys<'_, '_>, knot: &Knot<'_>, me: u32, lent: &mut Lent<'w>) -> Option<Self> {
        let members = keys.blocked.len();
        let mut ahead = Self {
            me,
            found_from: lent.take(members, NOBODY)?,
            reached: lent.take(members, NOBODY)?,
            reached_count: 0,
            last: None,
            walked: lent.take(keys.count, 0)?,
            writers_walked: lent.take(keys.count, 0)?,
            units_walked: lent.take(keys.count, 0)?,
        };
        ahead.reach(me, me);
        let mut next = 0;
        while next < ahead.reached_count {
            ahead.walk(keys, knot, ahead.reached[next]);
            next += 1;
        }
        Some(ahead)
    }

    /// Whether `me` waits for `member`, directly or through others, or is it.
    pub(super) fn reaches(&self, member: u32) -> bool {
        self.found_from[member as usize] != NOBODY
    }

    /// A shortest cycle through `me`, beginning with it; `None` when there is none.
    pub(super) fn into_cycle(self) -> Option<&'w [u32]> {
        let (mut member, mut length) = (self.last?, 0);
        // The members are listed from the last to `me`, over the list of those reached, which is done with.
        while length < self.reached.len() {
            self.reached[length] = member;
            length += 1;
            if member == self.me {
                break;
            }
            member = self.found_from[member as usize];
        }
        let (cycle, _) = self.reached.split_at_mut(length);
        cycle.reverse();
        Some(cycle)
    }

    /// Whether `me` is on a cycle.
    pub(super) const fn is_closed(&self) -> bool {
        self.last.is_some()
    }

    /// Reaches everybody whom `member` waits for.
    fn walk(&mut self, keys: &Keys<'_, '_>, knot: &Knot<'_>, member: u32) {
        let object = keys.waited_by(member);
        match keys.blocked[member as usize].claim {
            Claim::Exclusive => self.walk_holders(keys, knot, member, ANY, |_| true),
            Claim::Shared => {
                self.walk_holders(keys, knot, member, EXCLUSIVE, |held| held.exclusive);
                let earlier = |writer| keys.place(writer) < keys.place(member);
                while let Some(&writer) = keys.exclusive(object).get(self.writers_walked[object] as usize)
                    && earlier(writer)
                {
                    self.writers_walked[object] += 1;
                    self.find(knot, member, writer);
                }
            }
            Claim::Units { .. } => {
                if knot.lacks_units(keys, object, member) {
                    self.walk_holders(keys, knot, member, UNITS, |held| held.units > 0);
                }
                let earlier = |other| keys.place(other) < keys.place(member);
                while let Some(&other) = keys.units(object).get(self.units_walked[object] as usize)
                    && earlier(other)
                {
                    self.units_walked[object] += 1;
                    self.find(knot, member, other);
                }
            }
        }
    }

    fn walk_holders(
        &mut self,
        keys: &Keys<'_, '_>,
        knot: &Knot<'_>,
        member: u32,
        kind: u32,
        blocks: impl Fn(&Held) -> bool,
    ) {
        let object = keys.waited_by(member);
        if self.walked[object] & kind != 0 {
            return;
        }
        self.walked[object] |= kind;
        for &possession in keys.holdings(object) {
            let held = &keys.held[possession as usize];
            if blocks(held) {
                self.find(knot, member, held.member);
            }
        }
    }

    /// Notes that `member` waits for `found`, if that is in the knot.
    fn find(&mut self, knot: &Knot<'_>, member: u32, found: u32) {
        if found == self.me {
            self.last.get_or_insert(member);
        } else if knot.contains(found) && !self.reaches(found) {
            self.reach(found, member);
        }
    }

    fn reach(&mut self, found: u32, from: u32) {
        self.found_from[found as usize] = from;
        self.reached[self.reached_count] = found;
        self.reached_count += 1;
    }
}
