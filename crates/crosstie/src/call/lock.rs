//! [`Lock`]: a lock that is one thread's by habit, and what is slept on under it.
//!
//! A client mostly has one thread that calls, and a server one that serves. Each call takes a handful of locks, and a locked
//! instruction behind a message that was just sent waits until that has left the processor. So a lock that one thread has taken often
//! enough in a row is that thread's by habit, and costs it plain loads and stores (`crosstie_core::word::bias`); who else comes lets
//! the kernel fence it, once, and from then on all take an ordinary lock, until again one thread alone has done so twice as often in a row.
#![expect(unsafe_code, reason = "one thread at a time has what a lock guards")]

use std::cell::UnsafeCell;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};

use crosstie_core::atomic::{AtomicU32, Ordering};
use crosstie_core::word::bias::Bias;

use crate::Deadline;
use crate::os::{futex, membarrier, poll, thread_pointer};

/// So many turns in a row make a first habit.
const HABIT_TURNS: u32 = 64;

/// Where the kernel refuses to fence, whatever a processor has stored is seen by others long before this: 1 ms.
const UNFENCED_PAUSE_NS: u64 = 1_000_000;

/// A lock around a `T`. Like an ordinary one it is not taken twice by one thread; it knows no poison.
#[derive(Default)]
pub(super) struct Lock<T> {
    bias: Bias,
    turns: Mutex<Turns>,
    value: UnsafeCell<T>,
}

// SAFETY: the value is reached by one thread at a time (`Bias` I3), and may move between threads.
unsafe impl<T: Send> Sync for Lock<T> {}

/// What is known of those who took the ordinary lock.
#[derive(Debug)]
struct Turns {
    last: u64,
    in_a_row: u32,
    /// So many in a row are a habit.
    habit: u32,
}

impl Default for Turns {
    fn default() -> Self {
        Self { last: 0, in_a_row: 0, habit: HABIT_TURNS }
    }
}

/// Until it is dropped, this thread alone has what the lock guards.
pub(super) struct Locked<'a, T> {
    lock: &'a Lock<T>,
    /// The ordinary lock; `None` of a thread that took it by habit.
    turns: Option<MutexGuard<'a, Turns>>,
    /// Its own thread's.
    stays: PhantomData<*mut T>,
}

impl<'a, T> Locked<'a, T> {
    #[inline(always)]
    fn new(lock: &'a Lock<T>, turns: Option<MutexGuard<'a, Turns>>) -> Self {
        Self { lock, turns, stays: PhantomData }
    }
}

/// The calling thread's number; 0 where threads have none. Another thread may have it once this one has ended: it begins behind that end.
#[inline(always)]
fn this_thread() -> u64 {
    // invariant: an address has at most 64 bits.
    thread_pointer::thread_pointer().map_or(0, |pointer| pointer.get() as u64)
}

impl<T> Lock<T> {
    pub(super) fn new(value: T) -> Self {
        Self { bias: Bias::default(), turns: Mutex::default(), value: UnsafeCell::new(value) }
    }

    /// Waits until nobody else has it.
    #[inline]
    pub(super) fn lock(&self) -> Locked<'_, T> {
        let me = this_thread();
        if me != 0 && self.bias.enter(me, || self.wake_who_waits()) {
            return Locked::new(self, None);
        }
        self.lock_in_turn(me)
    }

    fn lock_in_turn(&self, me: u64) -> Locked<'_, T> {
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        if self.bias.is_given() {
            self.end_habit(&mut turns);
        }
        // Also of whom somebody else found inside who only tried.
        while self.bias.is_inside() {
            futex::wait(self.bias.inside(), 1, Deadline::NEVER);
        }
        turns.note(me);
        Locked::new(self, Some(turns))
    }

    /// Takes it if nobody has it now.
    pub(super) fn try_lock(&self) -> Option<Locked<'_, T>> {
        let me = this_thread();
        if me != 0 && self.bias.enter(me, || self.wake_who_waits()) {
            return Some(Locked::new(self, None));
        }
        let mut turns = match self.turns.try_lock() {
            Ok(turns) => turns,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return None,
        };
        if self.bias.is_given() {
            self.end_habit(&mut turns);
        }
        if self.bias.is_inside() {
            return None;
        }
        turns.note(me);
        Some(Locked::new(self, Some(turns)))
    }

    #[cold]
    fn end_habit(&self, turns: &mut Turns) {
        self.bias.take_away(|| {
            if !membarrier::global_expedited() {
                poll::pause(UNFENCED_PAUSE_NS, Deadline::NEVER);
            }
        });
        turns.habit = turns.habit.saturating_mul(2);
    }

    #[cold]
    fn wake_who_waits(&self) {
        futex::wake(self.bias.inside(), 1);
    }
}

impl Turns {
    /// A turn of the thread `me`.
    fn note(&mut self, me: u64) {
        self.in_a_row = if self.last == me { self.in_a_row.saturating_add(1) } else { 1 };
        self.last = me;
    }
}

