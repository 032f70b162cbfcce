//! Many readers or one writer, in phases: when a writer leaves, everyone who waited to read reads, and
//! then the next writer writes.
//!
//! A writer owns the word of a mutex ([`crate::word::mutex`]) and then waits until the readers have left. One that leaves while somebody
//! queues to read ends a phase. A reader has a cell with its id ([`Permit`]). It enters if no writer owns the word, or if the *phase* has
//! changed since it queued: then the writer that owns the word waits for it, too.
//!
//! | key | who waits there | who holds it |
//! |---|---|---|
//! | K | writers, for the word | the writer |
//! | K + [`READING`] | readers, for the writer to leave | the writer |
//! | K + [`DRAINING`] | the writer, for readers to leave | readers |
//!
//! While no writer is there, a reader gives its cell back by a plain store ([`crate::word::giving`], with a reader in the place of the
//! owner, its cell in that of the mutex's word, and the writer that waits for readers in that of who waits).
//!
//! Three keys, so that a deadlock is a circle of waits and holds with no special case: a reader that
//! reads again while a writer drains, a reader that wants to write.
//!
//! # Source
//! Phase-fair locks: Brandenburg and Anderson, "Reader-Writer Synchronization for Shared-Memory Multiprocessor
//! Real-Time Systems", ECRTS 2009.

use crate::atomic::{AtomicU64, Ordering, fence};
use crate::turns::mutex::{self, GivenUp};
use crate::turns::queued::{Queued, Request};
use crate::wait::{Blocks, OnCancel, Refused, Seen, WATCHED_MAX, Wait, Wake, block};
use crate::word::head::Head;
use crate::word::mutex::{GRANTED, MutexWord};
use crate::word::permits::{Permit, look};
use crate::word::queueing::{self, QUEUED};
use crate::word::waiting::{Mode, look_for_waiters};
use crate::{OwnerId, crash_point};

/// Added to the key: readers wait here.
pub const READING: u64 = 1 << 62;
/// Added to the key: the writer waits here until readers have left.
pub const DRAINING: u64 = 1 << 61;
/// What an object's key is without these.
pub const KEY: u64 = DRAINING - 1;

/// So many reads apart a reader sees whether cells may be given back by a store again. Each time costs the next writer a fence, about as
/// much as so many stores save.
pub const ALLOW_EVERY: u64 = 1024;

/// The words of a lock.
#[derive(Clone, Copy, Debug)]
pub struct Words<'a> {
    /// What it begins with; its word is the writers'.
    pub head: &'a Head,
    /// How many writers have left while somebody queued to read.
    pub phase: &'a AtomicU64,
    /// Whether readers queue ([`crate::word::queueing`]).
    pub queueing: &'a AtomicU64,
    /// How many of the cells were ever used: the others need no look.
    pub cells_used: &'a AtomicU64,
    /// A cell for each reader.
    pub readers: &'a [Permit],
}

/// Who owns the writers' word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Writer {
    /// Nobody: the last one left.
    None,
    /// One that writes, waits for the readers to leave, or is about to.
    Alive(OwnerId),
    /// One that died with it; nobody has come since.
    Dead(OwnerId),
}

impl<'a> Words<'a> {
    #[inline]
    fn phase(&self) -> u64 {
        // Acquire: who sees a phase sees that the writer before it has left.
        self.phase.load(Ordering::Acquire)
    }

    /// Says that the cell `index` is used, before it is taken.
    #[inline]
    fn use_cell(&self, index: usize) {
        let count = index as u64 + 1;
        // SeqCst: what another's exchange of `cells_used` made of it counts as seen before the `word` is read (`look`).
        if self.cells_used.load(Ordering::SeqCst) < count {
            // SeqCst: `cells_used` is written before the `word` is read (`look`); a writer writes the `word`, fences, and
            // reads `cells_used`.
            self.cells_used.fetch_max(count, Ordering::SeqCst);
        }
    }

