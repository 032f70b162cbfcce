//! The word by which an end of a ring says that it sleeps, and where: on the word itself, or at a doorbell.
//!
//! One end writes it before a sleep, the other reads it after each message. It is no lock and counts
//! nothing: a wake too many is harmless, a wake too few is what the header is about. What a doorbell is, is decided above: a
//! FIFO that one end has open, so that a sleep is a descriptor that `epoll` waits for.
//!
//! # States
//! | word | state |
//! |---|---|
//! | 0 | awake, or woken |
//! | bit 31, and a number | asleep at the doorbell of that number |
//! | anything else, 1 | asleep in the kernel, on the word while it holds 1 |
//!
//! # Invariants
//! - **I1** Who sleeps has announced itself, and has found nothing after that.
//! - **I2** Who changes the ring looks at the word after its change, and makes the wake that the word asked for if it was the one
//!   who took the announcement.
//!
//! # Transitions
//! | who | from → to | by |
//! |---|---|---|
//! | sleeper | any → asleep | store, then a full fence, then its last look |
//! | sleeper, awake again | any → 0 | store |
//! | the other end, after a change | asleep → 0 | swap; then `futex(2)`, or a byte into the doorbell |
//! | an end that comes or goes | any → 0 | store behind a full fence; then **both** kinds of wake, whatever stood there |
//!
//! # Orderings
//! Dekker's two-variable story: the sleeper writes the word, then reads the ring; the other writes the
//! ring, then reads the word; one of them must see the other. The sleeper always runs a full fence; the
//! other runs one too ([`Barrier::Fence`]), or only a compiler fence where the sleeper makes the kernel
//! fence every participant's processor (`membarrier`, [`Barrier::Asymmetric`]), which takes the fence off each message
//! (HAZARDS H17). A byte stays in the doorbell until the sleeper takes it out, which it does before it announces itself: so a wake that
//! comes between announcement and sleep is not lost, and one that comes late costs one look.
//!
//! # Progress
//! Wait-free. Who finds 0 has made one load.
//!
//! # Death
//! | dies | a survivor finds |
//! |---|---|
//! | a sleeper | a word that says too much: one wake is spent on nobody |
//! | a waker between its change and its wake | a sleeper that watches its life, or its process, and looks again |
//! | an end that has come, before its wake | a sleeper that watches nobody; the next to come wakes it ([`rouse`]) |
//!
//! # Source
//! futex(2), membarrier(2); a doorbell: the NVM Express queues'.

use super::spsc::Barrier;
use crate::atomic::{AtomicU32, Ordering, fence};
use crate::crash_point;

/// Where an end sleeps, as its `…_waits` says; 0 is an end that is awake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asleep {
    /// In the kernel on the word itself, while it holds 1.
    OnWord,
    /// At a descriptor: whoever wakes it rings the doorbell of this number.
    AtDoorbell(Doorbell),
}

/// Which doorbell an end sleeps at: the low bits of a number that says whether a doorbell is the one
/// that the waker has open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Doorbell(u32);

impl Doorbell {
    const FLAG: u32 = 1 << 31;

    /// The doorbell whose file has this number.
    #[must_use]
    pub const fn of(inode: u64) -> Self {
        Self((inode & (Self::FLAG as u64 - 1)) as u32)
    }
}

impl Asleep {
    const ON_WORD: u32 = 1;

    const fn to_bits(self) -> u32 {
        match self {
            Self::OnWord => Self::ON_WORD,
            Self::AtDoorbell(Doorbell(number)) => Doorbell::FLAG | number,
        }
    }

    /// What a word says that is not 0; what nobody writes is a sleep on the word.
    const fn from_bits(bits: u32) -> Self {
        if bits & Doorbell::FLAG == 0 {
            Self::OnWord
        } else {
            Self::AtDoorbell(Doorbell(bits & !Doorbell::FLAG))
        }
    }
}

/// Announces a sleep by `waits`; the caller then runs `membarrier` if it can, and looks again.
pub(super) fn announce(waits: &AtomicU32, asleep: Asleep) {
    // Relaxed: the fence below orders it.
    waits.store(asleep.to_bits(), Ordering::Relaxed);
    // SeqCst: the two-variable story of the module's header, `waits` against the ring.
    fence(Ordering::SeqCst);
    crash_point!("spsc.announced");
}

/// Takes an announcement back: nobody falls asleep on it, and no wake is spent on somebody awake.
pub(super) fn retract(waits: &AtomicU32) {
    // Relaxed: a waker that still sees 1 makes one wake too many, which is harmless.
    waits.store(0, Ordering::Relaxed);
}

/// After a change that both ends may sleep through (an end was taken or left): takes the announcement
/// on `waits` back, so that nobody falls asleep on what was before.
///
/// The caller then wakes whoever sleeps on `waits`, announced or not: an end that has died may have
/// taken the announcement and not made its wake, and who waits for an end to come watches nobody.
pub fn rouse(waits: &AtomicU32) {
    // SeqCst: the two-variable story of the module's header, `waits` against the `role` that has just changed.
    fence(Ordering::SeqCst);
    retract(waits);
    crash_point!("spsc.roused");
}

/// Where the other end sleeps or is about to, if this caller is the one to wake it.
#[inline]
pub(super) fn take_wake(waits: &AtomicU32, barrier: Barrier) -> Option<Asleep> {
    barrier.light();
    // Relaxed: the barrier above orders it; a stale 0 is excluded by the sleeper's own fence.
    if waits.load(Ordering::Relaxed) == 0 {
        crash_point!("spsc.wake-taken");
        return None;
    }
    // Relaxed: it only picks one waker; the sleeper re-reads the ring by Acquire.
    let taken = waits.swap(0, Ordering::Relaxed);
    crash_point!("spsc.wake-taken");
    (taken != 0).then(|| Asleep::from_bits(taken))
}

#[cfg(all(test, not(crosstie_loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_word_says_where_its_end_sleeps_and_is_taken_once() {
        let doorbell = Asleep::AtDoorbell(Doorbell::of(0xFFFF_FFFF_0000_0007));
        for asleep in [Asleep::OnWord, doorbell, Asleep::AtDoorbell(Doorbell::of(0))] {
            let waits = AtomicU32::new(0);
            assert_eq!(take_wake(&waits, Barrier::Fence), None);
            announce(&waits, asleep);
            assert_eq!(take_wake(&waits, Barrier::Fence), Some(asleep));
            assert_eq!(take_wake(&waits, Barrier::Fence), None, "woken twice");
        }
        assert_eq!(doorbell, Asleep::AtDoorbell(Doorbell::of(7)), "two files of one number");
    }
}
