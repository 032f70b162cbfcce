//! Operations that are wrong on purpose: the judge must find each of them out.
#![expect(unsafe_code, reason = "writes words that the safe interface keeps to itself")]

use std::fs::File;
use std::mem;
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicU64, Ordering};

use crosstie::ledger::Domain;
use crosstie::sync::{Object, RwLock, Semaphore, Shared};
use crosstie_core::OwnerId;
use crosstie_core::layout::ledger::SLOTS_OFFSET;
use crosstie_core::word::counting::Counting;
use crosstie_core::word::head::{ABANDONED, Head};
use crosstie_core::word::mutex::MutexWord;
use crosstie_core::word::permits::OFFERED;
use crosstie_core::word::slot::SLOT_BYTES;

use super::case::Case;
use super::data::{Data, FIRST, SECOND, UNITS, change};
use super::thing::{Guard, Opened, Refusal, Taken, Way};
use crate::step::victim::Role;

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Twin {
    /// Nothing: a survivor is.
    Survivor,
    /// Names the object before it is whole.
    NamesFirst,
    /// Takes the word whoever has it.
    TakesFromTheLiving,
    /// Takes the word in the name of another, and writes its own a step later.
    NamesItselfLate,
    /// Takes the word and notes nothing.
    NotesNothing,
    /// Lets the fencing number fall.
    LowersToken,
    /// Counts a death that was none.
    CountsDeath,
    /// Takes a second slot of the ledger, and the kernel knows nothing of it.
    ClaimsSlot,
    /// Gives, and wakes nobody.
    WakesNobody,
    /// Gives the first of two, and keeps the second.
    KeepsOne,
    /// Gives, and its note says that it still has it.
    KeepsNote,
    /// Gives a permit to somebody who knows nothing of it.
    LosesPermit,
    /// Transfers a permit to somebody who knows nothing of it, and writes the receiver a step later.
    TransfersInTwoSteps,
    /// Gives a unit twice.
    GivesTwice,
    /// Writes the last of the data behind its unlock.
    WritesOutside,
    /// Says that the data are mended, and leaves them as they are.
    MendsNothing,
    /// Says that an owner died, and none did.
    CriesWolf,
}

/// Names an object before it is whole, then makes it after all.
pub fn name_first(case: &Case, role: Role<'_>) -> std::io::Result<()> {
    let kind = case.thing.kinds()[0];
    let path = role.domain.directory().path().join(format!("{kind}.{}", role.object));
    File::create(&path)?;
    std::fs::remove_file(path)
}

/// Takes in a broken way; `None` where the twin takes as it should.
pub fn take(twin: Twin, opened: &Opened, way: Way) -> Result<Option<Taken<'_>>, Refusal> {
    let Opened::Mutex(mutex) = opened else { return Ok(None) };
    let (head, domain) = (Object::head(&**mutex), mutex.domain());
    let me = owner(domain)?;
    // What was taken behind the library's back has no guard; nobody gives it.
    let taken = Taken { guard: Guard::Unit(opened), is_told: false, found: None, token: None };
    match twin {
        Twin::TakesFromTheLiving => head.word.store(me.to_bits(), Ordering::SeqCst),
        Twin::NamesItselfLate => {
            head.word.store(judge_of(domain).to_bits(), Ordering::SeqCst);
            head.word.store(me.to_bits(), Ordering::SeqCst);
        }
        Twin::NotesNothing => {
            let _ = MutexWord::new(&head.word).try_lock(me);
        }
        Twin::LowersToken | Twin::CountsDeath | Twin::ClaimsSlot => {
            let taken = opened.take(way, crosstie::Deadline::NEVER, super::thing::Mending::Leaves)?;
            match twin {
                Twin::LowersToken => token_of(head).store(0, Ordering::SeqCst),
                Twin::CountsDeath => head.count_death(me),
                _ => claim_slot(domain, me)?,
            }
            return Ok(Some(taken));
        }
        _ => return Ok(None),
    }
    Ok(Some(taken))
}

/// Gives in a broken way.
pub fn give(twin: Twin, opened: &Opened, mut taken: Taken<'_>) -> Result<(), Refusal> {
    match (twin, opened) {
        (Twin::WakesNobody, _) => give_quietly(opened, taken),
        (Twin::KeepsOne, Opened::All(..)) => {
            if let Guard::Both(_, second) = taken.guard {
                mem::forget(second);
            }
            Ok(())
        }
        (Twin::KeepsNote, Opened::Mutex(mutex)) => {
            mem::forget(taken);
            let me = owner(mutex.domain())?;
            let _ = MutexWord::new(&Object::head(&**mutex).word).try_unlock(me);
            Ok(())
        }
        (Twin::LosesPermit, Opened::Semaphore(semaphore)) => {
            let index = if let Guard::Permit(permit) = &taken.guard { permit.index() } else { 0 };
            let stranger = judge_of(semaphore.domain());
            taken.give()?;
            permit_of(semaphore, index).store(stranger.to_bits(), Ordering::SeqCst);
            Ok(())
        }
        (Twin::GivesTwice, _) => {
            taken.give()?;
            opened.give_unit().map(drop)
        }
        (Twin::WritesOutside, Opened::Mutex(mutex)) => {
            if let Some(data) = taken.data() {
                data[SECOND] -= 1;
            }
            taken.give()?;
            data_of(Object::head(&**mutex), SECOND).fetch_add(1, Ordering::SeqCst);
            Ok(())
        }
        (Twin::MendsNothing, _) => {
            if let Guard::Mutex(guard) = &mut taken.guard {
                guard.mark_mended();
            }
            taken.give().map(drop)
        }
        (Twin::CriesWolf, Opened::Mutex(mutex)) => {
            Object::head(&**mutex).mark(ABANDONED);
            taken.give().map(drop)
        }
        _ => taken.give().map(drop),
    }
}

