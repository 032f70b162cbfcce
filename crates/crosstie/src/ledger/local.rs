//! [`Local`]: what one process has to itself of a domain.
//!
//! A fork child inherits the bytes of its parent's `Local` and must use none of it: the descriptor's
//! locks are the parent's. So everything here carries the fork epoch of its maker, and a child makes
//! its own with its first use (HAZARDS H6).

use std::cell::Cell;
use std::marker::PhantomData;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::ptr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crosstie_core::OwnerId;
use crosstie_core::atomic::{AtomicU32, Ordering};
use crosstie_core::word::head::Head;
use crosstie_core::word::slot::Slot;

use super::Domain;
use super::keeper::Attendance;
use super::task::Tasks;
use crate::error::{Error, ErrorKind, Result};
use crate::os::robust_list::RobustList;
use crate::os::{directory, file_lock, process};

/// Where the bytes begin that claimers of slots lock, one a slot.
const CLAIM_BYTES: u64 = 1 << 32;
/// Where the bytes begin that processes lock as long as they live, one a process.
const PROCESS_BYTES: u64 = 1 << 40;
/// How many numbers a process tries before it gives up: one that is locked already was forged.
const NUMBER_TRIES: u32 = 16;

/// What one process has to itself of a domain.
#[derive(Debug)]
pub(super) struct Local {
    epoch: u64,
    /// The ledger's file in a description of this process's own, close-on-exec.
    file: OwnedFd,
    /// This process's number; its byte is locked through `file`.
    pub(super) process: u64,
    pub(super) namespaces: u64,
    /// The process slot, once somebody asked for it.
    pub(super) keeper: Mutex<Option<OwnerId>>,
    /// For whom the thread that keeps it listens.
    pub(super) attendance: Attendance,
    /// Slots in which its tasks wait.
    pub(super) tasks: Tasks,
    claimed: AtomicU32,
    /// Held while a slot is claimed: threads share the descriptor, so its locks do not part them.
    claiming: Mutex<()>,
}

impl Domain {
    /// This process's part, made with the first use and after a fork.
    pub(super) fn local(&'static self) -> Result<&'static Local> {
        let epoch = process::fork_epoch();
        loop {
            let found = self.local.get();
            match found {
                Some(local) if local.epoch == epoch => return Ok(local),
                _ => {
                    // Kept for the life of the process, as every slot of it is; the one of a thread
                    // that was second stays unused.
                    let made = Box::leak(Box::new(Local::new(self, epoch)?));
                    if self.local.replace(found, made) {
                        return Ok(made);
                    }
                }
            }
        }
    }
}

impl Local {
    fn new(domain: &'static Domain, epoch: u64) -> Result<Self> {
        let failed = |error| Error::os("enter domain", domain.name(), error);
        let file =
            directory::open_in(domain.directory().as_fd(), super::domain::LEDGER_FILE).map_err(failed)?;
        let named = directory::stat(file.as_fd()).map_err(failed)?;
        let mapped = directory::stat(domain.segment().file()).map_err(failed)?;
        if !named.is_same_file(&mapped) {
            return Err(Error::new("enter domain", domain.name(), ErrorKind::Closed)
                .because("it was removed and created again while this process used it")
                .advise("restart the process"));
        }
        for _ in 0..NUMBER_TRIES {
            let number = domain.words().next_process();
            // Bits above are not a number that this domain ever gave.
            let byte = PROCESS_BYTES + (number & (PROCESS_BYTES - 1));
            if file_lock::try_lock_byte(file.as_fd(), byte).map_err(failed)? {
                return Ok(Self {
                    epoch,
                    file,
                    process: number & (PROCESS_BYTES - 1),
                    namespaces: process::namespaces().map_err(failed)?,
                    keeper: Mutex::new(None),
                    attendance: Attendance::default(),
                    tasks: Tasks::default(),
                    claimed: AtomicU32::new(0),
                    claiming: Mutex::new(()),
                });
            }
        }
        Err(Error::new("enter domain", domain.name(), ErrorKind::Corrupt)
            .because("the numbers that it gives to processes are taken"))
    }

    /// Whether no process keeps the byte of `process` locked: then nobody of it is left. A byte that
    /// is locked proves nothing, nor does a descriptor that somebody closed under us.
    pub(super) fn is_process_byte_free(&self, domain: &'static Domain, process: u64) -> bool {
        if process == self.process || process >= PROCESS_BYTES {
            return false;
        }
        let still_ours = directory::stat(self.file.as_fd()).is_ok_and(|stat| {
            directory::stat(domain.segment().file()).is_ok_and(|own| own.is_same_file(&stat))
        });
        still_ours
            && file_lock::is_byte_locked(self.file.as_fd(), PROCESS_BYTES + process)
                .is_ok_and(|is_locked| !is_locked)
    }

    /// Keeps everybody else from claiming the slot `number`, or answers `None` because one of
    /// them is about to.
    pub(super) fn lock_claim(&self, number: u32) -> Result<Option<ClaimLock<'_>>> {
        let byte = CLAIM_BYTES + u64::from(number);
        let threads = self.claiming.lock().unwrap_or_else(PoisonError::into_inner);
        match file_lock::try_lock_byte(self.file.as_fd(), byte) {
            Ok(true) => Ok(Some(ClaimLock { file: self.file.as_fd(), byte, _threads: threads })),
            Ok(false) => Ok(None),
            Err(error) => Err(Error::os("lock slot", format!("{number}"), error)),
        }
    }

    /// Slots that this process has claimed, those of ended threads among them.
    pub(super) fn claimed(&self) -> u32 {
        // Relaxed: a count that guards no other memory.
        self.claimed.load(Ordering::Relaxed)
    }

