//! Which participants can never go on: the greatest set in which everyone is blocked by the set
//! itself, whatever all others give up.
//!
//! A mutex needs a cycle, a semaphore more: of n permits, k may come back from any holder. Both are
//! one question (Holt 1972): take everyone who is blocked, let go whoever could go on if all outside
//! released all that they hold, and repeat. Who is left is deadlocked.
//!
//! # Source
//! R. C. Holt, "Some Deadlock Properties of Computer Systems", ACM Computing Surveys 4(3), 1972.

use super::wait_for::{Blocked, Claim, Graph, is_before};

/// A member's mark.
pub(super) const GONE: u32 = 0;
/// May yet turn out to be deadlocked; at the end it is.
pub(super) const STUCK: u32 = 1;
const QUEUED: u32 = 2;

/// Marks in `marks` who is deadlocked ([`STUCK`]) and who is not ([`GONE`]). `stack` and `marks` have a
/// place for each member.
///
/// Every removal looks again at those whom the removed one blocked: with w waiters and h holds of one
/// object at most w·h² steps for it, and n·log n in all where objects have one holder.
pub(super) fn reduce(graph: &Graph<'_>, marks: &mut [u32], stack: &mut [u32]) {
    let mut height = 0;
    for (member, (mark, place)) in (0..).zip(marks.iter_mut().zip(stack.iter_mut())) {
        *mark = QUEUED;
        *place = member;
        height += 1;
    }
    while height > 0 {
        height -= 1;
        let Some(&member) = stack.get(height) else { return };
        set(marks, member, STUCK);
        let Some(waiter) = graph.blocked.get(member as usize) else { continue };
        if !can_go_on(graph, waiter, marks) {
            continue;
        }
        set(marks, member, GONE);
        graph.blocked_by(member, |other| {
            if marks.get(other as usize) == Some(&STUCK)
                && let Some(place) = stack.get_mut(height)
            {
                *place = other;
                height += 1;
                set(marks, other, QUEUED);
            }
        });
    }
}

/// Whether `waiter` gets what it wants once everyone outside the set has released all.
fn can_go_on(graph: &Graph<'_>, waiter: &Blocked, marks: &[u32]) -> bool {
    let is_inside = |member: u32| marks.get(member as usize).is_some_and(|&mark| mark != GONE);
    let Claim::Units { need, total } = waiter.claim else {
        let mut is_free = true;
        graph.blockers(waiter, |member| is_free &= !is_inside(member));
        return is_free;
    };
    let inside = graph.holds_of_key(waiter.key).filter(|hold| is_inside(hold.member));
    let kept = inside.fold(0_u32, |sum, hold| sum.saturating_add(hold.units));
    let mut others = graph.waiters_of(waiter.key);
    let is_next = !others.any(|(member, other)| is_before(other, waiter) && is_inside(member));
    is_next && total.saturating_sub(kept) >= need
}

fn set(marks: &mut [u32], member: u32, mark: u32) {
    if let Some(place) = marks.get_mut(member as usize) {
        *place = mark;
    }
}
