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
//! - **I3** Only the end that sleeps and the one that it watches write the word. Who comes or goes counts that instead, and wakes all:
//!   an end that has gone, and that nobody watches any more, could be killed between a write here and its wake.
//!
//! # Transitions
//! | who | from → to | by |
//! |---|---|---|
//! | sleeper | any → asleep | store, then a full fence, then its last look |
//! | sleeper, awake again | any → 0 | store |
//! | the other end, after a change | asleep → 0 | swap; then `futex(2)`, or a byte into the doorbell |
//! | an end that comes or goes | none: a count of its own beside the word | [`count_change`] behind the role's change; then **both** kinds of wake, whatever stands here |
//!
//! # Orderings
//! Dekker's two-variable story: the sleeper writes the word, then reads the ring; the other writes the
//! ring, then reads the word; one of them must see the other. The sleeper always runs a full fence; the
//! other runs one too ([`Barrier::Fence`]), or only a compiler fence where the sleeper makes the kernel
//! fence every participant's processor (`membarrier`, [`Barrier::Asymmetric`]), which takes the fence off each message
//! (HAZARDS H17). A byte stays in the doorbell until the sleeper takes it out, which it does before it announces itself: so a wake that
//! comes between announcement and sleep is not lost, and one that comes late costs one look.
//!
//! The count of changes: who sleeps reads it (Acquire), then the roles; the kernel compares it once more before the sleep. Who has
//! changed a role counts (Release), then wakes. So nobody falls asleep on roles that are no longer so.
//!
//! # Progress
//! Wait-free. Who finds 0 has made one load.
//!
//! # Death
//! | dies | a survivor finds |
//! |---|---|
//! | a sleeper | a word that says too much: one wake is spent on nobody |
//! | a waker between its change and its wake | a sleeper that watches its life, or its process, and looks again |
//! | an end that has come, before its wake | a sleeper that watches nobody; the next to come wakes it ([`count_change`]) |
//! | an end that has gone, before its wake | a sleeper that watched it, or one that has met its successor and watches that |
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

/// After an end was taken or left: nobody falls asleep any more on what was before.
///
/// The caller then wakes whoever sleeps on `changes`, announced or not: an end that has died may have
/// taken the announcement and not made its wake, and who waits for an end to come watches nobody.
pub fn count_change(changes: &AtomicU32) {
    // Release: who reads the new count reads the role that was changed before.
    changes.fetch_add(1, Ordering::Release);
    crash_point!("spsc.change-counted");
}

/// How often an end was taken or left; read before the roles that a sleep is decided upon.
pub fn changes(changes: &AtomicU32) -> u32 {
    // Acquire: the roles that are read behind it are not older.
    changes.load(Ordering::Acquire)
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
