//! The receiving end of a topic: where it begins, what is next, what it has lost.
//!
//! It writes nothing but its own cursor: the slots may be mapped read-only.
//!
//! # States
//! | cursor | state |
//! |---|---|
//! | 0 | it has not joined, or has left: it holds no publisher up |
//! | number + 1 | it has read everything before that number |
//!
//! # Invariants
//! - **I1** Where nothing may be lost, what lies from its cursor on is not overwritten, from when it has joined
//!   ([`super::publisher`] I3).
//! - **I2** Elsewhere a copy counts only if the slot's word is the same behind it.
//! - **I3** A number is passed over only if there is no message of it: void, skipped, or claimed by somebody who
//!   was dead before the word was read once more.
//!
//! # Transitions
//! | who | cursor: from → to | by |
//! |---|---|---|
//! | subscriber: join | 0 → 1, then where it begins | Release stores, `joins` and a full fence between |
//! | subscriber: acknowledge | → larger | Release store |
//! | subscriber: leave | → 0 | Release store |
//!
//! # Orderings
//! As in [`super::publisher`]: the Acquire of a word meets its commit; the Acquire fence behind the copy meets the Release
//! fence behind the claim that overwrites it; the Release of the cursor lets a publisher overwrite what was read.
//!
//! # Progress
//! A look walks over what was voided, at most twice around. Who was lapped loses only what was overwritten, unless it is
//! lapped again at once: then it goes on half the slots behind the tail. [`Mode::Latest`] looks anew when the newest was
//! overwritten while it was found, a bounded number of times.
//!
//! # Death
//! It leaves a cursor, and an entry with its id: publishers pass over the one because of the other.
//!
//! # Source
//! As [`super::publisher`].

use core::fmt;

use super::control::Cursor;
use super::memory::{Geometry, Memory, Mode};
use super::publisher::is_gone;
use super::slot::{Circle, Found, State};
use crate::OwnerId;
use crate::atomic::{Ordering, fence};
use crate::crash_point;
use crate::queue::end::{POSITION_MAX, Place};
use crate::queue::member::{self, Part, decode};
use crate::ring::spsc::{Barrier, Corrupt};

/// How often the newest message is looked for anew.
const TRIES: u32 = 1 << 10;

/// Where a subscriber begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Start {
    /// With the oldest message that is kept.
    Oldest,
    /// With the first that is published after it has joined.
    #[default]
    Newest,
    /// With this number, or what is left from there on.
    At(u64),
    /// With the last so many.
    Last(u64),
}

impl Start {
    /// What `word` says: `oldest`, `newest`, a number, `last:N`.
    ///
    /// # Examples
    /// ```
    /// use crosstie_core::topic::subscriber::Start;
    /// assert_eq!(Start::from_word("last:3"), Some(Start::Last(3)));
    /// assert_eq!(Start::At(7).to_string(), "7");
    /// assert_eq!(Start::from_word("first"), None);
    /// ```
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        let number = |digits: &str| {
            let is_plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
            digits.parse().ok().filter(|_| is_plain)
        };
        match word {
            "oldest" => Some(Self::Oldest),
            "newest" => Some(Self::Newest),
            _ => match word.strip_prefix("last:") {
                Some(count) => number(count).map(Self::Last),
                None => number(word).map(Self::At),
            },
        }
    }
}

impl fmt::Display for Start {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Oldest => f.write_str("oldest"),
            Self::Newest => f.write_str("newest"),
            Self::At(number) => number.fmt(f),
            Self::Last(count) => write!(f, "last:{count}"),
        }
    }
}

/// A message that lies in its slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message {
    /// Its number.
    pub number: u64,
    /// Where it lies.
    pub slot: u32,
    /// Bytes of payload.
    pub length: u32,
    word: u64,
}

/// What a look finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// The next message.
    Message(Message),
    /// Nothing yet.
    Nothing,
    /// Numbers that were overwritten: from this one to before that one, which is next.
    Lost(u64, u64),
}

