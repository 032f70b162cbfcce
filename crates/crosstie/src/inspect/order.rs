//! Deadlocks that could be: locks that were taken in orders that close a circle, though never at the same time.

use std::fmt;

use crosstie_core::layout::orders::{Order, Way};

use super::Snapshot;
use crate::ledger::Domain;

/// Locks of one circle that are looked at; longer circles are not told.
const CIRCLE_MAX: usize = 6;
/// Steps of the search, so that no file makes it endless.
const STEPS_MAX: u32 = 1_000_000;

/// Locks that were taken in orders that close a circle: at the wrong time that is a deadlock.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Inversion {
    /// Each wanted what the next had, the last what the first had.
    pub links: Vec<InversionLink>,
}

/// Who wanted one lock while it had another.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct InversionLink {
    /// The process.
    pub pid: u32,
    /// Its command.
    pub command: String,
    /// What it had: `lock:stock`.
    pub had: String,
    /// Where it had taken that; empty when that is not known.
    pub had_at: String,
    /// What it wanted.
    pub wanted: String,
    /// Where; empty when that is not known.
    pub wanted_at: String,
}

impl fmt::Display for Inversion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.links.iter().map(|link| link.had.as_str()).collect();
        write!(f, "{} were taken in orders that close a circle:", names.join(" and "))?;
        for link in &self.links {
            write!(f, "\n  {} {} wanted {}", link.pid, link.command, link.wanted)?;
            if !link.wanted_at.is_empty() {
                write!(f, " at {}", link.wanted_at)?;
            }
            write!(f, " while it had {}", link.had)?;
            if !link.had_at.is_empty() {
                write!(f, ", taken at {}", link.had_at)?;
            }
        }
        Ok(())
    }
}

/// The deadlocks that could be, as far as processes noted in which order they take locks
/// ([`Domain::note_lock_order`]), and how many orders found no room.
///
/// No circle is told that could not close: two of its steps happened under one lock that lets only one of them in; or all
/// that met at a lock only read, and nobody has ever written.
///
/// # Examples
/// ```
/// use crosstie::inspect::inversions;
/// use crosstie::sync::Mutex;
/// # let folder = tempfile::tempdir().unwrap();
/// # let domain = crosstie::ledger::Domain::open(folder.path().join("d"))?;
/// domain.note_lock_order()?;
/// let (a, b) = (Mutex::<u64>::open_or_create_in(domain, "a", || 0)?, Mutex::<u64>::open_or_create_in(domain, "b", || 0)?);
/// {
///     let (_a, _b) = (a.lock()?, b.lock()?);
/// }
/// assert!(inversions(domain).0.is_empty());
/// {
///     let (_b, _a) = (b.lock()?, a.lock()?);
/// }
/// assert_eq!(inversions(domain).0.len(), 1);
/// # Ok::<(), crosstie::Error>(())
/// ```
#[must_use]
pub fn inversions(domain: &'static Domain) -> (Vec<Inversion>, u64) {
    let (orders, beyond) = domain.lock_orders();
    if orders.is_empty() {
        return (Vec::new(), beyond);
    }
    let snapshot = Snapshot::of(domain);
    let was_written = |key: u64| {
        snapshot.objects.iter().any(|object| object.key == key && key != 0 && object.acquisitions > 0)
    };
    let text = |bytes: &[u8]| {
        let text = String::from_utf8_lossy(bytes);
        text.trim_end_matches('\0').chars().filter(|c| !c.is_control()).collect::<String>()
    };
    let link = |order: &Order| InversionLink {
        pid: order.pid,
        command: text(&order.command),
        had: snapshot.object_name(order.had.key),
        had_at: text(&order.had_at),
        wanted: snapshot.object_name(order.wanted.key),
        wanted_at: text(&order.wanted_at),
    };
    let circles = circles(&orders, was_written);
    (
        circles
            .iter()
            .map(|circle| Inversion { links: circle.iter().map(|&at| link(&orders[at])).collect() })
            .collect(),
        beyond,
    )
}

/// Circles among `orders`, as indices; of those over the same locks in the same order, one.
fn circles(orders: &[Order], was_written: impl Fn(u64) -> bool) -> Vec<Vec<usize>> {
    let mut search = Search { orders, was_written, path: Vec::new(), found: Vec::new(), steps: 0 };
    for start in 0..orders.len() {
        search.path = vec![start];
        search.go_on();
    }
    search.found
}

