//! [`CommandOwner`]: what a command owns as long as its program runs, whatever becomes of who
//! started it.
//!
//! A thread that is to run a program takes a slot for it beside its own, takes what the program is to
//! hold in that slot's name, and starts the program through [`CommandOwner::start`]: the child is
//! described in the slot before it runs anything. From then on the slot lives while the thread lives
//! *or* that child does (HAZARDS H14). A descriptor that the program inherits or closes, and what it
//! starts itself, change nothing.
//!
//! | the starter | the child | the slot |
//! |---|---|---|
//! | lives | not started, runs, or has ended | lives: the starter gives back what the command had |
//! | dead | never described | dead: the child runs nothing and ends |
//! | dead | runs | lives, an *orphan*: nothing wakes who waits for it, so they look every 50 ms |
//! | dead | has ended (a zombie too) | dead, for ever |
//!
//! Whether an orphan runs is seen by its pid and start time, where these hold. Elsewhere, in another
//! PID namespace such as another container's, a byte tells that the child keeps locked in the file
//! `command.SLOT` of the domain. It is a lock of that process itself, which exec keeps and no child of
//! it inherits. Its limit: a child that closes the descriptors it was born with (sudo does) unlocks
//! it, so if besides its starter alone is killed, *other* namespaces take the command for ended while
//! it runs. What must not bear even that checks the token, as for any holder that is late.

use std::cell::{Cell, RefCell};
use std::ffi::OsStr;
use std::io;
use std::marker::PhantomData;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use crosstie_core::OwnerId;
use crosstie_core::word::slot::{Occupant, Slot};
use crosstie_core::word::waiting::{Mode, NOTE_WORDS, Want};

use super::behind::{HOLDER_VARIABLE, Surety, may_be_behind};
use super::{Domain, Holder, OwnerKind};
use crate::error::Result;
use crate::os::held_spawn::{ChildRecord, HeldChild, HeldCommand, NotStarted, Witness};
use crate::os::{clock, directory, file_lock, memory, process};

/// Witnesses' descriptors get numbers from here on: scripts use the small ones themselves.
const WITNESS_NUMBER_MIN: i32 = 64;

thread_local! {
    /// Slots of this thread for commands, whose owners were dropped.
    static UNUSED: RefCell<Vec<Place>> = const { RefCell::new(Vec::new()) };
}

/// A slot that this thread claimed for commands.
#[derive(Clone, Copy)]
struct Place {
    domain: &'static Domain,
    id: OwnerId,
    epoch: u64,
}

/// A command, as an owner: before it runs, while it runs, and until this is dropped.
///
/// # Death
/// Of the calling thread's process: what the command owns stays owned until its program ends. Of the
/// program: its starter learns it from [`HeldChild::wait`] and gives back what the command had; if the
/// starter is dead too, whoever waits finds it abandoned within 50 ms.
///
/// # Examples
/// ```
/// use crosstie::ledger::{Domain, OwnerKind};
/// use crosstie::os::held_spawn::HeldCommand;
/// let directory = tempfile::tempdir().unwrap();
/// let domain = Domain::open(directory.path().join("domain"))?;
/// let owner = domain.command_owner("true")?;
/// let mut child = owner.start(&HeldCommand::new("true")).unwrap();
/// let who = domain.identity(owner.id()).unwrap();
/// assert_eq!((who.kind, who.pid, who.command.as_str()), (OwnerKind::Command, child.pid(), "true"));
/// assert!(child.wait().unwrap().success());
/// # Ok::<(), crosstie::Error>(())
/// ```
#[derive(Debug)]
pub struct CommandOwner {
    domain: &'static Domain,
    id: OwnerId,
    slot: &'static Slot,
    epoch: u64,
    /// The child that the slot describes.
    child: Cell<Option<ChildRecord>>,
    /// The kernel marks the slot when this thread ends.
    not_send: PhantomData<*mut ()>,
}

