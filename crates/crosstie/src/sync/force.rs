//! [`take_away`]: a lock taken from who has it, by force; the last resort.

use crosstie_core::OwnerId;
use crosstie_core::turns::mutex;
use crosstie_core::turns::rwlock::{self, DRAINING, READING};
use crosstie_core::word::head::Head;
use crosstie_core::word::mutex::{GRANTED, MutexWord};

use super::lock_words::LockWords;
use super::{lock, mutex as mutexes, object, rwlock as rwlocks};
use crate::error::{Error, ErrorKind, Result};
use crate::ledger::objects::OBJECT_OFFSET;
use crate::ledger::{Domain, Identity};

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
/// A thread or process that lost a lock has to drop that guard before it takes the same lock again.
///
/// # Errors
/// `NotFound`; `Negative` when nobody alive has it: it is free, abandoned, or being handed to somebody; `Mismatch` for
/// one that this version does not know.
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
            (&words.head, from_lock(domain, words, shape == rwlocks::SHAPE))
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
        _ => "it is free",
    }
}

/// From whom, and the largest token that they can have.
type Lost = (Vec<OwnerId>, u64);

fn from_mutex(domain: &'static Domain, head: &Head) -> Lost {
    let owner = MutexWord::new(&head.word).read().owner().filter(|&owner| domain.is_alive(owner));
    let token = head.token();
    let is_taken = |&owner: &OwnerId| {
        domain.strike_hold(owner, head.key());
        head.lose(owner);
        mutex::take_away(head, &domain, owner)
    };
    (owner.filter(is_taken).into_iter().collect(), token)
}

fn from_lock(domain: &'static Domain, words: &LockWords, has_data: bool) -> Lost {
    let (view, key) = (words.words(), words.head.key());
    let writer = MutexWord::new(&words.head.word).read().owner().filter(|&owner| domain.is_alive(owner));
    let token = words.head.token();
    let mut lost = Vec::new();
    for (cell, permit) in (0..).zip(view.readers) {
        let Some(reader) = permit.owner().filter(|&reader| domain.is_alive(reader)) else { continue };
        domain.strike_hold(reader, key | DRAINING);
        rwlock::stop_reading(view, &domain, reader, cell);
        lost.push(reader);
    }
    // A writer beside readers only waits for them, with a token that is larger than theirs: it goes on with it.
    if !lost.is_empty() {
        return (lost, token - u64::from(writer.is_some()).min(token));
    }
    let is_taken = |&writer: &OwnerId| {
        domain.strike_hold(writer, key);
        domain.strike_hold(writer, key | READING);
        if has_data {
            words.head.lose(writer);
        }
        rwlock::take_away_from_writer(view, &domain, writer)
    };
    (writer.filter(is_taken).into_iter().collect(), token)
}
