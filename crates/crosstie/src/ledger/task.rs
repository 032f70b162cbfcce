//! [`Task`]: a task of a runtime as a participant. It waits in a slot of its own, which the process's keeper keeps alive and listens for;
//! what it takes belongs to the process.
//!
//! A slot has one wait record, and a process any number of tasks that wait. So each that has to queue borrows a slot of the process's
//! for that long; the keeper takes more when none is left. It dies with the process, and is alive while nobody waits in it.

use std::future::{Future, poll_fn};
use std::sync::mpsc::{self, SyncSender};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use crosstie_core::wait::{Check, Neighbours, NotedVisitor, Seen, Slept, Wait, Wake};
use crosstie_core::word::slot::Slot;
use crosstie_core::word::waiting::{UNTIL_DROPPED, Want};
use crosstie_core::{Deadline, OwnerId};

use super::keeper::Attended;
use super::queue::Part;
use super::{Deadlock, Domain};
use crate::error::{Error, ErrorKind, Result};
use crate::os::{membarrier, process};

/// The slots in which a process's tasks wait.
#[derive(Debug, Default)]
pub(super) struct Tasks {
    book: Mutex<Book>,
}

#[derive(Debug, Default)]
struct Book {
    /// Those in which nobody waits.
    free: Vec<OwnerId>,
    /// Every id that dies with the process: its own, and those of the slots.
    kept: Vec<OwnerId>,
    /// Who waits for a slot.
    asked: Vec<SyncSender<Result<OwnerId>>>,
}

impl Tasks {
    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The keeper keeps `id` alive.
    pub(super) fn keep_as(&self, id: OwnerId) {
        self.book().kept.push(id);
    }

    /// Whether `id` dies with this process and not before.
    pub(super) fn are_kept_as(&self, id: OwnerId) -> bool {
        self.book().kept.contains(&id)
    }

    /// What the keeper does for those who asked: `attach` takes a slot.
    pub(super) fn serve(&self, attach: impl Fn() -> Result<OwnerId>) {
        let asked = std::mem::take(&mut self.book().asked);
        for tell in asked {
            let attached = attach();
            if let Ok(id) = attached {
                self.keep_as(id);
            }
            // Who asked waits for it, or has panicked.
            let _ = tell.send(attached);
        }
    }
}

/// One who waits and is no thread.
#[derive(Debug)]
pub(crate) struct Task {
    part: Part,
    epoch: u64,
}

impl Domain {
    /// A task of this process's, in a slot of its own until it is dropped.
    ///
    /// # Errors
    /// `NoSpace` when every slot is taken by the living, or this process has its share: 1,024.
    pub(crate) fn task(&'static self) -> Result<Task> {
        self.process_owner()?;
        let local = self.local()?;
        let free = local.tasks.book().free.pop();
        let id = match free {
            Some(id) => id,
            None => {
                let (tell, told) = mpsc::sync_channel(1);
                local.tasks.book().asked.push(tell);
                self.rouse_keeper(local);
                let failed = |_| Error::new("wait in domain", self.name(), ErrorKind::Failed);
                told.recv().map_err(failed)??
            }
        };
        // invariant: the keeper has this slot for the life of the process.
        let slot = self.slot(id.slot()).expect("a slot that was claimed is in use");
        Ok(Task { part: Part { id, domain: self, slot }, epoch: process::fork_epoch() })
    }
}

impl Task {
    fn slot(&self) -> &'static Slot {
        self.part.slot
    }

    /// One poll of a sleep: `attended` is the entry that its first one made.
    fn poll_sleep(
        &self,
        attended: &mut Option<Attended>,
        (seen, watch, deadline): (&Seen<'_>, &[OwnerId], Deadline),
        context: &mut Context<'_>,
    ) -> Poll<Slept> {
        if let Some(entry) = attended {
            return if entry.goes_on(context.waker()) { Poll::Pending } else { Poll::Ready(Slept::Awake) };
        }
        match self.part.domain.attend(self.slot(), seen, watch, deadline, context.waker()) {
            Ok(Some(entry)) => {
                *attended = Some(entry);
                Poll::Pending
            }
            Ok(None) => Poll::Ready(Slept::Awake),
            // This process has no part in the domain any more.
            Err(_) => Poll::Ready(Slept::DomainRemoved),
        }
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        if self.is_present()
            && let Ok(local) = self.part.domain.local()
        {
            local.tasks.book().free.push(self.part.id);
        }
    }
}

impl Wake for Task {
    fn now_ns(&self) -> u64 {
        self.part.domain.now_ns()
    }

    fn is_alive(&self, id: OwnerId) -> bool {
        self.part.domain.is_alive(id)
    }

    fn first(&self, key: u64) -> Option<OwnerId> {
        self.part.domain.first(key)
    }

    fn first_of_phase(&self, key: u64, phase: u64) -> Option<OwnerId> {
        self.part.domain.first_of_phase(key, phase)
    }

    fn each(&self, key: u64, visit: &mut dyn FnMut(OwnerId)) {
        self.part.domain.each(key, visit);
    }

    fn each_noted(&self, key: u64, visit: &mut NotedVisitor<'_>) {
        self.part.domain.each_noted(key, visit);
    }

    fn waits_for(&self, id: OwnerId, key: u64) -> bool {
        self.part.domain.waits_for(id, key)
    }

    fn nudge(&self, id: OwnerId) {
        self.part.domain.nudge(id);
    }
}

impl Wait for Task {
    type Cycle = Deadlock;

    fn me(&self) -> OwnerId {
        self.part.id
    }

    /// Who has the object may be a task of the same thread.
    fn spins(&self) -> u32 {
        0
    }

    fn fence_all(&self) -> bool {
        membarrier::global_expedited()
    }

    fn next_place(&self) -> u64 {
        self.part.next_place()
    }

    /// It may be dropped at any time, so nobody's wait for it is without end.
    fn enter(&self, want: &Want) {
        let deadline_ns = want.deadline_ns.min(UNTIL_DROPPED);
        self.part.enter(&Want { deadline_ns, ..*want });
    }

    fn leave(&self) {
        self.part.leave();
    }

    fn carry(&self, key: u64, place: u64) {
        self.part.carry(key, place);
    }

    fn put_down(&self) {
        self.part.put_down();
    }

    fn neighbours(&self, key: u64, queue: u64) -> Neighbours {
        self.part.neighbours(key, queue)
    }

    fn wake_word(&self) -> u32 {
        self.part.wake_word()
    }

    fn changers(&self, key: u64, visit: &mut dyn FnMut(OwnerId)) {
        self.part.changers(key, visit);
    }

    fn sleep(&self, seen: &Seen<'_>, watch: &[OwnerId], deadline: Deadline) -> impl Future<Output = Slept> {
        let mut attended = None;
        poll_fn(move |context| self.poll_sleep(&mut attended, (seen, watch, deadline), context))
    }

    fn is_present(&self) -> bool {
        process::is_fork_epoch(self.epoch)
    }

    /// Looks that nobody asked for would keep a runtime awake.
    fn guards(&self) -> bool {
        false
    }

    /// What it waits for could be given up by any thread of its process, and so could the wait: never a proof.
    fn deadlock(&self) -> Check<Deadlock> {
        Check::None
    }
}
