//! The first 128 bytes of every object on which processes take turns.
//!
//! The first line is what an uncontended owner touches: the protocol's word and, under its
//! protection, the token. The second line is written by who had to wait.
//!
//! | offset | bytes | field | written by |
//! |---|---|---|---|
//! | 0 | 8 | the protocol's word | as the protocol says |
//! | 8 | 8 | token: grows by one with each acquisition | the owner |
//! | 16 | 8 | key: names the object in its domain | its creator, or its first user |
//! | 24 | 8 | tag of the domain; 0 = on the heap | its creator |
//! | 32 | 4 | state: bit 0 poisoned, bit 1 abandoned, bit 2 done once | the owner |
//! | 36 | 4 | patience of the first in the queue, in microseconds; 0 = fair | its creator |
//! | 40 | 8 | since when the first in the queue is first, nanoseconds; 0 = none is known | the first; the owner, for the next |
//! | 48 | 16 | the token and the time at which somebody first waited for its owner | who waits |
//! | 64 | 8 | acquisitions that had to wait | who has waited |
//! | 72 | 8 | longest wait, nanoseconds | who has waited |
//! | 80 | 8 | times that somebody was overtaken | who has waited |
//! | 88 | 8 | the most that one wait was overtaken | who has waited |
//! | 96 | 8 | owners that died | who found out |
//! | 104 | 8 | the owner that died last | who found out |
//! | 112 | 4 | changes that others wait for, as many as began | who makes one |
//! | 116 | 4 | of a mutex: how it is given up ([`Giving`]) | who waits; the owner |
//! | 120 | 8 | zero | |
//!
//! # States
//! The word's are its protocol's. The rest are numbers, and two marks: poisoned (the last owner panicked),
//! abandoned (an owner died, and nobody has mended the data since).
//!
//! # Invariants
//! - **I1** Token, state and what is protected are written by the owner of the word alone.
//! - **I2** The token grows with each acquisition; who takes an object away by force adds one too.
//! - **I3** Key, tag and patience are set once, before anybody else sees the object; on the heap the key is set
//!   once, before anybody waits.
//!
//! # Transitions
//! | from → to | who | ordering | why |
//! |---|---|---|---|
//! | token t → t + 1 ([`Head::next_token`]) | owner | Relaxed | I1 |
//! | key 0 → k ([`Head::name`]) | first user | CAS, Relaxed | one of several wins |
//! | state ± marks | owner | Relaxed | I1 |
//! | token t → t + 1 ([`Head::skip_token`]) | who takes it away by force | Relaxed | I2 |
//! | state + done ([`Head::set_done`]) | owner | Release | publishes what was made once |
//! | changes c → c + 1 ([`Head::count_change`]) | who changes what others wait for | Release | `word::changes` I2 |
//!
//! # Orderings
//! All Relaxed but done and the changes: what the owner writes travels with the word's own Release and Acquire; the rest are numbers for
//! people.
//!
//! # Progress
//! Wait-free: each is one step.
//!
//! # Death
//! An owner killed before it raised the token showed no guard with it; one killed before it set a mark
//! left its id in the word, which tells the death by itself.
//!
//! Force is no owner: an owner that is stopped between its load and its store of the token, and loses the object
//! there, sets the token back when it goes on. The guard that it then gets is not held.
//!
//! # Source
//! Fencing tokens: Kleppmann, "How to do distributed locking", 2016; Chubby's sequencers (Burrows 2006).

use crate::OwnerId;
use crate::atomic::{AtomicU32, AtomicU64, Ordering};
use crate::word::giving::Giving;

/// The head of an object; see the module.
#[derive(Debug)]
#[repr(C, align(64))]
pub struct Head {
    /// The protocol's word.
    pub word: AtomicU64,
    token: AtomicU64,
    key: AtomicU64,
    tag: AtomicU64,
    state: AtomicU32,
    patience_us: AtomicU32,
    first_since_ns: AtomicU64,
    met: [AtomicU64; 2],
    contended: AtomicU64,
    longest_wait_ns: AtomicU64,
    overtakings: AtomicU64,
    overtaken_most: AtomicU64,
    deaths: AtomicU64,
    died: AtomicU64,
    changes: AtomicU32,
    giving: AtomicU32,
    reserved: [AtomicU32; RESERVED],
}

const RESERVED: usize = if cfg!(crosstie_loom) { 0 } else { 2 };

/// The last owner panicked.
pub const POISONED: u32 = 1;
/// An owner died and what the object protects was not mended since.
pub const ABANDONED: u32 = 2;

/// What it is about was done once.
pub const DONE: u32 = 4;

/// What happened to an object, for people.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Acquisitions.
    pub acquisitions: u64,
    /// Acquisitions that had to wait.
    pub contended: u64,
    /// The longest wait, nanoseconds.
    pub longest_wait_ns: u64,
    /// Times that somebody who waited was overtaken by a later one.
    pub overtakings: u64,
    /// The most that one wait was overtaken.
    pub overtaken_most: u64,
    /// Owners that died.
    pub deaths: u64,
}

