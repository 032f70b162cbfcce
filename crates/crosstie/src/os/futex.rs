//! Futexes that processes share: sleep until a word changes, on one word or on several.
//!
//! Every futex here is shared (never `FUTEX_PRIVATE_FLAG`): the kernel's wake at a death uses the
//! shared key, and a private waiter would sleep through it. Waking without a change is allowed
//! everywhere, so callers re-read their words after every return.
//!
//! `futex_waitv` needs Linux 5.16 and may be forbidden by a seccomp filter (valgrind lacks it too,
//! HAZARDS H15), so the call itself is probed. Without it [`wait_any`] sleeps on its first word in
//! slices of at most [`SLICE_NS`].
#![expect(unsafe_code, reason = "tells the kernel the address of half a word")]

use crosstie_core::Deadline;
use crosstie_core::atomic::{AtomicU32, AtomicU64, Ordering};
use rustix::io::Errno;
use rustix::thread::{futex as kernel, futex::WaitFlags};
use rustix::time::{ClockId, Timespec};
use std::num::NonZeroU32;
use std::ptr;

use super::clock;

/// The longest sleep where several words cannot be watched at once: 50 ms.
pub const SLICE_NS: u64 = 50_000_000;

/// The most words that [`wait_any`] watches, the kernel's limit.
pub const WORDS_MAX: usize = 128;

/// The most wide words that [`wait_beside_all`] watches.
pub const WIDE_MAX: usize = WORDS_MAX - 2 - COUNTS_MAX;
/// Words that [`wait_beside_all`] only compares.
pub const COUNTS_MAX: usize = 7;

/// Most sleeps are on no more words than these.
const FEW: usize = 4;

/// How long a call pauses when the kernel refuses it for a reason that no caller can mend: 1 ms.
const REFUSED_PAUSE_NS: u64 = 1_000_000;

/// Why a wait returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wakeup {
    /// Somebody woke a word, a slice ended, or for no reason: re-read and decide.
    Woken,
    /// A signal was handled, and nobody woke a word: re-read and decide.
    Interrupted,
    /// Somebody woke the last of several words, and maybe others too.
    LastWoken,
    /// A word did not hold the expected value when the kernel looked.
    Changed,
    /// The deadline passed.
    TimedOut,
}

/// Sleeps while `word` holds `expected`, until somebody wakes it or `deadline` passes.
///
/// # Cost
/// One system call; none when `deadline` is [`Deadline::NOW`].
///
/// # Examples
/// ```
/// use crosstie::os::futex::{self, Wakeup};
/// use crosstie::Deadline;
/// use std::sync::atomic::AtomicU32;
/// let word = AtomicU32::new(1);
/// assert_eq!(futex::wait(&word, 0, Deadline::NEVER), Wakeup::Changed);
/// assert_eq!(futex::wait(&word, 1, Deadline::NOW), Wakeup::TimedOut);
/// ```
pub fn wait(word: &AtomicU32, expected: u32, deadline: Deadline) -> Wakeup {
    if deadline.is_now() {
        return without_sleeping(&[(word, expected)]);
    }
    let timeout = clock::timespec(deadline);
    let every_waker = NonZeroU32::MAX;
    match kernel::wait_bitset(word, kernel::Flags::empty(), expected, timeout.as_ref(), every_waker) {
        Ok(()) => Wakeup::Woken,
        Err(errno) => refused(errno, deadline),
    }
}

/// Keeps the calling thread asleep until it ends with its process.
pub fn park_for_ever() -> ! {
    let nobody_wakes = AtomicU32::new(0);
    loop {
        wait(&nobody_wakes, 0, Deadline::NEVER);
    }
}

/// Wakes at most `count` sleepers on `word`; answers how many it woke.
///
/// # Cost
/// One system call, about 180 ns without a sleeper.
pub fn wake(word: &AtomicU32, count: u32) -> usize {
    // The kernel reads the count as a signed integer: more than its maximum would wake one.
    let count = count.min(i32::MAX.unsigned_abs());
    kernel::wake(word, kernel::Flags::empty(), count).unwrap_or(0)
}

