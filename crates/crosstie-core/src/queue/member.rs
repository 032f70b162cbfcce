//! Who takes part in a queue, and how the ends of its senders are told.
//!
//! Each end, sender or receiver, has an entry; its index stands in the words of the jobs that are in
//! its hands. It is not a lock: nobody waits for an entry.
//!
//! # States
//! | id | ordinal | state |
//! |---|---|---|
//! | 0 | any | vacant |
//! | owner id + part | 0 | an end that is coming, a receiver, or a sender that has told its end |
//! | owner id + part | a number | a sender |
//!
//! # Invariants
//! - **I1** An entry's id changes from the id of a living owner only by that owner.
//! - **I2** An entry becomes vacant only when no word names it any more, but for jobs that are in order.
//! - **I3** `ended` and `died` only grow, and hold ordinals of senders that ended so: who has reported
//!   ends up to an ordinal sees a new one exactly if one of them is larger.
//!
//! # Transitions
//! | who | from → to | by |
//! |---|---|---|
//! | an end that opens | vacant → its id | CAS, AcqRel |
//! | the same, where no entry is vacant | the id of somebody dead → its own; it then recovers itself | CAS, AcqRel |
//! | a sender that opens | ordinal 0 → its own | store |
//! | a sender that leaves | ordinal into `ended` (`died`, if it panics), then 0; id → vacant | fetch_max; stores |
//! | who has recovered | ordinal of the dead into `died`, then 0; its id → vacant | fetch_max; CAS |
//!
//! # Orderings
//! The Release that vacates an entry, or the AcqRel with which another end takes it, meets the Acquire of the id in [`Ends::of`]: who sees that
//! no sender is left sees all that they sent, and their ordinals in `ended` and `died`, which therefore need no ordering of their own.
//!
//! # Progress
//! Bounded: opening reads each entry at most twice.
//!
//! # Death
//! | dies | a survivor finds |
//! |---|---|
//! | an end that opens, before its ordinal is there | an id of somebody dead without ordinal: it never came |
//! | a sender that leaves, before `ended` | a dead sender: told as a death |
//! | behind it | an id without ordinal: the end was told cleanly |
//! | who recovers, anywhere | the same entry: every step may be done again |
//!
//! # Source
//! Owner-tagged entries: iceoryx2's index set; the report of ends: `word::role` here.

use super::memory::MEMBERS;
use crate::OwnerId;
use crate::atomic::{AtomicU32, AtomicU64, Ordering};
use crate::crash_point;

/// Who takes part in a channel of many ends: its entries, and how the senders' ends are told.
pub trait Roster {
    /// An end's entry; below [`MEMBERS`]. Out of range it must panic, never touch other memory (*M1*).
    fn member(&self, index: u16) -> &Member;

    /// How the senders' ends are told.
    fn tally(&self) -> &Tally;

    /// Whether an end that comes may have the entry of somebody dead who did `from`, and is then the one to
    /// bring back what that left.
    fn may_inherit(&self, part: Part, from: Part) -> bool {
        let _ = (part, from);
        true
    }
}

/// How the senders' ends are told.
#[derive(Debug)]
#[repr(C)]
pub struct Tally {
    /// Senders that ever came.
    ordinals: AtomicU64,
    /// The largest ordinal of a sender that has left cleanly.
    ended: AtomicU64,
    /// The largest ordinal of a sender that has died.
    died: AtomicU64,
    /// Entries of members that were ever used.
    members: AtomicU32,
    _zero: AtomicU32,
}

impl Tally {
    /// Nobody ever came; zeroed memory is the same.
    #[must_use]
    pub fn new() -> Self {
        let zero = || AtomicU64::new(0);
        let (members, _zero) = (AtomicU32::new(0), AtomicU32::new(0));
        Self { ordinals: zero(), ended: zero(), died: zero(), members, _zero }
    }
}

impl Default for Tally {
    fn default() -> Self {
        Self::new()
    }
}

/// The entry of one end; zeroed memory is vacant.
#[derive(Debug)]
#[repr(C)]
pub struct Member {
    pub(super) id: AtomicU64,
    pub(super) ordinal: AtomicU64,
}

