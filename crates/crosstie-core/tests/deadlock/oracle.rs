//! The same question, answered by playing it out: every order in which members can go on.
//!
//! Nothing is shared with the code that ships: sets are sets of booleans, edges a matrix, distances
//! those of Floyd and Warshall. With a [`Flaw`], it is a broken twin that the known scenes must catch.

use std::collections::HashSet;

use crosstie_core::graph::{Claim, Verdict};

use crate::scene::{Scene, Told};

/// What a twin does wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    None,
    /// Claims of units overtake each other.
    IgnoresTheQueueOfUnits,
    /// Readers overtake a writer that waits.
    IgnoresEarlierWriters,
    /// Whoever holds a unit keeps out everybody who wants one.
    TakesAnyHolderOfUnitsForABlocker,
    /// Nobody waits for itself.
    IgnoresOwnPossessions,
    /// One edge is as good as another: who waits for somebody deadlocked is deadlocked itself.
    TakesWaitersBehindForMembers,
    LowestTicketGivesUp,
    /// Who has no ticket yet counts as the earliest.
    TakesAnUnknownTicketForALowOne,
}

pub const FLAWS: [Flaw; 7] = [
    Flaw::IgnoresTheQueueOfUnits,
    Flaw::IgnoresEarlierWriters,
    Flaw::TakesAnyHolderOfUnitsForABlocker,
    Flaw::IgnoresOwnPossessions,
    Flaw::TakesWaitersBehindForMembers,
    Flaw::LowestTicketGivesUp,
    Flaw::TakesAnUnknownTicketForALowOne,
];

/// Who can never go on, in whatever order the others do.
pub fn deadlocked(scene: &Scene, flaw: Flaw) -> Vec<bool> {
    let start = vec![true; scene.blocked.len()];
    let (mut seen, mut open) = (HashSet::from([start.clone()]), vec![start.clone()]);
    let mut never = start;
    while let Some(set) = open.pop() {
        for member in 0..set.len() {
            if set[member] && goes_on(scene, member, &set, flaw) {
                never[member] = false;
                let mut rest = set.clone();
                rest[member] = false;
                if seen.insert(rest.clone()) {
                    open.push(rest);
                }
            }
        }
    }
    never
}

/// Whether `member` can go on if everybody outside the set releases everything.
fn goes_on(scene: &Scene, member: usize, set: &[bool], flaw: Flaw) -> bool {
    if let Claim::Units { need, total } = scene.blocked[member].claim {
        let mut units = scene.units_held(scene.blocked[member].key, set);
        if flaw == Flaw::IgnoresOwnPossessions {
            units -= scene.units_held(scene.blocked[member].key, &only(member, set.len()));
        }
        if u64::from(total).saturating_sub(units) < u64::from(need) {
            return false;
        }
    }
    !(0..set.len()).any(|other| keeps(scene, member, other, set, flaw))
}

fn only(member: usize, members: usize) -> Vec<bool> {
    (0..members).map(|other| other == member).collect()
}

fn keeps(scene: &Scene, waiter: usize, other: usize, set: &[bool], flaw: Flaw) -> bool {
    let (claim, blocker) = (scene.blocked[waiter].claim, scene.blocked[other]);
    let holds_it = scene.held.iter().any(|held| {
        held.member as usize == other
            && held.key == scene.blocked[waiter].key
            && (claim != Claim::Shared || held.exclusive)
    });
    match flaw {
        Flaw::IgnoresTheQueueOfUnits
            if matches!(claim, Claim::Units { .. }) && matches!(blocker.claim, Claim::Units { .. }) =>
        {
            holds_it && scene.is_kept_by(waiter, other, set)
        }
        Flaw::IgnoresEarlierWriters if claim == Claim::Shared => holds_it && set[other],
        Flaw::TakesAnyHolderOfUnitsForABlocker if matches!(claim, Claim::Units { .. }) => {
            set[other] && holds_it || scene.is_kept_by(waiter, other, set)
        }
        Flaw::IgnoresOwnPossessions if waiter == other => false,
        _ => scene.is_kept_by(waiter, other, set),
    }
}

/// From whom to whom, inside the deadlocked set, and how far; `None` where there is no way. The distance
/// from a member to itself is that of the shortest cycle.
fn distances(scene: &Scene, set: &[bool], flaw: Flaw) -> Vec<Vec<Option<usize>>> {
    let members = set.len();
    let edge = |from: usize, to: usize| (set[from] && keeps(scene, from, to, set, flaw)).then_some(1);
    let mut distances: Vec<Vec<_>> =
        (0..members).map(|from| (0..members).map(|to| edge(from, to)).collect()).collect();
    for by in 0..members {
        for from in 0..members {
            for to in 0..members {
                let detour = distances[from][by].zip(distances[by][to]).map(|(near, far)| near + far);
                distances[from][to] = [distances[from][to], detour].into_iter().flatten().min();
            }
        }
    }
    distances
}

/// What this oracle, or this twin, says. Only the length of its cycle means anything.
pub fn played_out(scene: &Scene, me: u32, flaw: Flaw) -> Told {
    let told = |verdict| Told { verdict, component: vec![], cycle: vec![] };
    let set = deadlocked(scene, flaw);
    let me = me as usize;
    if !set[me] {
        return told(Verdict::Free);
    }
    let distances = distances(scene, &set, flaw);
    let mut component: Vec<u32> = (0..set.len())
        .filter(|&other| distances[me][other].is_some() && distances[other][me].is_some())
        .map(|other| other as u32)
        .collect();
    if flaw == Flaw::TakesWaitersBehindForMembers {
        component = (0..set.len() as u32).filter(|&member| set[member as usize]).collect();
    }
    let ticket = |member: &u32| scene.blocked[*member as usize].ticket;
    let victim = match flaw {
        _ if component.is_empty() => return told(Verdict::Behind),
        Flaw::LowestTicketGivesUp => component.iter().copied().min_by_key(ticket),
        _ => component.iter().copied().max_by_key(ticket),
    };
    let is_unknown = component.iter().any(|member| ticket(member) == 0);
    let verdict = match victim {
        _ if is_unknown && flaw != Flaw::TakesAnUnknownTicketForALowOne => Verdict::LookAgain,
        Some(victim) => Verdict::Deadlock { victim },
        None => Verdict::Behind,
    };
    Told { verdict, component, cycle: vec![me as u32; distances[me][me].unwrap_or(0)] }
}
