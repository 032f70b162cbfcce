//! One end of a channel: who holds it, whether the last holder left cleanly, and whether one died.
//!
//! It is not a lock: nobody waits for an end here (who takes turns at one stands in line at a lock beside it). Who finds it held by a living owner goes away; who
//! finds it vacant, left or held by the dead takes it.
//!
//! # States
//! | word | state |
//! |---|---|
//! | `0` | vacant: nobody has come yet, or the last end was reported and is over |
//! | owner id | held |
//! | owner id + `DIED` | held; a holder before died, and its death is not reported yet |
//! | `LEFT` + place | the last holder left cleanly; where it stopped, in bits 16 to 60 |
//! | `LEFT` + place + `IN_TURN` | the same of one that took its turn: it is an end only if nobody stands in line |
//! | `LEFT` + place + `DIED` | nobody holds it; a holder died, and its death is not reported yet |
//!
//! # Invariants
//! - **I1** The word holds a living owner's id only if that owner put it there, and no one else
//!   replaces it while that owner lives.
//! - **I2** `LEFT` is stored after everything its holder did to the channel.
//! - **I3** Two ends between which the channel moved on differ in their place, so the report of one
//!   never settles the other.
//! - **I4** A death is reported by whoever sees the dead holder's id, or `DIED`: never lost, because
//!   a successor that replaces a dead id sets `DIED`.
//!
//! # Transitions
//! | who | from → to | by |
//! |---|---|---|
//! | newcomer | vacant, left → held | CAS, AcqRel |
//! | newcomer | held by the dead → held + `DIED` | CAS, AcqRel |
//! | holder | held → left | CAS, Release (I2) |
//! | holder that panics | held → left + `DIED` | CAS, Release |
//! | holder that took its turn | held → left + `IN_TURN` | CAS, Release (I2) |
//! | holder that hands over | held → vacant; held + `DIED` → left + `DIED` | CAS, Release (I2): no end is told but a death before |
//! | the other end, that reported the end | left, held by the dead → vacant | CAS, Relaxed |
//!
//! # Orderings
//! The Release of `leave` meets the Acquire of `read`: who sees that a producer left sees all its
//! messages. The CAS of `take` is AcqRel: it meets the last holder's Release, so a successor starts
//! where the last one stopped, and shows the newcomer's life to who finds its id. A dead holder published nothing here;
//! its stores are visible because the kernel's mark, which told its death, came after them.
//!
//! # Progress
//! Wait-free: `take` and `leave` are retried when another newcomer or the end's report won, and give
//! up after 64 times, which only somebody who breaks the protocol brings about.
//!
//! # Death
//! A holder that dies leaves its id; `alive` (the ledger) says that it is dead, and whoever comes
//! next takes the end. A newcomer that dies before its CAS leaves nothing; after it, it is a holder.
//!
//! # Source
//! Ownership as an id in the word that grants it: iceoryx2's owner-tagged index set, and robust
//! futexes, set_robust_list(2).

use super::owner::OwnerId;
use crate::atomic::{AtomicU64, Ordering};
use crate::crash_point;

const IN_TURN: u64 = 1 << 61;
const DIED: u64 = 1 << 62;
const LEFT: u64 = 1 << 63;
/// A place lies where an owner id has its generation; the slot's bits are 0.
const PLACE_SHIFT: u32 = 16;
const PLACES: u64 = 1 << 45;

/// How often a step is tried against others who change the word: more than newcomers and reports
/// ever do, so that who changes it all the time holds nobody up.
const TRIES_MAX: u32 = 64;

/// What a role's word says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Nobody has come, or the last end is over and was reported.
    Vacant,
    /// This owner has it; ask the ledger whether it lives.
    Held {
        /// Who.
        by: OwnerId,
        /// A holder before died, and its death is not reported yet.
        predecessor_died: bool,
    },
    /// The last holder left.
    Left {
        /// A holder died (or panicked), and that is not reported yet.
        died: bool,
        /// It took its turn: whoever stands in line goes on.
        in_turn: bool,
        /// Where it stopped, as it said (I3).
        place: u64,
    },
}

/// The word of one role; zeroed memory is vacant.
#[derive(Debug)]
#[repr(transparent)]
pub struct RoleWord(AtomicU64);

impl RoleWord {
    /// A vacant role.
    #[must_use]
    pub fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    /// What the word says now.
    pub fn read(&self) -> Role {
        // Acquire: meets the Release of `leave`; who sees the end sees all that came before (I2).
        decode(self.0.load(Ordering::Acquire))
    }