#[cfg(not(crosstie_loom))]
const _: () = {
    use core::mem::{offset_of, size_of};
    assert!(size_of::<Head>() == 128 && offset_of!(Head, token) == 8 && offset_of!(Head, key) == 16);
    assert!(
        offset_of!(Head, tag) == 24
            && offset_of!(Head, state) == 32
            && offset_of!(Head, first_since_ns) == 40
    );
    assert!(offset_of!(Head, met) == 48 && offset_of!(Head, contended) == 64);
    assert!(
        offset_of!(Head, deaths) == 96 && offset_of!(Head, changes) == 112 && offset_of!(Head, giving) == 116
    );
};

macro_rules! new_head {
    ($($constant:tt)*) => {
        /// A head that names no domain and no key: an object on the heap.
        #[must_use]
        pub $($constant)* fn new(patience_us: u32) -> Self {
            Self {
                word: AtomicU64::new(0),
                token: AtomicU64::new(0),
                key: AtomicU64::new(0),
                tag: AtomicU64::new(0),
                state: AtomicU32::new(0),
                patience_us: AtomicU32::new(patience_us),
                first_since_ns: AtomicU64::new(0),
                met: [AtomicU64::new(0), AtomicU64::new(0)],
                contended: AtomicU64::new(0),
                longest_wait_ns: AtomicU64::new(0),
                overtakings: AtomicU64::new(0),
                overtaken_most: AtomicU64::new(0),
                deaths: AtomicU64::new(0),
                died: AtomicU64::new(0),
                changes: AtomicU32::new(0),
                giving: AtomicU32::new(0),
                #[cfg(not(crosstie_loom))]
                reserved: [const { AtomicU32::new(0) }; RESERVED],
                #[cfg(crosstie_loom)]
                reserved: [],
            }
        }
    };
}

impl Head {
    #[cfg(not(crosstie_loom))]
    new_head!(const);
    #[cfg(crosstie_loom)]
    new_head!();

    /// Makes it an object of the domain `tag`, named `key` there; only its creator calls it, while
    /// nobody else sees the object.
    pub fn place(&self, tag: u64, key: u64) {
        // Relaxed: published with the object.
        self.tag.store(tag, Ordering::Relaxed);
        // Relaxed: as above.
        self.key.store(key, Ordering::Relaxed);
    }

    /// Sets the protocol's word; only the creator calls it, while nobody else sees the object.
    pub fn set_word(&self, word: u64) {
        // Relaxed: published with the object.
        self.word.store(word, Ordering::Relaxed);
    }

    /// The domain's tag; 0 = on the heap.
    #[inline]
    #[must_use]
    pub fn tag(&self) -> u64 {
        // Relaxed: never changes once the object is known.
        self.tag.load(Ordering::Relaxed)
    }

    /// The key; 0 = none yet.
    #[inline]
    #[must_use]
    pub fn key(&self) -> u64 {
        // Relaxed: a number that guards no other memory.
        self.key.load(Ordering::Relaxed)
    }

    /// Gives an object on the heap its key, unless another was first; answers the key that it has.
    pub fn name(&self, key: u64) -> u64 {
        // Relaxed: a number that guards no other memory.
        match self.key.compare_exchange(0, key, Ordering::Relaxed, Ordering::Relaxed) {
            Ok(_) => key,
            Err(first) => first,
        }
    }

    /// Counts an acquisition; only the owner calls it. Answers its token: larger than all before.
    #[inline]
    pub fn next_token(&self) -> u64 {
        // Relaxed: the protocol's word carries it from one owner to the next.
        let token = self.token.load(Ordering::Relaxed).wrapping_add(1);
        // Relaxed: as above.
        self.token.store(token, Ordering::Relaxed);
        token
    }

    /// The last token.
    #[must_use]
    pub fn token(&self) -> u64 {
        // Relaxed: the owner reads its own; for others a number for people.
        self.token.load(Ordering::Relaxed)
    }

    /// Raises the token by one although nobody acquired it, so that a late owner can be refused:
    /// for who takes an object away by force.
    pub fn skip_token(&self) -> u64 {
        // Relaxed: a number that only grows.
        self.token.fetch_add(1, Ordering::Relaxed).wrapping_add(1)
    }

    /// [`POISONED`] and [`ABANDONED`].
    #[inline]
    #[must_use]
    pub fn state(&self) -> u32 {
        // Relaxed: the protocol's word carries it from one owner to the next.
        self.state.load(Ordering::Relaxed) & (POISONED | ABANDONED)
    }

    /// Adds `marks` to the state; only the owner calls it.
    pub fn mark(&self, marks: u32) {
        // Relaxed: as `state`.
        self.state.fetch_or(marks, Ordering::Relaxed);
    }

    /// Takes `marks` out of the state; only the owner calls it.
    pub fn unmark(&self, marks: u32) {
        // Relaxed: as `state`.
        self.state.fetch_and(!marks, Ordering::Relaxed);
    }

    /// Says that what is made once is made; only the owner calls it.
    pub fn set_done(&self) {
        // Release: publishes what was made to `is_done`.
        self.state.fetch_or(DONE, Ordering::Release);
    }

