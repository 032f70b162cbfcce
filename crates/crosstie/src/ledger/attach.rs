//! Taking a slot: one for a thread, one for the process, one for each command that a thread runs.
//!
//! Nobody gives a slot back. The kernel marks it when its thread ends; whoever looks for a slot
//! next may take it over.

use std::sync::mpsc;

use crosstie_core::layout::ledger::SLOTS;
use crosstie_core::word::head::Head;
use crosstie_core::word::slot::{Life, Occupant, Slot};
use crosstie_core::{OwnerId, crash_point};

use super::identity::TASK;
pub(crate) use super::local::Known;
use super::local::{self, Local, Me};
use super::{Domain, OwnerKind};
use crate::error::{Error, ErrorKind, Result};
use crate::os::robust_list::RobustList;
use crate::os::{clock, process};

/// The most slots that one process has at once.
pub const PROCESS_SLOTS_MAX: u32 = 1024;

/// Slots whose space is taken together: one page of 4 KiB.
const BACKED_TOGETHER: u32 = 4;

/// How often the search starts anew because others took what it had found.
const SEARCHES_MAX: u32 = 64;

/// The id and slot under which the calling thread takes the object that begins with `head`, if it is known
/// at once; else ask [`me`].
#[inline(always)]
pub(crate) fn latest(head: &Head) -> Option<Known> {
    local::latest(head)
}

/// The calling thread as it takes part where objects of the tag `tag` are.
///
/// # Errors
/// As [`Domain::thread_owner`]; `Corrupt` when this process has opened no domain of that tag.
#[cold]
pub(crate) fn me(tag: u64) -> Result<Me> {
    if let Some(me) = local::remembered_for(tag) {
        return Ok(me);
    }
    let me = Domain::for_tag(tag)?.me()?.for_tag(tag);
    if tag == 0 {
        local::remember(me);
    }
    Ok(me)
}

impl Domain {
    /// The calling thread, as an owner in this domain; it takes a slot with the first call.
    ///
    /// For what must end with the thread; what may move to another thread belongs to
    /// [`Domain::process_owner`].
    ///
    /// # Errors
    /// `NoSpace` when every slot is taken by the living, or this process has its share;
    /// `Unsupported` where the C library's robust lists are laid out otherwise; `Closed` when the
    /// domain was removed.
    ///
    /// # Cost
    /// No system call but the first time.
    pub fn thread_owner(&'static self) -> Result<OwnerId> {
        match local::remembered(self) {
            Some(me) => Ok(me.id),
            None => Ok(self.attach_thread()?.id),
        }
    }

    /// The calling thread as it takes part in this domain; it takes a slot with the first call.
    ///
    /// # Errors
    /// As [`Domain::thread_owner`].
    pub fn me(&'static self) -> Result<Me> {
        match local::remembered(self) {
            Some(me) => Ok(me),
            None => self.attach_thread(),
        }
    }

    /// As [`Domain::me`], for what can be done without: `None` where this process's slots are short, which locks need more.
    pub(crate) fn me_if_there_is_room(&'static self) -> Option<Me> {
        let known = local::remembered(self);
        let has_room = || self.local().is_ok_and(|local| local.claimed() < PROCESS_SLOTS_MAX / 2);
        known.or_else(|| has_room().then(|| self.attach_thread().ok()).flatten())
    }

    /// The calling process, as an owner in this domain.
    ///
    /// The first call starts a thread that keeps the slot and does nothing else for ever, because
    /// the kernel marks the end of threads, not of processes (HAZARDS H5).
    ///
    /// # Errors
    /// As [`Domain::thread_owner`]; when no thread can be started.
    pub fn process_owner(&'static self) -> Result<OwnerId> {
        let local = self.local()?;
        let mut keeper = local.keeper.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(id) = *keeper
            && self.is_alive(id)
        {
            return Ok(id);
        }
        let id = self.start_keeper()?;
        *keeper = Some(id);
        Ok(id)
    }

    /// The calling process's slot, whose hold table its threads share.
    pub(crate) fn process_known(&'static self) -> Result<Known> {
        let id = self.process_owner()?;
        // invariant: process_owner has just found this slot alive.
        let slot = self.slot(id.slot()).expect("a slot that was claimed is in use");
        Ok(Known { id, slot, epoch: process::fork_epoch() })
    }