    /// The cells that may be taken.
    #[inline]
    fn used_cells(&self) -> &'a [Permit] {
        // Relaxed: ordered behind the writer's fence (`use_cell`).
        let count = usize::try_from(self.cells_used.load(Ordering::Relaxed)).unwrap_or(usize::MAX);
        self.readers.get(..count).unwrap_or(self.readers)
    }

    /// Takes a reader's cell; `None` when all are taken by the living.
    fn take_cell<W: Wake>(&self, wait: &W, me: OwnerId) -> Option<u32> {
        let start = (me.slot() as usize).checked_rem(self.readers.len())?;
        let mut order = (start..self.readers.len()).chain(0..start);
        order.find_map(|index| {
            let cell = self.readers.get(index)?;
            let found = cell.owner();
            if found.is_some_and(|holder| wait.is_alive(holder)) {
                return None;
            }
            self.use_cell(index);
            cell.try_take(found, me)?;
            u32::try_from(index).ok()
        })
    }

    /// What one look at the writers' word says.
    fn writer<W: Wake>(&self, wait: &W) -> Writer {
        let word = look(&self.head.word);
        match OwnerId::from_bits(word) {
            None => Writer::None,
            // Granted to one who does not wait there any more, it is nobody's: whoever takes it looks at the readers.
            Some(writer) if word & GRANTED != 0 => {
                if wait.waits_for(writer, self.head.key()) {
                    Writer::Alive(writer)
                } else {
                    Writer::None
                }
            }
            Some(writer) if wait.is_alive(writer) => Writer::Alive(writer),
            Some(writer) => Writer::Dead(writer),
        }
    }
}

/// Reads for `owner` if its first cell is free and no writer is there or queues; answers the cell.
///
/// # Errors
/// The cell that it took before it saw a writer: give it back by [`stop_reading`].
#[inline]
pub fn try_read(words: Words<'_>, owner: OwnerId) -> Result<Option<u32>, u32> {
    let index = owner.slot().checked_rem(words.readers.len() as u32);
    let Some((index, cell)) = index.and_then(|at| Some((at, words.readers.get(at as usize)?))) else {
        return Ok(None);
    };
    words.use_cell(index as usize);
    if !cell.try_take_free(owner) {
        return Ok(None);
    }
    // The writer takes the word, then looks at the cells; a reader takes a cell, then looks at the word.
    if look(&words.head.word) == 0 { Ok(Some(index)) } else { Err(index) }
}

/// Gives a reader's cell back if that takes some instructions. Behind [`GivenUp::MayBeAwaited`], call [`wake_writer`]; behind
/// [`GivenUp::Not`], [`stop_reading`], and [`allow_stores`] before it. `is_fenced`: whether the caller's process is among those that
/// [`Wait::fence_all`] reaches.
#[inline(always)]
#[must_use]
pub fn try_stop_reading(words: Words<'_>, owner: OwnerId, cell: u32, is_fenced: bool) -> GivenUp {
    let Some(cell) = words.readers.get(cell as usize) else { return GivenUp::Done };
    let giving = words.head.giving();
    let is_alone = match giving.may_store().filter(|_| is_fenced) {
        Some(seen) => {
            cell.store_back();
            crash_point!("rwlock.stored");
            giving.is_still(seen)
        }
        None if cell.use_once().is_multiple_of(ALLOW_EVERY) => return GivenUp::Not,
        None => {
            cell.give_back(owner);
            OwnerId::from_bits(look(&words.head.word)).is_none()
        }
    };
    if is_alone { GivenUp::Done } else { GivenUp::MayBeAwaited }
}

/// Lets readers give their cells back by a store from now on, if there is no writer; only one that reads calls it, from a process that
/// [`Wait::fence_all`] reaches.
#[cold]
pub fn allow_stores(words: Words<'_>) {
    // A writer that waits for readers has the word since before it looked how they go (`word::giving` I3).
    words.head.giving().allow(|| look(&words.head.word) != 0);
}

/// Reads for `owner`; answers the cell, and the writer that died inside if one did.
///
/// # Errors
/// As [`Refused`] says.
pub fn read<W: Blocks>(
    words: Words<'_>,
    wait: &W,
    owner: OwnerId,
    request: &Request,
) -> Result<(u32, Option<OwnerId>), Refused<W::Cycle>> {
    block(read_async(words, wait, owner, request))
}

