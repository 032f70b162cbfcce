//! In which order locks are taken: noted where somebody wants that, for who looks for deadlocks that could be.
//!
//! A thread that would wait for a lock while it has others notes each of those beside it, once, in the file `orders` of
//! the domain, so that processes meet there that never met at a lock. Nothing is noted for who does not wait (`try_…`) or
//! would stop (`…_for`, `…_until`): with those no circle closes for ever. Nor of permits, of which there may be others,
//! nor of what the *process* has, which any of its threads may give up.
//!
//! Who does not ask for it pays nothing: the fast paths are the same. Threads whose locks are noted do not know
//! themselves at once, and so always go the long way (`ledger::local`).

use std::collections::HashSet;
use std::panic::Location;
use std::sync::Mutex;

use crosstie_core::atomic::{AtomicU64, Ordering};
use crosstie_core::layout::header::Kind;
use crosstie_core::layout::orders::{
    BEYOND_OFFSET, Entry, GATES, LAYOUT, ORDERS, ORDERS_BYTES, ORDERS_OFFSET, Order, PLACE_BYTES, Way,
    note as note_in,
};
use crosstie_core::turns::rwlock::KEY;
use crosstie_core::word::waiting::Mode;
use crosstie_core::{Deadline, OwnerId};

use super::deadlock::NESTED_MAX;
use super::local::forget_latest;
use super::site::Site;
use super::{Domain, Me, OwnerKind};
use crate::error::Result;
use crate::os::clock;
use crate::region::{Segment, SegmentSpec, Sizes, Space};

/// Set, and not to `0`, it makes a process note in which order its threads take locks.
pub const ORDER_VARIABLE: &str = "CROSSTIE_LOCK_ORDER";

const ORDERS_FILE: &str = "orders";

const SPEC: SegmentSpec = SegmentSpec {
    kind: Kind::new("orders"),
    layout: LAYOUT,
    header_bytes: ORDERS_OFFSET as u64,
    data_bytes: ORDERS_BYTES as u64,
    params: [ORDERS as u64, 0, 0, 0],
    sizes: Sizes::Exact,
    space: Space::Whole,
};

/// What tells one order from another: had, wanted, and what else was had.
type Known = (Way, Way, [Option<Way>; GATES]);

/// Where orders are noted.
#[derive(Debug)]
pub(super) struct Noting {
    segment: Segment,
    /// What this process has noted already.
    known: Mutex<HashSet<Known>>,
}

impl Noting {
    fn entries(segment: &Segment) -> Result<&[Entry; ORDERS]> {
        segment.shared(ORDERS_OFFSET)
    }