impl<T> Deref for Locked<'_, T> {
    type Target = T;

    #[inline(always)]
    fn deref(&self) -> &T {
        // SAFETY: this thread alone is inside until the guard's drop (`Bias` I3).
        unsafe { &*self.lock.value.get() }
    }
}

impl<T> DerefMut for Locked<'_, T> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: this thread alone is inside until the guard's drop (`Bias` I3), and the guard is lent alone.
        unsafe { &mut *self.lock.value.get() }
    }
}

impl<T> Drop for Locked<'_, T> {
    #[inline(always)]
    fn drop(&mut self) {
        let me = this_thread();
        match &self.turns {
            None => self.lock.bias.leave(me, || self.lock.wake_who_waits()),
            Some(turns) => {
                if turns.in_a_row >= turns.habit && me != 0 && membarrier::is_registered() {
                    self.lock.bias.give(me);
                }
            }
        }
    }
}

/// What is slept on until something changes that a [`Lock`] guards.
#[derive(Debug, Default)]
pub(super) struct Changes(AtomicU32);

impl Changes {
    /// Gives the lock up, sleeps until [`Changes::tell`], `deadline`, or for no reason, and takes it again.
    pub(super) fn sleep<'a, T>(&self, locked: Locked<'a, T>, deadline: Deadline) -> Locked<'a, T> {
        // Relaxed: written and read under the lock.
        let seen = self.0.load(Ordering::Relaxed);
        let lock = locked.lock;
        drop(locked);
        futex::wait(&self.0, seen, deadline);
        lock.lock()
    }

    /// Wakes all who sleep; called under the lock that they gave up.
    pub(super) fn tell(&self) {
        // Relaxed: as in `sleep`; the kernel compares it again before a sleep.
        self.0.fetch_add(1, Ordering::Relaxed);
        futex::wake(&self.0, u32::MAX);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;
    use std::thread;

    use super::*;

    /// A lock that is the calling thread's by habit, if the kernel fences.
    fn habitual(value: u64) -> Option<Lock<u64>> {
        let lock = Lock::new(value);
        if this_thread() == 0 || !membarrier::register_global_expedited() {
            println!("SKIPPED: nobody can be fenced here");
            return None;
        }
        for _ in 0..HABIT_TURNS {
            drop(lock.lock());
        }
        assert!(lock.lock().turns.is_none(), "so many turns are a habit");
        Some(lock)
    }

    #[test]
    fn who_comes_waits_for_the_one_who_is_inside_by_habit() {
        let Some(lock) = habitual(0) else { return };
        let is_out = AtomicBool::new(false);
        let mut inside = lock.lock();
        thread::scope(|scope| {
            let other = scope.spawn(|| {
                let found = *lock.lock();
                // Acquire: stored before the lock was given up.
                assert!(is_out.load(std::sync::atomic::Ordering::Acquire), "two inside at once");
                found
            });
            // pace: time for the other to come in, if it could; it needs none to be right.
            thread::sleep(std::time::Duration::from_millis(20));
            *inside = 7;
            // Release: read by who comes in next.
            is_out.store(true, std::sync::atomic::Ordering::Release);
            drop(inside);
            assert_eq!(other.join().unwrap(), 7);
        });
        assert!(lock.lock().turns.is_some(), "another has come: nobody's by habit");
    }

    #[test]
    fn a_try_finds_out_whether_the_one_whose_habit_it_is_is_inside() {
        let Some(lock) = habitual(0) else { return };
        let tries = || thread::scope(|scope| scope.spawn(|| lock.try_lock().is_some()).join().unwrap());
        let inside = lock.lock();
        assert!(!tries() && !tries());
        drop(inside);
        assert!(tries() && lock.try_lock().is_some());
    }

    #[test]
    fn threads_that_come_and_go_count_every_turn() {
        let Some(lock) = habitual(0) else { return };
        let rounds = if cfg!(debug_assertions) { 200 } else { 2_000 };
        thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    for round in 0..rounds {
                        // Bursts long enough to become a habit, and short ones.
                        for _ in 0..if round % 3 == 0 { 200 } else { 1 } {
                            *lock.lock() += 1;
                        }
                    }
                });
            }
        });
        let in_all: u64 = (0..rounds).map(|round| if round % 3 == 0 { 200 } else { 1 }).sum();
        assert_eq!(*lock.lock(), 2 * in_all);
    }

    #[test]
    fn who_sleeps_until_something_changes_is_woken_by_who_tells() {
        let (lock, changes) = (Lock::new(false), Changes::default());
        thread::scope(|scope| {
            scope.spawn(|| {
                let mut is_done = lock.lock();
                while !*is_done {
                    is_done = changes.sleep(is_done, Deadline::NEVER);
                }
            });
            let mut is_done = lock.lock();
            *is_done = true;
            changes.tell();
        });
        let late = changes.sleep(lock.lock(), Deadline::NOW);
        assert!(*late);
    }
}
