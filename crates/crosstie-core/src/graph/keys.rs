//! Members and possessions, sorted by object: whoever looks at an object finds its claims in the
//! order in which they are served, and its holders, without looking at anybody else.
//!
//! Objects that somebody waits for are numbered from 0 in the order of their keys; objects that nobody
//! waits for have no number, and what is held of them is left out, as is what a member out of range
//! holds. Sorting costs O(b log b + h log b) for b members and h possessions; all else is linear.

use core::cmp::Reverse;
use core::mem;

use super::wait_for::{Blocked, Claim, Held};

/// In place of an object's number: nobody waits for it.
const UNCLAIMED: u32 = u32::MAX;

/// Memory that the caller lent, handed on piece by piece.
pub(super) struct Lent<'w>(&'w mut [u32]);

impl<'w> Lent<'w> {
    pub(super) const fn new(words: &'w mut [u32]) -> Self {
        Self(words)
    }

    /// The next `count` words, each set to `value`; `None` when there are not so many.
    pub(super) fn take(&mut self, count: usize, value: u32) -> Option<&'w mut [u32]> {
        let (piece, rest) = mem::take(&mut self.0).split_at_mut_checked(count)?;
        self.0 = rest;
        piece.fill(value);
        Some(piece)
    }
}

/// Members and possessions, sorted by object.
pub(super) struct Keys<'w, 'a> {
    pub(super) blocked: &'a [Blocked],
    pub(super) held: &'a [Held],
    /// How many objects have a number.
    pub(super) count: usize,
    /// Members by object, then by kind of claim, then in the order in which they are served.
    waiters: &'w [u32],
    /// Object → where its `Exclusive` claims begin in `waiters`; one more entry ends the last.
    exclusive_from: &'w [u32],
    /// Object → where its `Shared` claims begin in `waiters`.
    shared_from: &'w [u32],
    /// Object → where its `Units` claims begin in `waiters`.
    units_from: &'w [u32],
    /// Member → the object that it waits for.
    object_of_member: &'w [u32],
    /// Possession → the object that is held, or `UNCLAIMED`.
    object_of_held: &'w [u32],
    by_object: Buckets<'w>,
    by_member: Buckets<'w>,
}

impl<'w, 'a> Keys<'w, 'a> {
    /// The words that [`Keys::sort`] takes.
    pub(super) const fn words(blocked: usize, held: usize) -> usize {
        blocked.saturating_mul(7).saturating_add(held.saturating_mul(3)).saturating_add(3)
    }

    /// Sorts; `None` when there are more members or possessions than can be numbered, or too few words.
    pub(super) fn sort(blocked: &'a [Blocked], held: &'a [Held], lent: &mut Lent<'w>) -> Option<Self> {
        let members = u32::try_from(blocked.len()).ok()?;
        let possessions = u32::try_from(held.len()).ok()?;
        let waiters = lent.take(blocked.len(), 0)?;
        let object_of_member = lent.take(blocked.len(), UNCLAIMED)?;
        let exclusive_from = lent.take(blocked.len() + 1, members)?;
        let shared_from = lent.take(blocked.len(), 0)?;
        let units_from = lent.take(blocked.len(), 0)?;
        let object_of_held = lent.take(held.len(), UNCLAIMED)?;

        for (waiter, member) in waiters.iter_mut().zip(0..members) {
            *waiter = member;
        }
        waiters.sort_unstable_by_key(|&member| service_order(blocked, member));

        let (mut objects, mut at) = (0, 0);
        while let Some(&first) = waiters.get(at as usize) {
            let key = blocked[first as usize].key;
            let mut pass = |is_of_kind: fn(Claim) -> bool| {
                let from = at;
                while let Some(&member) = waiters.get(at as usize)
                    && blocked[member as usize].key == key
                    && is_of_kind(blocked[member as usize].claim)
                {
                    object_of_member[member as usize] = objects;
                    at += 1;
                }
                from
            };
            exclusive_from[objects as usize] = pass(|claim| claim == Claim::Exclusive);
            shared_from[objects as usize] = pass(|claim| claim == Claim::Shared);
            units_from[objects as usize] = pass(|claim| matches!(claim, Claim::Units { .. }));
            objects += 1;
        }
        let count = objects as usize;

        for (object, possession) in object_of_held.iter_mut().zip(held) {
            let first_claims = &exclusive_from[..count];
            let key_at = |&at: &u32| blocked[waiters[at as usize] as usize].key;
            if possession.member < members
                && let Ok(found) = first_claims.binary_search_by_key(&possession.key, key_at)
            {
                *object = object_of_member[waiters[first_claims[found] as usize] as usize];
            }
        }
        let claimed = (0..possessions).filter(|&index| object_of_held[index as usize] != UNCLAIMED);
        let by_object =
            Buckets::fill(count, claimed.clone(), |index| object_of_held[index as usize], held.len(), lent)?;
        let by_member =
            Buckets::fill(blocked.len(), claimed, |index| held[index as usize].member, held.len(), lent)?;
        Some(Self {
            blocked,
            held,
            count,
            waiters,
            exclusive_from,
            shared_from,
            units_from,
            object_of_member,
            object_of_held,
            by_object,
            by_member,
        })
    }