impl Domain {
    /// A place for a command that the calling thread is about to start; `program` is what people see.
    ///
    /// Beside the thread's own: what is taken in its name belongs to the command. The thread's
    /// places are used again, under the same id, once the owner was dropped and its child has ended.
    ///
    /// # Errors
    /// As [`Domain::thread_owner`].
    pub fn command_owner(&'static self, program: impl AsRef<OsStr>) -> Result<CommandOwner> {
        let name = name_of(program.as_ref());
        if let Some(owner) = self.unused_place() {
            owner.describe(name, None);
            return Ok(owner);
        }
        let id = self.attach_command(name)?;
        // invariant: attach_command has just taken this slot.
        let slot = self.slot(id.slot()).expect("a slot that was claimed is in use");
        Ok(CommandOwner::new(self, id, slot))
    }

    /// A place that this thread has and whose last command has ended.
    fn unused_place(&'static self) -> Option<CommandOwner> {
        let epoch = process::fork_epoch();
        let is_free = |place: &Place| {
            let is_ours = place.epoch == epoch && std::ptr::eq(place.domain, self);
            is_ours && !self.has_running_child(place.id)
        };
        let place = UNUSED
            .try_with(|unused| {
                let mut unused = unused.try_borrow_mut().ok()?;
                let index = unused.iter().position(is_free)?;
                Some(unused.swap_remove(index))
            })
            .ok()??;
        Some(CommandOwner::new(self, place.id, self.slot(place.id.slot())?))
    }

    /// Whether `id` is a command whose starter is dead and which runs on: nobody will be woken by its
    /// end, so who waits for it looks again every 50 ms.
    ///
    /// # Cost
    /// A load for who lives; for an orphan some 20 µs of system calls.
    #[must_use]
    pub fn is_orphaned_command(&'static self, id: OwnerId) -> bool {
        let Some(slot) = self.slot(id.slot()) else { return false };
        let life = slot.life().read();
        let is_marked = u64::from(life.generation()) == id.generation() && !life.is_alive();
        is_marked && self.has_running_child(id)
    }

    /// Whether `id` is described as a command with a child that has not ended.
    #[cold]
    pub(super) fn has_running_child(&'static self, id: OwnerId) -> bool {
        let Ok(generation) = u32::try_from(id.generation()) else { return false };
        let occupant = self.slot(id.slot()).and_then(|slot| slot.occupant_of(generation));
        // A description that its writer's death cut off names no child: that one was not told to go on.
        occupant.is_some_and(|occupant| {
            occupant.kind == OwnerKind::Command.to_bits()
                && occupant.child_pid != 0
                && self.is_child_running(id, &occupant)
        })
    }

    /// What cannot be judged from here runs.
    fn is_child_running(&'static self, id: OwnerId, command: &Occupant) -> bool {
        let Ok(local) = self.local() else { return true };
        if command.namespaces == local.namespaces {
            return process::is_running(command.child_pid, command.child_start_ticks);
        }
        if command.child_witness == 0 {
            return true;
        }
        let file = directory::open_in(self.directory().as_fd(), &witness_name(id.slot()));
        file.and_then(|file| file_lock::is_byte_locked(file.as_fd(), id.generation())).unwrap_or(true)
    }

    /// The file in which the child of slot `number` locks a byte, at a number that is out of the way.
    fn witness_file(&self, number: u32) -> io::Result<OwnedFd> {
        let (folder, name) = (self.directory().as_fd(), witness_name(number));
        let file = match directory::open_in(folder, &name) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let made = memory::unnamed_file(folder, self.directory().file_mode())?;
                match memory::publish(made.as_fd(), folder, &name) {
                    Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
                    _ => {}
                }
                directory::open_in(folder, &name)?
            }
            other => other?,
        };
        file_lock::at_number_from(file.as_fd(), WITNESS_NUMBER_MIN)
    }
}

impl CommandOwner {
    fn new(domain: &'static Domain, id: OwnerId, slot: &'static Slot) -> Self {
        let epoch = process::fork_epoch();
        Self { domain, id, slot, epoch, child: Cell::new(None), not_send: PhantomData }
    }

    /// The id under which the command owns things.
    #[must_use]
    pub fn id(&self) -> OwnerId {
        self.id
    }

