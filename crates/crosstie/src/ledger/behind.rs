//! Under which command this process runs: [`Holder`] in its environment, and how sure that is.
//!
//! `crosstie lock a -- sh job` and, in the job, `crosstie lock b -- …`: as long as the inner command
//! waits, the outer one keeps `a`. That counts for a deadlock only where the outer command's program
//! can do nothing else meanwhile (HAZARDS H14), because a deadlock is never reported on a guess.

use std::fmt;
use std::str::FromStr;
use std::sync::OnceLock;

use crosstie_core::OwnerId;
use crosstie_core::word::waiting::Mode;

use super::{Domain, OwnerKind};
use crate::os::{ancestry, process};

/// The variable that a command's environment carries.
pub const HOLDER_VARIABLE: &str = "CROSSTIE_HOLDER";

/// A command as its environment names it: the domain's tag, the slot's number and its generation.
///
/// # Examples
/// ```
/// use crosstie::ledger::Holder;
/// let holder: Holder = "00c0ffee00c0ffee:3:17".parse()?;
/// assert_eq!((holder.tag, holder.owner.slot(), holder.owner.generation()), (0x00c0_ffee_00c0_ffee, 3, 17));
/// assert_eq!(holder.to_string(), "00c0ffee00c0ffee:3:17");
/// for garbage in ["", "00c0ffee00c0ffee:3", "00c0ffee00c0ffee:3:+17", "c0ffee:3:17", "00c0ffee00c0ffee:3:17 "] {
///     assert!(garbage.parse::<Holder>().is_err(), "{garbage:?}");
/// }
/// # Ok::<(), crosstie::ledger::behind::HolderError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Holder {
    /// The domain's tag ([`Domain::tag`]): its path may be another one in another container.
    pub tag: u64,
    /// The command's id there.
    pub owner: OwnerId,
}

/// Why `CROSSTIE_HOLDER` says nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HolderError {
    text: String,
}

impl fmt::Display for HolderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.text.escape_debug();
        write!(f, "{HOLDER_VARIABLE}=\"{text}\" is ignored: it is not 16 hex digits, a number and a number")
    }
}

impl std::error::Error for HolderError {}

impl Holder {
    pub(super) fn new(tag: u64, owner: OwnerId) -> Self {
        Self { tag, owner }
    }

    /// What this process's environment says; `None` where it says nothing.
    ///
    /// # Errors
    /// [`HolderError`] for what is not of its form: ignore it, and say so to who asks.
    pub fn from_environment() -> Result<Option<Self>, HolderError> {
        let Some(text) = std::env::var_os(HOLDER_VARIABLE) else { return Ok(None) };
        match text.to_str() {
            Some("") => Ok(None),
            Some(text) => text.parse().map(Some),
            None => Err(HolderError { text: text.to_string_lossy().into_owned() }),
        }
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}:{}:{}", self.tag, self.owner.slot(), self.owner.generation())
    }
}

impl FromStr for Holder {
    type Err = HolderError;

    fn from_str(text: &str) -> Result<Self, HolderError> {
        parse(text).ok_or_else(|| HolderError { text: text.to_owned() })
    }
}

fn parse(text: &str) -> Option<Holder> {
    let mut parts = text.split(':');
    let (tag, slot, generation) = (parts.next()?, parts.next()?, parts.next()?);
    let tag = u64::from_str_radix(tag, 16).ok()?;
    let slot: u32 = slot.parse().ok()?;
    let generation: u64 = generation.parse().ok()?;
    if slot > OwnerId::SLOT_MAX || generation >= OwnerId::GENERATIONS {
        return None;
    }
    let holder = Holder::new(tag, OwnerId::new(slot, generation));
    // One text for each: no signs, no zeros in front, no capitals, nothing behind.
    (holder.to_string() == text).then_some(holder)
}

/// The command under which a process runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Behind {
    /// The command.
    pub owner: OwnerId,
    /// How sure it is that the command does nothing as long as that process waits.
    pub surety: Surety,
}

/// How sure it is that a command can do nothing before a process under it goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Surety {
    /// The process is the command's program itself, by pid and start time.
    Direct,
    /// Every process from its parent up to the command's program sleeps until the one below it ends,
    /// in two looks between which none of them ran.
    ThroughWaiters,
    /// Anything else: the program may go on, and give back what it holds, at any time. A shell that
    /// has just started this process does not wait for it yet: who sleeps on may ask again.
    Unsure,
}

