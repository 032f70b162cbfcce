//! The wait record of a slot: what its occupant waits for, readable by anyone, written by it alone.
//!
//! It is no queue: it has no links, so nobody can break one by dying. The queue of an object is the
//! set of records that name its key, in the order of their queue tickets; who asks for it looks
//! through the slots that wait ([`crate::layout::ledger::LedgerWords::waiting_slots`]).
//!
//! # States
//! | sequence | state | the other words |
//! |---|---|---|
//! | even | idle | being written, or of a wait that is over |
//! | odd | waiting | still until the sequence changes |
//!
//! # Invariants
//! - **I1** Only the slot's living occupant writes the record (`word::slot` I4).
//! - **I2** While the sequence is odd no word changes but two: the publish ticket, which goes from 0 to its value; and
//!   the command that it names, from none to one, while the ticket is 0. Once it does, the ticket comes back larger.
//! - **I3** The sequence never falls, also from one occupant to the next: a record that was read with one
//!   sequence before and after was read whole, and its owner has been waiting all the time between.
//! - **I4** A waiter publishes before it looks at the object for the last time before it sleeps; who
//!   changes the object changes it before it looks for waiters. So one of the two sees the other.
//!
//! # Transitions
//! | from → to | who | ordering | why |
//! |---|---|---|---|
//! | idle → waiting ([`WaitRecord::publish`]) | occupant | Release, then SeqCst fence | the words are visible with the sequence; I4 |
//! | ticket 0 → t ([`WaitRecord::set_ticket`]) | occupant | Release | a finder that sees t sees the record |
//! | ticket t → 0 ([`WaitRecord::take_ticket_back`]) | occupant | Release | whoever sees what it names next sees that its ticket has changed; who claims to give up is seen |
//! | command none → c ([`WaitRecord::name_command`]) | occupant | Release | as above |
//! | waiting → idle ([`WaitRecord::withdraw`]) | occupant | Release, then fence | what it did meanwhile is visible to who finds it gone |
//! | waiting → idle ([`WaitRecord::clear`]) | a slot's next occupant | Release | the dead's record ends before the slot is described anew |
//!
//! # Orderings
//! A sequence lock: [`WaitRecord::publish`] fences (Release) behind the even sequence, writes the words
//! (Relaxed), stores the odd one (Release); [`WaitRecord::read`] loads it (Acquire), reads the words
//! (Relaxed), fences (Acquire), and loads it again. The SeqCst fences of I4 stand in `publish` and
//! in [`look_for_waiters`].
//!
//! # Progress
//! Wait-free: no loop. A reader that meets a change takes the record for none, and its writer, which
//! changed it, looks at the object itself.
//!
//! # Death
//! A record outlives its writer until the slot is taken over: whoever reads it asks the life word
//! whether it still counts. A kill inside `publish` leaves the sequence even: no record.
//!
//! # Source
//! Sequence locks: Boehm, "Can seqlocks get along with programming language memory models?", MSPC
//! 2012; publish, then look: HAZARDS H9, H10; queues that a dead waiter cannot cut: H2, H11.

use crate::OwnerId;
use crate::atomic::{AtomicU64, Ordering, fence};

/// In what way an object is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Mode {
    /// Alone: a mutex, a write lock.
    Exclusive = 1,
    /// Beside others who read.
    Shared = 2,
    /// A number of permits of a semaphore.
    Units = 3,
    /// Something that any participant may bring about: a post, a notification, an event.
    Signal = 4,
    /// The arrival of others: a barrier.
    Arrival = 5,
    /// Its child: a command that runs under another, named by `behind`.
    Nested = 6,
    /// Something that any participant may bring about at one of several objects: `key` and those that the notes name.
    Any = 7,
    /// The answer to a call: of who has it in hand; while nobody has, of any of those who could do it. `key` is that of the queue of calls, note 0 names the call.
    Call = 8,
    /// A message from a channel; `key` is the channel's, note 0 what the word held on which it sleeps. Told to who looks; nobody
    /// queues.
    Message = 9,
    /// Room in a channel for a message; as `Message`.
    Room = 10,
}

