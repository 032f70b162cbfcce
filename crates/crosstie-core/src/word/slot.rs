//! The life word of a slot: who occupies it, and that they live, in one 64-bit word.
//!
//! It is a robust futex that its occupant takes at attach and never gives back; the kernel takes it
//! away when the thread ends. It is not a lock: nobody waits in order to own it. The low half is
//! the kernel's (`robust_futex(7)`: TID, OWNER_DIED, WAITERS), the high half is the generation.
//! Both change in one compare-exchange, so there is no instant at which an id is unclear, and a
//! TID that comes back can never be taken for its former owner.
//!
//! # States
//! | state | generation | low half | meaning |
//! |---|---|---|---|
//! | unused | 0 | 0 | never occupied |
//! | alive | g ≥ 1 | TID, maybe WAITERS | occupant g lives |
//! | dead | g ≥ 1 | OWNER_DIED, maybe WAITERS | occupant g has died; the slot can be claimed |
//! | retired | 2³² − 1 | OWNER_DIED | dead, and its generations are used up: never claimed again |
//!
//! # Invariants
//! - **I1** The generation never falls and never wraps: an id (slot, g) names one occupant for ever.
//! - **I2** The low half goes from free (no TID) to a TID only together with generation + 1.
//! - **I3** WAITERS is set before anybody sleeps on the word, and survives until the sleepers were
//!   woken: a claim carries it over, and only the occupant drops it, before its id is known.
//! - **I4** All other bytes of the slot are written by its living occupant alone.
//! - **I5** No two descriptions of a slot have the same number (generation, version): a reader that
//!   finds one number before and after has read one description.
//!
//! # Transitions
//! | from → to | who | ordering | why |
//! |---|---|---|---|
//! | unused, dead g → alive g+1 | a claimer, its pending entry set, alone among its namesakes ([`LifeWord::try_claim`]) | AcqRel | acquires the slot's bytes from the dead, I4 |
//! | alive → alive + WAITERS | a watcher ([`LifeWord::watch`]) | Relaxed | the kernel compares the word again before it sleeps |
//! | alive + WAITERS → alive | the occupant, after waking all ([`LifeWord::forget_waiters`]) | Relaxed | no id of it is known yet |
//! | alive → dead | the kernel at the thread's end | full | marks by compare-exchange, wakes one |
//! | alive → dead | a witness of the death ([`LifeWord::bury`]) | AcqRel | the kernel's mark is missing (HAZARDS H1) |
//!
//! There is no reaper and no phase of reaping. Death is one transition; a dead slot waits for its
//! next claimer, who alone then writes into it, and whose own death the kernel marks like any
//! other. So nobody can die in the middle of a reaping, and nobody needs a slot to reap one.
//!
//! # Orderings
//! A death, by the kernel's mark or by the Release half of [`LifeWord::bury`], meets the Acquire of
//! [`LifeWord::read`] and of the claim: who sees it sees all that the dead wrote, and the claimer alone
//! may then overwrite it (I4). The description is a sequence lock: [`Slot::publish`] stores 0, fences
//! (Release), writes the words, and stores its number (Release); [`Slot::occupant_of`] reads it
//! (Acquire), then the words, fences (Acquire), and reads it again. WAITERS only speaks to the kernel.
//!
//! # Wake-ups
//! At a death the kernel wakes one sleeper on the life word. Whoever finds the word dead wakes all
//! others. If that one is killed before it does, the wake must not be lost with it: while it sleeps
//! and until it has woken the others, its *pending entry* names the domain's **bell**, a futex on which
//! every watcher of the domain sleeps too. The kernel looks at a dying thread's pending entry and,
//! finding no TID there, wakes one sleeper on it; that one wakes the watchers of every word that is
//! dead and still has WAITERS, and only then ends its own announcement. The bell is a word of its own
//! because a pending entry on the life word itself would let the kernel mark an innocent successor
//! whose TID, in another PID namespace, equals the dying watcher's. It is one for the domain because
//! who watches several lives has only one pending entry.
//!
//! A claimer that is killed before it woke the former occupant's watchers leaves WAITERS set (I3),
//! and its own mark wakes one of them.
//!
//! # Progress
//! Every operation is one compare-exchange in a loop that repeats only when another participant or
//! the kernel has changed the word: at most one WAITERS and one death per generation.
//!
//! # Death
//! A kill before a transition leaves the state before it, a kill after it the state after it.
//! Between the claim and [`Slot::publish`] the occupant has no id that anybody knows.
//!
//! # Source
//! Linux `Documentation/locking/robust-futex-ABI.rst`, `kernel/futex/core.c` (`handle_futex_death`);
//! HAZARDS H1, H4, H7.

