//! [`Stall`]: those who wait for one another at channels, both to receive or both for room, so that none of them goes on.
//!
//! A set of waits without a deadline is a stall if each of them, at a channel or for something held, can be ended only by those whose
//! every thread is in the set. What is read of others is a guess until it is looked at a second time: the waits are read, then the
//! channels and the threads, then that the very same waits go on. Whoever could act in between was not in the set, or has been
//! woken, which the word on which it sleeps tells (docs/decisions/0032-what-is-stalled.md).
//!
//! Nothing is said of an end that waits in `epoll` or in a future: its process may do something else.

use std::fmt;
use std::time::Duration;

use crosstie_core::OwnerId;
use crosstie_core::word::waiting::Mode;

use super::snapshot::{Snapshot, SnapshotWait};
use crate::channel::enders;
use crate::ledger::{Domain, Identity, OwnerKind};
use crate::os::{clock, process};

/// Those who wait for one another, and no longer can go on.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Stall {
    /// Their waits, as they began.
    pub waits: Vec<StalledWait>,
    /// Whether somebody who is not there could come and end it: one of them waits for a message to which anybody may send.
    pub is_open: bool,
}

/// One wait of a stall.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct StalledWait {
    /// Who waits.
    pub owner: Identity,
    /// The key of the channel, or of the object.
    pub key: u64,
    /// For what: `a message from ring:orders`, `room in queue:jobs`, `lock:db`.
    pub what: String,
    /// For how long by now.
    pub waited: Duration,
}

/// `stalled: 4711 a has waited 3s for a message from ring:x, 4712 b 3s for a message from ring:y; each for the others`
impl fmt::Display for Stall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("stalled: ")?;
        for (at, wait) in self.waits.iter().enumerate() {
            let (comma, has) = if at == 0 { ("", " has waited") } else { (", ", "") };
            write!(f, "{comma}{}{has} {} for {}", wait.owner, clock::in_words(wait.waited), wait.what)?;
        }
        f.write_str(match (self.waits.len(), self.is_open) {
            (1, false) => "; nobody else could bring it about",
            (1, true) => "; nobody else who is there could bring it about",
            (_, false) => "; each for the others, and nobody else could bring it about",
            (_, true) => "; each for the others, and nobody else who is there could bring it about",
        })
    }
}

/// The stalls among the waits of `snapshot`, and notes there who could end each wait at a channel; `None` where one of them went on
/// meanwhile.
pub(super) fn stalls(domain: &'static Domain, snapshot: &mut Snapshot) -> Option<Vec<Stall>> {
    if !snapshot.waits.iter().any(SnapshotWait::is_at_channel) {
        return Some(Vec::new());
    }
    for at in 0..snapshot.waits.len() {
        let wait = &snapshot.waits[at];
        if !wait.is_at_channel() {
            continue;
        }
        let object = snapshot.object_name(wait.key);
        let found = enders::enders(domain, &object, (wait.mode, wait.seen_word));
        if let Some(found) = found {
            (snapshot.waits[at].enders, snapshot.waits[at].is_open) = (found.owners, found.is_open);
        }
    }
    let stuck = Stuck::among(snapshot);
    let is_still = |wait: &SnapshotWait| {
        let slot = domain.slot(wait.owner.id.slot());
        slot.is_some_and(|slot| slot.waiting.is_still(wait.sequence)) && domain.is_alive(wait.owner.id)
    };
    if !stuck.waits.iter().all(|wait| is_still(wait)) {
        return None;
    }
    // Locks alone are for the proof of deadlocks.
    let sets = stuck.sets().into_iter().filter(|set| set.iter().any(|wait| wait.is_at_channel()));
    Some(sets.map(|set| Stall::of(snapshot, set)).collect())
}

impl Stall {
    fn of(snapshot: &Snapshot, mut set: Vec<&SnapshotWait>) -> Self {
        set.sort_by_key(|wait| (std::cmp::Reverse(wait.waited), wait.owner.pid));
        let waits = set.iter().map(|wait| StalledWait {
            owner: wait.owner.clone(),
            key: wait.key,
            what: wait.what(&snapshot.object_name(wait.key)),
            waited: wait.waited,
        });
        Self { waits: waits.collect(), is_open: set.iter().any(|wait| wait.is_at_channel() && wait.is_open) }
    }
}

/// The waits that nobody but one another can end.
struct Stuck<'a> {
    waits: Vec<&'a SnapshotWait>,
    /// Who could end each of them.
    enders: Vec<Vec<&'a Identity>>,
}

