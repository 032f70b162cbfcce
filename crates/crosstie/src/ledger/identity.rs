//! [`Identity`]: who an owner is or was, for people and for messages.

use std::fmt;
use std::time::Duration;

use crosstie_core::OwnerId;
use crosstie_core::word::slot::Occupant;

use super::Domain;
use crate::os::{clock, process};

/// What an owner is, and so when it dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OwnerKind {
    /// A thread: dies with it.
    Thread,
    /// A process: dies with it, whichever of its threads ends.
    Process,
    /// A command: the thread that starts its program and that program, until both have ended
    /// ([`super::CommandOwner`]).
    Command,
}

impl OwnerKind {
    pub(super) const fn to_bits(self) -> u32 {
        match self {
            Self::Thread => 1,
            Self::Process => 2,
            Self::Command => 3,
        }
    }

    const fn from_bits(bits: u32) -> Self {
        match bits {
            2 | TASK => Self::Process,
            3 => Self::Command,
            _ => Self::Thread,
        }
    }
}

/// A task of a process's, in the ledger: it has a slot to wait in, and owns nothing.
pub(super) const TASK: u32 = 4;

/// Who an owner is or was. Its numbers hold in its own PID namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Identity {
    /// The id under which it owns things.
    pub id: OwnerId,
    /// What it is.
    pub kind: OwnerKind,
    /// Process id; of a command, that of its program, or before that was started that of its starter.
    pub pid: u32,
    /// Thread id; for a process, of the thread that keeps its slot; for a command's program, its pid.
    pub tid: u32,
    /// Effective user id.
    pub uid: u32,
    /// The start of thread `tid`, in clock ticks since the boot.
    pub start_ticks: u64,
    /// The command's name: at most 15 bytes, control characters replaced.
    pub command: String,
    /// When it began to take part, `CLOCK_MONOTONIC` nanoseconds.
    pub attached_ns: u64,
    /// Of a command, the process that started it, or is about to.
    pub started_by: Option<u32>,
    /// When its death was known and its slot taken over; `None` before.
    pub succeeded_ns: Option<u64>,
}

impl Identity {
    fn of(described: &Described) -> Self {
        let Described { id, occupant, succeeded_ns } = described;
        let name = occupant.command.split(|&byte| byte == 0).next().unwrap_or_default();
        let kind = OwnerKind::from_bits(occupant.kind);
        let (pid, tid, start_ticks) = if runs_program(occupant) {
            (occupant.child_pid, occupant.child_pid, occupant.child_start_ticks)
        } else {
            (occupant.pid, occupant.tid, occupant.start_ticks)
        };
        let printable = |c: char| if c.is_control() { '\u{FFFD}' } else { c };
        Self {
            id: *id,
            kind,
            pid,
            tid,
            uid: occupant.uid,
            start_ticks,
            command: String::from_utf8_lossy(name).chars().map(printable).collect(),
            attached_ns: occupant.attached_ns,
            started_by: (kind == OwnerKind::Command).then_some(occupant.pid),
            succeeded_ns: *succeeded_ns,
        }
    }

    /// Whether it is stopped (SIGSTOP, a debugger): it lives, and does not go on. False where this process
    /// cannot tell: its numbers are those of another PID or time namespace, or of somebody who came later.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        let task = process::task(self.pid, self.tid);
        task.is_ok_and(|task| task.is_stopped && task.start_ticks == self.start_ticks)
    }
}

impl Identity {
    /// Of a command, how long its program has run, and so had what it was started with.
    #[must_use]
    pub fn running_for(&self) -> Option<Duration> {
        self.started_by.filter(|&starter| starter != self.pid).map(|_| clock::since_ticks(self.start_ticks))
    }
}

/// An owner as the ledger describes it: copied at the moment that counts, put into words when somebody asks.
#[derive(Clone, Debug)]
pub(crate) struct Described {
    pub(super) id: OwnerId,
    pub(super) occupant: Occupant,
    succeeded_ns: Option<u64>,
}

/// Whether it is a command whose program has begun.
fn runs_program(occupant: &Occupant) -> bool {
    occupant.child_pid != 0 && OwnerKind::from_bits(occupant.kind) == OwnerKind::Command
}

impl Described {
    /// As [`Identity::pid`].
    pub(crate) fn pid(&self) -> u32 {
        if runs_program(&self.occupant) { self.occupant.child_pid } else { self.occupant.pid }
    }

    pub(crate) fn identity(&self) -> Identity {
        Identity::of(self)
    }
}

/// `4711 worker`, and the thread where it is not the process's first: `4711/4713 worker`.
impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { pid, tid, command, .. } = self;
        match self.kind {
            OwnerKind::Thread if pid != tid => write!(f, "{pid}/{tid} {command}"),
            _ => write!(f, "{pid} {command}"),
        }
    }
}

impl Domain {
    /// Who `id` is, or was if the domain still knows: the last 256 whose slots were taken over.
    #[must_use]
    pub fn identity(&'static self, id: OwnerId) -> Option<Identity> {
        self.describe(id).map(|described| described.identity())
    }

    /// What the ledger says now about `id`: no system call, for words that somebody may ask for later.
    pub(crate) fn describe(&'static self, id: OwnerId) -> Option<Described> {
        let generation = u32::try_from(id.generation()).ok()?;
        let present = self.slot(id.slot()).and_then(|slot| slot.occupant_of(generation));
        match present {
            Some(occupant) => Some(Described { id, occupant, succeeded_ns: None }),
            None => {
                let (occupant, at_ns) = self.words().obituary_of(id)?;
                Some(Described { id, occupant, succeeded_ns: Some(at_ns) })
            }
        }
    }

    /// Everyone who takes part now, as far as [`Domain::is_alive`] says.
    #[must_use]
    pub fn owners(&'static self) -> Vec<Identity> {
        self.slots()
            .filter_map(|(number, slot)| {
                let life = slot.life().read();
                let id = OwnerId::new(number, u64::from(life.generation()));
                self.is_alive(id).then(|| self.identity(id)).flatten()
            })
            .collect()
    }
}