    /// Whether what is made once is made.
    #[inline]
    #[must_use]
    pub fn is_done(&self) -> bool {
        // Acquire: meets the Release in `set_done`.
        self.state.load(Ordering::Acquire) & DONE != 0
    }

    /// Counts a change that others wait for; its maker has said that it is under way, and changes nothing before.
    pub fn count_change(&self) {
        // Release: who reads the new count sees who is about to make the change (`word::changes` I3).
        self.changes.fetch_add(1, Ordering::Release);
    }

    /// The count of changes, and what it is now: read it before the look behind which one sleeps.
    #[must_use]
    pub fn changes(&self) -> (&AtomicU32, u32) {
        // Acquire: meets the Release in `count_change`.
        (&self.changes, self.changes.load(Ordering::Acquire))
    }

    /// How it is given up while nobody waits, for who has it alone.
    #[inline(always)]
    #[must_use]
    pub fn giving(&self) -> Giving<'_> {
        Giving::new(&self.giving)
    }

    /// How long the first in the queue waits before it is served before newcomers, in microseconds.
    #[inline]
    #[must_use]
    pub fn patience_us(&self) -> u32 {
        // Relaxed: set by the creator.
        self.patience_us.load(Ordering::Relaxed)
    }

    /// Sets [`Head::patience_us`]; only the creator calls it, while nobody else sees the object.
    pub fn set_patience_us(&self, patience_us: u32) {
        // Relaxed: published with the object.
        self.patience_us.store(patience_us, Ordering::Relaxed);
    }

    /// Since when the first in the queue is first, nanoseconds of the monotonic clock; 0 = none is known. A number
    /// that was left by somebody dead is too early, and hands the object over too early once.
    #[must_use]
    pub fn first_since_ns(&self) -> u64 {
        // Relaxed: a number that decides who is next, and nothing else.
        self.first_since_ns.load(Ordering::Relaxed)
    }

    /// Sets [`Head::first_since_ns`].
    pub fn set_first_since_ns(&self, since_ns: u64) {
        // Relaxed: as above.
        self.first_since_ns.store(since_ns, Ordering::Relaxed);
    }

    /// Notes that somebody found the owner of now in its way at `now_ns`, unless one did before.
    pub fn meet_owner(&self, now_ns: u64) {
        let [token, since] = &self.met;
        // Relaxed: numbers for people.
        if token.load(Ordering::Relaxed) != self.token() {
            // Relaxed: as above.
            since.store(now_ns, Ordering::Relaxed);
            // Relaxed: as above.
            token.store(self.token(), Ordering::Relaxed);
        }
    }

    /// Since when, at the latest, the owner of now has it; `None` when nobody has waited for it.
    #[must_use]
    pub fn held_since_ns(&self) -> Option<u64> {
        let [token, since] = &self.met;
        // Relaxed: numbers for people.
        let is_of_now = token.load(Ordering::Relaxed) == self.token();
        // Relaxed: as above.
        Some(since.load(Ordering::Relaxed)).filter(|&since| is_of_now && since != 0)
    }

    /// Counts one acquisition that had waited `waited_ns` and was overtaken `overtaken` times.
    pub fn count_wait(&self, waited_ns: u64, overtaken: u64) {
        // Relaxed: numbers for people.
        self.contended.fetch_add(1, Ordering::Relaxed);
        // Relaxed: as above.
        if self.longest_wait_ns.load(Ordering::Relaxed) < waited_ns {
            // Relaxed: as above.
            self.longest_wait_ns.fetch_max(waited_ns, Ordering::Relaxed);
        }
        if overtaken > 0 {
            // Relaxed: as above.
            self.overtakings.fetch_add(overtaken, Ordering::Relaxed);
            // Relaxed: as above.
            self.overtaken_most.fetch_max(overtaken, Ordering::Relaxed);
        }
    }

    /// Counts the death of the owner `who`, once, however many find it out.
    pub fn count_death(&self, who: OwnerId) {
        // Relaxed: numbers for people.
        if self.died.swap(who.to_bits(), Ordering::Relaxed) != who.to_bits() {
            // Relaxed: as above.
            self.deaths.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Notes that `who` loses the object by force: what it protects is abandoned, as after a death.
    pub fn lose(&self, who: OwnerId) {
        // Relaxed: a number for people.
        self.died.store(who.to_bits(), Ordering::Relaxed);
        self.mark(ABANDONED);
    }

    /// The owner that died or lost the object last while it had it.
    #[must_use]
    pub fn died_last(&self) -> Option<OwnerId> {
        // Relaxed: a number for people.
        OwnerId::from_bits(self.died.load(Ordering::Relaxed))
    }

    /// What happened to the object so far.
    #[must_use]
    pub fn counters(&self) -> Counters {
        // Relaxed: numbers for people.
        let read = |word: &AtomicU64| word.load(Ordering::Relaxed);
        Counters {
            acquisitions: read(&self.token),
            contended: read(&self.contended),
            longest_wait_ns: read(&self.longest_wait_ns),
            overtakings: read(&self.overtakings),
            overtaken_most: read(&self.overtaken_most),
            deaths: read(&self.deaths),
        }
    }
}
