//! [`take_away`]: a lock taken from who has it, by force; the last resort.

use crosstie_core::turns::mutex;
use crosstie_core::turns::rwlock::{self, DRAINING, READING};
use crosstie_core::word::head::Head;
use crosstie_core::word::mutex::{GRANTED, MutexWord};
use crosstie_core::{Deadline, OwnerId};

use super::lock_words::LockWords;
use super::{lock, mutex as mutexes, object, rwlock as rwlocks};
use crate::error::{Error, ErrorKind, Result};
use crate::ledger::objects::OBJECT_OFFSET;
use crate::ledger::{Domain, Identity};
use crate::os::{membarrier, poll};

/// What was taken away.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TakenAway {
    /// From whom; each may still believe that it has the lock.
    pub owners: Vec<Identity>,
    /// The largest token that they can have: what the lock protects can refuse whoever comes with this or a smaller
    /// one. Whoever writes from now on has a larger one.
    pub token_lost: u64,
}

/// Takes the lock, mutex or readers-and-writer lock `name` of `domain` away from the living who have it: the writer,
/// or, while there are any, the readers. Whoever waits goes on at once.
///
/// **Two owners are possible from then on**: nothing stops the old one, which is told only where it asks
/// (`is_held()` of its guard) or where what the lock protects refuses its token. What it gives up late does nothing. So
/// this is for an owner that will never go on and cannot be killed: killing it frees the lock without that danger.
///
/// A thread or process that lost a lock has to drop that guard before it takes the same lock again. A fast mutex costs one
/// locked instruction more from then on, for good: what its old owner does late must meet nobody.
///
/// # Errors
/// `NotFound`; `Negative` when nobody alive has it, it being free, abandoned, or on its way to somebody, and when who has it was
/// stopped just there where it takes it or gives it up, or has more than its slot can note (24); `Mismatch` for one that this version
/// does not know; `NoSpace` as of [`Domain::thread_owner`], for the caller owns a lock that can be shared meanwhile.
///
/// # Death
/// Killed at any instruction, it has taken the lock away or not; the token may be skipped without that. What a mutex or
/// a readers-and-writer lock protects is abandoned then: the next owner is told, as after a death.
///
/// # Examples
/// ```
/// use crosstie::sync::{Lock, force};
/// # let folder = tempfile::tempdir().unwrap();
/// # let domain = crosstie::ledger::Domain::open(folder.path().join("d"))?;
/// let db = Lock::open_or_create_in(domain, "db")?;
/// let guard = db.lock()?;
/// let taken = force::take_away(domain, "db")?;
/// assert!(!guard.is_held() && guard.token() == taken.token_lost);
/// assert_eq!(taken.owners[0].pid, std::process::id());
/// # Ok::<(), crosstie::Error>(())
/// ```
///
/// # Source
/// Fencing tokens: `crosstie_core::word::head`.
pub fn take_away(domain: &'static Domain, name: &str) -> Result<TakenAway> {
    let segment = object::open_any_shape(domain, "lock", name)?;
    let offset = OBJECT_OFFSET as usize;
    let shape = segment.header().params[0];
    let (head, (owners, token_lost)) = match shape {
        mutexes::SHAPE => {
            let head = segment.shared::<Head>(offset)?;
            (head, from_mutex(domain, head))
        }
        rwlocks::SHAPE | lock::SHAPE => {
            let words = segment.shared::<LockWords>(offset)?;
            (&words.head, from_lock(domain, words, shape == rwlocks::SHAPE)?)
        }
        _ => {
            return Err(Error::new("take away", format!("lock:{name}"), ErrorKind::Mismatch)
                .because(format!("it is {}", object::description(&segment)))
                .advise("use the version that made it"));
        }
    };
    if owners.is_empty() {
        return Err(Error::new("take away", format!("lock:{name}"), ErrorKind::Negative)
            .because(nobody(domain, head)));
    }
    let owners = owners.into_iter().filter_map(|id| domain.identity(id)).collect();
    Ok(TakenAway { owners, token_lost })
}

/// How often, and how far apart, an owner that is about to take a mutex or to give it up is looked at: 100 ms in all.
const SETTLING_LOOKS: u32 = 100;
const SETTLING_NS: u64 = 1_000_000;