    /// The object that `member` waits for.
    pub(super) fn waited_by(&self, member: u32) -> usize {
        self.object_of_member[member as usize] as usize
    }

    /// The object of a possession that [`Keys::possessions`] or [`Keys::holdings`] named.
    pub(super) fn held_by(&self, possession: u32) -> usize {
        self.object_of_held[possession as usize] as usize
    }

    /// Who claims the object for itself alone, in the order of the queue.
    pub(super) fn exclusive(&self, object: usize) -> &'w [u32] {
        self.between(self.exclusive_from[object], self.shared_from[object])
    }

    /// Who claims the object beside others, in the order of the queue.
    pub(super) fn shared(&self, object: usize) -> &'w [u32] {
        self.between(self.shared_from[object], self.units_from[object])
    }

    /// Who claims units of the object, in the order of the queue; of one place, who needs least first.
    pub(super) fn units(&self, object: usize) -> &'w [u32] {
        self.between(self.units_from[object], self.exclusive_from[object + 1])
    }

    fn between(&self, first: u32, end: u32) -> &'w [u32] {
        &self.waiters[first as usize..end as usize]
    }

    /// What is held of the object, as indices into `held`.
    pub(super) fn holdings(&self, object: usize) -> &'w [u32] {
        self.by_object.of(object)
    }

    /// What `member` holds of objects that somebody waits for, as indices into `held`.
    pub(super) fn possessions(&self, member: u32) -> &'w [u32] {
        self.by_member.of(member as usize)
    }

    /// The place of `member` in its object's queue.
    pub(super) fn place(&self, member: u32) -> u64 {
        self.blocked[member as usize].queue
    }
}

/// Of the object's units, how many others may hold while a claim of units can still be served; `None`
/// when it never can.
pub(super) fn spare(claim: Claim) -> Option<u64> {
    match claim {
        Claim::Units { need: 0, .. } => Some(u64::MAX),
        Claim::Units { need, total } => total.checked_sub(need).map(u64::from),
        Claim::Exclusive | Claim::Shared => None,
    }
}

/// By object, kind of claim, place in the queue; of one place, whoever can be served first; the index
/// last, because the sort is not stable.
fn service_order(blocked: &[Blocked], member: u32) -> (u64, u8, u64, Reverse<Option<u64>>, u32) {
    let Blocked { key, claim, queue, .. } = blocked[member as usize];
    let kind = match claim {
        Claim::Exclusive => 0,
        Claim::Shared => 1,
        Claim::Units { .. } => 2,
    };
    (key, kind, queue, Reverse(spare(claim)), member)
}

/// Numbers sorted into buckets, all in one list.
struct Buckets<'w> {
    /// Bucket → where it begins in `sorted`; one more entry ends the last.
    from: &'w [u32],
    sorted: &'w [u32],
}

impl<'w> Buckets<'w> {
    /// Sorts `numbers`, of which there are at most `length`, by `bucket_of`, in their order.
    fn fill(
        buckets: usize,
        numbers: impl DoubleEndedIterator<Item = u32> + Clone,
        bucket_of: impl Fn(u32) -> u32,
        length: usize,
        lent: &mut Lent<'w>,
    ) -> Option<Self> {
        let from = lent.take(buckets + 1, 0)?;
        let sorted = lent.take(length, 0)?;
        for number in numbers.clone() {
            from[bucket_of(number) as usize] += 1;
        }
        let mut end = 0;
        for bucket in from.iter_mut() {
            end += *bucket;
            *bucket = end;
        }
        // Each bucket is filled from its end, which leaves `from` at its beginning.
        for number in numbers.rev() {
            let bucket = &mut from[bucket_of(number) as usize];
            *bucket -= 1;
            sorted[*bucket as usize] = number;
        }
        Some(Self { from, sorted })
    }

    fn of(&self, bucket: usize) -> &'w [u32] {
        &self.sorted[self.from[bucket] as usize..self.from[bucket + 1] as usize]
    }
}
