//! [`Enders`]: who could end a wait at a channel, for who looks whether anybody can.

use crosstie_core::OwnerId;
use crosstie_core::queue::member::{Part, Roster};
use crosstie_core::queue::memory::MEMBERS;
use crosstie_core::ring::sleepers::Sleepers;
use crosstie_core::word::waiting::Mode;

use super::{queue, ring, topic};
use crate::ledger::Domain;

/// Who could end a wait at a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Enders {
    /// Those that are there, alive; at least one.
    pub(crate) owners: Vec<OwnerId>,
    /// Whether somebody who is not there could come and do it, as anybody may send to a queue.
    pub(crate) is_open: bool,
}

/// Who could end the wait in `mode` at the channel that users write `object`, asleep while its word holds `seen`.
///
/// `None` where nobody is there who could: then it is idle. And where the wait is about to end: who waits was woken and has not run
/// yet, somebody has died and has not been missed, or the channel cannot be read.
pub(crate) fn enders(domain: &'static Domain, object: &str, (mode, seen): (Mode, u64)) -> Option<Enders> {
    let (kind, name) = object.split_once(':')?;
    let found = match kind {
        "ring" => ring::state::enders(domain, name, (mode, seen)),
        "queue" => queue::state::enders(domain, name, (mode, seen)),
        "topic" => topic::state::enders(domain, name, (mode, seen)),
        _ => return None,
    };
    found.ok().flatten().filter(|found| !found.owners.is_empty())
}

/// Who is there in `part` of a channel of many ends, alive; `None` if an end of it is of somebody dead, or who sleeps among
/// `sleepers` since their word held `seen` has been woken.
pub(super) fn living(
    domain: &'static Domain,
    roster: &impl Roster,
    part: Part,
    (sleepers, seen): (&Sleepers, u64),
) -> Option<Vec<OwnerId>> {
    if !sleepers.is_asleep_since(u32::try_from(seen).ok()?) {
        return None;
    }
    let mut living = Vec::new();
    for (id, its_part) in (0..MEMBERS).filter_map(|index| roster.member(index).read()) {
        if !domain.is_alive(id) {
            return None;
        }
        if its_part == part && !living.contains(&id) {
            living.push(id);
        }
    }
    Some(living)
}
