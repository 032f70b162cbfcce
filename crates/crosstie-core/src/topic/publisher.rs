//! The sending end of a topic: claims the next number, writes its slot, commits.
//!
//! It is not a lock: a publisher that stops between claim and commit keeps one slot from others, which skip it.
//!
//! # States
//! Of a slot's word, seen from a number that lies there ([`super::slot`]):
//!
//! | word | state |
//! |---|---|
//! | of the lap before: void or committed | nobody has claimed the number; an older message lies there |
//! | of the lap before: claimed or skipped | the same, but somebody writes there still |
//! | claimed by m | m writes the message |
//! | committed | **the message is published** |
//! | void | there is no message of this number |
//! | skipped, m | the same; m, which had the slot a lap or more before, writes there still |
//!
//! # Invariants
//! - **I1** Numbers are claimed in turn: who claims a number has seen all before it claimed.
//! - **I2** A slot's bytes are written only by the publisher that its word names, while it lives.
//! - **I3** Where nothing may be lost, a number is claimed only when every subscriber that lives and has joined
//!   has read the message of the lap before; who joins begins behind the number that can be claimed by
//!   somebody who has not seen it.
//! - **I4** A claim ends: by its publisher, or, once that is dead, by anyone who meets it.
//!
//! # Transitions
//! | who | word: from → to | order |
//! |---|---|---|
//! | publisher: claim | lap before, nobody's or a dead one's → claimed by me | CAS, Release |
//! | the same, where somebody who lives writes there | lap before, m's → skipped, m | CAS, Release |
//! | publisher: commit | claimed by me → committed (CAS, Release): **published** | then whoever sleeps is woken |
//! | publisher: abandon | claimed by me → void | CAS, Release; then as above |
//! | publisher that was lapped | skipped, me → void | CAS, Release |
//! | any publisher, for the dead | claimed or skipped by the dead → void | CAS, Release |
//!
//! # Orderings
//! The Release of the commit meets the subscriber's Acquire: extent and payload are there. The Release fence
//! behind a claim meets the Acquire fence behind a subscriber's copy: who read a byte of the new message
//! sees that the word has changed. A subscriber's Release of its cursor meets the Acquire in the scan:
//! it has read what is overwritten. Joining is a two-variable story, cursor and `joins` against the slots' words:
//! the subscriber writes its cursor and `joins`, fences, reads words; the publisher reads words, fences
//! ([`Barrier`]), reads `joins`. So a publisher that has not seen the new `joins` has read words that the
//! subscriber sees too, and can claim at most the first number that the subscriber finds unclaimed.
//!
//! # Progress
//! Lock-free; a CAS fails because another publisher got on. Where messages may be lost, nothing is waited for unless
//! as many publishers as there are slots stopped while they wrote. Subscribers wait behind a claim
//! whose publisher lives, until it commits or its number has been lapped.
//!
//! # Death
//! | dies | a survivor finds |
//! |---|---|
//! | a publisher before its claim | nothing |
//! | behind it, before its commit | a claim of somebody dead: subscribers pass over it, publishers make it void or take the slot |
//! | behind the commit, before its wake | the message; sleepers watch the publisher's life |
//! | lapped, before it has let go | a slot skipped for somebody dead: the next publisher there takes it |
//! | who recovers, anywhere | the same, or less of it |
//! | a subscriber | a cursor of somebody dead, which holds nobody up; waiting publishers watch its life |
//!
//! # Source
//! Slots claimed in turn and gated by the slowest reader: LMAX Disruptor (Thompson et al., 2011). Overwriting with a
//! check behind the copy: seqlocks (Boehm, MSPC 2012). Owner tags: iceoryx2's index set.

use super::memory::{Geometry, Memory, Mode};
use super::slot::{Circle, Found, State};
use crate::OwnerId;
use crate::atomic::{Ordering, fence};
use crate::crash_point;
use crate::queue::end::Place;
use crate::queue::member::{self, Part, decode};
use crate::queue::memory::MEMBERS;
use crate::ring::spsc::{Barrier, Corrupt};

/// How often a publisher looks for a number beyond twice around: others got on each time.
const TRIES: u64 = if cfg!(crosstie_loom) { 0 } else { 1 << 14 };

/// So many numbers ahead a slot is asked for: as many messages as are published while a line comes from a subscriber's
/// processor, and few enough that it stays.
const AHEAD: u64 = 8;

/// A slot that a publisher has claimed for a message.
#[derive(Debug)]
#[must_use = "a claim is committed or abandoned"]
pub struct Room {
    /// The message's number.
    pub number: u64,
    /// Where it is written.
    pub slot: u32,
    word: u64,
}

/// What came of a commit.
#[derive(Debug)]
#[must_use]
pub enum Committed {
    /// The message is published.
    Published,
    /// The topic has gone on by a lap while it was written, so it was not: claim another number, write it there,
    /// and abandon this room.
    Lapped(Room),
}