impl Mode {
    /// The mode of this number; `None` for what no writer of this format leaves.
    #[must_use]
    pub const fn from_bits(bits: u64) -> Option<Self> {
        match bits {
            1 => Some(Self::Exclusive),
            2 => Some(Self::Shared),
            3 => Some(Self::Units),
            4 => Some(Self::Signal),
            5 => Some(Self::Arrival),
            6 => Some(Self::Nested),
            7 => Some(Self::Any),
            8 => Some(Self::Call),
            9 => Some(Self::Message),
            10 => Some(Self::Room),
            _ => None,
        }
    }
}

/// Words of a record that the kind of object gives a meaning.
pub const NOTE_WORDS: usize = if cfg!(crosstie_loom) { 4 } else { 6 };
/// Until when somebody waits who may give up at any time, and says no time.
pub const UNTIL_DROPPED: u64 = u64::MAX - 1;
/// Objects for which one participant can wait at the same time ([`Mode::Any`]).
pub const ANY_MAX: usize = NOTE_WORDS + 1;

/// What a participant waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Want {
    /// The object's key.
    pub key: u64,
    /// In what way.
    pub mode: Mode,
    /// How many units, for [`Mode::Units`].
    pub need: u32,
    /// How many there are at all, for [`Mode::Units`].
    pub total: u32,
    /// The place in the queues: who has the smallest is first.
    pub queue: u64,
    /// Since when, `CLOCK_MONOTONIC` nanoseconds.
    pub since_ns: u64,
    /// Until when; `u64::MAX` = for ever.
    pub deadline_ns: u64,
    /// The command under which the waiter runs, and whose holds are its own as long as it waits.
    pub behind: Option<OwnerId>,
    /// Where in the program: an address in the waiter's process; 0 = unknown.
    pub site: u64,
    /// What the kind of object gives a meaning.
    pub note: [u64; NOTE_WORDS],
}

/// A record as it was read whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Odd; unchanged as long as this very wait lasts (I3).
    pub sequence: u64,
    /// The domain's publish ticket; 0 = not taken yet.
    pub ticket: u64,
    /// What is waited for.
    pub want: Want,
}

/// A wait record; see the module. In a slot its words up to `since_ns` share a line with the wake word: a look through a queue
/// reads only that one.
#[derive(Debug)]
#[repr(C)]
pub struct WaitRecord {
    sequence: AtomicU64,
    ticket: AtomicU64,
    key: AtomicU64,
    mode: AtomicU64,
    units: AtomicU64,
    queue: AtomicU64,
    since_ns: AtomicU64,
    deadline_ns: AtomicU64,
    behind: AtomicU64,
    site: AtomicU64,
    note: [AtomicU64; NOTE_WORDS],
}

impl WaitRecord {
    /// An idle record; zeroed memory is the same.
    #[must_use]
    pub fn idle() -> Self {
        let zero = || AtomicU64::new(0);
        Self {
            sequence: zero(),
            ticket: zero(),
            key: zero(),
            mode: zero(),
            units: zero(),
            queue: zero(),
            since_ns: zero(),
            deadline_ns: zero(),
            behind: zero(),
            site: zero(),
            note: core::array::from_fn(|_| zero()),
        }
    }

    /// Says what the occupant waits for; only the occupant calls it (I1). Answers the sequence.
    ///
    /// Whatever the occupant reads from now on, who changed it before and then looked for waiters has
    /// found this record (I4).
    pub fn publish(&self, want: &Want) -> u64 {
        // Relaxed: only this thread writes it (I1); a bit that somebody set is cleared.
        let idle = self.sequence.load(Ordering::Relaxed) & !1;
        // Release: who finds no wait here finds what was done before it ended (`word::carry` I2); the fence below orders
        // it before the words.
        self.sequence.store(idle, Ordering::Release);
        // Release: a reader that sees one of the new words sees the even sequence, or a later one
        // (pairs with the fence in `read`).
        fence(Ordering::Release);
        let units = (u64::from(want.total) << 32) | u64::from(want.need);
        let behind = want.behind.map_or(0, OwnerId::to_bits);
        let words = [
            (&self.ticket, 0),
            (&self.key, want.key),
            (&self.mode, u64::from(want.mode as u8)),
            (&self.units, units),
            (&self.queue, want.queue),
            (&self.since_ns, want.since_ns),
            (&self.deadline_ns, want.deadline_ns),
            (&self.behind, behind),
            (&self.site, want.site),
        ];
        for (word, value) in words.into_iter().chain(self.note.iter().zip(want.note)) {
            // Relaxed: ordered by the fence above and the Release below.
            word.store(value, Ordering::Relaxed);
        }
        let waiting = idle.wrapping_add(1);
        // Release: publishes the words to `read` (I2).
        self.sequence.store(waiting, Ordering::Release);
        // SeqCst: this `sequence` is written before the `object` is read; who writes the `object` reads
        // the `sequence` behind the fence in `look_for_waiters` (I4).
        fence(Ordering::SeqCst);
        waiting
    }

