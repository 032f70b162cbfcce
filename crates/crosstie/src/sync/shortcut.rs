//! [`Shortcut`]: the shortest way of one thread to one lock, for programs in other languages.

use std::marker::PhantomData;
use std::num::NonZeroU64;
use std::panic::Location;

use crosstie_core::OwnerId;
use crosstie_core::word::holds::HoldIndex;

use super::held::Noted;
use super::lock_words::{LockWords, WriteTurn};
use super::mutex::Mutex;
use crate::ledger::attach::Known;
use crate::os::process;

/// An [`AnyLock`](super::AnyLock) as the calling thread takes it, alone, where that is over in some instructions: who that is, and where it notes what it
/// has, were looked up once. From [`AnyLock::shortcut`](super::AnyLock::shortcut).
///
/// There is no guard, for a program in another language could not keep it: what was taken is two numbers.
///
/// # Death
/// As of the lock; that an owner died is for [`Shortcut::is_plain`] and [`AnyLock::guard`](super::AnyLock::guard) to tell.
///
/// # Cost
/// As [`Mutex::lock`] and [`Lock::lock`](super::Lock::lock), less who looks for the thread.
///
/// # Examples
/// ```
/// use crosstie::sync::{AnyLock, Policy};
/// # let folder = tempfile::tempdir().unwrap();
/// # let domain = crosstie::ledger::Domain::open(folder.path().join("d"))?;
/// let door = AnyLock::open_or_create_mutex_in(domain, "door", Policy::Fast)?;
/// domain.thread_owner()?;                          // this thread is known from now on
/// let shortcut = door.shortcut().unwrap();
/// let turn = shortcut.take().unwrap();
/// assert!(shortcut.take().is_none() && turn.token() == 1);
/// assert!(shortcut.give_back(&turn) && !shortcut.give_back(&turn));
/// # Ok::<(), crosstie::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Shortcut<'a> {
    words: Words<'a>,
    me: Known,
    not_send: PhantomData<*mut ()>,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Words<'a> {
    Mutex(&'a Mutex<()>),
    Lock(&'a LockWords),
}

/// What a [`Shortcut`] has taken. Forgotten, it is held until the thread ends.
#[derive(Debug)]
#[must_use]
pub struct ShortTurn {
    token: u64,
    /// In which process, by the number of its fork << 16 | the second place in the owner's table << 8 | the first.
    notes: NonZeroU64,
    not_send: PhantomData<*mut ()>,
}

impl ShortTurn {
    #[inline(always)]
    fn new(token: u64, first: HoldIndex, second: HoldIndex, epoch: u64) -> Option<Self> {
        let places = u64::from(second.to_byte()) << 8 | u64::from(first.to_byte());
        Some(Self { token, notes: NonZeroU64::new(epoch << 16 | places)?, not_send: PhantomData })
    }

    /// The fencing number: larger than that of every exclusive owner before.
    #[inline(always)]
    #[must_use]
    pub fn token(&self) -> u64 {
        self.token
    }

    #[inline(always)]
    fn epoch(&self) -> u64 {
        self.notes.get() >> 16
    }

    /// What the thread `me` noted for it; of a mutex the first.
    #[inline(always)]
    pub(super) fn noted(&self, me: Known) -> [Noted; 2] {
        let [first, second, ..] = self.notes.get().to_le_bytes();
        let me = Known { epoch: self.epoch(), ..me };
        [first, second].map(|place| Noted::at(me, HoldIndex::from_byte(place)))
    }
}

impl<'a> Shortcut<'a> {
    #[inline(always)]
    pub(super) fn new(words: Words<'a>, me: Known) -> Self {
        Self { words, me, not_send: PhantomData }
    }

    /// Whether it is surely of this process, rather than inherited by a fork. One that is inherited leads nowhere.
    #[inline(always)]
    fn is_ours(&self) -> bool {
        process::is_surely_fork_epoch(self.me.epoch)
    }

    /// The thread, as an owner.
    #[inline(always)]
    #[must_use]
    pub fn owner(&self) -> OwnerId {
        self.me.id
    }

    /// Whether there is nothing to be told of the lock but its token, for who has just taken it.
    #[inline(always)]
    #[must_use]
    pub fn is_plain(&self) -> bool {
        match self.words {
            Words::Mutex(mutex) => mutex.head().state() == 0,
            Words::Lock(lock) => lock.head.state() == 0,
        }
    }

    /// Takes the lock alone if it is a free mutex for which nobody waits, and the first that this thread has; else does nothing, and says
    /// nothing of why. Calls nothing, so that who calls this has nothing to put away.
    #[inline(always)]
    #[must_use]
    #[track_caller]
    pub fn take_first(&self) -> Option<ShortTurn> {
        let Words::Mutex(mutex) = self.words else { return None };
        if !self.is_ours() {
            return None;
        }
        let (noted, token) = mutex.lock_first(self.me, Location::caller())?;
        ShortTurn::new(token, noted.index(), noted.index(), self.me.epoch)
    }

    /// Whether it leads to a mutex; else to a lock that can be shared.
    #[inline(always)]
    #[must_use]
    pub fn is_mutex(&self) -> bool {
        matches!(self.words, Words::Mutex(_))
    }

    /// As [`Shortcut::take_first`], of a lock that can be shared, alone.
    #[inline(always)]
    #[must_use]
    #[track_caller]
    pub fn take_first_lock(&self) -> Option<ShortTurn> {
        let Words::Lock(lock) = self.words else { return None };
        if !self.is_ours() {
            return None;
        }
        self.turn(lock.write_first(self.me, Location::caller())?)
    }

    #[inline(always)]
    fn turn(&self, WriteTurn { noted: [first, second], token }: WriteTurn) -> Option<ShortTurn> {
        ShortTurn::new(token, first.index(), second.index(), self.me.epoch)
    }

    /// Takes the lock alone if it is free and nobody waits, as [`Shortcut::take_first`].
    #[inline(always)]
    #[must_use]
    #[track_caller]
    pub fn take(&self) -> Option<ShortTurn> {
        let site = Location::caller();
        if !self.is_ours() {
            return None;
        }
        match self.words {
            Words::Mutex(mutex) => {
                let (noted, token) = mutex.lock_at_once(self.me, site)?;
                ShortTurn::new(token, noted.index(), noted.index(), self.me.epoch)
            }
            Words::Lock(lock) => self.turn(lock.write_at_once(self.me, site)?),
        }
    }

    /// Gives back the mutex that this took, if it is still held and that takes no more than an exchange. If not, it is
    /// still to be given back, as a guard, which tells more.
    #[inline(always)]
    #[must_use]
    pub fn give_back_mutex(&self, turn: &ShortTurn) -> bool {
        let Words::Mutex(mutex) = self.words else { return false };
        self.took(turn) && mutex.unlock_at_once(&turn.noted(self.me)[0], turn.token)
    }

    /// As [`Shortcut::give_back_mutex`], a lock that can be shared.
    #[inline(always)]
    #[must_use]
    pub fn give_back_lock(&self, turn: &ShortTurn) -> bool {
        let Words::Lock(lock) = self.words else { return false };
        let writes = WriteTurn { noted: turn.noted(self.me), token: turn.token };
        let is_held = self.took(turn) && lock.is_writing_by_note(&writes);
        if is_held {
            lock.stop_writing_here(&writes);
        }
        is_held
    }

    /// Gives back what [`Shortcut::take`] took, whatever it is, as [`Shortcut::give_back_mutex`].
    #[inline(always)]
    #[must_use]
    pub fn give_back(&self, turn: &ShortTurn) -> bool {
        self.give_back_mutex(turn) || self.give_back_lock(turn)
    }

    /// Whether `turn` is of this process, as this is.
    #[inline(always)]
    fn took(&self, turn: &ShortTurn) -> bool {
        turn.epoch() == self.me.epoch && self.is_ours()
    }
}
