//! [`Value`]: what an object on which processes take turns stands at, beside who has it and who waits.

use std::fmt;

use crate::ledger::Domain;
use crate::sync::{Barrier, CountingSemaphore, Event, Semaphore};

/// What an object stands at: a number, or whether it has happened. In words: `value 7`, `set`, `1 of 3 permits taken`.
///
/// # Examples
/// ```
/// use crosstie::inspect::{Snapshot, Value};
/// use crosstie::sync::CountingSemaphore;
/// # let folder = tempfile::tempdir().unwrap();
/// # let domain = crosstie::ledger::Domain::open(folder.path().join("d"))?;
/// let _full = CountingSemaphore::open_or_create_in(domain, "full", 7)?;
/// let value = Snapshot::of(domain).objects[0].value.unwrap();
/// assert_eq!(value, Value::Count(7));
/// assert_eq!(value.to_string(), "value 7");
/// # Ok::<(), crosstie::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Value {
    /// Of a counting semaphore: how many can be taken.
    Count(u32),
    /// Of an event: whether it is set.
    IsSet(bool),
    /// Of what is done once: whether it is done.
    IsDone(bool),
    /// Of what has no name: whether anybody has it. What nobody has is left behind by the dead.
    IsUsed(bool),
    /// Of a semaphore whose permits have owners.
    Permits {
        /// How many the living have.
        taken: u32,
        /// How many there are.
        total: u32,
    },
    /// Of a barrier.
    Parties {
        /// How many have come; 0 again as soon as all have.
        arrived: u32,
        /// For how many it is.
        total: u32,
        /// Whether one died before it came.
        is_broken: bool,
    },
}

impl Value {
    pub(super) fn of_count(count: &CountingSemaphore) -> Self {
        Self::Count(count.value())
    }

    pub(super) fn of_event(event: &Event) -> Self {
        Self::IsSet(event.is_set())
    }

    /// A dead owner's permits are as good as free.
    pub(super) fn of_permits(domain: &'static Domain, permits: &Semaphore) -> Self {
        let alive = permits.held_by().into_iter().filter(|&(_, owner)| domain.is_alive(owner));
        Self::Permits { taken: alive.fold(0, |count, _| count + 1), total: permits.total() }
    }

    pub(super) fn of_barrier(barrier: &Barrier) -> Self {
        Self::Parties { arrived: barrier.arrived(), total: barrier.parties(), is_broken: barrier.is_broken() }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let not = |is: bool| if is { "" } else { "not " };
        match *self {
            Self::Count(count) => write!(f, "value {count}"),
            Self::IsSet(is_set) => write!(f, "{}set", not(is_set)),
            Self::IsDone(is_done) => write!(f, "{}done", not(is_done)),
            Self::IsUsed(true) => f.write_str("in use"),
            Self::IsUsed(false) => f.write_str("left behind, nobody has it any more"),
            Self::Permits { taken, total } => write!(f, "{taken} of {total} permits taken"),
            Self::Parties { arrived, total, is_broken } => {
                let broken = if is_broken { ", broken" } else { "" };
                write!(f, "{arrived} of {total} have come{broken}")
            }
        }
    }
}