/// Why there is nobody from whom it could be taken away.
fn nobody(domain: &'static Domain, head: &Head) -> &'static str {
    let found = MutexWord::new(&head.word).read();
    match found.owner() {
        Some(_) if found.has(GRANTED) => {
            "it is being handed to who waits for it; if that one is stopped, kill -CONT lets it go on"
        }
        Some(owner) if !domain.is_alive(owner) => {
            "its owner is dead: whoever comes next has it at once, and is told"
        }
        Some(_) => {
            "its owner is about to take it or to give it up; if that one is stopped, kill -CONT lets it go on, and killing it frees the lock"
        }
        None => "it is free",
    }
}

/// Whether `owner` has the mutex of `head` and cannot be about to give it up by a store, which would come when another has it. Who gives
/// up takes its note out first, so whose note is found behind the fence has not begun, and finds that it has to step.
fn is_settled(domain: &'static Domain, head: &Head, owner: OwnerId) -> bool {
    let is_noted = || domain.holds_of(owner).iter().any(|hold| hold.key == head.key());
    head.patience_us() == 0 || head.giving().forbid_for_good(membarrier::global_expedited) && is_noted()
}

/// Waits until that is so, or another has it: some instructions, unless the owner is stopped there.
fn settles(domain: &'static Domain, head: &Head, owner: OwnerId) -> bool {
    let has_it = || MutexWord::new(&head.word).read().owner() == Some(owner);
    (0..SETTLING_LOOKS).any(|look| {
        if look > 0 && has_it() {
            poll::pause(SETTLING_NS, Deadline::NEVER);
        }
        is_settled(domain, head, owner)
    })
}

/// From whom, and the largest token that they can have.
type Lost = (Vec<OwnerId>, u64);

fn from_mutex(domain: &'static Domain, head: &Head) -> Lost {
    let owner = MutexWord::new(&head.word).read().owner().filter(|&owner| domain.is_alive(owner));
    let token = head.token();
    let is_taken = |&owner: &OwnerId| {
        if !settles(domain, head, owner) {
            return false;
        }
        domain.strike_hold(owner, head.key());
        head.lose(owner);
        mutex::take_away(head, &domain, owner)
    };
    (owner.filter(is_taken).into_iter().collect(), token)
}

fn from_lock(domain: &'static Domain, words: &LockWords, has_data: bool) -> Result<Lost> {
    // Who takes a lock from its writer owns it meanwhile.
    let me = domain.thread_owner()?;
    let (view, key) = (words.words(), words.head.key());
    let writer = MutexWord::new(&words.head.word).read().owner().filter(|&owner| domain.is_alive(owner));
    let token = words.head.token();
    let mut lost = Vec::new();
    for (cell, permit) in (0..).zip(view.readers) {
        let Some(reader) = permit.holder().filter(|&reader| domain.is_alive(reader)) else { continue };
        domain.strike_hold(reader, key | DRAINING);
        if rwlock::take_away_from_reader(view, &domain, reader, cell) {
            lost.push(reader);
        }
    }
    // A writer beside readers only waits for them, with a token that is larger than theirs: it goes on with it.
    if !lost.is_empty() {
        return Ok((lost, token - u64::from(writer.is_some()).min(token)));
    }
    let is_taken = |&writer: &OwnerId| {
        domain.strike_hold(writer, key);
        domain.strike_hold(writer, key | READING);
        if has_data {
            words.head.lose(writer);
        }
        rwlock::take_away_from_writer(view, &domain, writer, me)
    };
    Ok((writer.filter(is_taken).into_iter().collect(), token))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sync::Mutex;

    #[test]
    fn a_mutex_is_not_taken_from_an_owner_that_was_stopped_where_it_gives_it_up() {
        let folder = tempfile::tempdir().unwrap();
        let domain = Domain::open(folder.path().join("d")).unwrap();
        let mutex = Mutex::<u64>::open_or_create_in(domain, "m", || 0).unwrap();
        let guard = mutex.lock().unwrap();
        let head = object::Object::head(&*mutex);
        // As far as an owner comes that takes its note out, finds that it may store, and is stopped before the store.
        head.giving().allow(|| false);
        domain.strike_hold(domain.thread_owner().unwrap(), head.key());
        let refused = take_away(domain, "m").unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Negative);
        assert!(refused.to_string().contains("kill -CONT"), "{refused}");
        assert!(guard.is_held() && head.giving().may_store().is_none(), "whoever gives it up later steps");
        drop(guard);
        assert!(mutex.try_lock().is_ok(), "it comes free as ever");
    }
}