/// Gives, and wakes nobody.
fn give_quietly(opened: &Opened, taken: Taken<'_>) -> Result<(), Refusal> {
    match opened {
        Opened::Mutex(mutex) => {
            mem::forget(taken);
            Object::head(&**mutex).word.store(0, Ordering::SeqCst);
            Ok(())
        }
        Opened::RwLock(lock) => {
            mem::forget(taken);
            cell_of(lock, owner(lock.domain())?).store(0, Ordering::SeqCst);
            Ok(())
        }
        Opened::Condvar(mutex, _) => {
            let guard = mutex.lock();
            let mut guard = guard.map_err(|refusal| Refusal::Failed(refusal.to_string()))?;
            change(&mut guard, 1);
            Ok(())
        }
        Opened::Any(counting, _) => {
            let word = Counting::new(&Object::head(&**counting).word);
            word.try_post(word.read()).map_err(|_| Refusal::Failed("the word has changed".to_owned()))
        }
        Opened::Monitor(monitor, _) => {
            let guard = monitor.enter().map_err(|refusal| Refusal::Failed(refusal.to_string()))?;
            add_unseen(Object::head(&**monitor));
            drop(guard);
            Ok(())
        }
        _ => taken.give().map(drop),
    }
}

/// Adds a unit behind the back of the guard, which is not told of a change then.
fn add_unseen(head: &Head) {
    for index in [FIRST, UNITS, SECOND] {
        data_of(head, index).fetch_add(1, Ordering::SeqCst);
    }
}

/// Transfers in a broken way; what the twin does as it should is given back.
pub fn transfer<'a>(
    twin: Twin,
    opened: &Opened,
    taken: Taken<'a>,
    to: OwnerId,
) -> Result<Option<Taken<'a>>, Refusal> {
    let (Twin::TransfersInTwoSteps, Opened::Semaphore(semaphore)) = (twin, opened) else {
        return Ok(Some(taken));
    };
    let index = if let Guard::Permit(permit) = &taken.guard { permit.index() } else { 0 };
    let cell = permit_of(semaphore, index);
    // The judge's own thread: it lives, and accepts nothing.
    cell.store(judge_of(semaphore.domain()).to_bits(), Ordering::SeqCst);
    cell.store(to.to_bits() | OFFERED, Ordering::SeqCst);
    taken.give().map(|_| None)
}

fn owner(domain: &'static Domain) -> Result<OwnerId, Refusal> {
    domain.thread_owner().map_err(|error| Refusal::Failed(error.to_string()))
}

/// The judging process as an owner: it was there first, and lives on.
fn judge_of(domain: &'static Domain) -> OwnerId {
    domain.owners().first().map_or(OwnerId::new(0, 1), |first| first.id)
}

/// Writes the life word of the slot behind its own, as if its own thread had it, without its robust list.
fn claim_slot(domain: &'static Domain, me: OwnerId) -> Result<(), Refusal> {
    let claim = || {
        let ledger = File::options().read(true).write(true).open(domain.directory().path().join("ledger"))?;
        let at = |slot: u32| (SLOTS_OFFSET + slot as usize * SLOT_BYTES) as u64;
        let mut words = vec![0; SLOT_BYTES];
        ledger.read_exact_at(&mut words, at(0))?;
        ledger.write_all_at(&words, at(me.slot() + 1))
    };
    claim().map_err(|error: std::io::Error| Refusal::Failed(error.to_string()))
}

/// A word of the object that begins with `head`, so many bytes from its beginning.
///
/// # Safety
/// There is one, an atomic or nothing but bytes; it lives as long as `head`.
unsafe fn word_of(head: &Head, offset_bytes: usize) -> &AtomicU64 {
    let place = std::ptr::from_ref(head).cast::<AtomicU64>().wrapping_byte_add(offset_bytes);
    // SAFETY: the caller says that a word is there; an object lies at a page, so it is aligned.
    unsafe { &*place }
}

fn token_of(head: &Head) -> &AtomicU64 {
    // SAFETY: the token is the second word of a head (the table in core::word::head).
    unsafe { word_of(head, 8) }
}

fn data_of(head: &Head, index: usize) -> &AtomicU64 {
    // SAFETY: the data of a mutex or monitor, words here, begin behind its head. That another may have them by now, or
    // that nobody is told, is the seeded fault.
    unsafe { word_of(head, size_of::<Head>() + 8 * index) }
}

/// The cell of a reader that found its first one free.
fn cell_of(lock: &Shared<RwLock<Data>>, reader: OwnerId) -> &AtomicU64 {
    const CELLS_OFFSET: usize = 192;
    // SAFETY: 64 cells of two atomic words each begin so far from the head (docs/format.md), and the index is less.
    unsafe { word_of(Object::head(&**lock), CELLS_OFFSET + 16 * (reader.slot() as usize % 64)) }
}

fn permit_of(semaphore: &Shared<Semaphore>, index: u32) -> &AtomicU64 {
    // SAFETY: a semaphore's permits, of two atomic words each, begin behind its head, and `index` is one that it
    // gave out.
    unsafe { word_of(Object::head(&**semaphore), size_of::<Head>() + 16 * index as usize) }
}
