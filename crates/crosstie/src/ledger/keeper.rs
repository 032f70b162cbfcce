//! The keeper: the thread that keeps the process's slot listens for those of the process who wait and sleep on no futex.
//!
//! A task of a runtime, and a thread that sleeps on descriptors, cannot sleep on a wake word, the lives of others and the bell. The
//! process has a thread that does nothing (`attach`), so that one sleeps in their place, on all of it at once, and calls them. Who
//! nudges such a one raises the keeper's wake word too; where both are of one process, it calls it itself.
//!
//! # Invariants
//! - **I1** An entry is in the book before its owner looks at its wake word, its counts and the lives once more: what changes
//!   later finds the entry, here or in the kernel.
//! - **I2** Whenever the keeper sleeps, it sleeps on its own wake word as it was before it read the book, on the bell, on every
//!   life and beside every count of the book; what finds no place there ends the sleep after 50 ms.
//! - **I3** An entry is called once, and is out of the book then.
//!
//! # Death
//! The keeper ends with the process alone. A nudger that dies between raising the word and waking the keeper is watched, or has told
//! the kernel, as by every sleeper; the keeper hears the bell for all of its entries, and compares their counts where they could have
//! missed it (`core::word::changes`).
//!
//! # Cost
//! Nothing while nobody is in the book: the thread is parked. An entry costs a wake-up of the keeper if it names a life or a count that the
//! keeper does not listen to yet; a nudge from another process one more wake-up than that of a sleeper. There is no net.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use crosstie_core::atomic::{AtomicU32, AtomicU64, Ordering};
use crosstie_core::wait::Seen;
use crosstie_core::word::slot::Slot;
use crosstie_core::{Deadline, OwnerId};

use super::Domain;
use super::local::Local;
use super::waiting::silence;
use crate::error::Result;
use crate::os::clock;
use crate::os::futex::{self, SLICE_NS, WORDS_MAX, Wakeup};

/// Counts that the keeper has compared; of more, it looks again every 50 ms.
const COUNTS_MAX: usize = 48;
/// Lives that the keeper watches; of more, it looks again every 50 ms.
const LIVES_MAX: usize = WORDS_MAX - 2 - COUNTS_MAX;

/// For whom the keeper of a process listens.
#[derive(Debug, Default)]
pub(super) struct Attendance {
    book: Mutex<Book>,
    /// One more than the number of the keeper's slot; 0 = there is no keeper.
    keeper: AtomicU32,
}

#[derive(Debug, Default)]
struct Book {
    entries: Vec<Entry>,
    last: u64,
    /// What the keeper listens to while it sleeps; `None` while it is parked.
    heard: Option<Heard>,
}

/// One that waits.
#[derive(Debug)]
struct Entry {
    ticket: u64,
    slot: &'static Slot,
    wake: u32,
    /// Addresses of counts, which may be gone before the entry is: only the kernel reads them.
    counts: Vec<(usize, u32)>,
    lives: Vec<OwnerId>,
    /// When it is called in any case.
    due: Deadline,
    waker: Waker,
}

/// What the keeper sleeps on.
#[derive(Clone, Debug)]
struct Heard {
    counts: Vec<(usize, u32)>,
    lives: Vec<OwnerId>,
    until: Deadline,
    /// Whether something found no place.
    is_partial: bool,
}

/// Whom a wake-up of the keeper is for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Called {
    /// Who was nudged, or watches one that is dead.
    Told,
    /// Those who wait beside a count too.
    Counting,
    /// Everyone: some of what they wait for nobody tells.
    All,
}

impl Attendance {
    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts an entry into the book; answers its ticket, and whether the keeper sleeps on all that it names.
    fn enter(&self, mut entry: Entry) -> (u64, bool) {
        let mut book = self.book();
        book.last += 1;
        entry.ticket = book.last;
        let is_heard = book.heard.as_ref().is_some_and(|heard| {
            entry.due >= heard.until
                && entry.lives.iter().all(|life| heard.lives.contains(life))
                && entry.counts.iter().all(|count| heard.counts.contains(count))
        });
        book.entries.push(entry);
        (book.last, is_heard)
    }

    /// Whether the entry has not been called; then it calls `waker` from now on.
    fn renew(&self, ticket: u64, waker: &Waker) -> bool {
        let mut book = self.book();
        let entry = book.entries.iter_mut().find(|entry| entry.ticket == ticket);
        entry.map(|entry| entry.waker.clone_from(waker)).is_some()
    }

