//! Waiting under a mutex until the data are as one needs them, which whoever leaves can see.
//!
//! What somebody waits for stands in its wait record as data; what that means the caller knows. Whoever leaves chooses the
//! first whose needs are met ([`crate::word::choice`]) and wakes it alone. The chosen goes for the mutex *carrying* its
//! place ([`crate::word::carry`]), looks at the data itself, and chooses the next when it leaves. So a change wakes
//! one, and that one the next, as far as the change reaches.
//!
//! Everyone who waits or changes the data has announced itself to the kernel, and its death makes all who sleep look; who
//! does not sleep yet watches who changes the data (`crate::word::changes`), or the chosen. Then the first of them goes in
//! and chooses.

use crate::atomic::{AtomicU64, Ordering};
use crate::turns::queued::{Queued, Request};
use crate::wait::{Blocks, Refused, Seen, Wait, Wake, block};
use crate::word::choice::{Choice, Chosen};
use crate::word::head::Head;
use crate::word::mutex::MutexWord;
use crate::word::queueing::{self, QUEUED};
use crate::word::waiting::NOTE_WORDS;
use crate::{OwnerId, crash_point};

/// How often a choice is repeated because the chosen was gone; each time somebody died or gave up.
const CHOICES_MAX: u32 = 64;

/// The words of such a condition.
#[derive(Clone, Copy, Debug)]
pub struct Words<'a> {
    /// Whose key names the queue, and whose word says whether anybody queues ([`crate::word::queueing`]).
    pub head: &'a Head,
    /// Whose turn it is.
    pub choice: &'a AtomicU64,
    /// The mutex that protects the data.
    pub mutex: &'a Head,
}

impl Words<'_> {
    /// Whether anybody may wait.
    #[inline]
    #[must_use]
    pub fn has_waiters(&self) -> bool {
        // Relaxed: who waits has said so as the owner of the mutex, and so has the caller.
        self.head.word.load(Ordering::Relaxed) & QUEUED != 0
    }

    /// Says that the data are about to change; the caller has the mutex and has announced itself.
    pub fn make_due(&self) {
        Choice::new(self.choice).make_due();
        crash_point!("chosen.due");
    }

    fn owner(&self) -> Option<OwnerId> {
        MutexWord::new(&self.mutex.word).read().owner()
    }
}

/// Queues at `place`, with what is needed as the notes of `request`; the caller has the mutex, has announced itself, and
/// then chooses, gives the mutex up, wakes whom it chose, and sleeps.
pub fn enter<'a, W: Wait>(words: Words<'_>, place: u64, wait: &'a W, request: &Request) -> Queued<'a, W> {
    let queued = Queued::enter_unwatched(place, words.head.key(), wait, request);
    queueing::announce(&words.head.word);
    queued
}

/// Chooses the first whose needs `is_met` finds met; the caller has the mutex, and changes nothing more. Answers whom to
/// wake once the mutex is given up: one that is on its way already needs no wake.
pub fn choose<W: Wake>(
    words: Words<'_>,
    wait: &W,
    mut is_met: impl FnMut(&[u64; NOTE_WORDS]) -> bool,
) -> Option<OwnerId> {
    let (key, choice) = (words.head.key(), Choice::new(words.choice));
    for _ in 0..CHOICES_MAX {
        // Relaxed: compared by `settle`.
        let seen = words.head.word.load(Ordering::Relaxed);
        let mut is_alone = true;
        let mut first: Option<(u64, OwnerId, bool)> = None;
        wait.each_noted(key, &mut |id, place, note| {
            is_alone = false;
            if first.is_none_or(|(before, ..)| place < before) && note.is_none_or(&mut is_met) {
                first = Some((place, id, note.is_some()));
            }
        });
        choice.choose(first.map(|(place, ..)| place));
        // Who looked before, and sleeps behind this, would not watch the chosen.
        words.head.count_change();
        crash_point!("chosen.chose");
        let Some((_, id, sleeps)) = first else {
            if is_alone {
                queueing::settle(&words.head.word, seen);
            }
            return None;
        };
        // It may have gone before it could see the choice.
        if wait.waits_for(id, key) {
            return sleeps.then_some(id);
        }
        if !sleeps && wait.is_alive(id) {
            return None;
        }
    }
    wait.first(key)
}

/// A place in the queue on its way to the mutex. Dropped, it is given up, and the first of the others looks.
pub struct Carried<'a, W: Wait> {
    words: Words<'a>,
    wait: &'a W,
}

/// Sleeps until the caller is chosen, or has to choose in place of one who died. Take the mutex with the answer in any
/// case, look at the data, and accept.
pub fn sleep<'a, W: Blocks>(
    words: Words<'a>,
    wait: &'a W,
    place: u64,
    mut queued: Queued<'_, W>,
) -> (Carried<'a, W>, Result<(), Refused<W::Cycle>>) {
    let outcome = loop {
        let seen = Seen::of(wait, [words.head]);
        let watched = match look(words, wait, place) {
            Turn::Mine => break Ok(()),
            Turn::AnOther(watched) => watched,
        };
        if let Err(refused) = block(queued.sleep(&seen, watched.as_slice())) {
            break Err(refused);
        }
    };
    words.head.count_wait(queued.waited_ns(), 0);
    wait.carry(words.head.key(), place);
    crash_point!("chosen.carries");
    queued.slip_out();
    (Carried { words, wait }, outcome)
}

/// Whose turn it is, as far as the one at a place can see.
enum Turn {
    Mine,
    /// Sleep, and watch this one, if any.
    AnOther(Option<OwnerId>),
}

fn look<W: Wait>(words: Words<'_>, wait: &W, place: u64) -> Turn {
    // Before the choice: an owner that has left has chosen.
    let owner = words.owner();
    let chosen = Choice::new(words.choice).read();
    let wanted = match chosen {
        Chosen::Nobody => return Turn::AnOther(None),
        Chosen::Place(chosen) if chosen == place => return Turn::Mine,
        Chosen::Place(chosen) => Some(chosen),
        Chosen::Due => None,
    };
    let (mut chosen, mut first) = (None, u64::MAX);
    wait.each_noted(words.head.key(), &mut |id, at, _| {
        if wanted == Some(at) {
            chosen = Some(id);
        }
        first = first.min(at);
    });
    if chosen.is_some() || first != place {
        return Turn::AnOther(chosen);
    }
    match owner.filter(|&owner| wanted.is_none() && wait.is_alive(owner)) {
        // It came behind one that died, and need not have announced itself yet.
        Some(owner) => Turn::AnOther(Some(owner)),
        None => Turn::Mine,
    }
}

impl<W: Wait> Carried<'_, W> {
    /// Gives the place up with the mutex in hand: whoever has that chooses when it leaves.
    pub fn accept(self) {
        crash_point!("chosen.has-mutex");
        self.words.make_due();
        self.wait.put_down();
        core::mem::forget(self);
    }
}

impl<W: Wait> Drop for Carried<'_, W> {
    fn drop(&mut self) {
        self.wait.put_down();
        crash_point!("chosen.put-down");
        if let Some(first) = self.wait.first(self.words.head.key()) {
            self.wait.nudge(first);
        }
    }
}
