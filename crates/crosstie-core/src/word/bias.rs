//! Whose a lock inside of one process is by habit: that thread takes it and gives it up by plain stores.
//!
//! A step (a compare-exchange) costs more than most turns last, and waits until whatever was stored before it has left the processor: behind a
//! message to another processor, the time of a cache line's way. So a lock that one thread has taken many times in a row is that
//! thread's *by habit*. Whoever else comes takes the habit away, and lets the kernel fence the thread (`membarrier`): the price of the fence
//! that it leaves out. Beneath stands an ordinary lock, which everybody else takes, and which these words are written under.
//!
//! # States
//! | `user` | `inside` | who may be at what the lock guards |
//! |---|---|---|
//! | 0 | 0 | who has the ordinary lock |
//! | a thread | 0 | that thread may enter |
//! | a thread | 1 | that thread; or it is about to see that it may not |
//! | 0 | 1 | the habit was taken away while that thread was inside, or about to enter; who took it waits |
//!
//! # Invariants
//! - **I1** `user` is written only under the ordinary lock; a thread is written by itself, 0 by anybody.
//! - **I2** `inside` is written only by the thread that `user` names, or has named last.
//! - **I3** The thread is inside from [`Bias::enter`] that answers true until [`Bias::leave`]. In between nobody is inside under
//!   the ordinary lock: who takes that while `user` names another thread calls [`Bias::take_away`] first, and waits until `inside` is 0.
//!
//! # Transitions
//! | from → to | who | ordering | why |
//! |---|---|---|---|
//! | `user` 0 → thread ([`Bias::give`]) | that thread, under the ordinary lock | Relaxed | read by others under that lock |
//! | `inside` 0 → 1, then `user` is read again ([`Bias::enter`]) | the thread | Relaxed, a light fence between | I3 |
//! | `inside` 1 → 0, then `user` is read again ([`Bias::leave`]) | the thread | Release, a light fence behind | publishes what it did; who waits is woken |
//! | `user` thread → 0, then `inside` is read ([`Bias::take_away`]) | another thread, under the ordinary lock | Relaxed, the heavy fence between, Acquire | I3 |
//!
//! # Orderings
//! The thread writes `inside`, then reads `user`; who takes away writes `user`, then reads `inside`. One of them sees the other: the thread has a
//! compiler's fence between the two, the other a fence of its own and of every processor. The Release of `leave` meets the
//! Acquire of `take_away` and [`Bias::is_inside`]: what the thread did inside is seen by who comes next. What others did before is seen by the thread, since it
//! was under the ordinary lock when it wrote itself (I1).
//!
//! # Progress
//! Wait-free for the thread. Who takes away waits for one turn of the thread at most.
//!
//! # Death
//! The words are one process's, and die with it. A thread that ends is not inside; one that unwinds leaves as its guard is dropped. In a fork child of
//! another thread `inside` may be 1 for ever, as an ordinary lock may be taken for ever.
//!
//! # Source
//! Kawachiya, Koseki and Onodera, "Lock Reservation", OOPSLA 2002; Dice, Huang and Yang, "Asymmetric Dekker Synchronization", 2001; membarrier(2).

use super::light::light;
use crate::atomic::{AtomicU32, AtomicU64, Ordering, fence};

/// Whose a lock is by habit; see the module. A thread is a number that no other living one has, and not 0.
#[derive(Debug)]
pub struct Bias {
    user: AtomicU64,
    inside: AtomicU32,
}

impl Default for Bias {
    fn default() -> Self {
        Self { user: AtomicU64::new(0), inside: AtomicU32::new(0) }
    }
}

impl Bias {
    /// The thread `me` enters, if the lock is its by habit and it is not inside; answers whether it did.
    ///
    /// `wake` is called if the habit was taken away meanwhile: it wakes who sleeps on [`Bias::inside`].
    #[inline(always)]
    pub fn enter(&self, me: u64, wake: impl FnOnce()) -> bool {
        // Relaxed: only the thread itself writes its number (I1); that it was taken away is seen behind the fence.
        // Relaxed: its own word (I2).
        if self.user.load(Ordering::Relaxed) != me || self.inside.load(Ordering::Relaxed) != 0 {
            return false;
        }
        // Relaxed: ordered against `user` by the fences (I3).
        self.inside.store(1, Ordering::Relaxed);
        light();
        // Relaxed: as above.
        if self.user.load(Ordering::Relaxed) == me {
            return true;
        }
        self.leave(me, wake);
        false
    }

    /// The thread `me` leaves; `wake` as of [`Bias::enter`].
    #[inline(always)]
    pub fn leave(&self, me: u64, wake: impl FnOnce()) {
        // Release: publishes what was done inside to who takes the habit away (I3).
        self.inside.store(0, Ordering::Release);
        light();
        // Relaxed: ordered by the fence of who took it away, which the kernel made on this processor too.
        if self.user.load(Ordering::Relaxed) != me {
            wake();
        }
    }

    /// Makes the lock the thread's by habit; only `me` itself calls it, under the ordinary lock, and is not inside.
    pub fn give(&self, me: u64) {
        // Relaxed: others read it under the ordinary lock (I1).
        self.user.store(me, Ordering::Relaxed);
    }

    /// Under the ordinary lock: whether the lock is a thread's by habit.
    pub fn is_given(&self) -> bool {
        // Relaxed: written under the ordinary lock (I1).
        self.user.load(Ordering::Relaxed) != 0
    }

    /// Under the ordinary lock: it is nobody's by habit from now on. `fence_all` fences every running thread of the process. The caller
    /// then waits while [`Bias::is_inside`].
    pub fn take_away(&self, fence_all: impl FnOnce()) {
        // Relaxed: ordered against `inside` by the fences (I3).
        self.user.store(0, Ordering::Relaxed);
        // SeqCst: `user` is written before `inside` is read; the thread writes `inside` and reads `user`, with a light fence between.
        fence(Ordering::SeqCst);
        fence_all();
    }

    /// Under the ordinary lock, behind [`Bias::take_away`]: whether the thread is inside yet.
    pub fn is_inside(&self) -> bool {
        // Acquire: what it did inside is seen by the caller (I3).
        self.inside.load(Ordering::Acquire) != 0
    }

    /// The word on which one may sleep while it is 1; who was inside wakes it.
    pub const fn inside(&self) -> &AtomicU32 {
        &self.inside
    }
}

#[cfg(all(test, not(crosstie_loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_thread_enters_once_until_it_leaves_and_not_when_it_is_taken_away() {
        let bias = Bias::default();
        let woken = core::cell::Cell::new(0);
        let wake = || woken.set(woken.get() + 1);
        assert!(!bias.enter(7, wake));
        bias.give(7);
        assert!(bias.is_given() && !bias.enter(8, wake) && bias.enter(7, wake));
        assert!(!bias.enter(7, wake), "inside already");
        bias.leave(7, wake);
        assert!(bias.enter(7, wake) && woken.get() == 0);
        bias.take_away(|| {});
        assert!(bias.is_inside() && !bias.is_given());
        bias.leave(7, wake);
        assert!(!bias.is_inside() && woken.get() == 1 && !bias.enter(7, wake));
    }
}