use super::carry::Carry;
use super::changes::Changes;
use super::holds::HoldTable;
pub use super::occupant::{OCCUPANT_WORDS, Occupant};
use super::occupant::{high_half, low_half, pair};
use super::waiting::WaitRecord;
use crate::OwnerId;
use crate::atomic::{AtomicU32, AtomicU64, Ordering, fence};

/// Somebody sleeps on the word: the kernel wakes one of them when the owner dies.
pub const WAITERS: u32 = 1 << 31;
/// The kernel, or a witness, says that the owner has died.
pub const OWNER_DIED: u32 = 1 << 30;
/// The owner's thread id, as its own PID namespace numbers it.
pub const TID_MASK: u32 = OWNER_DIED - 1;
/// A slot of this generation is never claimed again (I1).
pub const GENERATION_MAX: u32 = u32::MAX;

/// What a life word held when it was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Life(u64);

impl Life {
    /// The life whose word holds `bits`.
    #[must_use]
    pub const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    /// The whole word.
    #[must_use]
    pub const fn to_bits(self) -> u64 {
        self.0
    }

    /// Which occupant, from 1; 0 = never occupied.
    #[must_use]
    pub const fn generation(self) -> u32 {
        (self.0 >> 32) as u32
    }

    /// The half that the kernel and sleepers compare.
    #[must_use]
    pub const fn futex(self) -> u32 {
        (self.0 & 0xFFFF_FFFF) as u32
    }

    /// The occupant's thread id; 0 = nobody.
    #[must_use]
    pub const fn tid(self) -> u32 {
        self.futex() & TID_MASK
    }

    /// Whether somebody may sleep on the word.
    #[must_use]
    pub const fn has_waiters(self) -> bool {
        self.futex() & WAITERS != 0
    }

    /// Whether the occupant lives, as far as the word says.
    #[must_use]
    pub const fn is_alive(self) -> bool {
        self.tid() != 0 && self.futex() & OWNER_DIED == 0
    }

    /// Whether the slot's occupant is the one that `id` names, and lives, as far as the word says.
    #[must_use]
    pub fn is_life_of(self, id: OwnerId) -> bool {
        self.is_alive() && u64::from(self.generation()) == id.generation()
    }

    const fn new(generation: u32, futex: u32) -> Self {
        Self(((generation as u64) << 32) | futex as u64)
    }
}

/// The life word; see the module.
#[derive(Debug)]
#[repr(transparent)]
pub struct LifeWord(AtomicU64);

impl LifeWord {
    /// A word that was never occupied; zeroed memory is the same.
    #[must_use]
    pub fn unused() -> Self {
        Self(AtomicU64::new(0))
    }

    /// The word now.
    #[must_use]
    pub fn read(&self) -> Life {
        // Acquire: whoever sees an occupant's death also sees what it wrote before (to its own words;
        // the kernel's mark is a full barrier).
        Life(self.0.load(Ordering::Acquire))
    }

    /// Takes a slot that `found` shows free for the thread `tid`; answers the new life.
    ///
    /// The caller has announced the word to the kernel (pending entry), and keeps away claimers of
    /// other PID namespaces, whose TID may equal its own, while it does (a claim lock per slot). It
    /// links the word to its robust list next, then wakes all sleepers if the life has waiters ([`LifeWord::forget_waiters`]).
    /// `None` when somebody else was first, or the slot cannot be claimed.
    #[must_use]
    pub fn try_claim(&self, found: Life, tid: u32) -> Option<Life> {
        if found.is_alive() || found.generation() == GENERATION_MAX || tid == 0 || tid & !TID_MASK != 0 {
            return None;
        }
        // I3: the former occupant's sleepers are still to be woken.
        let claimed = Life::new(found.generation() + 1, tid | (found.futex() & WAITERS));
        // AcqRel: acquires the slot's other bytes from the dead occupant (I4); releases nothing that
        // a reader of the word needs, but orders this claim before the writes that `publish` fences.
        // Relaxed on failure: somebody else was first, and nothing of the slot is read.
        let won = self.0.compare_exchange(found.0, claimed.0, Ordering::AcqRel, Ordering::Relaxed);
        won.ok().map(|_| claimed)
    }

    /// Drops WAITERS after the former occupant's sleepers were woken; the occupant calls it before
    /// it publishes its id. Answers the life.
    pub fn forget_waiters(&self, own: Life) -> Life {
        let alone = Life::new(own.generation(), own.futex() & !WAITERS);
        // Relaxed: nothing is published; a former watcher that arrives late finds another generation.
        let dropped = self.0.compare_exchange(own.0, alone.0, Ordering::Relaxed, Ordering::Relaxed);
        if dropped.is_ok() { alone } else { own }
    }