/// Sleeps while every word holds its expected value, until one of them is woken or `deadline`
/// passes.
///
/// One return may stand for wakes of several words (HAZARDS H2): re-check them all, and pass on a
/// wake that was meant for somebody else. Without [`has_waitv`] it watches the first word and
/// returns after at most [`SLICE_NS`], so that the caller looks at the others.
///
/// # Panics
/// If `words` is empty or has more than [`WORDS_MAX`] entries.
pub fn wait_any(words: &[(&AtomicU32, u32)], deadline: Deadline) -> Wakeup {
    assert!(!words.is_empty() && words.len() <= WORDS_MAX, "wait_any watches 1 to {WORDS_MAX} words");
    if deadline.is_now() {
        return without_sleeping(words);
    }
    if words.len() == 1 {
        return wait(words[0].0, words[0].1, deadline);
    }
    sleep_any(words, words.len() - 1, || without_sleeping(words) == Wakeup::Changed, deadline)
}

/// Sleeps while `word`, `bell` and each of `counts` hold their expected values and each of `wide` holds the low half
/// of its, until one of them is woken or `deadline` passes. Answers [`Wakeup::LastWoken`] whenever the
/// bell was woken, whatever else was.
///
/// The kernel puts the caller in the bell's queue before it compares `counts`, on which nobody is ever woken.
///
/// For wide words whose low half is a futex of the kernel's (life words): nothing here reads or
/// writes half of them. Without [`has_waitv`] as [`wait_any`].
///
/// # Panics
/// If `wide` has more than [`WIDE_MAX`] entries, or `counts` more than [`COUNTS_MAX`].
pub fn wait_beside_all(
    word: (&AtomicU32, u32),
    wide: &[(&AtomicU64, u64)],
    bell: (&AtomicU32, u32),
    counts: &[(&AtomicU32, u32)],
    deadline: Deadline,
) -> Wakeup {
    assert!(wide.len() <= WIDE_MAX, "wait_beside_all watches at most {WIDE_MAX} wide words");
    assert!(counts.len() <= COUNTS_MAX, "wait_beside_all compares at most {COUNTS_MAX} counts");
    let changed = || {
        // Relaxed: a hint whether to sleep; the caller re-reads all words with its own ordering.
        let is_wide_changed = |(at, seen): &(&AtomicU64, u64)| low(at.load(Ordering::Relaxed)) != low(*seen);
        // Relaxed: as above.
        let is_changed = |(at, seen): &(&AtomicU32, u32)| at.load(Ordering::Relaxed) != *seen;
        is_changed(&word) || wide.iter().any(is_wide_changed) || counts.iter().any(is_changed)
    };
    if deadline.is_now() {
        return if changed() { Wakeup::Changed } else { Wakeup::TimedOut };
    }
    if wide.len() + counts.len() + 2 <= FEW {
        sleep_beside_all::<FEW>(word, wide, bell, counts, changed, deadline)
    } else {
        sleep_beside_all::<WORDS_MAX>(word, wide, bell, counts, changed, deadline)
    }
}

/// As [`wait_beside_all`], with room for so many words.
#[inline]
fn sleep_beside_all<const ROOM: usize>(
    word: (&AtomicU32, u32),
    wide: &[(&AtomicU64, u64)],
    bell: (&AtomicU32, u32),
    counts: &[(&AtomicU32, u32)],
    changed: impl Fn() -> bool,
    deadline: Deadline,
) -> Wakeup {
    let mut words = [word; ROOM];
    for (place, (at, seen)) in words[1..].iter_mut().zip(wide) {
        *place = (low_half(at), low(*seen));
    }
    let bell_at = wide.len() + 1;
    words[bell_at] = bell;
    words[bell_at + 1..][..counts.len()].copy_from_slice(counts);
    sleep_any(&words[..=bell_at + counts.len()], bell_at, changed, deadline)
}

