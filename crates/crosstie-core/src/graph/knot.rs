//! The knot: the members that cannot go on, even if everybody outside the set released everything.
//!
//! It is the greatest fixpoint of the rules of [`Claim`](super::wait_for::Claim): members that can go on
//! leave the set, and with them what they hold and their places in queues, until nobody can. Whoever is
//! left waits for those that are left, for ever. The order of leaving does not matter, because a
//! departure never blocks anybody.
//!
//! # Cost
//! Each object counts what is held of it inside the set, and claims of one kind leave in the order of the
//! queue, so that an object is looked at again only where a count fell: O(b + h) for b members and h
//! possessions.

use super::keys::{Keys, Lent, spare};

/// The set while it shrinks to the knot; see [`Knot::reduce`].
pub(super) struct Knot<'w> {
    /// Member → 1 while it is in the set.
    stays: &'w mut [u32],
    /// Who left and still has to give back what it holds: a stack, of `leaving_count` members.
    leaving: &'w mut [u32],
    leaving_count: usize,
    /// Object → possessions of it inside the set.
    held: &'w mut [u32],
    /// Object → those of them that are exclusive.
    held_exclusively: &'w mut [u32],
    /// Object → the sum of their units, low and high half.
    units: &'w mut [[u32; 2]],
    /// Object → how many of its `Shared` claims have left.
    shared_left: &'w mut [u32],
    /// Object → how many of its `Units` claims have left.
    units_left: &'w mut [u32],
}

impl<'w> Knot<'w> {
    /// The words that [`Knot::new`] takes.
    pub(super) const fn words(blocked: usize) -> usize {
        blocked.saturating_mul(8)
    }

    /// The set of all members; `None` when there are too few words.
    pub(super) fn new(keys: &Keys<'_, '_>, lent: &mut Lent<'w>) -> Option<Self> {
        let members = keys.blocked.len();
        let mut set = Self {
            stays: lent.take(members, 1)?,
            leaving: lent.take(members, 0)?,
            leaving_count: 0,
            held: lent.take(keys.count, 0)?,
            held_exclusively: lent.take(keys.count, 0)?,
            units: lent.take(2 * keys.count, 0)?.as_chunks_mut().0,
            shared_left: lent.take(keys.count, 0)?,
            units_left: lent.take(keys.count, 0)?,
        };
        for object in 0..keys.count {
            for &possession in keys.holdings(object) {
                let held = &keys.held[possession as usize];
                set.held[object] += 1;
                set.held_exclusively[object] += u32::from(held.exclusive);
                set.add_units(object, u64::from(held.units));
            }
        }
        Some(set)
    }

    /// Lets everybody leave who can go on, until nobody can or `me` has left; answers whether `me` stays.
    pub(super) fn reduce(&mut self, keys: &Keys<'_, '_>, me: u32) -> bool {
        for object in 0..keys.count {
            self.serve(keys, object);
        }
        while self.contains(me) && self.leaving_count > 0 {
            self.leaving_count -= 1;
            let member = self.leaving[self.leaving_count];
            for &possession in keys.possessions(member) {
                let (object, held) = (keys.held_by(possession), &keys.held[possession as usize]);
                self.held[object] -= 1;
                self.held_exclusively[object] -= u32::from(held.exclusive);
                self.add_units(object, u64::from(held.units).wrapping_neg());
                self.serve(keys, object);
            }
        }
        self.contains(me)
    }

    /// Whether `member` is in the set.
    pub(super) fn contains(&self, member: u32) -> bool {
        self.stays[member as usize] == 1
    }

    /// Whether the set holds too many of the object's units for `member`, who claims some.
    pub(super) fn lacks_units(&self, keys: &Keys<'_, '_>, object: usize, member: u32) -> bool {
        spare(keys.blocked[member as usize].claim).is_none_or(|spare| spare < self.units_of(object))
    }

    /// Lets those who wait for the object leave that can go on by now.
    fn serve(&mut self, keys: &Keys<'_, '_>, object: usize) {
        let mut first_writer = keys.exclusive(object).first();
        if self.held[object] == 0 {
            for &member in keys.exclusive(object) {
                self.leave(member);
            }
            first_writer = None;
        }
        if self.held_exclusively[object] == 0 {
            let shared = keys.shared(object);
            while let Some(&member) = shared.get(self.shared_left[object] as usize) {
                if first_writer.is_some_and(|&writer| keys.place(writer) < keys.place(member)) {
                    break;
                }
                self.shared_left[object] += 1;
                self.leave(member);
            }
        }
        let units = keys.units(object);
        while let Some(&member) = units.get(self.units_left[object] as usize) {
            if self.lacks_units(keys, object, member) {
                break;
            }
            self.units_left[object] += 1;
            self.leave(member);
        }
    }

    fn leave(&mut self, member: u32) {
        if self.contains(member) {
            self.stays[member as usize] = 0;
            self.leaving[self.leaving_count] = member;
            self.leaving_count += 1;
        }
    }

    /// Adds modulo 2^64. The sum itself never wraps: fewer than 2^32 possessions of fewer than 2^32 units.
    fn add_units(&mut self, object: usize, units: u64) {
        let sum = self.units_of(object).wrapping_add(units);
        self.units[object] = [sum as u32, (sum >> 32) as u32];
    }

    fn units_of(&self, object: usize) -> u64 {
        let [low, high] = self.units[object];
        u64::from(low) | u64::from(high) << 32
    }
}