/// As [`read`], also for a task. Dropped before it is ready, `owner` does not read, and a writer that waited for it goes on.
///
/// # Errors
/// As [`Refused`] says.
pub async fn read_async<W: Wait>(
    words: Words<'_>,
    wait: &W,
    owner: OwnerId,
    request: &Request,
) -> Result<(u32, Option<OwnerId>), Refused<W::Cycle>> {
    loop {
        if let Ok(entered) = enter_beside(words, wait, owner, false) {
            return Ok(entered);
        }
        if request.deadline.is_now() {
            return Err(Refused::Busy);
        }
        let arrived = words.phase();
        let mut request = Request { mode: Mode::Shared, ..*request };
        request.note[0] = arrived;
        // Dropped behind the place in the queue, unless it reads: a writer may wait for it.
        let cancelled = OnCancel::new(|| {
            if wait.is_present() {
                tell_writer(words, wait);
            }
        });
        let mut queued = Queued::enter_as(words.head.key() | READING, wait, &request);
        queueing::announce(words.queueing);
        // A phase that has changed since would let us in beside a writer that has counted its readers.
        if words.phase() != arrived {
            continue;
        }
        crash_point!("rwlock.reader-queued");
        loop {
            let seen = Seen::by(wait);
            let is_next_phase = words.phase() != arrived;
            let writer = match enter_beside(words, wait, owner, is_next_phase) {
                Ok(entered) => {
                    words.head.count_wait(queued.waited_ns(), 0);
                    queued.leave();
                    cancelled.end();
                    return Ok(entered);
                }
                Err(writer) => writer,
            };
            // The one that was seen may be the next writer, which waits for this reader.
            if !is_next_phase && words.phase() != arrived {
                continue;
            }
            // Without a writer all cells are taken: nobody tells when one is free.
            let limit = if writer.is_some() { u64::MAX } else { LOOK_AGAIN_NS };
            queued.sleep_at_most(limit, &seen, writer.as_slice()).await?;
        }
    }
}

/// Takes a cell where that is allowed now: no writer, or one that waits for this phase's readers. Answers also the
/// writer that died inside, by the very look that let the reader in: the next writer, which takes the word from the
/// dead one and waits for this reader, has not told anybody yet.
///
/// # Errors
/// The writer that was seen to live and bars the way; `None` if all cells are taken.
fn enter_beside<W: Wake>(
    words: Words<'_>,
    wait: &W,
    owner: OwnerId,
    is_next_phase: bool,
) -> Result<(u32, Option<OwnerId>), Option<OwnerId>> {
    if !is_next_phase && let Writer::Alive(writer) = words.writer(wait) {
        return Err(Some(writer));
    }
    let cell = words.take_cell(wait, owner).ok_or(None)?;
    match words.writer(wait) {
        Writer::Dead(writer) => Ok((cell, Some(writer))),
        Writer::None => Ok((cell, None)),
        Writer::Alive(_) if is_next_phase => Ok((cell, None)),
        Writer::Alive(writer) => {
            stop_reading(words, wait, owner, cell);
            Err(Some(writer))
        }
    }
}

/// Gives a reader's cell back, and tells the writer that waits for it.
pub fn stop_reading<W: Wake>(words: Words<'_>, wait: &W, owner: OwnerId, cell: u32) {
    if let Some(cell) = words.readers.get(cell as usize) {
        cell.give_back(owner);
    }
    crash_point!("rwlock.stopped-reading");
    tell_writer(words, wait);
}

/// Takes the cell away from the reader `owner`; answers whether it had it.
pub fn take_away_from_reader<W: Wake>(words: Words<'_>, wait: &W, owner: OwnerId, cell: u32) -> bool {
    let is_taken = words.readers.get(cell as usize).is_some_and(|cell| cell.lose(owner));
    tell_writer(words, wait);
    is_taken
}