/// As [`wait_beside_all`], for counts whose memory may be gone by then: only the kernel reads them, at their addresses. Gone, or
/// none where it looks, is changed. Without [`has_waitv`] they are not compared at all.
///
/// # Panics
/// If `wide` and `counts` have more than [`WORDS_MAX`] - 2 entries.
pub fn wait_beside_unread(
    word: (&AtomicU32, u32),
    wide: &[(&AtomicU64, u64)],
    bell: (&AtomicU32, u32),
    counts: &[(usize, u32)],
    deadline: Deadline,
) -> Wakeup {
    let used = wide.len() + counts.len() + 2;
    assert!(used <= WORDS_MAX, "wait_beside_unread watches at most {WORDS_MAX} words");
    let address = |at: &AtomicU32| ptr::from_ref(at).addr();
    let lives = wide.iter().map(|(at, seen)| (address(low_half(at)), low(*seen)));
    let all = std::iter::once((address(word.0), word.1)).chain(lives);
    let all = all.chain([(address(bell.0), bell.1)]).chain(counts.iter().copied());
    let mut waits = [kernel::Wait::new(); WORDS_MAX];
    for (wait, (address, expected)) in waits.iter_mut().zip(all) {
        wait.val = u64::from(expected);
        wait.uaddr = ptr::without_provenance_mut::<std::ffi::c_void>(address).into();
        wait.flags = WaitFlags::SIZE_U32;
    }
    if has_waitv() {
        let timeout = clock::timespec(deadline);
        let flags = kernel::WaitvFlags::empty();
        match kernel::waitv(&waits[..used], flags, timeout.as_ref(), ClockId::Monotonic) {
            Ok(index) if index > wide.len() => return Wakeup::LastWoken,
            Ok(_) | Err(Errno::INTR) => return Wakeup::Woken,
            Err(Errno::FAULT) => return Wakeup::Changed,
            // Relaxed: as in `sleep_any`.
            Err(Errno::NOSYS | Errno::PERM) => WAITV.store(WAITV_ABSENT, Ordering::Relaxed),
            Err(errno) => return refused(errno, deadline),
        }
    }
    wait_slice(word, deadline)
}

/// Wakes at most `count` sleepers on the low half of `wide`; answers how many it woke.
pub fn wake_low_half(wide: &AtomicU64, count: u32) -> usize {
    wake(low_half(wide), count)
}

fn low(wide: u64) -> u32 {
    (wide & 0xFFFF_FFFF) as u32
}

#[cfg(not(target_endian = "little"))]
compile_error!("the low half of a 64-bit word comes first in memory only on little-endian machines");

/// The address of the low half, for the kernel: nobody reads or writes through it.
fn low_half(wide: &AtomicU64) -> &AtomicU32 {
    let half = wide.as_ptr().cast::<u32>();
    // SAFETY: the half is aligned, lives as long as `wide`, and no access of this size is made
    // through it; the kernel's own lies outside the language's memory model.
    unsafe { AtomicU32::from_ptr(half) }
}

#[inline]
fn sleep_any(
    words: &[(&AtomicU32, u32)],
    last: usize,
    changed: impl Fn() -> bool,
    deadline: Deadline,
) -> Wakeup {
    if has_waitv() {
        let timeout = clock::timespec(deadline);
        match waitv(words, timeout.as_ref()) {
            // futex_waitv(2): of several woken words the kernel answers the last.
            Ok(index) if index >= last => return Wakeup::LastWoken,
            Ok(_) => return Wakeup::Woken,
            // Forbidden since it was probed.
            // Relaxed: a hint that guards no other memory; the call itself answers again.
            Err(Errno::NOSYS | Errno::PERM) => WAITV.store(WAITV_ABSENT, Ordering::Relaxed),
            Err(errno) => return refused(errno, deadline),
        }
    }
    if changed() { Wakeup::Changed } else { wait_slice(words[0], deadline) }
}

