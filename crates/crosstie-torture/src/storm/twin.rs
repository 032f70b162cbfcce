//! Workers that are wrong on purpose: the judge must find each of them out.
//!
//! They write past the library, into the files of the objects, what a broken library would leave there.

use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;

use crosstie::inspect::Snapshot;
use crosstie::os::{poll, process};
use crosstie_core::Deadline;

use super::history::{Act, Phase};
use super::judge::Fault;
use super::player::{Liberty, Place, Player};
use super::things::Thing;
use super::worker::Failure;
use crate::kernel;

/// What a twin does wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Twin {
    /// Gives a mutex up and wakes nobody.
    UnlocksWithoutWaking,
    /// Changes the data once more behind its unlock.
    WritesBehindUnlock,
    /// Takes a mutex that another has.
    EntersWithoutLock,
    /// Takes one of a counting semaphore and never posts it, although it lives.
    ForgetsToPost,
    /// Posts twice what it took once.
    PostsTwice,
    /// Leaks a permit of a semaphore and says that it gave it back.
    LeaksPermit,
    /// Dies inside, and the mutex looks as if it had been given up.
    HidesItsDeath,
}

pub const TWINS: [Twin; 7] = [
    Twin::UnlocksWithoutWaking,
    Twin::WritesBehindUnlock,
    Twin::EntersWithoutLock,
    Twin::ForgetsToPost,
    Twin::PostsTwice,
    Twin::LeaksPermit,
    Twin::HidesItsDeath,
];

/// Where an object lies in its file, and a mutex's data behind its head.
const OBJECT_OFFSET: u64 = crosstie::ledger::objects::OBJECT_OFFSET;
const DATA_OFFSET: u64 = OBJECT_OFFSET + 128;
const MILLISECOND_NS: u64 = 1_000_000;

impl Twin {
    pub fn name(self) -> &'static str {
        match self {
            Self::UnlocksWithoutWaking => "unlocks-without-waking",
            Self::WritesBehindUnlock => "writes-behind-unlock",
            Self::EntersWithoutLock => "enters-without-lock",
            Self::ForgetsToPost => "forgets-to-post",
            Self::PostsTwice => "posts-twice",
            Self::LeaksPermit => "leaks-permit",
            Self::HidesItsDeath => "hides-its-death",
        }
    }

    pub fn of(name: &str) -> Option<Self> {
        TWINS.into_iter().find(|twin| twin.name() == name)
    }

    /// What the judge must find.
    pub fn fault(self) -> Fault {
        match self {
            Self::UnlocksWithoutWaking | Self::LeaksPermit => Fault::Hang,
            Self::WritesBehindUnlock => Fault::Torn,
            Self::EntersWithoutLock => Fault::Exclusion,
            Self::ForgetsToPost => Fault::PermitLost,
            Self::PostsTwice => Fault::PermitDoubled,
            Self::HidesItsDeath => Fault::DeathUntold,
        }
    }

    /// The life of a worker that does this, again and again where once need not be enough.
    pub fn act(self, place: &Place) -> Result<(), Failure> {
        let mut player = Player::new(place.clone(), 1, Liberty::None).ok_or("no page is left")?;
        let things = place.things.clone();
        match self {
            Self::UnlocksWithoutWaking => {
                std::mem::forget(enter(&mut player)?);
                until_waited_for(&player)?;
                player.note(Act::Leave, Thing::Fast, 1, 0, 0);
                write(place, OBJECT_OFFSET, 0)?;
                player.note(Act::Gone, Thing::Fast, 1, 0, 0);
            }
            Self::WritesBehindUnlock => {
                while place.history.phase() == Phase::Playing {
                    let mut guard = enter(&mut player)?;
                    guard[0] += 1;
                    let second = guard[0];
                    player.note(Act::Leave, Thing::Fast, 1, guard.token(), second);
                    drop(guard);
                    poll::pause(MILLISECOND_NS, Deadline::NEVER);
                    write(place, DATA_OFFSET + 8, second)?;
                    player.note(Act::Gone, Thing::Fast, 1, 0, 0);
                }
            }
            Self::EntersWithoutLock => {
                while place.history.phase() == Phase::Playing {
                    player.note(Act::Want, Thing::Fast, 1, 0, 0);
                    player.have(Thing::Fast, 1, false, things.fast.counters().acquisitions, 0);
                    poll::pause(MILLISECOND_NS, Deadline::NEVER);
                    player.note(Act::Leave, Thing::Fast, 1, 0, 0);
                    player.note(Act::Gone, Thing::Fast, 1, 0, 0);
                }
            }
            Self::ForgetsToPost | Self::PostsTwice => {
                player.note(Act::Want, Thing::Count, 1, 0, 0);
                things.count.wait()?;
                player.have(Thing::Count, 1, false, 0, 0);
                player.note(Act::Leave, Thing::Count, 1, 0, 0);
                let posts = if self == Self::PostsTwice { 2 } else { 0 };
                (0..posts).try_for_each(|_| things.count.post())?;
                player.note(Act::Gone, Thing::Count, 1, 0, 0);
            }
            Self::LeaksPermit => {
                let total = super::things::PERMITS;
                player.note(Act::Want, Thing::Permits, u64::from(total), 0, 0);
                let permits = things.permits.acquire_many(total, Deadline::NEVER);
                let permits = permits.map_err(crosstie::Error::from)?;
                player.have(Thing::Permits, u64::from(total), false, 0, 0b111);
                player.note(Act::Leave, Thing::Permits, u64::from(total), 0, 0b111);
                std::mem::forget(permits);
                player.note(Act::Gone, Thing::Permits, u64::from(total), 0, 0);
            }
            Self::HidesItsDeath => {
                std::mem::forget(enter(&mut player)?);
                write(place, OBJECT_OFFSET, 0)?;
                kernel::send(process::pid(), kernel::SIGKILL);
            }
        }
        // It lives on, so that nobody takes its death for what it did.
        while place.history.phase() != Phase::Over {
            poll::pause(MILLISECOND_NS, Deadline::NEVER);
        }
        player.note(Act::End, Thing::Fair, 0, 0, 0);
        Ok(())
    }
}

type Guard<'a> = crosstie::sync::MutexGuard<'a, [u64; 2]>;

fn enter(player: &mut Player) -> Result<Guard<'static>, Failure> {
    // Leaked once a twin: its guards live as long as its process.
    let mutex: &'static _ = Box::leak(Box::new(player.place.things.fast.clone()));
    player.note(Act::Want, Thing::Fast, 1, 0, 0);
    let guard = mutex.lock().or_else(crosstie::sync::LockError::into_guard)?;
    player.have(Thing::Fast, 1, false, guard.token(), guard[0]);
    Ok(guard)
}

/// Waits until somebody sleeps on the mutex: who is to be hurt must be there.
fn until_waited_for(player: &Player) -> Result<(), Failure> {
    let domain = player.place.domain;
    let objects = domain.objects();
    let fast = objects.iter().find(|object| object.name == "fast").ok_or("there is no mutex")?;
    // And nobody may come who would wake them in passing.
    while player.place.history.phase() == Phase::Playing
        || Snapshot::of(domain).waiters(fast.key).count() == 0
    {
        poll::pause(MILLISECOND_NS, Deadline::NEVER);
    }
    Ok(())
}

/// Writes a word into the file of the mutex.
fn write(place: &Place, offset: u64, word: u64) -> Result<(), Failure> {
    let file = OpenOptions::new().write(true).open(place.domain.directory().path().join("lock.fast"))?;
    Ok(file.write_all_at(&word.to_le_bytes(), offset)?)
}