    fn note(&self, order: &Order) {
        // Not waited for: in a fork child it may be locked for ever. To note an order twice changes nothing.
        if let Ok(mut known) = self.known.try_lock()
            && !known.insert((order.had, order.wanted, order.gates))
        {
            return;
        }
        let is_noted = Self::entries(&self.segment).is_ok_and(|entries| note_in(entries, order));
        if !is_noted && let Ok(beyond) = self.segment.shared::<AtomicU64>(BEYOND_OFFSET) {
            // Relaxed: a number for people.
            beyond.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Domain {
    /// Makes this process note from now on in which order its threads take locks of this domain; for objects on the heap,
    /// of the default one. As the environment variable `CROSSTIE_LOCK_ORDER`.
    ///
    /// Call it before other threads take their first lock: those that have taken one may go on unnoted. For tests and
    /// trials, not for production: every lock goes the long way from then on. What was found,
    /// [`crate::inspect::inversions`] says, and `crosstie doctor`.
    ///
    /// # Errors
    /// As [`Segment::open_or_create`], of a file of 320 KiB in the domain.
    pub fn note_lock_order(&'static self) -> Result<()> {
        if !self.notes_lock_order() {
            let segment = Segment::open_or_create(self.directory(), ORDERS_FILE, &SPEC, |_| Ok(()))?;
            let noting = Box::leak(Box::new(Noting { segment, known: Mutex::default() }));
            // Another thread that was first notes as well.
            let _ = self.noting.replace(None, noting);
        }
        forget_latest();
        Ok(())
    }

    /// Whether this process notes in which order its threads take locks of this domain.
    #[must_use]
    pub fn notes_lock_order(&self) -> bool {
        self.noting.get().is_some()
    }

    pub(super) fn note_lock_order_if_asked(&'static self) -> Result<()> {
        match std::env::var_os(ORDER_VARIABLE) {
            Some(value) if !value.is_empty() && value != "0" => self.note_lock_order(),
            _ => Ok(()),
        }
    }

    /// The orders that anybody has noted in this domain, and how many found no room.
    pub(crate) fn lock_orders(&self) -> (Vec<Order>, u64) {
        let Ok(segment) = Segment::open(self.directory(), ORDERS_FILE, &SPEC) else { return (Vec::new(), 0) };
        let orders = Noting::entries(&segment).into_iter().flatten().filter_map(Entry::read).collect();
        let beyond = segment.shared::<AtomicU64>(BEYOND_OFFSET);
        // Relaxed: a number for people.
        (orders, beyond.map_or(0, |beyond| beyond.load(Ordering::Relaxed)))
    }
}

/// Notes, if somebody wants that, what `me`, or `command` for which it acts, has while it wants the object of this key.
#[inline]
pub(crate) fn note(
    me: &Me,
    command: Option<OwnerId>,
    wanted: (u64, Mode),
    deadline: Deadline,
    site: &'static Location<'static>,
) {
    if let Some(noting) = me.domain.noting.get()
        && deadline.is_never()
    {
        note_all(noting, me, command, wanted, site);
    }
}

/// Something that is had, where it was taken, and by whom.
struct Had {
    way: Way,
    site: u64,
    owner: OwnerId,
}

#[cold]
fn note_all(
    noting: &Noting,
    me: &Me,
    command: Option<OwnerId>,
    (key, mode): (u64, Mode),
    site: &'static Location<'static>,
) {
    let domain = me.domain;
    let had = all_had(me, command);
    let wanted = Way { key: key & KEY, is_shared: mode == Mode::Shared };
    let who = domain.identity(command.unwrap_or(me.id));
    for one in had.iter().filter(|one| one.way.key != wanted.key) {
        let mut gates = [None; GATES];
        let others =
            had.iter().map(|other| other.way).filter(|way| way.key != one.way.key && way.key != wanted.key);
        for (gate, way) in gates.iter_mut().zip(others) {
            *gate = Some(way);
        }
        let mut order = Order {
            had: one.way,
            wanted,
            gates,
            pid: who.as_ref().map_or(0, |who| who.pid),
            at_ns: clock::now_ns(),
            command: [0; 16],
            had_at: [0; PLACE_BYTES],
            wanted_at: [0; PLACE_BYTES],
        };
        fill(&mut order.command, who.as_ref().map_or("", |who| who.command.as_str()));
        fill(&mut order.had_at, &place_of(domain, one.owner, one.site));
        if command.is_none() {
            fill(&mut order.wanted_at, &format!("{}:{}", site.file(), site.line()));
        }
        noting.note(&order);
    }
}

/// Everything that cannot be given up before the wait that is about to begin is over, by key.
fn all_had(me: &Me, command: Option<OwnerId>) -> Vec<Had> {
    let domain = me.domain;
    let mut had: Vec<Had> = Vec::new();
    let mut next = command.or_else(|| domain.surely_behind());
    let mut owners = vec![me.id];
    while let Some(owner) = next.filter(|owner| owners.len() < NESTED_MAX && !owners.contains(owner)) {
        owners.push(owner);
        next =
            domain.slot(owner.slot()).and_then(|slot| slot.waiting.read()).and_then(|seen| seen.want.behind);
    }
    for owner in owners {
        for hold in domain.holds_of(owner) {
            let is_shared = match hold.mode {
                Mode::Exclusive => false,
                Mode::Shared => true,
                _ => continue,
            };
            let way = Way { key: hold.key & KEY, is_shared };
            // A writer has two notes for one object.
            if !had.iter().any(|known| known.way.key == way.key) {
                had.push(Had { way, site: hold.site, owner });
            }
        }
    }
    had.sort_unstable_by_key(|one| one.way);
    had
}

/// Where `owner` took something; of a command that says nothing.
fn place_of(domain: &'static Domain, owner: OwnerId, site: u64) -> String {
    let who = domain.identity(owner).filter(|who| who.kind != OwnerKind::Command);
    let place = who.and_then(|who| Site::read(who.pid, site));
    place.map_or_else(String::new, |place| place.to_string())
}

/// As much of the end of `text` as there is room: there the line's number stands.
fn fill(room: &mut [u8], text: &str) {
    let text = text.as_bytes();
    let from = text.len().saturating_sub(room.len());
    for (to, byte) in room.iter_mut().zip(&text[from..]) {
        *to = *byte;
    }
}