    /// Makes sure that the death of `id` will wake the caller: sets WAITERS; answers the life to
    /// sleep on, or `None` when `id` does not live.
    #[must_use]
    pub fn watch(&self, id: OwnerId) -> Option<Life> {
        let mut found = self.read();
        loop {
            if !found.is_life_of(id) {
                return None;
            }
            if found.has_waiters() {
                return Some(found);
            }
            let watched = Life(found.0 | WAITERS as u64);
            // Relaxed: only announces a sleeper to the kernel, which compares the low half again, under
            // its own lock, before it lets us sleep. Acquire on failure: as `read`, a death may be it.
            match self.0.compare_exchange(found.0, watched.0, Ordering::Relaxed, Ordering::Acquire) {
                Ok(_) => return Some(watched),
                // At most the occupant's death, its successor's claim and another watcher.
                Err(now) => found = Life(now),
            }
        }
    }

    /// Marks the death of the occupant that `witnessed` shows, of which the caller has proof that
    /// the kernel's mark lacks; answers whether this call marked it. Wake all sleepers afterwards.
    pub fn bury(&self, witnessed: Life) -> bool {
        let mut found = witnessed;
        while found.is_alive() && found.generation() == witnessed.generation() {
            let dead = Life::new(found.generation(), OWNER_DIED | (found.futex() & WAITERS));
            // AcqRel: as the kernel's mark, a full step between the dead's writes and the claimer's.
            // Acquire on failure: as `read`, the kernel's mark may be what is found.
            match self.0.compare_exchange(found.0, dead.0, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => return true,
                // A watcher, or the kernel's mark that came after all.
                Err(now) => found = Life(now),
            }
        }
        false
    }

    /// The word itself, for who sleeps on its low half or plays the kernel in a model.
    #[must_use]
    pub fn as_atomic(&self) -> &AtomicU64 {
        &self.0
    }
}

/// A life word with the two list pointers behind it, at the distances that glibc's robust mutexes
/// have: `prev` at word + 24, `next` at word + 32.
///
/// The pointers are addresses in the occupant's process. Nobody but the kernel follows them.
#[derive(Debug)]
#[repr(C)]
pub struct RobustWord {
    /// The life word.
    pub life: LifeWord,
    reserved: [AtomicU64; 2],
    prev: AtomicU64,
    next: AtomicU64,
}

impl RobustWord {
    /// From a list entry to its futex, as the kernel counts.
    pub const FUTEX_OFFSET: i64 = -32;

    /// The address that stands for the life word in a robust list.
    #[must_use]
    pub fn node_address(&self) -> u64 {
        (&raw const self.next).expose_provenance() as u64
    }

    /// Writes both list pointers; only the occupant does (I4).
    pub fn set_neighbours(&self, prev: u64, next: u64) {
        // Relaxed: only this thread and the kernel at its end read them.
        self.prev.store(prev, Ordering::Relaxed);
        // Relaxed: as above.
        self.next.store(next, Ordering::Relaxed);
    }
}

/// One slot of the ledger, 1 KiB.
#[derive(Debug)]
#[repr(C, align(64))]
pub struct Slot {
    /// The life word and its list pointers; on the line of its own that watchers read.
    pub robust: RobustWord,
    reserved: [AtomicU64; 3],
    /// Generation of the occupant that the next words describe, and above it how often they were
    /// written before (I5); 0 while they are being written.
    published: AtomicU64,
    occupant: [AtomicU64; OCCUPANT_WORDS],
    reserved_after: [AtomicU64; 5],
    /// The occupant's own wake word.
    wake: AtomicU32,
    /// One more than the slot whose occupant listens for this one, which sleeps on no futex; 0 = none does.
    keeper: AtomicU32,
    /// What the occupant waits for: whoever wakes it reads that first, on one line with the word that it raises.
    pub waiting: WaitRecord,
    /// What it carries from one queue to another.
    pub carries: Carry,
    /// What it is about to change.
    pub changes: Changes,
    reserved_before_holds: [AtomicU64; 3],
    /// What the occupant holds.
    pub holds: HoldTable,
}

/// Bytes of a slot.
pub const SLOT_BYTES: usize = 1024;

#[cfg(not(crosstie_loom))]
const _: () = {
    use core::mem::offset_of;
    assert!(size_of::<Slot>() == SLOT_BYTES && align_of::<Slot>() == 64);
    assert!(offset_of!(Slot, robust) == 0 && offset_of!(RobustWord, life) == 0);
    assert!(size_of::<RobustWord>() == 40);
    assert!(offset_of!(RobustWord, prev) == 24 && offset_of!(RobustWord, next) == 32);
    assert!(RobustWord::FUTEX_OFFSET == -32);
    assert!(offset_of!(Slot, published) == 64 && offset_of!(Slot, occupant) == 72);
    assert!(offset_of!(Slot, wake) == 192 && offset_of!(Slot, keeper) == 196);
    assert!(offset_of!(Slot, waiting) == 200 && offset_of!(Slot, carries) == 328);
    assert!(offset_of!(Slot, changes) == 344 && offset_of!(Slot, holds) == 384);
};

