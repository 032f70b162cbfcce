//! What the knot means to one participant: whether it is in a circle, which, and who gives up.

use super::knot::{STUCK, reduce};
use super::wait_for::{Blocked, Graph, Held};

/// What [`judge`] found for one participant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It can go on once others do.
    Free,
    /// It waits behind a deadlock in which it does not take part.
    Behind,
    /// It is in a deadlock, but one in it is not known whole yet: look again.
    LookAgain,
    /// It is in a deadlock.
    Deadlock {
        /// The place among the blocked of the one that gives up: the highest ticket.
        victim: u32,
    },
}

/// A verdict, and who it is about; places among the blocked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer<'a> {
    /// What it is.
    pub verdict: Verdict,
    /// Everyone who is in a circle with the one asked for; read them again before you believe it.
    pub component: &'a [u32],
    /// A shortest circle through the one asked for, which comes first; each waits for the next.
    pub cycle: &'a [u32],
}

impl Answer<'_> {
    const fn only(verdict: Verdict) -> Self {
        Self { verdict, component: &[], cycle: &[] }
    }
}

/// Whether `blocked[me]` is in a deadlock, given what the blocked hold. `workspace` has at least
/// [`workspace_len`](super::workspace_len) words; with fewer the answer is [`Verdict::Free`].
///
/// # Cost
/// n blocked and h holds: O((n + h) log (n + h)) for mutexes; see [`knot`](super::knot) for semaphores. No
/// allocation.
///
/// # Examples
/// ```
/// use crosstie_core::OwnerId;
/// use crosstie_core::graph::{Blocked, Claim, Held, Verdict, judge, workspace_len};
/// // Each has one mutex and wants the other's.
/// let wants = |slot, ticket, key| {
///     Blocked { id: OwnerId::new(slot, 1), ticket, key, claim: Claim::Exclusive, queue: ticket }
/// };
/// let blocked = [wants(0, 5, 20), wants(1, 6, 10)];
/// let held = [
///     Held { member: 0, key: 10, exclusive: true, units: 1 },
///     Held { member: 1, key: 20, exclusive: true, units: 1 },
/// ];
/// let mut workspace = vec![0; workspace_len(2, 2)];
/// let answer = judge(&blocked, &held, 1, &mut workspace);
/// assert_eq!(answer.verdict, Verdict::Deadlock { victim: 1 });
/// assert_eq!(answer.cycle, [1, 0]);
/// ```
#[must_use]
pub fn judge<'a>(blocked: &'a [Blocked], held: &'a [Held], me: u32, workspace: &'a mut [u32]) -> Answer<'a> {
    let members = blocked.len();
    let Some((graph, rest)) = Graph::new(blocked, held, workspace) else {
        return Answer::only(Verdict::Free);
    };
    let (marks, rest) = rest.split_at_mut(members);
    let (queue, rest) = rest.split_at_mut(members);
    reduce(&graph, marks, queue);
    if marks.get(me as usize) != Some(&STUCK) {
        return Answer::only(Verdict::Free);
    }
    let (parents, rest) = rest.split_at_mut(members);
    let (reaching, rest) = rest.split_at_mut(members);
    let (component, rest) = rest.split_at_mut(members);
    let cycle = rest.get_mut(..members).unwrap_or_default();
    let walk = Walk { graph: &graph, marks, me };
    let Some(last) = walk.forward(parents, queue) else { return Answer::only(Verdict::Behind) };
    // The order of discovery is over; its places serve the way back.
    walk.backward(reaching, queue);
    let both = (0..).zip(parents.iter().zip(reaching.iter()));
    let found = both.filter(|(_, (parent, reaches))| **parent != UNSEEN && **reaches == 1);
    let mut count = 0;
    for (place, (member, _)) in component.iter_mut().zip(found) {
        *place = member;
        count += 1;
    }
    let component = component.get(..count).unwrap_or_default();
    let length = walk.way_to(last, parents, cycle);
    Answer {
        verdict: verdict_of(blocked, component),
        component,
        cycle: cycle.get(..length).unwrap_or_default(),
    }
}

/// Who of a component gives up.
fn verdict_of(blocked: &[Blocked], component: &[u32]) -> Verdict {
    let ticket = |member: &u32| blocked.get(*member as usize).map_or(0, |it| it.ticket);
    if component.iter().any(|member| ticket(member) == 0) {
        return Verdict::LookAgain;
    }
    match component.iter().max_by_key(|member| ticket(member)) {
        Some(&victim) => Verdict::Deadlock { victim },
        None => Verdict::Behind,
    }
}

const UNSEEN: u32 = u32::MAX;

/// Walks through the deadlocked from and to one of them.
struct Walk<'g, 'a> {
    graph: &'g Graph<'a>,
    marks: &'g [u32],
    me: u32,
}

impl Walk<'_, '_> {
    /// Breadth first from `me` along "waits for"; notes from where each was reached. Answers the last
    /// before `me` is reached again.
    fn forward(&self, parents: &mut [u32], queue: &mut [u32]) -> Option<u32> {
        parents.fill(UNSEEN);
        let mut last = None;
        self.spread(queue, |member, discover| {
            let Some(waiter) = self.graph.blocked.get(member as usize) else { return };
            self.graph.blockers(waiter, |other| {
                if other == self.me && last.is_none() {
                    last = Some(member);
                }
                if let Some(parent) = parents.get_mut(other as usize)
                    && *parent == UNSEEN
                    && self.is_stuck(other)
                {
                    *parent = member;
                    if other != self.me {
                        discover(other);
                    }
                }
            });
        });
        last
    }

    /// Breadth first from `me` against "waits for": sets 1 for everyone who reaches it.
    fn backward(&self, reaching: &mut [u32], queue: &mut [u32]) {
        reaching.fill(0);
        self.spread(queue, |member, discover| {
            self.graph.blocked_by(member, |other| {
                if let Some(reaches) = reaching.get_mut(other as usize)
                    && *reaches == 0
                    && self.is_stuck(other)
                {
                    *reaches = 1;
                    if other != self.me {
                        discover(other);
                    }
                }
            });
        });
    }

    /// Visits `me` and everything that a visit discovers, each once, in the order of discovery.
    fn spread(&self, queue: &mut [u32], mut visit: impl FnMut(u32, &mut dyn FnMut(u32))) {
        let (mut next, mut end) = (0, 0);
        let mut current = Some(self.me);
        while let Some(member) = current {
            visit(member, &mut |other| {
                if let Some(place) = queue.get_mut(end) {
                    *place = other;
                    end += 1;
                }
            });
            current = (next < end).then(|| queue.get(next).copied()).flatten();
            next += 1;
        }
    }

    /// Writes the way from `me` to `last` into `cycle`; answers its length.
    fn way_to(&self, last: u32, parents: &[u32], cycle: &mut [u32]) -> usize {
        let mut length = 0;
        let mut member = last;
        for place in cycle.iter_mut() {
            *place = member;
            length += 1;
            if member == self.me {
                break;
            }
            member = parents.get(member as usize).copied().unwrap_or(self.me);
        }
        cycle.get_mut(..length).unwrap_or_default().reverse();
        length
    }

    fn is_stuck(&self, member: u32) -> bool {
        self.marks.get(member as usize) == Some(&STUCK)
    }
}