/// The sending end.
#[derive(Debug)]
pub struct Publisher<M: Memory> {
    memory: M,
    geometry: Geometry,
    circle: Circle,
    barrier: Barrier,
    /// The index of its entry among the members.
    me: u16,
    /// Everything before was claimed.
    tail: Place,
    /// Numbers below may be claimed, as far as is known of subscribers…
    limit: u64,
    /// … when so many had joined.
    joins: Option<u32>,
}

impl<M: Memory> Publisher<M> {
    /// The sending end that has the entry `me` among the members.
    ///
    /// # Errors
    /// If the topic's tail breaks its invariants.
    pub fn new(memory: M, me: u16, barrier: Barrier) -> Result<Self, Corrupt> {
        let geometry = memory.geometry();
        let tail = Place::told_by(&memory.control().tail.0)?;
        Ok(Self { geometry, circle: geometry.circle(), barrier, me, tail, limit: 0, joins: None, memory })
    }

    /// The memory that the topic lies in.
    pub fn memory(&self) -> &M {
        &self.memory
    }

    /// Claims the next number; `None` while a subscriber has not read what lies there ([`Mode::Lossless`]), or if
    /// publishers that live write in every slot.
    ///
    /// # Errors
    /// If a slot's word breaks the invariants.
    #[inline]
    pub fn reserve(&mut self, alive: impl Fn(OwnerId) -> bool) -> Result<Option<Room>, Corrupt> {
        let slots = self.circle.slots();
        // Bounded: twice around, and some for numbers that others claim meanwhile.
        for _ in 0..2 * slots + TRIES {
            let number = self.tail.position;
            let slot = self.circle.slot(number);
            // Acquire: who walks over a claim has seen it (I1); meets the last change of the word.
            let found = self.memory.word(slot).load(Ordering::Acquire);
            let hint = &self.memory.control().tail.0;
            let before = match self.circle.found(found, number) {
                Found::Before(state) => state,
                Found::Here(_) => {
                    self.tail.advance(hint, slots);
                    continue;
                }
                Found::LapsBehind(laps) if self.tail.catch_up(laps, hint, slots) => continue,
                Found::Ahead if self.tail.catch_up(0, hint, slots) => continue,
                Found::LapsBehind(_) | Found::Ahead | Found::Nonsense => {
                    return Err(Corrupt { field: "word of a slot", found, limit: number });
                }
            };
            if self.geometry.mode == Mode::Lossless && !self.may_overwrite(number, &alive) {
                return Ok(None);
            }
            let state = match before.hands() {
                Some(member) if !self.is_gone(member, &alive) => State::Skipped(member),
                _ => State::Claimed(self.me),
            };
            let claim = self.circle.word(number, state);
            crash_point!("topic.before-claim");
            // Release: shows the claim to who walks over it (I1); the load above goes on behind the last change of the word, which is the one that
            // is found here, since no word comes twice. Relaxed on failure: the slot is looked at again.
            let word = self.memory.word(slot);
            if word.compare_exchange(found, claim, Ordering::Release, Ordering::Relaxed).is_err() {
                continue;
            }
            crash_point!("topic.claimed");
            self.tail.advance(&self.memory.control().tail.0, slots);
            if state == State::Claimed(self.me) {
                // Release: a subscriber that reads a byte of what is written now sees the claim; see Orderings.
                fence(Ordering::Release);
                return Ok(Some(Room { number, slot, word: claim }));
            }
        }
        Ok(None)
    }

    /// Whether [`Publisher::reserve`], which has just found no room, would find some.
    ///
    /// A slot that was passed over in the hands of one who lives comes free by [`Publisher::abandon`] alone, which wakes
    /// publishers; one that was not would be published without a wake, so it counts as room: `reserve` passes it over.
    pub fn has_room(&mut self, alive: impl Fn(OwnerId) -> bool) -> bool {
        if self.geometry.mode == Mode::Lossless && !self.may_overwrite(self.tail.position, &alive) {
            return false;
        }
        (0..self.geometry.slots).any(|slot| {
            // Acquire: as in `reserve`.
            match Circle::state(self.memory.word(slot).load(Ordering::Acquire)) {
                Some(State::Skipped(member)) => self.is_gone(member, &alive),
                // What is broken says so to `reserve`.
                Some(State::Void | State::Committed | State::Claimed(_)) | None => true,
            }
        })
    }

    /// Whether every subscriber has read what lies where `number` goes (I3).
    #[inline]
    fn may_overwrite(&mut self, number: u64, alive: &impl Fn(OwnerId) -> bool) -> bool {
        self.barrier.light();
        // Acquire: meets the Release of who joins; its cursor is there. The barrier orders it behind the look at
        // the slot's word; see Orderings.
        let joins = self.memory.control().joins.0.load(Ordering::Acquire);
        if self.joins != Some(joins) || number >= self.limit {
            self.joins = Some(joins);
            let slowest = self.slowest(alive);
            self.limit = slowest.map_or(u64::MAX, |(_, next)| next.saturating_add(self.circle.slots()));
        }
        number < self.limit
    }