    pub(super) fn set_claimed(&self, count: u32) {
        // Relaxed: as above; two threads that count at once differ by each other.
        self.claimed.store(count, Ordering::Relaxed);
    }
}

/// While it lives, nobody else claims the slot.
pub(super) struct ClaimLock<'a> {
    file: BorrowedFd<'a>,
    byte: u64,
    _threads: MutexGuard<'a, ()>,
}

impl Drop for ClaimLock<'_> {
    fn drop(&mut self) {
        // A byte that stays locked only keeps the slot from being claimed while this process lives.
        let _ = file_lock::unlock_byte(self.file, self.byte);
    }
}

/// The calling thread as it takes part in a domain.
#[derive(Clone, Copy, Debug)]
pub struct Me {
    /// Under which id it owns things.
    pub id: OwnerId,
    /// In which domain.
    pub domain: &'static Domain,
    pub(crate) slot: &'static Slot,
    epoch: u64,
    tag: u64,
    not_send: PhantomData<*mut ()>,
}

impl Me {
    pub(super) fn new(domain: &'static Domain, id: OwnerId, slot: &'static Slot) -> Self {
        Self { id, domain, slot, epoch: process::fork_epoch(), tag: domain.tag(), not_send: PhantomData }
    }

    /// The same participant for the objects whose tag is `tag`.
    pub(crate) fn for_tag(self, tag: u64) -> Self {
        Self { tag, ..self }
    }

    /// The same, as a fast path knows it.
    pub(crate) fn known(&self) -> Known {
        Known { id: self.id, slot: self.slot, epoch: self.epoch }
    }

    /// Whether this process took the slot, rather than inherit this value by a fork.
    #[inline]
    #[must_use]
    pub fn is_ours(&self) -> bool {
        process::is_fork_epoch(self.epoch)
    }
}

/// Slots that a thread remembers; one that it forgot it finds again in the ledger.
const REMEMBERED: usize = 4;

/// A thread as a fast path knows it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Known {
    pub(crate) id: OwnerId,
    pub(crate) slot: &'static Slot,
    /// The fork epoch in which it is so, that of now.
    pub(crate) epoch: u64,
}

/// Where a lock looks first: one place for objects on the heap, one for those of the domain that the
/// thread used last.
struct Latest {
    tag: Cell<u64>,
    known: Cell<Option<Known>>,
}

impl Latest {
    const fn none() -> Self {
        Self { tag: Cell::new(0), known: Cell::new(None) }
    }

    #[inline(always)]
    fn of(&self, tag: u64) -> Option<Known> {
        if self.tag.get() != tag {
            return None;
        }
        self.known.get().filter(|known| process::is_fork_epoch(known.epoch))
    }
}

thread_local! {
    // No destructor: guards that other thread-locals drop still find their slot.
    static LATEST_ON_HEAP: Latest = const { Latest::none() };
    static LATEST_NAMED: Latest = const { Latest::none() };
    static SLOTS: [Cell<Option<Me>>; REMEMBERED] = const { [const { Cell::new(None) }; REMEMBERED] };
    static LIST: Cell<Option<(u64, RobustList)>> = const { Cell::new(None) };
}

/// The slot that this thread has in `domain`, if it has one since the last fork.
pub(super) fn remembered(domain: &'static Domain) -> Option<Me> {
    find(|me| ptr::eq(me.domain, domain))
}

/// This thread as it holds something in some domain: then others may wait for it.
pub(crate) fn entangled() -> Option<Me> {
    find(|me| me.slot.holds.read().next().is_some())
}

/// The id and slot under which this thread takes the object that begins with `head`, if it is known at once.
#[inline(always)]
pub(super) fn latest(head: &Head) -> Option<Known> {
    // Two places of their own, not two of an array: what is loaded does not wait for the tag.
    match head.tag() {
        // An object on the heap has no key before somebody has taken it the long way.
        0 if head.key() == 0 => None,
        0 => LATEST_ON_HEAP.with(|place| place.of(0)),
        tag => LATEST_NAMED.with(|place| place.of(tag)),
    }
}

/// The slot that this thread uses for objects of the tag `tag`, if it has one since the last fork.
pub(super) fn remembered_for(tag: u64) -> Option<Me> {
    let me = find(|me| me.tag == tag)?;
    make_latest(me);
    Some(me)
}

fn make_latest(me: Me) {
    // Whose locks are noted in their order always goes the long way, where that is done.
    if me.domain.notes_lock_order() {
        return;
    }
    let set = |place: &Latest| {
        place.tag.set(me.tag);
        place.known.set(Some(me.known()));
    };
    if me.tag == 0 { LATEST_ON_HEAP.with(set) } else { LATEST_NAMED.with(set) }
}

/// Makes this thread go the long way once more.
pub(super) fn forget_latest() {
    LATEST_ON_HEAP.with(|place| place.known.set(None));
    LATEST_NAMED.with(|place| place.known.set(None));
}

fn find(is_it: impl Fn(&Me) -> bool) -> Option<Me> {
    SLOTS.with(|slots| slots.iter().find_map(|entry| entry.get().filter(|me| is_it(me) && me.is_ours())))
}

/// Remembers a slot of this thread; forgets the one that was remembered first.
pub(super) fn remember(me: Me) {
    SLOTS.with(|slots| {
        for pair in slots.windows(2).rev() {
            pair[1].set(pair[0].get());
        }
        slots[0].set(Some(me));
    });
    make_latest(me);
}

/// This thread's robust list.
pub(super) fn robust_list() -> std::io::Result<RobustList> {
    let epoch = process::fork_epoch();
    match LIST.get() {
        Some((known, list)) if known == epoch => Ok(list),
        _ => {
            let list = RobustList::of_this_thread()?;
            LIST.set(Some((epoch, list)));
            Ok(list)
        }
    }
}
