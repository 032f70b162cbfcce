//! [`LockWords`]: the words of a lock for many readers or one writer, with or without data.
#![expect(unsafe_code, reason = "promises that its words may be shared")]

use std::panic::Location;

use crosstie_core::atomic::AtomicU64;
use crosstie_core::turns::mutex::{self, GivenUp};
use crosstie_core::turns::rwlock::{self, DRAINING, READING, Words};
use crosstie_core::word::head::{ABANDONED, Head};
use crosstie_core::word::mutex::MutexWord;
use crosstie_core::word::permits::Permit;
use crosstie_core::word::waiting::Mode;
use crosstie_core::{Deadline, OwnerId};

use super::awaiting::Awaiting;
use super::held::{Noted, one};
use super::refusal::{LockError, Occupied};
use super::taker::Taker;
use crate::ledger::Domain;
use crate::ledger::attach::{Known, latest};
use crate::os::{clock, membarrier};

/// How many read at once.
pub const READERS_MAX: usize = 64;

/// The words of a lock; 1,216 bytes.
#[derive(Debug)]
#[repr(C, align(64))]
pub(super) struct LockWords {
    pub(super) head: Head,
    phase: AtomicU64,
    queueing: AtomicU64,
    cells_used: AtomicU64,
    reserved: [AtomicU64; 5],
    readers: [Permit; READERS_MAX],
}

/// What a reader has.
#[derive(Debug)]
pub(super) struct ReadTurn {
    pub(super) noted: Noted,
    pub(super) cell: u32,
    /// Whether a writer had died inside, and nobody had mended anything since.
    pub(super) is_abandoned: bool,
}

/// What a writer has.
#[derive(Debug)]
pub(super) struct WriteTurn {
    pub(super) noted: [Noted; 2],
    pub(super) token: u64,
}

impl WriteTurn {
    /// Whether this process took it, rather than inherit it by a fork; both notes are of one moment.
    #[inline]
    pub(super) fn is_ours(&self) -> bool {
        self.noted[0].is_ours()
    }

    #[inline]
    pub(super) fn owner(&self) -> OwnerId {
        self.noted[0].owner
    }
}

impl LockWords {
    pub(super) const fn new() -> Self {
        Self {
            // Fair among writers; phases see to the readers.
            head: Head::new(0),
            phase: AtomicU64::new(0),
            queueing: AtomicU64::new(0),
            cells_used: AtomicU64::new(0),
            reserved: [const { AtomicU64::new(0) }; 5],
            readers: [const { Permit::free() }; READERS_MAX],
        }
    }