    /// The domain of the objects that carry `tag`; 0 is the heap's.
    ///
    /// # Errors
    /// `Corrupt` when this process has opened no such domain: somebody wrote over the object.
    pub(crate) fn for_tag(tag: u64) -> Result<&'static Self> {
        if tag == 0 {
            return Self::open_default();
        }
        Self::of_tag(tag).ok_or_else(|| {
            Error::new("enter domain", format!("{tag:016x}"), ErrorKind::Corrupt)
                .because("this process has opened no domain of that tag, by which the object says where it belongs")
                .advise("somebody wrote over the object: remove it with `crosstie rm`")
        })
    }

    #[cold]
    fn attach_thread(&'static self) -> Result<Me> {
        let id = self.attach(OwnerKind::Thread)?;
        // invariant: attach has just taken this slot.
        let slot = self.slot(id.slot()).expect("a slot that was claimed is in use");
        let me = Me::new(self, id, slot);
        local::remember(me);
        Ok(me)
    }

    fn start_keeper(&'static self) -> Result<OwnerId> {
        let (tell, told) = mpsc::sync_channel(1);
        let run = move || {
            let attached = self.attach(OwnerKind::Process);
            let keeps = attached.as_ref().ok().copied();
            // The starter waits for it below, or has panicked.
            let _ = tell.send(attached);
            if let Some(id) = keeps {
                self.listen_for_ever(id);
            }
        };
        let failed =
            |error| Error::os("start the thread that keeps the process's slot in", self.name(), error);
        // Kept for the life of the process: nobody joins it.
        drop(process::spawn_without_signals("crosstie", run).map_err(failed)?);
        told.recv().map_err(|_| failed(std::io::ErrorKind::BrokenPipe.into()))?
    }

    fn attach(&'static self, kind: OwnerKind) -> Result<OwnerId> {
        self.take_slot(kind.to_bits(), |me| self.command_of(kind, me.command))
    }

    /// One more slot of the calling thread, which keeps the process's: for a task of the process to wait in.
    pub(super) fn attach_task(&'static self) -> Result<OwnerId> {
        self.take_slot(TASK, |me| self.command_of(OwnerKind::Process, me.command))
    }

    /// One more slot of the calling thread, for a command of this name.
    pub(super) fn attach_command(&'static self, name: [u8; 16]) -> Result<OwnerId> {
        self.take_slot(OwnerKind::Command.to_bits(), |_| name)
    }

    fn take_slot(&'static self, kind: u32, name_of: impl FnOnce(&Occupant) -> [u8; 16]) -> Result<OwnerId> {
        let failed = |error| Error::os("enter domain", self.name(), error);
        let local = self.local()?;
        let list = local::robust_list().map_err(|error| {
            failed(error).advise("crosstie needs glibc's robust mutexes and get_robust_list(2)")
        })?;
        let task = process::this_task().map_err(|error| failed(error).advise("mount /proc"))?;
        let mut me = Occupant {
            pid: process::pid(),
            tid: process::tid(),
            start_ticks: task.start_ticks,
            namespaces: local.namespaces,
            process: local.process,
            uid: process::effective_uid(),
            kind,
            attached_ns: clock::now_ns(),
            command: task.command,
            child_pid: 0,
            child_witness: 0,
            child_start_ticks: 0,
        };
        me.command = name_of(&me);
        for _ in 0..SEARCHES_MAX {
            // A thread may run many commands, and keep slots for many tasks.
            let is_one_of_many = kind == OwnerKind::Command.to_bits() || kind == TASK;
            let found = if is_one_of_many { None } else { self.find_again(local, &me) };
            if let Some(id) = found {
                return Ok(id);
            }
            self.check_share(local, &me)?;
            if let Some(id) = self.claim_any(local, list, &me)? {
                local.set_claimed(local.claimed().saturating_add(1));
                return Ok(id);
            }
        }
        Err(self.full(local))
    }

    /// A process is named after its first thread.
    fn command_of(&self, kind: OwnerKind, own: [u8; 16]) -> [u8; 16] {
        match kind {
            OwnerKind::Thread | OwnerKind::Command => own,
            OwnerKind::Process => {
                process::task(process::pid(), process::pid()).map_or(own, |first| first.command)
            }
        }
    }

    /// The living slot that another copy of this library took for the same thread (H6).
    fn find_again(&'static self, local: &Local, me: &Occupant) -> Option<OwnerId> {
        self.slots().find_map(|(number, slot)| {
            let life = slot.life().read();
            // A process is found by its keeper, of whatever thread id.
            let may_be = life.is_alive() && (me.kind != OwnerKind::Thread.to_bits() || life.tid() == me.tid);
            let occupant = may_be.then(|| slot.occupant_of(life.generation())).flatten()?;
            let same_thread = (occupant.tid, occupant.start_ticks) == (me.tid, me.start_ticks);
            let same_process =
                (occupant.pid, occupant.namespaces, occupant.kind) == (me.pid, me.namespaces, me.kind);
            let is_process = me.kind == OwnerKind::Process.to_bits();
            if !same_process || !(same_thread || is_process) {
                return None;
            }
            let id = OwnerId::new(number, u64::from(life.generation()));
            // The program before an exec had the same numbers; its descriptor is closed (H1).
            let lives = occupant.process == local.process || self.confirm_alive(id);
            lives.then_some(id)
        })
    }

    /// Claims the first slot that is free, or else brings one more into use.
    fn claim_any(&'static self, local: &Local, list: RobustList, me: &Occupant) -> Result<Option<OwnerId>> {
        for (number, slot) in self.slots() {
            let found = slot.life().read();
            if found.is_alive() {
                continue;
            }
            if let Some(life) = self.claim(local, list, (number, slot), me)? {
                return Ok(Some(OwnerId::new(number, u64::from(life.generation()))));
            }
        }
        let backed = self.words().slots_backed();
        if backed < SLOTS {
            self.back_slots(backed + BACKED_TOGETHER)?;
        } else if !self.bury_all_dead() {
            return Err(self.full(local));
        }
        Ok(None)
    }

    /// Claims one slot. A kill at any step leaves it as it was, or marked dead by the kernel.
    fn claim(
        &'static self,
        local: &Local,
        list: RobustList,
        (number, slot): (u32, &'static Slot),
        me: &Occupant,
    ) -> Result<Option<Life>> {
        // A thread of another PID namespace may have our TID: two claimers of one slot would let the
        // kernel take the loser's death for the winner's.
        let Some(alone) = local.lock_claim(number)? else { return Ok(None) };
        let word = &slot.robust;
        let announcement = list.announce(word);
        crash_point!("attach.announced");
        let found = word.life.read();
        // A command that its starter left behind lives on; once it has ended, it has for ever.
        if self.is_orphaned_command(OwnerId::new(number, u64::from(found.generation()))) {
            return Ok(None);
        }
        let Some(life) = word.life.try_claim(found, me.tid) else { return Ok(None) };
        crash_point!("attach.claimed");
        list.link(word);
        drop(announcement);
        crash_point!("attach.linked");
        drop(alone);
        let life = self.wake_former_watchers(slot, life);
        if let Some((generation, former)) = slot.former() {
            self.words().bury(OwnerId::new(number, u64::from(generation)), &former, clock::now_ns());
        }
        slot.waiting.clear();
        slot.carries.put_down();
        slot.set_keeper(None);
        slot.holds.clear();
        slot.changes.clear();
        self.words().set_waiting(number, false);
        self.words().set_changing(number, false);
        slot.publish(life.generation(), me);
        crash_point!("attach.published");
        // What the kernel will walk begins with our word, or no death would ever be told.
        match list.begins_with(word) {
            Ok(true) => Ok(Some(life)),
            Ok(false) => Err(Error::new("enter domain", self.name(), ErrorKind::Unsupported)
                .because("this thread's robust list is not the one that the kernel has")),
            Err(error) => Err(Error::os("enter domain", self.name(), error)),
        }
    }

    /// Those who slept on the former occupant, which the kernel's single wake did not reach.
    fn wake_former_watchers(&'static self, slot: &'static Slot, life: Life) -> Life {
        if !life.has_waiters() {
            return life;
        }
        self.wake_watchers(slot);
        let life = slot.life().forget_waiters(life);
        // One that looked before the flag was dropped, and slept after the first wake.
        self.wake_watchers(slot);
        life
    }

    /// Takes the space of the first `count` slots, so that touching them never raises SIGBUS.
    fn back_slots(&'static self, count: u32) -> Result<()> {
        let count = count.min(SLOTS);
        self.reserve_slots(count)?;
        self.words().raise_slots_backed(count);
        Ok(())
    }

    fn check_share(&'static self, local: &Local, me: &Occupant) -> Result<()> {
        if local.claimed() < PROCESS_SLOTS_MAX {
            return Ok(());
        }
        let is_ours = |(_, slot): &(u32, &'static Slot)| {
            let life = slot.life().read();
            let occupant = life.is_alive().then(|| slot.occupant_of(life.generation())).flatten();
            occupant.is_some_and(|it| (it.pid, it.namespaces) == (me.pid, me.namespaces))
        };
        let living = self.slots().filter(is_ours).count();
        local.set_claimed(u32::try_from(living).unwrap_or(u32::MAX));
        if local.claimed() < PROCESS_SLOTS_MAX { Ok(()) } else { Err(self.full(local)) }
    }

    /// Marks all whose deaths the kernel did not tell; answers whether there were any.
    fn bury_all_dead(&'static self) -> bool {
        let owners = self.owners();
        owners.iter().filter(|owner| !self.confirm_alive(owner.id)).count() > 0
    }

    #[cold]
    fn full(&'static self, local: &Local) -> Error {
        let is_taken = |(number, slot): &(u32, &'static Slot)| {
            self.is_alive(OwnerId::new(*number, u64::from(slot.life().read().generation())))
        };
        let taken = self.slots().filter(is_taken).count();
        Error::new("enter domain", self.name(), ErrorKind::NoSpace)
            .because(format!(
                "{taken} of its {SLOTS} places are taken by living threads, processes and commands, this process has {} of \
                 at most {PROCESS_SLOTS_MAX}",
                local.claimed()
            ))
            .advise("end threads that used it, or give this work a domain of its own ($CROSSTIE_DOMAIN)")
    }
}