    fn strike(&self, ticket: u64) {
        let mut book = self.book();
        book.entries.retain(|entry| entry.ticket != ticket);
    }

    /// Calls the one of `slot`; answers whether it was in the book.
    fn call(&self, slot: &'static Slot) -> bool {
        self.call_all(|entry| std::ptr::eq(entry.slot, slot)) > 0
    }

    /// Calls each that `is_meant`; answers how many.
    fn call_all(&self, is_meant: impl Fn(&Entry) -> bool) -> usize {
        let mut book = self.book();
        let called: Vec<_> = book.entries.extract_if(.., |entry| is_meant(entry)).collect();
        drop(book);
        let count = called.len();
        // What a waker does is not known: not under the lock.
        called.into_iter().for_each(|entry| entry.waker.wake());
        count
    }

    /// Reads the book for the next sleep; `None` if nobody is in it.
    fn open(&self) -> Option<Heard> {
        let mut book = self.book();
        let (counts, lives) = (Vec::new(), Vec::new());
        let mut heard = Heard { counts, lives, until: Deadline::NEVER, is_partial: false };
        for entry in &book.entries {
            heard.until = heard.until.min(entry.due);
            for &count in
                entry.counts.iter().filter(|count| !heard.counts.contains(count)).collect::<Vec<_>>()
            {
                heard.counts.push(count);
            }
            for &life in entry.lives.iter().filter(|life| !heard.lives.contains(life)).collect::<Vec<_>>() {
                heard.lives.push(life);
            }
        }
        heard.is_partial = heard.counts.len() > COUNTS_MAX || heard.lives.len() > LIVES_MAX;
        heard.counts.truncate(COUNTS_MAX);
        heard.lives.truncate(LIVES_MAX);
        book.heard = (!book.entries.is_empty()).then_some(heard);
        book.heard.clone()
    }
}

/// A place in the keeper's book; dropped, it is given up.
#[derive(Debug)]
pub(crate) struct Attended {
    local: &'static Local,
    ticket: u64,
}

impl Attended {
    /// Whether it has not been called; then it calls `waker` from now on.
    pub(crate) fn goes_on(&self, waker: &Waker) -> bool {
        self.local.attendance.renew(self.ticket, waker)
    }
}

impl Drop for Attended {
    fn drop(&mut self) {
        self.local.attendance.strike(self.ticket);
    }
}

impl Domain {
    /// The number of the slot whose thread listens for those of this process who sleep on no futex.
    pub(crate) fn keeper_slot(&'static self) -> Result<u32> {
        Ok(self.process_owner()?.slot())
    }

    /// Has `waker` called once what was `seen` changes, `slot` is nudged, one of `lives` dies, or at `due`; `None` if that has come to pass: then
    /// it is not called. The occupant of `slot` has named the keeper ([`Slot::set_keeper`]).
    pub(crate) fn attend(
        &'static self,
        slot: &'static Slot,
        seen: &Seen<'_>,
        lives: &[OwnerId],
        due: Deadline,
        waker: &Waker,
    ) -> Result<Option<Attended>> {
        let local = self.local()?;
        let address = |(count, held): (&AtomicU32, u32)| (std::ptr::from_ref(count).addr(), held);
        let counts = seen.changes().map(address).collect();
        // Its own process is dead before it could be told.
        let is_other = |life: &&OwnerId| !local.tasks.are_kept_as(**life);
        let lives: Vec<_> = lives.iter().filter(is_other).copied().collect();
        let (waker, wake) = (waker.clone(), seen.wake);
        let entry = Entry { ticket: 0, slot, wake, counts, lives: lives.clone(), due, waker };
        let (ticket, is_heard) = local.attendance.enter(entry);
        let attended = Attended { local, ticket };
        if !is_heard {
            self.rouse_keeper(local);
        }
        // Behind the entry (I1).
        // Acquire: meets the Release of the nudge.
        let is_nudged = slot.wake_word().load(Ordering::Acquire) != seen.wake;
        // Relaxed: a change that is not seen here is one that the keeper's sleep is compared with, or that is told.
        let is_changed = seen.changes().any(|(count, held)| count.load(Ordering::Relaxed) != held);
        let is_called = is_nudged || is_changed || lives.iter().any(|&life| !self.is_alive(life));
        Ok((!is_called).then_some(attended))
    }

    pub(super) fn rouse_keeper(&'static self, local: &'static Local) {
        // Acquire: meets the Release with which the keeper said so.
        let number = local.attendance.keeper.load(Ordering::Acquire).checked_sub(1);
        if let Some(slot) = number.and_then(|number| self.slot(number)) {
            raise(slot);
        }
    }