/// The receiving end.
#[derive(Debug)]
pub struct Subscriber<M: Memory> {
    memory: M,
    geometry: Geometry,
    circle: Circle,
    barrier: Barrier,
    /// The index of its entry among the members.
    me: u16,
    /// The number that is looked at next.
    next: u64,
    /// What was said of it in the cursor.
    told: u64,
    /// Messages before are not wanted.
    wanted: u64,
    /// It was lapped, and has taken no message since.
    is_hurried: bool,
}

impl<M: Memory> Subscriber<M> {
    /// The receiving end that has the entry `me` among the members, and joins at `start`. `fence_all` makes every
    /// publisher's processor fence, where there is such a thing. The caller then wakes publishers.
    ///
    /// # Errors
    /// If the topic breaks its invariants.
    pub fn join(
        memory: M,
        me: u16,
        barrier: Barrier,
        start: Start,
        fence_all: impl FnOnce(),
    ) -> Result<Self, Corrupt> {
        let geometry = memory.geometry();
        let cursor = memory.cursor(me);
        // Relaxed: a count for people.
        cursor.lost.store(0, Ordering::Relaxed);
        // Relaxed: from here on nothing is overwritten that was not, by who sees `joins` (I1).
        cursor.next.store(1, Ordering::Relaxed);
        crash_point!("topic.announced");
        // Release: publishes the cursor, and the entry.
        memory.control().joins.0.fetch_add(1, Ordering::Release);
        // SeqCst: the two-variable story of `publisher`, `joins` against the slots' `words`.
        fence(Ordering::SeqCst);
        fence_all();
        crash_point!("topic.joined");
        let circle = geometry.circle();
        let mut this =
            Self { geometry, circle, barrier, me, next: 0, told: 0, wanted: 0, is_hurried: false, memory };
        let tail = this.tail()?;
        // Behind the one number that can be claimed by who has not seen the new cursor.
        let oldest = (tail + 1).saturating_sub(circle.slots());
        this.next = match (geometry.mode, start) {
            (_, Start::At(number)) => {
                this.wanted = number;
                number.min(tail)
            }
            (_, Start::Oldest) | (Mode::Latest, _) => oldest,
            (_, Start::Newest) => tail,
            (_, Start::Last(count)) => tail.saturating_sub(count).max(oldest),
        };
        this.tell(this.next.max(oldest));
        Ok(this)
    }

    /// The memory that the topic lies in.
    pub fn memory(&self) -> &M {
        &self.memory
    }

    /// The number that is looked at next.
    #[must_use]
    pub fn next(&self) -> u64 {
        self.next
    }

    /// The first number that nobody has claimed.
    ///
    /// # Errors
    /// If the topic breaks its invariants.
    pub fn tail(&self) -> Result<u64, Corrupt> {
        tail(&self.memory)
    }

    /// What is next.
    ///
    /// # Errors
    /// If the topic breaks its invariants.
    #[inline]
    pub fn look(&mut self, alive: impl Fn(OwnerId) -> bool) -> Result<Look, Corrupt> {
        if self.geometry.mode == Mode::Latest {
            return self.look_for_newest();
        }
        if self.begins_too_early() {
            return Ok(self.lose(self.told));
        }
        // Bounded: twice around; numbers without a message are passed over.
        for _ in 0..2 * self.circle.slots() {
            let slot = self.circle.slot(self.next);
            let word = self.memory.word(slot);
            // Acquire: meets the commit; extent and payload are there.
            let found = word.load(Ordering::Acquire);
            match self.circle.found(found, self.next) {
                Found::Here(State::Committed) if self.next < self.wanted => self.next += 1,
                Found::Here(State::Committed) => {
                    if let Some(message) = self.message(self.next, slot, found)? {
                        return Ok(Look::Message(message));
                    }
                }
                Found::Here(State::Void | State::Skipped(_)) => self.next += 1,
                Found::Here(State::Claimed(member)) => {
                    if !is_gone(&self.memory, member, &alive) {
                        return Ok(Look::Nothing);
                    }
                    // Relaxed: behind the Acquire of the look at who is dead, so nothing of theirs can follow (I3).
                    if word.load(Ordering::Relaxed) == found {
                        self.next += 1;
                    }
                }
                Found::Before(_) => return Ok(Look::Nothing),
                Found::LapsBehind(laps) => {
                    let next = self.overtaken(laps, found)?;
                    if next > self.wanted {
                        return Ok(self.lose(next));
                    }
                    // What is gone is not wanted.
                    self.next = next;
                }
                Found::Ahead | Found::Nonsense => return Err(self.impossible(found)),
            }
        }
        Ok(Look::Nothing)
    }