const WAITV_UNKNOWN: u32 = 0;
const WAITV_PRESENT: u32 = 1;
const WAITV_ABSENT: u32 = 2;
static WAITV: AtomicU32 = AtomicU32::new(WAITV_UNKNOWN);

/// Whether this process may sleep on several words at once.
///
/// Asked of the call itself, once; a seccomp filter that comes later is noticed by [`wait_any`].
#[must_use]
pub fn has_waitv() -> bool {
    // Relaxed: a hint that guards no other memory.
    match WAITV.load(Ordering::Relaxed) {
        WAITV_PRESENT => true,
        WAITV_ABSENT => false,
        _ => probe_waitv(),
    }
}

#[cold]
fn probe_waitv() -> bool {
    let word = AtomicU32::new(1);
    let present = matches!(waitv(&[(&word, 0)], None), Err(Errno::AGAIN));
    let found = if present { WAITV_PRESENT } else { WAITV_ABSENT };
    // Relaxed: a hint that guards no other memory.
    WAITV.store(found, Ordering::Relaxed);
    present
}

#[inline]
fn waitv(words: &[(&AtomicU32, u32)], timeout: Option<&Timespec>) -> Result<usize, Errno> {
    if words.len() <= FEW { waitv_of::<FEW>(words, timeout) } else { waitv_of::<WORDS_MAX>(words, timeout) }
}

#[inline]
fn waitv_of<const N: usize>(words: &[(&AtomicU32, u32)], timeout: Option<&Timespec>) -> Result<usize, Errno> {
    let mut waits = [kernel::Wait::new(); N];
    for (wait, (word, expected)) in waits.iter_mut().zip(words) {
        wait.val = u64::from(*expected);
        wait.uaddr = ptr::from_ref(*word).cast_mut().cast::<std::ffi::c_void>().into();
        wait.flags = WaitFlags::SIZE_U32;
    }
    let used = words.len().min(N);
    kernel::waitv(&waits[..used], kernel::WaitvFlags::empty(), timeout, ClockId::Monotonic)
}

/// Where only one word can be watched.
#[cold]
fn wait_slice((word, expected): (&AtomicU32, u32), deadline: Deadline) -> Wakeup {
    let slice = Deadline::at_ns(clock::now_ns()).after_ns(SLICE_NS);
    match wait(word, expected, slice.min(deadline)) {
        Wakeup::TimedOut if slice < deadline => Wakeup::Woken,
        other => other,
    }
}

fn without_sleeping(words: &[(&AtomicU32, u32)]) -> Wakeup {
    // Relaxed: a hint whether to sleep; whoever acts on a word re-reads it with its own ordering.
    let changed = words.iter().any(|(word, expected)| word.load(Ordering::Relaxed) != *expected);
    if changed { Wakeup::Changed } else { Wakeup::TimedOut }
}

#[cold]
fn refused(errno: Errno, deadline: Deadline) -> Wakeup {
    match errno {
        Errno::AGAIN => Wakeup::Changed,
        Errno::INTR => Wakeup::Interrupted,
        Errno::TIMEDOUT => Wakeup::TimedOut,
        // The word's page is gone, or the kernel is out of memory: the caller's loop re-checks, and
        // the pause keeps it from spinning.
        _ => {
            let now = clock::now_ns();
            if deadline.is_over(now) {
                return Wakeup::TimedOut;
            }
            let own = AtomicU32::new(0);
            let pause = Deadline::at_ns(now).after_ns(REFUSED_PAUSE_NS);
            let timeout = clock::timespec(pause.min(deadline));
            // Whatever it answers, the pause is over or not possible.
            let _ = kernel::wait_bitset(&own, kernel::Flags::empty(), 0, timeout.as_ref(), NonZeroU32::MAX);
            Wakeup::Woken
        }
    }
}