impl<'a> Stuck<'a> {
    fn among(snapshot: &'a Snapshot) -> Self {
        let mut this = Self { waits: Vec::new(), enders: Vec::new() };
        for wait in snapshot.waits.iter().filter(|wait| !wait.has_deadline && is_here(&wait.owner)) {
            let enders = enders_of(snapshot, wait);
            if let Some(enders) = enders.filter(|enders| !enders.is_empty()) {
                this.waits.push(wait);
                this.enders.push(enders);
            }
        }
        let keepers: Vec<_> = snapshot
            .owners
            .iter()
            .filter(|owner| owner.kind == OwnerKind::Process)
            .map(|owner| (owner.pid, owner.tid))
            .collect();
        while let Some(at) = this.first_free(&keepers) {
            this.waits.swap_remove(at);
            this.enders.swap_remove(at);
        }
        this
    }

    /// The first wait that somebody could end who is not in the set.
    fn first_free(&self, keepers: &[(u32, u32)]) -> Option<usize> {
        self.enders.iter().position(|enders| !enders.iter().all(|ender| self.has_all_of(ender, keepers)))
    }

    /// Whether each thread that could act for `owner` is in the set.
    fn has_all_of(&self, owner: &Identity, keepers: &[(u32, u32)]) -> bool {
        let waits =
            |tid: u32| self.waits.iter().any(|wait| (wait.owner.pid, wait.owner.tid) == (owner.pid, tid));
        match owner.kind {
            OwnerKind::Thread => is_here(owner) && waits(owner.tid),
            // What its program does, nobody can tell.
            OwnerKind::Command => false,
            OwnerKind::Process => {
                let Ok(threads) = process::threads(owner.pid) else { return false };
                let mut acting = threads.into_iter().filter(|&tid| !keepers.contains(&(owner.pid, tid)));
                is_here(owner) && acting.all(waits)
            }
        }
    }

    /// The set in parts that have nothing to do with one another.
    fn sets(&self) -> Vec<Vec<&'a SnapshotWait>> {
        let mut parts: Vec<usize> = (0..self.waits.len()).collect();
        let depends = |from: usize, on: usize| {
            self.enders[from].iter().any(|ender| ender.pid == self.waits[on].owner.pid)
        };
        for from in 0..parts.len() {
            for on in 0..parts.len() {
                let (old, new) = (parts[from], parts[on]);
                if old != new && depends(from, on) {
                    parts.iter_mut().filter(|part| **part == old).for_each(|part| *part = new);
                }
            }
        }
        let mut known = parts.clone();
        known.sort_unstable();
        known.dedup();
        let of = |part: &usize| {
            let members = self.waits.iter().zip(&parts).filter(|(_, its)| *its == part);
            members.map(|(wait, _)| *wait).collect()
        };
        known.iter().map(of).collect()
    }
}

/// Whether its numbers are those of a thread that this process sees under them: of its own PID namespace.
fn is_here(owner: &Identity) -> bool {
    process::task(owner.pid, owner.tid).is_ok_and(|task| task.start_ticks == owner.start_ticks)
}

/// Who could end `wait`; `None` where that is not known.
fn enders_of<'a>(snapshot: &'a Snapshot, wait: &SnapshotWait) -> Option<Vec<&'a Identity>> {
    match wait.mode {
        Mode::Message | Mode::Room => {
            let known = |id: &OwnerId| snapshot.owners.iter().find(|owner| owner.id == *id);
            let waits_for_the_same = |owner: &&Identity| {
                let is_it = |other: &&SnapshotWait| {
                    (other.owner.pid, other.mode, other.key) == (owner.pid, Mode::Message, wait.key)
                };
                snapshot.waits.iter().any(|other| is_it(&other))
            };
            let enders = wait.enders.iter().map(known).collect::<Option<Vec<_>>>()?;
            // Workers that add to the queue that they work off are idle when it is empty: they wait for somebody to come.
            let counts = |owner: &&Identity| {
                !(wait.mode == Mode::Message && wait.is_open && waits_for_the_same(owner))
            };
            Some(enders.into_iter().filter(counts).collect())
        }
        Mode::Exclusive | Mode::Shared | Mode::Units => {
            Some(snapshot.holders(wait.key).map(|hold| &hold.owner).collect())
        }
        // Anybody may bring it about, or another proof sees to it.
        Mode::Signal | Mode::Arrival | Mode::Nested | Mode::Any | Mode::Call => None,
    }
}