    #[inline]
    pub(super) fn words(&self) -> Words<'_> {
        Words {
            head: &self.head,
            phase: &self.phase,
            queueing: &self.queueing,
            cells_used: &self.cells_used,
            readers: &self.readers,
        }
    }

    /// Gives an object on the heap its key.
    pub(super) fn name(&self, domain: &'static Domain) {
        if self.head.key() == 0 {
            self.head.name(domain.next_key());
        }
    }

    /// Begins to read for the calling thread, at `site`.
    #[inline]
    pub(super) fn read_until<G>(
        &self,
        deadline: Deadline,
        site: &'static Location<'static>,
    ) -> Result<ReadTurn, LockError<G>> {
        match self.read_at_once() {
            Some((me, cell)) => {
                let noted = Noted::alone(me, &one(self.head.key() | DRAINING, Mode::Shared, site));
                Ok(ReadTurn { noted, cell, is_abandoned: self.is_abandoned() })
            }
            None => self.read(&Taker::thread_at(self.head.tag(), deadline, site).map_err(LockError::Failed)?),
        }
    }

    /// Begins to read.
    pub(super) fn read<G>(&self, taker: &Taker) -> Result<ReadTurn, LockError<G>> {
        let (cell, saw_death) = self.take_cell(taker)?;
        let noted = taker.note(self.head.key() | DRAINING, Mode::Shared, 1);
        Ok(ReadTurn { noted, cell, is_abandoned: saw_death || self.is_abandoned() })
    }

    /// Takes a reader's cell, not noted yet; answers whether a writer had died inside.
    pub(super) fn take_cell<G>(&self, taker: &Taker) -> Result<(u32, bool), LockError<G>> {
        self.name(taker.domain());
        taker.note_order(self.head.key(), Mode::Shared);
        let since = clock::now_ns();
        let request = taker.request(Mode::Shared, 1, 1);
        let (cell, died) = rwlock::read(self.words(), &taker.me, taker.owner, &request)
            .map_err(|refused| self.refused(refused, taker, since))?;
        if let Some(who) = died {
            self.head.count_death(who);
        }
        Ok((cell, died.is_some()))
    }

    /// Takes a reader's cell if the thread is known, its first cell is free, and no writer is there or queues.
    #[inline(always)]
    pub(super) fn read_at_once(&self) -> Option<(Known, u32)> {
        let me = latest(&self.head)?;
        match rwlock::try_read(self.words(), me.id) {
            Ok(cell) => Some((me, cell?)),
            Err(cell) => {
                self.stop_reading_beside(me.id, cell);
                None
            }
        }
    }

    /// Begins to write for the calling thread, at `site`.
    #[inline]
    pub(super) fn write_by_thread<G>(
        &self,
        deadline: Deadline,
        site: &'static Location<'static>,
    ) -> Result<WriteTurn, LockError<G>> {
        match latest(&self.head).and_then(|me| self.write_at_once(me, site)) {
            Some(turn) => Ok(turn),
            None => self.write_contended(deadline, site),
        }
    }

    #[cold]
    fn write_contended<G>(
        &self,
        deadline: Deadline,
        site: &'static Location<'static>,
    ) -> Result<WriteTurn, LockError<G>> {
        self.write(&Taker::thread_at(self.head.tag(), deadline, site).map_err(LockError::Failed)?)
    }

    /// Begins to write for the thread `me` if there is no trace of another and nothing is to be mended; else does nothing.
    #[inline]
    pub(super) fn write_at_once(&self, me: Known, site: &'static Location<'static>) -> Option<WriteTurn> {
        self.write_noting::<false>(me, site)
    }

    /// As [`LockWords::write_at_once`], if it is the first that the thread has. Calls nothing, so that who calls this has nothing to put away.
    #[inline(always)]
    pub(super) fn write_first(&self, me: Known, site: &'static Location<'static>) -> Option<WriteTurn> {
        if !me.slot.holds.are_first_two_free() {
            return None;
        }
        self.write_noting::<true>(me, site)
    }

    /// `ARE_FIRST`: the thread was found to have nothing yet.
    #[inline(always)]
    fn write_noting<const ARE_FIRST: bool>(
        &self,
        me: Known,
        site: &'static Location<'static>,
    ) -> Option<WriteTurn> {
        let is_plain = || self.head.state() == 0 && rwlock::is_empty(self.words());
        if !is_plain() || !rwlock::try_write(self.words(), me.id) {
            return None;
        }
        let key = self.head.key();
        let [word, readers] = [key, key | READING].map(|key| one(key, Mode::Exclusive, site));
        let noted = if ARE_FIRST || me.slot.holds.are_first_two_free() {
            Noted::first_two(me, [&word, &readers])
        } else {
            [&word, &readers].map(|hold| Noted::alone(me, hold))
        };
        let token = self.head.next_token();
        // Readers may have come since that look, or an owner died. The turn is put together in each branch: made before, it is stored for
        // the other function, nine words before the next locked instruction, which waits for them.
        if !is_plain() {
            self.give_up_as_it_was(&WriteTurn { noted, token });
            return None;
        }
        Some(WriteTurn { noted, token })
    }

    #[cold]
    #[inline(never)]
    fn give_up_as_it_was(&self, turn: &WriteTurn) {
        self.stop_writing(turn);
    }

    /// Begins to write.
    pub(super) fn write<G>(&self, taker: &Taker) -> Result<WriteTurn, LockError<G>> {
        self.name(taker.domain());
        taker.note_order(self.head.key(), Mode::Exclusive);
        if !MutexWord::new(&self.head.word).try_lock(taker.owner) {
            self.own_word(taker)?;
        }
        let key = self.head.key();
        let noted = [key, key | READING].map(|key| taker.note(key, Mode::Exclusive, 1));
        let turn = WriteTurn { noted, token: self.head.next_token() };
        if !rwlock::is_drained(self.words(), &taker.me)
            && let Err(refusal) = self.drain(taker)
        {
            self.stop_writing(&turn);
            return Err(refusal);
        }
        Ok(turn)
    }

    /// Begins to read for the process of a task.
    pub(super) async fn read_async<G>(&self, awaiting: &Awaiting) -> Result<ReadTurn, LockError<G>> {
        awaiting.name(&self.head);
        let owner = awaiting.owner();
        let task = awaiting.task().map_err(LockError::Failed)?;
        let (request, since) = (awaiting.request(Mode::Shared, 1, 1), clock::now_ns());
        let (cell, died) = rwlock::read_async(self.words(), &task, owner, &request)
            .await
            .map_err(|refused| self.refused_to(owner, awaiting.domain(), refused, since))?;
        if let Some(who) = died {
            self.head.count_death(who);
        }
        let noted = awaiting.note(self.head.key() | DRAINING, Mode::Shared, 1);
        Ok(ReadTurn { noted, cell, is_abandoned: died.is_some() || self.is_abandoned() })
    }

    /// Begins to write for the process of a task. Dropped before it is ready, it gives back what it has of the lock.
    pub(super) async fn write_async<G>(&self, awaiting: &Awaiting) -> Result<WriteTurn, LockError<G>> {
        awaiting.name(&self.head);
        let owner = awaiting.owner();
        let (request, since) = (awaiting.request(Mode::Exclusive, 1, 1), clock::now_ns());
        let task = awaiting.task().map_err(LockError::Failed)?;
        if !MutexWord::new(&self.head.word).try_lock(owner) {
            let taken = mutex::lock_async(&self.head, &task, owner, &request)
                .await
                .map_err(|refused| self.refused_to(owner, awaiting.domain(), refused, since))?;
            if taken.abandoned_by.is_some() {
                self.head.mark(ABANDONED);
            }
        }
        let key = self.head.key();
        let noted = [key, key | READING].map(|key| awaiting.note(key, Mode::Exclusive, 1));
        let turn = WriteTurn { noted, token: self.head.next_token() };
        let begun = Begun { words: self, turn: Some(turn) };
        if !rwlock::is_drained(self.words(), &task) {
            let drained = rwlock::drain_async(self.words(), &task, &request).await;
            drained.map_err(|refused| self.refused_to(owner, awaiting.domain(), refused, since))?;
        }
        Ok(begun.come_to_end())
    }

    #[cold]
    fn own_word<G>(&self, taker: &Taker) -> Result<(), LockError<G>> {
        let since = clock::now_ns();
        let request = taker.request(Mode::Exclusive, 1, 1);
        let taken = mutex::lock(&self.head, &taker.me, taker.owner, &request)
            .map_err(|refused| self.refused(refused, taker, since))?;
        if taken.abandoned_by.is_some() {
            self.head.mark(ABANDONED);
        }
        Ok(())
    }

    #[cold]
    fn drain<G>(&self, taker: &Taker) -> Result<(), LockError<G>> {
        let since = clock::now_ns();
        let request = taker.request(Mode::Exclusive, 1, 1);
        rwlock::drain(self.words(), &taker.me, &request)
            .map_err(|refused| self.refused(refused, taker, since))
    }

    /// Ends a read, unless it was inherited by a fork.
    #[inline]
    pub(super) fn stop_reading(&self, turn: &ReadTurn) {
        if turn.noted.is_ours() {
            turn.noted.forget();
            self.give_up_reading(turn.noted.owner, turn.cell);
        }
    }

    /// Gives a reader's cell back.
    #[inline]
    pub(super) fn give_up_reading(&self, owner: OwnerId, cell: u32) {
        match rwlock::try_stop_reading(self.words(), owner, cell, membarrier::is_registered()) {
            GivenUp::Done => {}
            GivenUp::MayBeAwaited => self.wake_writer(),
            GivenUp::Not => self.stop_reading_by_step(owner, cell),
        }
    }

    #[cold]
    fn wake_writer(&self) {
        if let Ok(domain) = Domain::for_tag(self.head.tag()) {
            rwlock::wake_writer(self.words(), &domain);
        }
    }

    /// Gives a reader's cell back; from now on by stores, if no writer is there.
    #[cold]
    fn stop_reading_by_step(&self, owner: OwnerId, cell: u32) {
        if membarrier::is_registered() {
            rwlock::allow_stores(self.words());
        }
        self.stop_reading_beside(owner, cell);
        membarrier::register_soon();
    }

    /// Gives a reader's cell back, where a writer may wait for that.
    #[cold]
    fn stop_reading_beside(&self, owner: OwnerId, cell: u32) {
        if let Ok(domain) = Domain::for_tag(self.head.tag()) {
            rwlock::stop_reading(self.words(), &domain, owner, cell);
        } else if let Some(cell) = self.readers.get(cell as usize) {
            // A tag that leads nowhere was written by others: nobody can be found who waits here.
            cell.give_back(owner);
        }
    }

    /// Ends a write, unless it was inherited by a fork.
    #[inline]
    pub(super) fn stop_writing(&self, turn: &WriteTurn) {
        if turn.is_ours() {
            self.stop_writing_here(turn);
        }
    }

    /// As [`LockWords::stop_writing`], for who has asked already whether the turn is of this process.
    #[inline(always)]
    pub(super) fn stop_writing_here(&self, turn: &WriteTurn) {
        turn.noted.iter().for_each(Noted::forget);
        if let Some(leaving) = rwlock::stop_writing(self.words(), turn.owner()) {
            self.finish_writing(leaving);
        }
    }

    #[cold]
    fn finish_writing(&self, leaving: rwlock::Leaving<'_>) {
        // A tag that leads nowhere was written by others: nobody can be found who waits here.
        if let Ok(domain) = Domain::for_tag(self.head.tag()) {
            leaving.finish(&domain);
        }
    }

    /// Whether the reader of `turn` still has it.
    pub(super) fn is_reading(&self, turn: &ReadTurn) -> bool {
        let cell = self.readers.get(turn.cell as usize);
        turn.noted.is_ours() && cell.and_then(Permit::holder) == Some(turn.noted.owner)
    }

    /// Whether the writer of `turn` still has it.
    #[inline]
    pub(super) fn is_writing(&self, turn: &WriteTurn) -> bool {
        let writer = MutexWord::new(&self.head.word).read().owner();
        turn.is_ours() && writer == Some(turn.owner()) && self.head.token() == turn.token
    }

    /// As [`LockWords::is_writing`], as the thread's own note says: without a look at the word, for which who has just written to it would have to wait. False
    /// where that is not known. Who takes it by force strikes out the note before.
    #[inline(always)]
    pub(super) fn is_writing_by_note(&self, turn: &WriteTurn) -> bool {
        turn.noted[0].is_of(self.head.key()) && self.head.token() == turn.token
    }

    /// Whether an owner died inside, and nobody has mended anything since; for who has it.
    #[inline]
    pub(super) fn is_abandoned(&self) -> bool {
        self.head.state() & ABANDONED != 0
    }

    /// Who has it: the writer, or the readers.
    pub(super) fn holders(&self) -> Vec<OwnerId> {
        let writer = MutexWord::new(&self.head.word).read().owner();
        writer.into_iter().chain(self.readers.iter().filter_map(Permit::holder)).collect()
    }

    fn refused<G>(
        &self,
        refused: crosstie_core::wait::Refused<crate::ledger::Deadlock>,
        taker: &Taker,
        since: u64,
    ) -> LockError<G> {
        self.refused_to(taker.owner, taker.domain(), refused, since)
    }

    fn refused_to<G>(
        &self,
        owner: OwnerId,
        domain: &'static Domain,
        refused: crosstie_core::wait::Refused<crate::ledger::Deadlock>,
        since: u64,
    ) -> LockError<G> {
        let mut holders = self.holders();
        holders.retain(|&holder| holder != owner);
        LockError::refused(refused, domain, || Occupied::now(domain, &self.head, &holders, since))
    }
}

/// A writer that has the word and waits for the readers to leave; dropped, it gives it back.
struct Begun<'a> {
    words: &'a LockWords,
    /// `None` once they have left.
    turn: Option<WriteTurn>,
}

impl Begun<'_> {
    fn come_to_end(mut self) -> WriteTurn {
        // invariant: taken here alone, and `self` ends with it.
        self.turn.take().expect("a turn that was begun")
    }
}

impl Drop for Begun<'_> {
    fn drop(&mut self) {
        if let Some(turn) = &self.turn {
            self.words.stop_writing(turn);
        }
    }
}

// SAFETY: repr(C), atomics only; every pattern of bytes is a state that its users check.
unsafe impl crosstie_core::layout::shared::SharedLayout for LockWords {}

const _: () = assert!(size_of::<LockWords>() == 1216);