    /// Tells the keeper in the slot `keeper` that `slot`, for which it listens, was nudged.
    #[cold]
    pub(super) fn nudge_through(&'static self, keeper: u32, slot: &'static Slot) {
        if let Ok(local) = self.local()
            // Relaxed: another process's keeper is never found, and this one's says so before anybody names it.
            && local.attendance.keeper.load(Ordering::Relaxed) == keeper + 1
            && local.attendance.call(slot)
        {
            return;
        }
        if let Some(keeper) = self.slot(keeper) {
            raise(keeper);
        }
    }

    /// What the thread does that keeps the process's slot `id`: it listens.
    pub(super) fn listen_for_ever(&'static self, id: OwnerId) -> ! {
        let (Ok(local), Some(slot)) = (self.local(), self.slot(id.slot())) else { futex::park_for_ever() };
        // Release: who finds a keeper finds its slot.
        let slot_number = id.slot();
        local.attendance.keeper.store(slot_number + 1, Ordering::Release);
        local.tasks.keep_as(id);
        let mut called = Called::Told;
        loop {
            // Acquire: what was changed before it was raised is seen below.
            let seen = slot.wake_word().load(Ordering::Acquire);
            local.tasks.serve(|| self.attach_task_for(slot_number));
            let now = clock::now_ns();
            local.attendance.call_all(|entry| entry.due.is_over(now) || self.is_for(called, entry));
            called = match local.attendance.open() {
                Some(heard) => self.listen(slot.wake_word(), seen, &heard),
                None => {
                    futex::wait(slot.wake_word(), seen, Deadline::NEVER);
                    Called::Told
                }
            };
        }
    }

    /// A slot for a task, which the keeper in `keeper` listens for.
    fn attach_task_for(&'static self, keeper: u32) -> Result<OwnerId> {
        let id = self.attach_task()?;
        if let Some(slot) = self.slot(id.slot()) {
            slot.set_keeper(Some(keeper));
        }
        Ok(id)
    }

    fn is_for(&'static self, called: Called, entry: &Entry) -> bool {
        let is_counting = called == Called::Counting && !entry.counts.is_empty();
        // Acquire: meets the Release of the nudge.
        let is_nudged = || entry.slot.wake_word().load(Ordering::Acquire) != entry.wake;
        called == Called::All
            || is_counting
            || is_nudged()
            || entry.lives.iter().any(|&life| !self.is_alive(life))
    }

    /// Sleeps on all that was `heard` of.
    fn listen(&'static self, word: &AtomicU32, seen: u32, heard: &Heard) -> Called {
        // Until the others are told, the death of this process must not swallow the wake that was for all.
        let announced = self.announce();
        let (bell, nobody) = (&self.words().bell, AtomicU64::new(0));
        let mut lives = [(&nobody, 0); LIVES_MAX];
        let watched = self.watch_all(&heard.lives, &mut lives);
        let wakeup = watched.map(|watched| {
            let is_partial = heard.is_partial || watched < heard.lives.len();
            let slice = || Deadline::at_ns(clock::now_ns()).after_ns(SLICE_NS);
            let until = if is_partial { slice().min(heard.until) } else { heard.until };
            silence(bell);
            futex::wait_beside_unread((word, seen), &lives[..watched], (bell, 0), &heard.counts, until)
        });
        if wakeup == Some(Wakeup::LastWoken) {
            self.hear_bell();
        }
        for slot in heard.lives.iter().filter_map(|id| self.slot(id.slot())) {
            if !slot.life().read().is_alive() {
                self.wake_watchers(slot);
            }
        }
        drop(announced);
        // Relaxed: a hint which of the words it was; the book is read anew behind the Acquire of the next look.
        let is_raised = || word.load(Ordering::Relaxed) != seen;
        match wakeup {
            Some(Wakeup::TimedOut) if !heard.is_partial && watched == Some(heard.lives.len()) => Called::Told,
            Some(Wakeup::TimedOut) => Called::All,
            // Nothing but the word was watched.
            Some(_) if !futex::has_waitv() => Called::All,
            Some(Wakeup::Changed) if !is_raised() => Called::Counting,
            Some(_) | None => Called::Told,
        }
    }
}

/// Wakes the keeper of `slot`.
fn raise(slot: &'static Slot) {
    // A keeper has none itself.
    let _ = slot.nudge();
    futex::wake(slot.wake_word(), u32::MAX);
}