    /// Whether it was to begin before what is kept: the next look tells what is gone.
    #[inline]
    #[must_use]
    pub fn begins_too_early(&self) -> bool {
        self.next < self.told
    }

    /// The message that a committed word tells of; `None` if the word has changed since.
    #[inline]
    fn message(&self, number: u64, slot: u32, word: u64) -> Result<Option<Message>, Corrupt> {
        // Relaxed: read behind the Acquire of the word.
        let extent = self.memory.extent(slot).load(Ordering::Relaxed);
        let limit = u64::from(self.geometry.payload_bytes_max);
        let length = u32::try_from(extent).ok().filter(|&length| u64::from(length) <= limit);
        match length {
            Some(length) => Ok(Some(Message { number, slot, length, word })),
            // It may have been overwritten between the two.
            None if self.is_intact(slot, word) => {
                Err(Corrupt { field: "length of a message", found: extent, limit })
            }
            None => Ok(None),
        }
    }

    /// Whether what was copied out of a message's slot is the message (I2).
    #[inline]
    #[must_use]
    pub fn is_whole(&self, message: &Message) -> bool {
        self.is_intact(message.slot, message.word)
    }

    #[inline]
    fn is_intact(&self, slot: u32, word: u64) -> bool {
        // Acquire: meets the Release fence behind the claim that overwrites the slot; see Orderings.
        fence(Ordering::Acquire);
        // Relaxed: ordered by the fence.
        self.memory.word(slot).load(Ordering::Relaxed) == word
    }

    /// Where it goes on after it was lapped: with the oldest message that is kept, so that none of those is given up. If it was
    /// lapped there again before it had read one, half the slots later, so that it gets on beside publishers who do not stop.
    #[cold]
    fn overtaken(&mut self, laps: u64, word: u64) -> Result<u64, Corrupt> {
        let slots = self.circle.slots();
        let newest = laps.checked_mul(slots).and_then(|behind| self.next.checked_add(behind));
        let is_possible = |&newest: &u64| newest < POSITION_MAX && self.geometry.mode == Mode::Lossy;
        let newest = newest.filter(is_possible).ok_or_else(|| self.impossible(word))?;
        // Others have got on since that slot was claimed.
        let tail = self.tail()?.max(newest + 1);
        let kept = if core::mem::replace(&mut self.is_hurried, true) { slots / 2 } else { slots };
        Ok(tail - kept)
    }

    /// Goes on at `next`; what lies before, and was wanted, is told as lost.
    fn lose(&mut self, next: u64) -> Look {
        let from = core::mem::replace(&mut self.next, next).max(self.wanted);
        let lost = &self.memory.cursor(self.me).lost;
        // Relaxed: a count for people, and this end's own word.
        lost.store(lost.load(Ordering::Relaxed).wrapping_add(next - from), Ordering::Relaxed);
        Look::Lost(from, next)
    }

    /// The newest message from `next` on: claims and what was overwritten are passed over.
    fn look_for_newest(&mut self) -> Result<Look, Corrupt> {
        let slots = self.circle.slots();
        for _ in 0..TRIES {
            let tail = self.tail()?;
            let oldest = self.next.max(tail.saturating_sub(slots));
            let mut number = tail;
            let mut is_stable = true;
            while number > oldest {
                number -= 1;
                let slot = self.circle.slot(number);
                // Acquire: meets the commit; extent and payload are there.
                let found = self.memory.word(slot).load(Ordering::Acquire);
                match self.circle.found(found, number) {
                    Found::Here(State::Committed) => {
                        if let Some(message) = self.message(number, slot, found)? {
                            return Ok(Look::Message(message));
                        }
                        is_stable = false;
                    }
                    Found::Here(_) => {}
                    Found::LapsBehind(_) => is_stable = false,
                    Found::Before(_) | Found::Ahead | Found::Nonsense => return Err(self.impossible(found)),
                }
            }
            if is_stable {
                break;
            }
        }
        Ok(Look::Nothing)
    }