/// Makes the writer look again that may wait for the caller, which reads no more or queues no more.
fn tell_writer<W: Wake>(words: Words<'_>, wait: &W) {
    if OwnerId::from_bits(look(&words.head.word)).is_some() {
        wake_writer(words, wait);
    }
}

/// Makes the writer look again that waits for readers to leave, if one does.
#[cold]
pub fn wake_writer<W: Wake>(words: Words<'_>, wait: &W) {
    if let Some(writer) = wait.first(words.head.key() | DRAINING) {
        wait.nudge(writer);
    }
}

/// Whether nobody reads, and nobody is to read before the caller, which owns the word; else [`drain`].
#[inline]
#[must_use]
pub fn is_drained<W: Wait>(words: Words<'_>, wait: &W) -> bool {
    look_for_waiters();
    readers(words, wait).next().is_none()
}

/// Whether no cell is taken and no reader queues, by a look that asks of nobody whether it lives; else ask [`is_drained`].
/// It counts behind [`try_write`].
#[inline]
#[must_use]
pub fn is_empty(words: Words<'_>) -> bool {
    if look(words.queueing) & QUEUED != 0 {
        return false;
    }
    let count = usize::try_from(look(words.cells_used)).unwrap_or(usize::MAX);
    words.readers.get(..count).unwrap_or(words.readers).iter().all(Permit::looks_free)
}

/// Owns the word if nobody has it and no writer waits; then the readers have to leave: [`is_empty`].
#[inline]
#[must_use]
pub fn try_write(words: Words<'_>, me: OwnerId) -> bool {
    MutexWord::new(&words.head.word).try_lock_before_look(me)
}

/// Waits until nobody reads, and nobody is to read before this writer.
///
/// # Errors
/// As [`Refused`] says; then the caller still owns the word, and gives it up by [`stop_writing`].
pub fn drain<W: Blocks>(words: Words<'_>, wait: &W, request: &Request) -> Result<(), Refused<W::Cycle>> {
    block(drain_async(words, wait, request))
}

/// As [`drain`], also for a task. Dropped before it is ready, the caller still owns the word, and gives it up by
/// [`stop_writing`].
///
/// # Errors
/// As [`drain`].
pub async fn drain_async<W: Wait>(
    words: Words<'_>,
    wait: &W,
    request: &Request,
) -> Result<(), Refused<W::Cycle>> {
    if request.deadline.is_now() {
        return Err(Refused::Busy);
    }
    // Most readers are gone in an instant.
    for _ in 0..wait.spins() {
        wait.pause();
        if is_drained(words, wait) {
            return Ok(());
        }
    }
    let mut queued = Queued::enter_as(words.head.key() | DRAINING, wait, request);
    // How long it may sleep, once it has forbidden the store.
    let mut limit_ns = None;
    let outcome = loop {
        let seen = Seen::by(wait);
        let mut room = [wait.me(); WATCHED_MAX];
        let mut count = 0;
        for (place, reader) in room.iter_mut().zip(readers(words, wait)) {
            *place = reader;
            count += 1;
        }
        if count == 0 {
            break Ok(());
        }
        let Some(limit_ns) = limit_ns else {
            // Published first (`word::giving` I3); then it looks again.
            let is_sure = words.head.giving().forbid(|| wait.fence_all());
            crash_point!("rwlock.forbidden");
            limit_ns = Some(if is_sure { u64::MAX } else { LOOK_AGAIN_NS });
            continue;
        };
        if let Err(refused) = queued.sleep_at_most(limit_ns, &seen, &room[..count]).await {
            break Err(refused);
        }
    };
    queued.leave();
    outcome
}

/// How soon one looks again whom nobody may tell: a reader when all cells are taken, a writer that cannot fence the readers: 1 ms.
const LOOK_AGAIN_NS: u64 = 1_000_000;

/// The living who read, or are the first to read before the writer that asks; nobody when the phase's readers have all
/// come and gone. One look at each says that, and whom to watch. The queue is looked at first: who leaves it has a cell.
fn readers<'a, W: Wake>(words: Words<'a>, wait: &'a W) -> impl Iterator<Item = OwnerId> + 'a {
    let may_queue = look(words.queueing) & QUEUED != 0;
    let next = if may_queue { wait.first_of_phase(words.head.key() | READING, words.phase()) } else { None };
    // Acquire: who was seen to have left the queue has its cell.
    fence(Ordering::Acquire);
    let inside = words.used_cells().iter().filter_map(Permit::holder);
    next.into_iter().chain(inside.filter(move |&reader| wait.is_alive(reader)))
}