struct Search<'a, F> {
    orders: &'a [Order],
    was_written: F,
    path: Vec<usize>,
    found: Vec<Vec<usize>>,
    steps: u32,
}

impl<F: Fn(u64) -> bool> Search<'_, F> {
    /// Follows the path as far as it leads. A circle is found from its smallest key.
    fn go_on(&mut self) {
        self.steps += 1;
        let (Some(&first), Some(&last)) = (self.path.first(), self.path.last()) else { return };
        let (first, last) = (&self.orders[first], &self.orders[last]);
        if last.wanted.key == first.had.key {
            if self.conflict(last.wanted, first.had) {
                self.keep();
            }
            return;
        }
        if self.path.len() == CIRCLE_MAX || self.steps > STEPS_MAX {
            return;
        }
        for (at, next) in self.orders.iter().enumerate() {
            let leads_on = next.had.key == last.wanted.key && next.had.key > first.had.key;
            if leads_on
                && self.conflict(last.wanted, next.had)
                && self.path.iter().all(|&before| self.can_meet(&self.orders[before], next))
            {
                self.path.push(at);
                self.go_on();
                self.path.pop();
            }
        }
    }

    /// Whether who wants a lock in one way may wait for who has it in the other: readers do if anybody writes at all.
    fn conflict(&self, wanted: Way, had: Way) -> bool {
        !(wanted.is_shared && had.is_shared) || (self.was_written)(had.key)
    }

    /// Whether two can be where they were at the same time: they had nothing that only one has.
    fn can_meet(&self, one: &Order, other: &Order) -> bool {
        held(one).all(|way| held(other).all(|it| it.key != way.key || (it.is_shared && way.is_shared)))
    }

    fn keep(&mut self) {
        let keys = |path: &[usize]| path.iter().map(|&at| self.orders[at].had.key).collect::<Vec<_>>();
        let own = keys(&self.path);
        if !self.found.iter().any(|path| keys(path) == own) {
            self.found.push(self.path.clone());
        }
    }
}

fn held(order: &Order) -> impl Iterator<Item = Way> {
    std::iter::once(order.had).chain(order.gates.into_iter().flatten())
}

#[cfg(test)]
mod tests {
    use crosstie_core::layout::orders::{GATES, PLACE_BYTES};

    use super::*;

    fn order(had: u64, wanted: u64) -> Order {
        let way = |key: u64| Way { key, is_shared: false };
        Order {
            had: way(had),
            wanted: way(wanted),
            gates: [None; GATES],
            pid: 1,
            at_ns: 0,
            command: [0; 16],
            had_at: [0; PLACE_BYTES],
            wanted_at: [0; PLACE_BYTES],
        }
    }

    fn reading(mut order: Order) -> Order {
        (order.had.is_shared, order.wanted.is_shared) = (true, true);
        order
    }

    fn under(mut order: Order, key: u64, is_shared: bool) -> Order {
        order.gates[0] = Some(Way { key, is_shared });
        order
    }

    fn count(orders: &[Order], written: bool) -> usize {
        circles(orders, |_| written).len()
    }

    #[test]
    fn two_orders_and_three_close_a_circle_and_are_told_once() {
        assert_eq!(count(&[order(1, 2), order(2, 3)], true), 0);
        assert_eq!(count(&[order(1, 2), order(2, 1), under(order(2, 1), 9, false)], true), 1);
        assert_eq!(count(&[order(3, 1), order(1, 2), order(2, 3)], true), 1);
    }

    #[test]
    fn a_gate_that_both_passed_keeps_them_apart_unless_both_only_read_it() {
        let both = |shared| [under(order(1, 2), 9, shared), under(order(2, 1), 9, shared)];
        assert_eq!((count(&both(false), true), count(&both(true), true)), (0, 1));
        assert_eq!(count(&[under(order(1, 2), 9, false), order(2, 1)], true), 1);
    }

    #[test]
    fn readers_alone_close_no_circle_but_with_a_writer_they_do() {
        let both = [reading(order(1, 2)), reading(order(2, 1))];
        assert_eq!((count(&both, false), count(&both, true)), (0, 1));
    }
}