    fn impossible(&self, found: u64) -> Corrupt {
        Corrupt { field: "word of a slot", found, limit: self.next }
    }

    /// Says that a message was taken: the next look is behind it.
    #[inline]
    pub fn take(&mut self, message: &Message) {
        self.is_hurried = false;
        self.next = message.number + 1;
    }

    /// Goes back to a message that was taken and not acknowledged.
    pub fn put_back(&mut self, number: u64) {
        self.next = number.max(self.told).min(self.next);
    }

    /// Goes back to the first number that is not acknowledged.
    pub fn put_all_back(&mut self) {
        self.next = self.told;
    }

    /// Says that everything before the next number was read; answers whether publishers sleep until then, and the
    /// caller must wake them.
    #[inline]
    pub fn acknowledge(&mut self) -> bool {
        if self.next <= self.told {
            return false;
        }
        self.tell(self.next);
        crash_point!("topic.acknowledged");
        self.geometry.mode == Mode::Lossless && self.memory.control().publishers().must_wake(self.barrier)
    }

    #[inline]
    fn tell(&mut self, next: u64) {
        self.told = next;
        // Release: what was read may be overwritten from now on.
        self.memory.cursor(self.me).next.store(next + 1, Ordering::Release);
    }

    /// Notes which publishers have died, so that it can be told, and makes the entries of dead subscribers vacant;
    /// answers whether any was. A dead publisher's entry stays: the next publisher brings back what it has left.
    pub fn tell_deaths(&self, alive: impl Fn(OwnerId) -> bool) -> bool {
        let mut has_vacated = false;
        for (index, word) in member::each(&self.memory) {
            let Some((id, part)) = decode(word) else { continue };
            if alive(id) || !member::tell_death(&self.memory, index, word) || part == Part::Sender {
                continue;
            }
            crash_point!("topic.before-vacate-subscriber");
            member::vacate(&self.memory, index, word);
            has_vacated = true;
        }
        has_vacated
    }

    /// Holds no publisher up any more; the caller gives the entry up, and wakes publishers.
    pub fn leave(&self) {
        // Release: as in `tell`.
        self.memory.cursor(self.me).next.store(0, Ordering::Release);
        crash_point!("topic.left");
    }
}

/// The first number that nobody has claimed.
///
/// # Errors
/// If the topic breaks its invariants.
pub fn tail(memory: &impl Memory) -> Result<u64, Corrupt> {
    let circle = memory.geometry().circle();
    let hint = &memory.control().tail.0;
    let mut tail = Place::told_by(hint)?;
    // Bounded: once around; who is overtaken all the time takes where it got to.
    for _ in 0..2 * circle.slots() {
        // Acquire: what was claimed before is there.
        let found = memory.word(circle.slot(tail.position)).load(Ordering::Acquire);
        match circle.found(found, tail.position) {
            Found::Before(_) => break,
            Found::Here(_) => tail.position += 1,
            Found::LapsBehind(laps) if tail.catch_up(laps, hint, circle.slots()) => {}
            Found::LapsBehind(_) | Found::Ahead | Found::Nonsense => {
                return Err(Corrupt { field: "word of a slot", found, limit: tail.position });
            }
        }
    }
    Ok(tail.position)
}

impl Cursor {
    /// The number that the subscriber reads next; `None` while it has not joined.
    pub fn next(&self) -> Option<u64> {
        // Acquire: as in a publisher's scan.
        self.next.load(Ordering::Acquire).checked_sub(1)
    }

    /// Numbers that were overwritten before it read them.
    pub fn lost(&self) -> u64 {
        // Relaxed: a count for people.
        self.lost.load(Ordering::Relaxed)
    }
}
