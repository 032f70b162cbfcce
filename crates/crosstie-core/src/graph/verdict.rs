//! [`judge`]: is this participant deadlocked, with whom, and who gives up.

use super::component;
use super::cycle::Ahead;
use super::keys::{Keys, Lent};
use super::knot::Knot;
use super::wait_for::{Blocked, Held};

/// What is to be done about a wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Not deadlocked: somebody outside the set can set it free, or somebody in the set who can go on.
    Free,
    /// It cannot go on until others' deadlock is resolved, of which it is no part: wait. Also whoever
    /// claims more units than there are.
    Behind,
    /// Deadlocked, but a member of its component has no ticket yet, so who gives up is not settled:
    /// look again soon.
    LookAgain,
    /// Deadlocked.
    Deadlock {
        /// Who gives up: the member whose ticket is the highest, as an index into the blocked.
        victim: u32,
    },
}

/// The answer about one blocked participant. All numbers are indices into the blocked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer<'w> {
    /// What is to be done.
    pub verdict: Verdict,
    /// Everybody who waits for it and for whom it waits, directly or through others, itself included, by
    /// index: whose waits must be found unchanged before the verdict is acted on. Empty unless the
    /// verdict is `Deadlock` or `LookAgain`.
    pub component: &'w [u32],
    /// A shortest cycle through it: it waits for the second, who waits for the third, and the last waits
    /// for it. Empty when `component` is.
    pub cycle: &'w [u32],
}

impl Answer<'_> {
    const fn alone(verdict: Verdict) -> Self {
        Self { verdict, component: &[], cycle: &[] }
    }
}

/// The `u32` words that [`judge`] needs for so many blocked participants and possessions.
#[must_use]
pub const fn workspace_len(blocked: usize, held: usize) -> usize {
    Keys::words(blocked, held)
        .saturating_add(Knot::words(blocked))
        .saturating_add(Ahead::words(blocked))
        .saturating_add(component::words(blocked))
}

/// Judges the wait of member `me`: whether it is deadlocked, with whom, and who gives up.
///
/// `blocked` are all who live and wait without a deadline, in any order; `held` is what they hold, in any
/// order, possibly several possessions of one object by one member. What is held by others must not be in
/// it: they may release it. The answer depends on nothing but the arguments; the same members in another
/// order give the same victim and component.
///
/// The answer is about what was read. It becomes a proof when each wait of the component is found
/// unchanged after everything has been read: who has slept all along has neither taken nor released.
///
/// Input of any kind is borne: a member that is out of range, a workspace that is too short, and counts
/// that cannot be make the answer useless (`Free` for the first two), never wrong in memory.
///
/// # Cost
/// O((b + h) log b) for b members and h possessions, whatever the number of edges between them; no system
/// call, no allocation, no recursion.
///
/// # Examples
/// ```
/// use crosstie_core::OwnerId;
/// use crosstie_core::graph::{Blocked, Claim, Held, Verdict, judge, workspace_len};
/// // Each holds a mutex and waits for the other's.
/// let waits = |slot, ticket, key| {
///     Blocked { id: OwnerId::new(slot, 1), ticket, key, claim: Claim::Exclusive, queue: 1 }
/// };
/// let holds = |member, key| Held { member, key, exclusive: true, units: 0 };
/// let (blocked, held) = ([waits(4, 71, 20), waits(9, 70, 10)], [holds(0, 10), holds(1, 20)]);
/// let mut workspace = vec![0; workspace_len(blocked.len(), held.len())];
///
/// let answer = judge(&blocked, &held, 1, &mut workspace);
/// assert_eq!(answer.verdict, Verdict::Deadlock { victim: 0 });
/// assert_eq!((answer.component, answer.cycle), (&[0, 1][..], &[1, 0][..]));
/// // Whoever would release it without waiting is not in the set.
/// assert_eq!(judge(&blocked[..1], &held[..1], 0, &mut workspace).verdict, Verdict::Free);
/// ```
///
/// # Source
/// R. C. Holt, *Some deadlock properties of computer systems*, ACM Computing Surveys 4 (1972): a state is
/// deadlocked when its graph cannot be reduced completely.
#[must_use]
pub fn judge<'w>(blocked: &[Blocked], held: &[Held], me: u32, workspace: &'w mut [u32]) -> Answer<'w> {
    if me as usize >= blocked.len() {
        return Answer::alone(Verdict::Free);
    }
    proof(blocked, held, me, Lent::new(workspace)).unwrap_or(Answer::alone(Verdict::Free))
}

/// `None` when there are too few words.
fn proof<'w>(blocked: &[Blocked], held: &[Held], me: u32, mut lent: Lent<'w>) -> Option<Answer<'w>> {
    let keys = Keys::sort(blocked, held, &mut lent)?;
    let mut knot = Knot::new(&keys, &mut lent)?;
    if !knot.reduce(&keys, me) {
        return Some(Answer::alone(Verdict::Free));
    }
    let ahead = Ahead::search(&keys, &knot, me, &mut lent)?;
    if !ahead.is_closed() {
        return Some(Answer::alone(Verdict::Behind));
    }
    let component = component::component(&keys, &ahead, me, &mut lent)?;
    Some(Answer { verdict: verdict(blocked, component), component, cycle: ahead.into_cycle()? })
}

/// Who of a component gives up: its highest ticket. One without a ticket may yet draw a higher one.
fn verdict(blocked: &[Blocked], component: &[u32]) -> Verdict {
    let ticket = |member: u32| blocked[member as usize].ticket;
    if component.iter().any(|&member| ticket(member) == 0) {
        return Verdict::LookAgain;
    }
    // Tickets are drawn once each. Should two be equal all the same, their ids decide for all judges alike.
    let rank = |&member: &u32| (ticket(member), blocked[member as usize].id.to_bits());
    component
        .iter()
        .copied()
        .max_by_key(rank)
        .map_or(Verdict::LookAgain, |victim| Verdict::Deadlock { victim })
}