    /// Adds the domain's publish ticket to the record that `publish` wrote.
    pub fn set_ticket(&self, ticket: u64) {
        // Release: who reads the ticket of a wait has its words (I2).
        self.ticket.store(ticket, Ordering::Release);
    }

    /// Takes the ticket back, before the record names a command, for which it then needs a new one, or before the occupant gives up; if it
    /// need not, it has the same again.
    pub fn take_ticket_back(&self) {
        // Release: keeps it before what is named next (I2).
        self.ticket.store(0, Ordering::Release);
    }

    /// Names the command under which the occupant waits, in the record that `publish` wrote without one; only the occupant calls
    /// it (I1), once its ticket is taken back (I2).
    pub fn name_command(&self, command: OwnerId) {
        // Release: whoever reads it, by `read`, sees the ticket taken back.
        self.behind.store(command.to_bits(), Ordering::Release);
    }

    /// Whether the very wait of `seen` goes on, and nothing was added to it (I2, I3).
    #[must_use]
    pub fn is_unchanged(&self, seen: &Seen) -> bool {
        // Relaxed: ordered behind the reads that it judges by the Acquire in `read`.
        self.is_still(seen.sequence) && self.ticket.load(Ordering::Relaxed) == seen.ticket
    }

    /// Ends the wait; only the occupant calls it (I1). Who looks for waiters from now on finds none
    /// here; whom it must wake instead, the occupant looks for behind this call (I4).
    pub fn withdraw(&self) {
        self.clear();
        // SeqCst: this `sequence` is written before the others' `sequence`s and the `object` are read;
        // pairs with `publish` and `look_for_waiters` (I4).
        fence(Ordering::SeqCst);
    }

    /// Ends a dead occupant's wait; only the slot's next occupant calls it, before it is described.
    pub fn clear(&self) {
        // Relaxed: only the occupant writes it (I1).
        let sequence = self.sequence.load(Ordering::Relaxed);
        // Release: what was done during the wait comes before its end.
        self.sequence.store(sequence.wrapping_add(sequence & 1), Ordering::Release);
    }

    /// The record, if somebody waits and it was read whole. Ask the life word whether it counts.
    #[must_use]
    pub fn read(&self) -> Option<Seen> {
        // Acquire: pairs with the Release in `publish`.
        let sequence = self.sequence.load(Ordering::Acquire);
        if sequence & 1 == 0 {
            return None;
        }
        // Relaxed: the two looks at the sequence order and judge the words.
        let word = |word: &AtomicU64| word.load(Ordering::Relaxed);
        let units = word(&self.units);
        let mut note = [0; NOTE_WORDS];
        for (note, cell) in note.iter_mut().zip(&self.note) {
            *note = word(cell);
        }
        // Acquire: pairs with the Release in `set_ticket`.
        let ticket = self.ticket.load(Ordering::Acquire);
        let want = Want {
            key: word(&self.key),
            mode: Mode::from_bits(word(&self.mode))?,
            need: (units & 0xFFFF_FFFF) as u32,
            total: (units >> 32) as u32,
            queue: word(&self.queue),
            since_ns: word(&self.since_ns),
            deadline_ns: word(&self.deadline_ns),
            behind: OwnerId::from_bits(word(&self.behind)),
            site: word(&self.site),
            note,
        };
        // Acquire: if one of the words was a later wait's, the load below sees its sequence
        // (pairs with the fence in `publish`).
        fence(Ordering::Acquire);
        self.is_still(sequence).then_some(Seen { sequence, ticket, want })
    }