/// What is known of the command under which another one runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Above {
    /// It runs under none.
    Nobody,
    /// This one, which can do nothing before the other has ended.
    Surely(OwnerId),
    /// One that may go on; or whose shell has not come to wait yet.
    Perhaps,
}

impl Domain {
    /// The living command of this domain under which this process runs, as `CROSSTIE_HOLDER` says; a
    /// variable that is not of its form counts as absent ([`Holder::from_environment`] says why).
    ///
    /// # Cost
    /// No system call without the variable. Else some 50 µs, and some 100 µs more for each process
    /// between: for who is about to sleep.
    #[must_use]
    pub fn behind_me(&'static self) -> Option<Behind> {
        let holder = Holder::from_environment().ok()??;
        let is_here = holder.tag == self.tag() && self.is_alive(holder.owner);
        is_here.then(|| Behind { owner: holder.owner, surety: self.surety(process::pid(), holder.owner) })
    }

    /// The command whose holds count as this process's own while it waits, because it can do nothing before.
    ///
    /// # Cost
    /// A load where this process runs under no command; else as [`Domain::behind_me`].
    #[must_use]
    pub(crate) fn surely_behind(&'static self) -> Option<OwnerId> {
        if !may_be_behind() {
            return None;
        }
        self.behind_me().filter(|behind| behind.surety != Surety::Unsure).map(|behind| behind.owner)
    }

    /// What is known of the command under which the starter of `command` runs. A shell that had just started it did not wait
    /// for it yet then; whether it does now, the processes between tell.
    ///
    /// # Cost
    /// Some loads where it was sure when `command` was started; else as [`Domain::surety`].
    pub(super) fn above(&'static self, command: OwnerId) -> Above {
        let Some(slot) = self.slot(command.slot()) else { return Above::Nobody };
        let Some(want) = slot.waiting.read().map(|seen| seen.want) else { return Above::Nobody };
        if let Some(above) = want.behind {
            return Above::Surely(above);
        }
        let named =
            OwnerId::from_bits(want.note[0]).filter(|&id| want.mode == Mode::Nested && self.is_alive(id));
        let generation = u32::try_from(command.generation()).unwrap_or(0);
        let (Some(named), Some(starter)) = (named, slot.occupant_of(generation)) else {
            return Above::Nobody;
        };
        match self.surety(starter.pid, named) {
            Surety::Unsure => Above::Perhaps,
            Surety::Direct | Surety::ThroughWaiters => Above::Surely(named),
        }
    }

    /// How sure it is that `command` can do nothing before the process `pid` goes on.
    ///
    /// # Cost
    /// As [`Domain::behind_me`].
    #[must_use]
    pub fn surety(&'static self, pid: u32, command: OwnerId) -> Surety {
        let generation = u32::try_from(command.generation()).unwrap_or(0);
        let described = self.slot(command.slot()).and_then(|slot| slot.occupant_of(generation));
        let (Some(described), Ok(local)) = (described, self.local()) else { return Surety::Unsure };
        let is_legible = described.kind == OwnerKind::Command.to_bits()
            && described.child_pid != 0
            && described.namespaces == local.namespaces
            && process::proc_shows_us();
        if !is_legible || !process::is_running(described.child_pid, described.child_start_ticks) {
            return Surety::Unsure;
        }
        if described.child_pid == pid {
            return Surety::Direct;
        }
        let look = || ancestry::line_to(pid, described.child_pid);
        let is_its_program = |line: &Vec<ancestry::Link>| {
            line.last().is_some_and(|top| top.start_ticks == described.child_start_ticks)
        };
        match (look(), look()) {
            (Some(first), Some(second)) if first == second && is_its_program(&first) => {
                Surety::ThroughWaiters
            }
            _ => Surety::Unsure,
        }
    }
}

/// Whether this process's environment names a command; looked up once.
pub(crate) fn may_be_behind() -> bool {
    static NAMED: OnceLock<bool> = OnceLock::new();
    *NAMED.get_or_init(|| std::env::var_os(HOLDER_VARIABLE).is_some())
}