    /// Takes the role for `me`, unless a living owner has it; answers whether it replaced a dead one.
    ///
    /// # Errors
    /// The living holder, which may be `me`; or that somebody changes the word all the time.
    pub fn take(&self, me: OwnerId, alive: impl Fn(OwnerId) -> bool) -> Result<bool, NotTaken> {
        // Relaxed: what is found is decided upon; the step below goes on behind it.
        let mut found = self.0.load(Ordering::Relaxed);
        for _ in 0..TRIES_MAX {
            let replaces_dead = match decode(found) {
                Role::Held { by, .. } if alive(by) => return Err(NotTaken::Held(by)),
                Role::Held { .. } => true,
                Role::Vacant | Role::Left { .. } => false,
            };
            let died = if replaces_dead { DIED } else { found & DIED };
            crash_point!("role.before-take");
            // AcqRel: Acquire meets the last holder's Release, also where its end was reported since; Release shows whoever finds the newcomer that
            // it lives (I1). Relaxed on failure: the word is decided upon again.
            match self.0.compare_exchange(found, me.to_bits() | died, Ordering::AcqRel, Ordering::Relaxed) {
                Ok(_) => return Ok(replaces_dead),
                Err(now) => found = now,
            }
        }
        Err(NotTaken::Changing)
    }

    /// Gives the role up at `place`, a number below 2^45 that grows as the channel moves on. Nothing
    /// happens if `me` does not hold it.
    pub fn leave(&self, me: OwnerId, ending: Ending, place: u64) {
        // Relaxed: only `me` replaces its own id (I1), but the report of a predecessor's death may
        // clear `DIED` meanwhile, hence the loop.
        let mut found = self.0.load(Ordering::Relaxed);
        for _ in 0..TRIES_MAX {
            if OwnerId::from_bits(found) != Some(me) {
                return;
            }
            let died = if ending == Ending::BrokenOff { DIED } else { found & DIED };
            let left = match ending {
                Ending::HandedOver if died == 0 => 0,
                Ending::InTurn => LEFT | IN_TURN | died | ((place % PLACES) << PLACE_SHIFT),
                _ => LEFT | died | ((place % PLACES) << PLACE_SHIFT),
            };
            // Release: publishes everything the holder did to the channel (I2).
            // Relaxed on failure: the word is read again.
            match self.0.compare_exchange(found, left, Ordering::Release, Ordering::Relaxed) {
                Ok(_) => return,
                Err(now) => found = now,
            }
        }
    }

    /// After the end that `seen` describes (left, or held by the dead) was reported: makes the role
    /// vacant, so that it is not reported a second time. Answers false if somebody has taken it since.
    pub fn settle(&self, seen: Role) -> bool {
        // Relaxed: only compared; bits that no state has, which others wrote, go with the rest.
        let found = self.0.load(Ordering::Relaxed);
        if decode(found) != seen {
            return false;
        }
        // Relaxed: carries no data; the channel's own words do.
        seen == Role::Vacant
            || self.0.compare_exchange(found, 0, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }
}

impl Default for RoleWord {
    fn default() -> Self {
        Self::new()
    }
}

/// Why a role was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotTaken {
    /// A living owner has it.
    Held(OwnerId),
    /// The word changed under every try: somebody writes it who must not.
    Changing,
}

/// How a holder leaves its role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It is done.
    Clean,
    /// It panicked: the other end is told a death.
    BrokenOff,
    /// It is done, and whoever stands in line goes on: the other end is told an end if nobody does.
    InTurn,
    /// Somebody else goes on: the other end is told nothing, and waits.
    HandedOver,
}

fn decode(word: u64) -> Role {
    match OwnerId::from_bits(word) {
        Some(by) => Role::Held { by, predecessor_died: word & DIED != 0 },
        None if word & LEFT != 0 => {
            let place = (word >> PLACE_SHIFT) % PLACES;
            Role::Left { died: word & DIED != 0, in_turn: word & IN_TURN != 0, place }
        }
        None => Role::Vacant,
    }
}

#[cfg(all(test, not(crosstie_loom)))]
mod tests {
    use super::*;

    const A: OwnerId = OwnerId::new(1, 5);
    const B: OwnerId = OwnerId::new(2, 9);