    /// The subscriber that has read least, by its entry, and the number that it reads next.
    pub fn slowest(&self, alive: impl Fn(OwnerId) -> bool) -> Option<(u16, u64)> {
        let living = member::each(&self.memory)
            .filter(|&(_, word)| matches!(decode(word), Some((id, Part::Receiver)) if alive(id)));
        // Acquire: meets the Release with which it said that it has read so far.
        let next = |index| self.memory.cursor(index).next.load(Ordering::Acquire).checked_sub(1);
        living.filter_map(|(index, _)| next(index).map(|next| (index, next))).min_by_key(|&(_, next)| next)
    }

    fn is_gone(&self, member: u16, alive: &impl Fn(OwnerId) -> bool) -> bool {
        is_gone(&self.memory, member, alive)
    }

    /// Publishes the first `length` bytes of the slot, at most as many as the topic allows.
    #[inline]
    pub fn commit(&mut self, room: Room, length: u32) -> Committed {
        self.memory.prepare(self.circle.slot(room.number + AHEAD), length);
        // Relaxed: published by the CAS of the word.
        self.memory.extent(room.slot).store(u64::from(length), Ordering::Relaxed);
        crash_point!("topic.written");
        let word = self.memory.word(room.slot);
        let committed = self.circle.word(room.number, State::Committed);
        // Release: publishes extent and payload; what it finds is its own claim.
        // Relaxed on failure: the room is abandoned, by CAS.
        let changed = word.compare_exchange(room.word, committed, Ordering::Release, Ordering::Relaxed);
        crash_point!("topic.committed");
        match changed {
            Ok(_) => Committed::Published,
            Err(_) => Committed::Lapped(room),
        }
    }

    /// Lets a slot go without publishing anything; the caller wakes subscribers, which may wait behind it, and
    /// publishers, which may have found every slot in such hands.
    pub fn abandon(&mut self, room: Room) {
        self.let_go(room.slot, |member| member == self.me);
    }

    /// Takes a slot out of the hands of a member that `is_meant`; answers whether it was in them.
    fn let_go(&self, slot: u32, is_meant: impl Fn(u16) -> bool) -> bool {
        let word = self.memory.word(slot);
        // Bounded: the word changes under it only when others lap the slot.
        for _ in 0..=TRIES {
            // Relaxed: in whose hands it is; what they wrote is one's own, or was seen with their death.
            let found = word.load(Ordering::Relaxed);
            match Circle::state(found).and_then(State::hands) {
                Some(member) if is_meant(member) => {}
                _ => return false,
            }
            let void = Circle::emptied(found);
            // Release: whoever claims the slot next writes behind what was written there (I2).
            // Relaxed on failure: it is looked at again.
            if word.compare_exchange(found, void, Ordering::Release, Ordering::Relaxed).is_ok() {
                crash_point!("topic.let-go");
                return true;
            }
        }
        false
    }

    /// Lets go of what the last end with this one's own entry has left, or this one has forgotten; answers how many
    /// slots that were, so that the caller wakes subscribers.
    pub fn recover_own(&self) -> u32 {
        self.recover_slots(|member| member == self.me)
    }

    fn recover_slots(&self, is_meant: impl Fn(u16) -> bool) -> u32 {
        (0..self.geometry.slots).map(|slot| u32::from(self.let_go(slot, &is_meant))).sum()
    }

    /// Brings back what the dead have left (I4); answers how many ends and slots that were, so that the caller wakes
    /// everybody.
    pub fn recover(&self, alive: impl Fn(OwnerId) -> bool) -> u32 {
        let mut recovered = 0;
        for (index, word) in member::each(&self.memory) {
            let Some((id, part)) = decode(word) else { continue };
            if index == self.me || alive(id) {
                continue;
            }
            if part == Part::Sender {
                // While the entry has the id of the dead, nobody else has its index.
                let is_still = || self.memory.member(index).word() == word;
                recovered += self.recover_slots(|member| member == index && is_still());
            }
            crash_point!("topic.before-vacate");
            if member::tell_death(&self.memory, index, word) {
                member::vacate(&self.memory, index, word);
                recovered += 1;
            }
        }
        recovered
    }

    /// After a number was abandoned: whether publishers sleep, and the caller must wake them.
    pub fn must_wake_publishers(&self) -> bool {
        self.memory.control().publishers().must_wake(self.barrier)
    }

    /// After a number was committed or abandoned: whether subscribers sleep, and the caller must wake them.
    #[inline]
    pub fn must_wake_subscribers(&self) -> bool {
        self.memory.control().subscribers().must_wake(self.barrier)
    }
}

/// Whether nobody who lives has this entry to publish.
pub(super) fn is_gone(memory: &impl Memory, index: u16, alive: &impl Fn(OwnerId) -> bool) -> bool {
    // No such entry exists: somebody wrote into the word who must not.
    if index >= MEMBERS {
        return true;
    }
    !matches!(memory.member(index).read(), Some((id, Part::Sender)) if alive(id))
}