impl Slot {
    /// A slot that was never occupied; zeroed memory is the same.
    #[must_use]
    pub fn unused() -> Self {
        Self {
            robust: RobustWord {
                life: LifeWord::unused(),
                reserved: zeros(),
                prev: AtomicU64::new(0),
                next: AtomicU64::new(0),
            },
            reserved: zeros(),
            published: AtomicU64::new(0),
            occupant: zeros(),
            reserved_after: zeros(),
            wake: AtomicU32::new(0),
            keeper: AtomicU32::new(0),
            waiting: WaitRecord::idle(),
            carries: Carry::nothing(),
            changes: Changes::none(),
            reserved_before_holds: zeros(),
            holds: HoldTable::empty(),
        }
    }

    /// The life word.
    #[must_use]
    pub fn life(&self) -> &LifeWord {
        &self.robust.life
    }

    /// The word on which the occupant sleeps when others wake it for a reason of their own.
    #[must_use]
    pub fn wake_word(&self) -> &AtomicU32 {
        &self.wake
    }

    /// Makes the occupant look again: raises its wake word. Answers the slot whose occupant listens for it and is to be told too,
    /// if there is one; else whoever sleeps on the word is woken by the caller.
    #[must_use]
    pub fn nudge(&self) -> Option<u32> {
        // Release: what the nudge is about is visible to who sees the new value.
        self.wake.fetch_add(1, Ordering::Release);
        // Relaxed: who nudges has read the wait record, which was published behind the number.
        self.keeper.load(Ordering::Relaxed).checked_sub(1)
    }

    /// Says who listens for the occupant, which sleeps on no futex; before it publishes a wait, or behind it.
    pub fn set_keeper(&self, slot: Option<u32>) {
        // Relaxed: published with the wait record that follows.
        self.keeper.store(slot.map_or(0, |number| number + 1), Ordering::Relaxed);
    }

    /// The occupant that died here last, as its claimer finds it before [`Slot::publish`]: its
    /// generation, and who it was. `None` when nobody was ever described whole.
    #[must_use]
    pub fn former(&self) -> Option<(u32, Occupant)> {
        // Acquire: pairs with the Release in `publish`; I4 keeps the words still while we claim.
        let generation = low_half(self.published.load(Ordering::Acquire));
        (generation != 0).then(|| (generation, self.words()))
    }

    /// Describes the occupant of generation `generation`, for the first time or anew; only that
    /// occupant calls it (I4).
    pub fn publish(&self, generation: u32, occupant: &Occupant) {
        // Relaxed: only the slot's occupants ever wrote it, and the claim acquired the last one's (I4).
        let before = self.published.load(Ordering::Relaxed);
        // I5: also two descriptions of one generation differ.
        let version = if before == 0 { 0 } else { high_half(before).wrapping_add(1) };
        // Relaxed: the fence below orders it before the words.
        self.published.store(0, Ordering::Relaxed);
        // Release: a reader that sees one of the new words sees the 0, or what follows it
        // (pairs with the fence in `occupant_of`).
        fence(Ordering::Release);
        for (cell, word) in self.occupant.iter().zip(occupant.to_words()) {
            // Relaxed: ordered by the fence above and the Release below.
            cell.store(word, Ordering::Relaxed);
        }
        // Release: publishes the words to `occupant_of`.
        self.published.store(pair(generation, version), Ordering::Release);
    }

    /// Who the occupant of generation `generation` is or was; `None` when it is not described, or
    /// is being described anew, or its successor's description has begun.
    #[must_use]
    pub fn occupant_of(&self, generation: u32) -> Option<Occupant> {
        // Acquire: pairs with the Release in `publish`.
        let published = self.published.load(Ordering::Acquire);
        if generation == 0 || low_half(published) != generation {
            return None;
        }
        let occupant = self.words();
        // Acquire: if one of the words was a later description's, the load below sees its 0 or later
        // (pairs with the fence in `publish`).
        fence(Ordering::Acquire);
        // Relaxed: ordered by the fence above.
        (self.published.load(Ordering::Relaxed) == published).then_some(occupant)
    }

    fn words(&self) -> Occupant {
        let mut words = [0; OCCUPANT_WORDS];
        for (word, cell) in words.iter_mut().zip(&self.occupant) {
            // Relaxed: the caller's two looks at `published` order and judge them.
            *word = cell.load(Ordering::Relaxed);
        }
        Occupant::from_words(&words)
    }
}

fn zeros<const N: usize>() -> [AtomicU64; N] {
    core::array::from_fn(|_| AtomicU64::new(0))
}