    #[test]
    fn a_living_holder_keeps_its_role() {
        let role = RoleWord::new();
        assert_eq!(role.take(A, |_| true), Ok(false));
        assert_eq!(role.take(B, |_| true), Err(NotTaken::Held(A)));
        assert_eq!(role.read(), Role::Held { by: A, predecessor_died: false });
    }

    #[test]
    fn a_clean_end_is_reported_once_and_then_vacant() {
        let role = RoleWord::new();
        role.take(A, |_| true).unwrap();
        role.leave(B, Ending::Clean, 7);
        assert_eq!(role.read(), Role::Held { by: A, predecessor_died: false }, "a stranger ended it");
        role.leave(A, Ending::Clean, 7);
        let seen = role.read();
        assert_eq!(seen, Role::Left { died: false, in_turn: false, place: 7 });
        assert!(role.settle(seen));
        assert_eq!(role.read(), Role::Vacant);
    }

    #[test]
    fn a_death_is_still_told_after_a_successor_came_and_left() {
        let role = RoleWord::new();
        role.take(A, |_| true).unwrap();
        assert_eq!(role.take(B, |id| id != A), Ok(true));
        assert_eq!(role.read(), Role::Held { by: B, predecessor_died: true });
        role.leave(B, Ending::Clean, 9);
        assert_eq!(role.read(), Role::Left { died: true, in_turn: false, place: 9 });
    }

    #[test]
    fn a_role_that_is_handed_over_has_no_end_but_a_death_before_it_is_told() {
        let role = RoleWord::new();
        role.take(A, |_| true).unwrap();
        role.leave(A, Ending::HandedOver, 7);
        assert_eq!(role.read(), Role::Vacant);
        role.take(A, |_| true).unwrap();
        role.take(B, |id| id != A).unwrap();
        role.leave(B, Ending::HandedOver, 8);
        assert_eq!(role.read(), Role::Left { died: true, in_turn: false, place: 8 });
    }

    #[test]
    fn an_end_in_turn_says_so_and_is_settled_like_another() {
        let role = RoleWord::new();
        role.take(A, |_| true).unwrap();
        role.leave(A, Ending::InTurn, PLACES - 1);
        let seen = role.read();
        assert_eq!(seen, Role::Left { died: false, in_turn: true, place: PLACES - 1 });
        assert!(role.settle(seen));
        assert_eq!(role.read(), Role::Vacant);
    }

    #[test]
    fn the_report_of_one_end_never_settles_a_later_one() {
        let role = RoleWord::new();
        role.take(A, |_| true).unwrap();
        role.leave(A, Ending::Clean, 7);
        let seen = role.read();
        role.take(A, |_| true).unwrap();
        role.leave(A, Ending::Clean, 8);
        assert!(!role.settle(seen), "messages came between the two ends");
        assert_eq!(role.read(), Role::Left { died: false, in_turn: false, place: 8 });
    }

    #[test]
    fn bits_that_no_state_has_do_not_keep_an_end_from_being_settled() {
        let role = RoleWord(AtomicU64::new(A.to_bits() | LEFT | DIED));
        let seen = role.read();
        assert_eq!(seen, Role::Held { by: A, predecessor_died: true });
        assert!(role.settle(seen));
        assert_eq!(role.read(), Role::Vacant);
    }

    #[test]
    fn a_word_that_changes_under_every_try_holds_no_newcomer_up() {
        let role = RoleWord::new();
        let changes = AtomicU64::new(0);
        let dead = |_| {
            // Relaxed: one thread.
            let n = changes.fetch_add(1, Ordering::Relaxed);
            // Relaxed: one thread.
            role.0.store(OwnerId::new(7, n + 2).to_bits(), Ordering::Relaxed);
            false
        };
        role.take(A, |_| true).unwrap();
        assert_eq!(role.take(B, dead), Err(NotTaken::Changing));
        // Relaxed: one thread.
        assert_eq!(changes.load(Ordering::Relaxed), u64::from(TRIES_MAX));
    }

    #[test]
    fn an_end_is_not_settled_when_somebody_came_in_between() {
        let role = RoleWord::new();
        role.take(A, |_| true).unwrap();
        role.leave(A, Ending::BrokenOff, 1);
        let seen = role.read();
        role.take(B, |_| true).unwrap();
        assert!(!role.settle(seen));
        assert_eq!(role.read(), Role::Held { by: B, predecessor_died: true });
    }
}