/// Stops writing: whoever waited to read reads next, then the next writer writes. Answers what is still to be done where somebody
/// may wait.
///
/// The phase ends only where somebody queues to read: who queues behind that look is let in by the next writer that leaves, if
/// one comes before it. So a phase is one step, which most writers need not make.
#[inline]
#[must_use]
pub fn stop_writing(words: Words<'_>, owner: OwnerId) -> Option<Leaving<'_>> {
    if look(words.queueing) & QUEUED != 0 && !end_phase(words, owner) {
        return None;
    }
    crash_point!("rwlock.next-phase");
    let has_word = !MutexWord::new(&words.head.word).try_unlock_before_look(owner);
    crash_point!("rwlock.stopped-writing");
    (has_word || look(words.queueing) & QUEUED != 0).then_some(Leaving { words, owner, has_word })
}

/// A writer that leaves, and looks for those who wait.
#[derive(Debug)]
pub struct Leaving<'a> {
    words: Words<'a>,
    owner: OwnerId,
    has_word: bool,
}

impl Leaving<'_> {
    /// Lets those go on who wait, whom `wait` finds.
    #[cold]
    pub fn finish<W: Wake>(self, wait: &W) {
        if self.has_word {
            mutex::unlock(self.words.head, wait, self.owner);
            crash_point!("rwlock.gave-word-up");
        }
        wake_readers(self.words, wait);
    }
}

/// Takes the lock away from the writer `owner`, as [`mutex::take_away`], for `me`, which owns it meanwhile: so a phase is ended by who owns
/// the word, also where the writer gives it up at the same time. Answers whether that had it.
pub fn take_away_from_writer<W: Wake>(words: Words<'_>, wait: &W, owner: OwnerId, me: OwnerId) -> bool {
    let word = MutexWord::new(&words.head.word);
    loop {
        let found = word.read();
        if found.owner() != Some(owner) || found.has(GRANTED) {
            return false;
        }
        if word.overtake(found, me, 0).is_ok() {
            break;
        }
    }
    crash_point!("rwlock.taken-away");
    words.head.skip_token();
    // Whether anybody queues or not: the writer may have seen that somebody did, and be about to end this phase.
    end_phase(words, me);
    Leaving { words, owner: me, has_word: true }.finish(wait);
    mutex::wake_who_was_left(words.head, wait);
    true
}

/// Ends the phase of `owner`, once: a writer may lose the lock by force at the moment in which it gives it up, and its phase with it.
/// Answers whether it owns the word.
#[inline]
fn end_phase(words: Words<'_>, owner: OwnerId) -> bool {
    // Read before the word: if that is still this owner's behind it, so is the phase.
    let phase = words.phase();
    let found = MutexWord::new(&words.head.word).read();
    if found.owner() != Some(owner) || found.has(GRANTED) {
        return false;
    }
    // Release: what was written comes before the phase in which it is read. Relaxed on failure: it has been ended.
    let _ = words.phase.compare_exchange(phase, phase.wrapping_add(1), Ordering::Release, Ordering::Relaxed);
    true
}

/// Wakes those who wait to read; the word was given up before.
fn wake_readers<W: Wake>(words: Words<'_>, wait: &W) {
    look_for_waiters();
    let seen = look(words.queueing);
    if seen & QUEUED == 0 {
        return;
    }
    let mut is_empty = true;
    wait.each(words.head.key() | READING, &mut |reader| {
        is_empty = false;
        wait.nudge(reader);
    });
    if is_empty {
        // SeqCst: who left the `queue` was seen to have a cell before this `queueing` is cleared; the next writer reads
        // `queueing`, then the cells.
        fence(Ordering::SeqCst);
        queueing::settle(words.queueing, seen);
    }
}
