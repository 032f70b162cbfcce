//! Alive or dead: the life word, and a second witness for deaths that the kernel did not tell.
//!
//! The kernel's mark can be missing (HAZARDS H1): a thread that is not the first of its process and
//! execs, a peer that overwrote a list pointer, a robust mutex that was unmapped while locked. Then:
//!
//! | witness | proves death when | limits |
//! |---|---|---|
//! | the thread | in our PID namespace there is no such thread, or only a zombie, or one of another start time | one namespace |
//! | the process | nobody has its byte of the ledger's file locked | a fork child keeps it locked; who closes descriptors that are not theirs frees it |
//!
//! In one namespace a free byte counts only if the process has the ledger no longer mapped, because
//! a daemon that closed all its descriptors still lives.

use std::io::ErrorKind;
use std::os::fd::OwnedFd;

use crosstie_core::OwnerId;
use crosstie_core::wait::Wake;
use crosstie_core::word::slot::{Occupant, Slot};
use crosstie_core::word::waiting::{Mode, look_for_waiters};

use super::Domain;
use super::local;
use crate::os::{directory, futex, process};

/// How the end of an owner's process shows to who waits for descriptors.
#[derive(Debug)]
pub(crate) enum ProcessEnd {
    /// This descriptor polls readable then.
    Polls(OwnedFd),
    /// The owner is dead already.
    Past,
    /// This process has no number for that one: it lives in another PID namespace, or is a command's.
    Unseen,
}

impl Domain {
    /// How the end of the process of `id` shows to who waits for descriptors, which no life word wakes (HAZARDS H18).
    pub(crate) fn process_end(&'static self, id: OwnerId) -> ProcessEnd {
        let Some(slot) = self.slot(id.slot()) else { return ProcessEnd::Past };
        let life = slot.life().read();
        if !life.is_life_of(id) {
            return if self.is_alive(id) { ProcessEnd::Unseen } else { ProcessEnd::Past };
        }
        let (Some(occupant), Ok(local)) = (slot.occupant_of(life.generation()), self.local()) else {
            return ProcessEnd::Unseen;
        };
        if occupant.namespaces != local.namespaces {
            return ProcessEnd::Unseen;
        }
        match process::pidfd_open(occupant.pid) {
            // Alive behind the call: the number was that process's all the time.
            Ok(fd) if self.is_alive(id) => ProcessEnd::Polls(fd),
            Ok(_) => ProcessEnd::Past,
            Err(error) if error.kind() == ErrorKind::NotFound && !self.confirm_alive(id) => ProcessEnd::Past,
            Err(_) => ProcessEnd::Unseen,
        }
    }

    /// Whether `id` lives, as far as its life word says: one load. A command whose starter is dead
    /// lives as long as its program runs ([`Domain::is_orphaned_command`]).
    ///
    /// True may be outdated at once. False never changes again.
    #[inline]
    #[must_use]
    pub fn is_alive(&'static self, id: OwnerId) -> bool {
        let Some(slot) = self.slot(id.slot()) else { return false };
        let life = slot.life().read();
        life.is_life_of(id) || (u64::from(life.generation()) == id.generation() && self.has_running_child(id))
    }

    /// Whether `id` lives, after asking the second witness too; a death that only it knows is told to
    /// everyone.
    ///
    /// # Cost
    /// System calls, about 20 µs: for the net behind sleeps and for `doctor`, not for every lock.
    #[must_use]
    pub fn confirm_alive(&'static self, id: OwnerId) -> bool {
        let Some(slot) = self.slot(id.slot()) else { return false };
        let life = slot.life().read();
        if !life.is_life_of(id) {
            return self.is_orphaned_command(id);
        }
        // Not described yet: it is attaching, and the kernel knows it.
        let Some(occupant) = slot.occupant_of(life.generation()) else { return true };
        if !self.witnesses_say_dead(&occupant) {
            return true;
        }
        // If we are killed between the mark and the wake, the kernel wakes one watcher for us.
        let announced = local::robust_list().map(|list| list.announce_bell(&self.words().bell));
        slot.life().bury(life);
        self.wake_watchers(slot);
        drop(announced);
        self.is_orphaned_command(id)
    }

    /// Wakes everybody who sleeps until the slot's occupant dies: the kernel wakes only one.
    pub(super) fn wake_watchers(&'static self, slot: &'static Slot) {
        futex::wake_low_half(slot.life().as_atomic(), u32::MAX);
    }

    /// Does what whoever died with the bell announced may have left undone (`core::word::slot`, "Wake-ups"): wakes
    /// the watchers of everyone who is dead, and all who wait for something that has no owner to watch.
    pub(super) fn hear_bell(&'static self) {
        for (_, slot) in self.slots() {
            let life = slot.life().read();
            if !life.is_alive() && life.has_waiters() {
                self.wake_watchers(slot);
            }
        }
        // Whoever found the dead alive had published its wait before.
        look_for_waiters();
        for (id, _, seen) in self.waits() {
            if matches!(seen.want.mode, Mode::Signal | Mode::Arrival | Mode::Any) {
                Wake::nudge(&self, id);
            }
        }
    }

    fn witnesses_say_dead(&'static self, occupant: &Occupant) -> bool {
        let Ok(local) = self.local() else { return false };
        let same_namespaces = occupant.namespaces == local.namespaces;
        if same_namespaces && is_thread_gone(occupant) {
            return true;
        }
        if !local.is_process_byte_free(self, occupant.process) {
            return false;
        }
        if !same_namespaces {
            return true;
        }
        let Ok(ledger) = directory::stat(self.segment().file()) else { return false };
        // Unknown counts as alive: a process that may not be looked into.
        process::has_mapped(occupant.pid, ledger.inode).is_ok_and(|has_mapped| !has_mapped)
    }
}

/// Whether the thread has ended, in the PID namespace that is ours too.
fn is_thread_gone(occupant: &Occupant) -> bool {
    let Occupant { pid, tid, start_ticks, .. } = *occupant;
    if !process::thread_exists(pid, tid) {
        return true;
    }
    // What /proc does not show counts as alive.
    process::proc_shows_us()
        && process::task(pid, tid).is_ok_and(|task| task.is_zombie || task.start_ticks != start_ticks)
}