#[cfg(not(crosstie_loom))]
const _: () = assert!(size_of::<Member>() == 16);

/// What an end does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// It sends.
    Sender,
    /// It receives.
    Receiver,
}

const SENDER: u64 = 1 << 60;
const RECEIVER: u64 = 1 << 61;

impl Part {
    const fn bit(self) -> u64 {
        match self {
            Self::Sender => SENDER,
            Self::Receiver => RECEIVER,
        }
    }
}

impl Member {
    /// A vacant entry.
    #[must_use]
    pub fn new() -> Self {
        Self { id: AtomicU64::new(0), ordinal: AtomicU64::new(0) }
    }

    /// Who has the entry, and for what; they may be dead.
    pub fn read(&self) -> Option<(OwnerId, Part)> {
        decode(self.word())
    }

    /// Whether there is no end of a sender to tell: it was told, or there never was one.
    pub fn is_told(&self) -> bool {
        // Acquire: meets the Release with which the end was told.
        self.ordinal.load(Ordering::Acquire) == 0
    }

    /// The id as it stands there.
    pub(crate) fn word(&self) -> u64 {
        // Acquire: meets the Release that vacated it, or the CAS that took it (I1).
        self.id.load(Ordering::Acquire)
    }
}

impl Default for Member {
    fn default() -> Self {
        Self::new()
    }
}

/// What the word of an entry says; `None` for a vacant one.
#[must_use]
pub fn decode(word: u64) -> Option<(OwnerId, Part)> {
    let part = if word & RECEIVER != 0 { Part::Receiver } else { Part::Sender };
    OwnerId::from_bits(word).map(|id| (id, part))
}

/// How a sender ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leaving {
    /// It is done.
    Clean,
    /// It panicked: receivers are told a death.
    BrokenOff,
}

/// An entry that an end has taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seat {
    /// Its index.
    pub index: u16,
    /// Whether it was that of somebody dead, whose jobs are still tagged with it.
    pub is_inherited: bool,
    ordinal: u64,
}

/// Takes an entry for `me`; `None` where all are those of living ends.
pub fn enter(roster: &impl Roster, me: OwnerId, part: Part, alive: impl Fn(OwnerId) -> bool) -> Option<Seat> {
    let word = me.to_bits() | part.bit();
    let index = (0..MEMBERS)
        .find(|&index| take(roster, index, 0, word))
        .map(|index| (index, false))
        .or_else(|| inherit(roster, part, word, alive).map(|index| (index, true)));
    let (index, is_inherited) = index?;
    crash_point!("member.taken");
    let mut seat = Seat { index, is_inherited, ordinal: 0 };
    if part == Part::Sender {
        let ends = roster.tally();
        // Relaxed: only that it is nobody else's number.
        seat.ordinal = ends.ordinals.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
        // Relaxed: whoever tells this end's death has seen it, and with it all that this end wrote (I3).
        roster.member(index).ordinal.store(seat.ordinal, Ordering::Relaxed);
        crash_point!("member.numbered");
    }
    Some(seat)
}

/// Takes the entry of somebody dead: its jobs are the taker's to recover.
fn inherit(roster: &impl Roster, part: Part, word: u64, alive: impl Fn(OwnerId) -> bool) -> Option<u16> {
    (0..MEMBERS).find(|&index| {
        let found = roster.member(index).word();
        let is_dead = decode(found).is_some_and(|(id, from)| !alive(id) && roster.may_inherit(part, from));
        is_dead && tell_death(roster, index, found) && take(roster, index, found, word)
    })
}

fn take(roster: &impl Roster, index: u16, from: u64, to: u64) -> bool {
    let member = roster.member(index);
    // Relaxed: a hint that saves the CAS.
    if member.id.load(Ordering::Relaxed) != from {
        return false;
    }
    // Relaxed: who scans the entries must find this one, before it is taken; the CAS publishes it.
    roster.tally().members.fetch_max(u32::from(index) + 1, Ordering::Relaxed);
    // AcqRel: meets the Release that vacated it, so that who finds this end gone knows how the one before it ended; and publishes, of an
    // entry that is inherited, that its death was told (I3).
    // Relaxed on failure: another entry is tried.
    member.id.compare_exchange(from, to, Ordering::AcqRel, Ordering::Relaxed).is_ok()
}