    /// In which domain.
    #[must_use]
    pub fn domain(&self) -> &'static Domain {
        self.domain
    }

    /// What the command's environment says of it: [`CommandOwner::start`] sets it.
    #[must_use]
    pub fn holder(&self) -> Holder {
        Holder::new(self.domain.tag(), self.id)
    }

    /// Where what the command holds is noted.
    #[must_use]
    pub(crate) fn slot(&self) -> &'static Slot {
        self.slot
    }

    /// Starts the command's program, described in the slot before it runs anything, with
    /// `CROSSTIE_HOLDER` in its environment.
    ///
    /// # Errors
    /// [`NotStarted`]: the program cannot be executed, or no process could be made; then the command
    /// is as it was before. `Preparation` too for a second program while the first one runs, and in a
    /// fork child of who made this.
    ///
    /// # Death
    /// If the calling thread dies before the child is described, the child runs nothing.
    ///
    /// # Cost
    /// A child that copies no memory, an exec, and about 110 system calls, most of them for what becomes of signals.
    pub fn start(&self, command: &HeldCommand) -> Result<HeldChild, NotStarted> {
        if !process::is_fork_epoch(self.epoch) || self.child_runs() {
            return Err(NotStarted::Preparation(io::ErrorKind::ResourceBusy.into()));
        }
        let command = command.clone().env(HOLDER_VARIABLE, self.holder().to_string());
        let name = name_of(command.program());
        let file = self.domain.witness_file(self.id.slot()).ok();
        let witness = file.as_ref().map(|file| Witness { file: file.as_fd(), offset: self.id.generation() });
        let has_witness = u32::from(witness.is_some());
        let started = command.start(witness, |child| {
            self.nest();
            self.describe(name, Some((child, has_witness)));
            Ok(())
        });
        if started.is_err() {
            self.slot.waiting.withdraw();
            self.describe(name, None);
        }
        started
    }

    fn child_runs(&self) -> bool {
        self.child.get().is_some_and(|child| process::is_running(child.pid, child.start_ticks))
    }

    /// Notes that this command's starter can do nothing before its child has ended, or before it has what the
    /// child is to hold, and under which command it runs itself.
    pub(crate) fn nest(&self) {
        let behind = may_be_behind().then(|| self.domain.behind_me()).flatten();
        let sure = behind.filter(|behind| behind.surety != Surety::Unsure).map(|behind| behind.owner);
        // Named where it is not sure yet, for who looks later.
        let mut note = [0; NOTE_WORDS];
        note[0] = behind.map_or(0, |behind| behind.owner.to_bits());
        self.slot.waiting.publish(&Want {
            key: 0,
            mode: Mode::Nested,
            need: 0,
            total: 0,
            queue: 0,
            since_ns: clock::now_ns(),
            deadline_ns: u64::MAX,
            behind: sure,
            site: 0,
            note,
        });
    }

    /// Describes the slot anew. A kill in the middle leaves it without a description: no child.
    fn describe(&self, name: [u8; 16], child: Option<(ChildRecord, u32)>) {
        // invariant: a slot's generation has 32 bits; the id was made from it.
        let generation = u32::try_from(self.id.generation()).expect("a slot's generation");
        let Some(occupant) = self.slot.occupant_of(generation) else { return };
        let (record, witness) = child.unwrap_or((ChildRecord { pid: 0, start_ticks: 0 }, 0));
        self.slot.publish(
            generation,
            &Occupant {
                command: name,
                child_pid: record.pid,
                child_witness: witness,
                child_start_ticks: record.start_ticks,
                ..occupant
            },
        );
        self.child.set(child.map(|(record, _)| record));
    }
}

impl Drop for CommandOwner {
    fn drop(&mut self) {
        if !process::is_fork_epoch(self.epoch) {
            return;
        }
        if !self.child_runs() {
            self.slot.waiting.withdraw();
        }
        let place = Place { domain: self.domain, id: self.id, epoch: self.epoch };
        // While the thread ends there is no next command.
        let _ = UNUSED.try_with(|unused| unused.try_borrow_mut().map(|mut unused| unused.push(place)));
    }
}

fn witness_name(slot: u32) -> String {
    format!("command.{slot}")
}

/// The last part of a program's path, cut off as the kernel does it.
fn name_of(program: &OsStr) -> [u8; 16] {
    let mut name = [0; 16];
    let last = Path::new(program).file_name().unwrap_or(program);
    for (to, from) in name[..15].iter_mut().zip(last.as_bytes()) {
        *to = *from;
    }
    name
}