    /// The place in the queue of `key`, if the occupant waits there; whole or `None`, as `read`.
    #[must_use]
    pub fn place(&self, key: u64) -> Option<u64> {
        // Acquire: pairs with the Release in `publish`.
        let sequence = self.sequence.load(Ordering::Acquire);
        if sequence & 1 == 0 {
            return None;
        }
        // Relaxed: the two looks at the sequence order and judge the words.
        let word = |word: &AtomicU64| word.load(Ordering::Relaxed);
        let is_any = word(&self.mode) == u64::from(Mode::Any as u8);
        if word(&self.key) != key && !(is_any && self.note.iter().any(|note| word(note) == key)) {
            return None;
        }
        let place = word(&self.queue);
        // Acquire: as in `read`.
        fence(Ordering::Acquire);
        self.is_still(sequence).then_some(place)
    }

    /// Whether the occupant waits for `key` itself; whole or false, as `read`.
    #[must_use]
    pub fn is_at(&self, key: u64) -> bool {
        self.read().is_some_and(|seen| seen.want.key == key)
    }

    /// Whether the occupant has said that it waits for something; it asks that of itself (I1).
    #[must_use]
    pub fn is_published(&self) -> bool {
        // Relaxed: its own word.
        self.sequence.load(Ordering::Relaxed) & 1 == 1
    }

    /// Whether the very wait of `sequence` goes on (I3).
    #[must_use]
    pub fn is_still(&self, sequence: u64) -> bool {
        // Relaxed: ordered behind the reads that it judges by the caller's Acquire.
        self.sequence.load(Ordering::Relaxed) == sequence
    }
}

/// What stands between a change of an object and the look for who waits for it (I4).
#[inline]
pub fn look_for_waiters() {
    // SeqCst: the `object` was written before, the waiters' `sequence`s are read after; a waiter in
    // `publish` writes its `sequence`, then reads the `object`: one of them sees the other.
    fence(Ordering::SeqCst);
}

#[cfg(not(crosstie_loom))]
const _: () = {
    use core::mem::{offset_of, size_of};
    assert!(size_of::<WaitRecord>() == 128);
    assert!(offset_of!(WaitRecord, ticket) == 8 && offset_of!(WaitRecord, key) == 16);
    assert!(offset_of!(WaitRecord, behind) == 64 && offset_of!(WaitRecord, note) == 80);
};

#[cfg(all(test, not(crosstie_loom)))]
mod tests {
    use super::*;

    fn want(key: u64) -> Want {
        Want {
            key,
            mode: Mode::Units,
            need: 2,
            total: 9,
            queue: 77,
            since_ns: 5,
            deadline_ns: u64::MAX,
            behind: Some(OwnerId::new(3, 4)),
            site: 0xABCD,
            note: [0; NOTE_WORDS],
        }
    }

    #[test]
    fn a_wait_is_read_as_it_was_published_and_is_over_when_it_is_withdrawn() {
        let record = WaitRecord::idle();
        assert_eq!(record.read(), None);
        let sequence = record.publish(&want(8));
        assert_eq!(record.read(), Some(Seen { sequence, ticket: 0, want: want(8) }));
        record.set_ticket(6);
        assert_eq!(record.read().unwrap().ticket, 6);
        assert_eq!((record.place(8), record.is_at(8), record.place(9)), (Some(77), true, None));
        record.withdraw();
        assert_eq!((record.read(), record.place(8)), (None, None));
        assert!(!record.is_still(sequence));
    }

    #[test]
    fn the_next_wait_has_another_sequence_and_no_ticket() {
        let record = WaitRecord::idle();
        let first = record.publish(&want(8));
        record.set_ticket(6);
        record.withdraw();
        let second = record.publish(&want(8));
        assert!(second > first);
        assert_eq!(record.read().unwrap().ticket, 0);
    }

    #[test]
    fn who_waits_for_any_of_several_stands_in_each_queue() {
        let record = WaitRecord::idle();
        let mut several = Want { mode: Mode::Any, ..want(8) };
        several.note[1] = 9;
        several.note[2] = 10;
        record.publish(&several);
        assert_eq!([8, 9, 10, 11].map(|key| record.place(key)), [Some(77), Some(77), Some(77), None]);
        record.publish(&Want { mode: Mode::Exclusive, ..several });
        assert_eq!(record.place(9), None);
    }

    #[test]
    fn a_mode_that_nobody_writes_is_no_wait() {
        let record = WaitRecord::idle();
        record.publish(&want(8));
        // Relaxed: one thread.
        record.mode.store(99, Ordering::Relaxed);
        assert_eq!(record.read(), None);
    }
}
