//! A scene: who waits for what and holds what, built line by line; and what a judge says of it.

use crosstie_core::OwnerId;
use crosstie_core::graph::{Blocked, Claim, Held, Verdict, judge, workspace_len};

pub const SHARED: bool = false;
pub const EXCLUSIVE: bool = true;

/// Who waits for what, and holds what.
#[derive(Clone, Debug, Default)]
pub struct Scene {
    pub blocked: Vec<Blocked>,
    pub held: Vec<Held>,
}

impl Scene {
    pub fn new() -> Self {
        Self::default()
    }

    /// The next member waits for `key`. Tickets are 1, 2, …, and so are places in queues.
    pub fn waits(mut self, key: u64, claim: Claim) -> Self {
        let number = self.blocked.len() as u64;
        let id = OwnerId::new(number as u32, 1);
        self.blocked.push(Blocked { id, ticket: number + 1, key, claim, queue: number + 1 });
        self
    }

    /// The member that was named last holds `key`.
    pub fn holds(mut self, key: u64, exclusive: bool) -> Self {
        let member = self.blocked.len() as u32 - 1;
        self.held.push(Held { member, key, exclusive, units: 0 });
        self
    }

    /// The member that was named last holds units of `key`.
    pub fn holds_units(mut self, key: u64, units: u32) -> Self {
        let member = self.blocked.len() as u32 - 1;
        self.held.push(Held { member, key, exclusive: false, units });
        self
    }

    /// The member that was named last has this place in its queue.
    pub fn at_place(mut self, queue: u64) -> Self {
        self.blocked.last_mut().expect("a member was named").queue = queue;
        self
    }

    /// The member that was named last has this ticket.
    pub fn with_ticket(mut self, ticket: u64) -> Self {
        self.blocked.last_mut().expect("a member was named").ticket = ticket;
        self
    }

    /// Whether `waiter` cannot go on because of `other`, when `set` says who is still there.
    pub fn is_kept_by(&self, waiter: usize, other: usize, set: &[bool]) -> bool {
        let Blocked { key, claim, queue, .. } = self.blocked[waiter];
        let blocker = self.blocked[other];
        let mut of_other = self.held.iter().filter(|held| held.key == key && held.member as usize == other);
        let is_earlier = blocker.key == key && blocker.queue < queue;
        set[other]
            && match claim {
                Claim::Exclusive => of_other.next().is_some(),
                Claim::Shared => {
                    of_other.any(|held| held.exclusive) || is_earlier && blocker.claim == Claim::Exclusive
                }
                Claim::Units { need, total } => {
                    let units = self.units_held(key, set);
                    let lacks = u64::from(total).saturating_sub(units) < u64::from(need);
                    lacks && of_other.any(|held| held.units > 0)
                        || is_earlier && matches!(blocker.claim, Claim::Units { .. })
                }
            }
    }

    /// The units of `key` that are held in the set.
    pub fn units_held(&self, key: u64, set: &[bool]) -> u64 {
        let inside =
            self.held.iter().filter(|held| set.get(held.member as usize).is_some_and(|&is_in| is_in));
        inside.filter(|held| held.key == key).map(|held| u64::from(held.units)).sum()
    }
}

/// What a judge said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    pub verdict: Verdict,
    pub component: Vec<u32>,
    pub cycle: Vec<u32>,
}

/// What the code that ships says.
pub fn shipped(scene: &Scene, me: u32) -> Told {
    let mut workspace = vec![0xDEAD_BEEF; workspace_len(scene.blocked.len(), scene.held.len())];
    let answer = judge(&scene.blocked, &scene.held, me, &mut workspace);
    Told { verdict: answer.verdict, component: answer.component.to_vec(), cycle: answer.cycle.to_vec() }
}