/// Notes that the sender whose id `found` stands in an entry has died; false if the entry has changed.
/// May be done any number of times.
pub(crate) fn tell_death(roster: &impl Roster, index: u16, found: u64) -> bool {
    let member = roster.member(index);
    // Acquire: meets the sender's own store of its ordinal, and orders the look at the id behind it.
    let ordinal = member.ordinal.load(Ordering::Acquire);
    if member.word() != found {
        return false;
    }
    if ordinal != 0 && matches!(decode(found), Some((_, Part::Sender))) {
        // Relaxed: the step on the ordinal, and whatever becomes of the entry behind it, publishes it (I3).
        roster.tally().died.fetch_max(ordinal, Ordering::Relaxed);
        crash_point!("member.death-told");
        // Release: who finds no ordinal here any more, and therefore tells nothing, sees what was told.
        // Relaxed on failure: somebody else has done it.
        let _ = member.ordinal.compare_exchange(ordinal, 0, Ordering::Release, Ordering::Relaxed);
    }
    true
}

/// Makes the entry of somebody dead vacant, when nothing is in its hands any more (I2).
pub(crate) fn vacate(roster: &impl Roster, index: u16, found: u64) {
    // Release: publishes what was recovered, and the death that was told (I3).
    // Relaxed on failure: somebody else has done it.
    let id = &roster.member(index).id;
    let _ = id.compare_exchange(found, 0, Ordering::Release, Ordering::Relaxed);
}

/// Gives an entry up; nothing is in the hands of its end any more (I2).
pub fn leave(roster: &impl Roster, seat: Seat, leaving: Leaving) {
    let member = roster.member(seat.index);
    let ends = roster.tally();
    if seat.ordinal != 0 {
        let told = match leaving {
            Leaving::Clean => &ends.ended,
            Leaving::BrokenOff => &ends.died,
        };
        // Relaxed: the store of the id publishes it (I3).
        told.fetch_max(seat.ordinal, Ordering::Relaxed);
        crash_point!("member.end-told");
        // Relaxed: as above.
        member.ordinal.store(0, Ordering::Relaxed);
    }
    crash_point!("member.before-leave");
    // Release: who sees the entry vacant sees all that its end did to the queue.
    member.id.store(0, Ordering::Release);
}

/// Which senders there are, and which there were.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ends {
    /// Whether a sender lives.
    pub has_sender: bool,
    /// The largest ordinal of a sender that has ended, in whatever way.
    pub ended: u64,
    /// The largest ordinal of a sender that has died.
    pub died: u64,
}

impl Ends {
    /// As of now; the caller has recovered from the deaths that it can see.
    pub fn of(roster: &impl Roster, alive: impl Fn(OwnerId) -> bool) -> Self {
        let has_sender =
            each(roster).any(|(_, word)| matches!(decode(word), Some((id, Part::Sender)) if alive(id)));
        let ends = roster.tally();
        // Relaxed: read behind the entries. Who found a sender's vacant, or another's, found it by an Acquire behind what told its
        // end (I3).
        let died = ends.died.load(Ordering::Relaxed);
        // Relaxed: the same for a clean end.
        let ended = ends.ended.load(Ordering::Relaxed).max(died);
        Self { has_sender, ended, died }
    }
}

/// The entries that are not vacant, with their ids as they stand there.
pub fn each<R: Roster>(roster: &R) -> impl Iterator<Item = (u16, u64)> + '_ {
    let members = used(roster);
    (0..members).map(|index| (index, roster.member(index).word())).filter(|(_, word)| *word != 0)
}

/// Entries that were ever used; others may have written any number.
pub(crate) fn used(roster: &impl Roster) -> u16 {
    // Relaxed: raised before the CAS that takes an entry, and read again after each change.
    let members = roster.tally().members.load(Ordering::Relaxed);
    u16::try_from(members).unwrap_or(MEMBERS).min(MEMBERS)
}
