//! What an operation, and the stage of one kill, have to answer.

use std::path::{Path, PathBuf};

use crosstie::ledger::Domain;

use super::fault::{Fault, Finding};
use super::victim::Failure;

/// How far the victim had come when it was killed, as far as it could tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Progress {
    /// It had not returned.
    Under,
    /// It had returned.
    Returned,
    /// Nothing was left to do.
    Ended,
}

/// Who died before the victim's operation, if anybody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Predecessor {
    /// Nobody.
    None,
    /// One that died at its first mark, before the victim started.
    AtMark,
    /// One that dies in its sleep, once the victim stands before its operation and the survivors sleep.
    Asleep,
}

/// When the newcomer comes, at operations that have one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// When everybody who was left has gone on.
    Late,
    /// At once behind the kill, beside those who wait or before they look.
    AtOnce,
}

impl Arrival {
    /// Both, for operations with a newcomer.
    pub const ALL: &[Self] = &[Self::Late, Self::AtOnce];
}

/// What is stepped, and killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stepping {
    /// The victim.
    Victim,
    /// A thread that the victim starts, which ends in its sleep; the victim is killed.
    NewThread,
    /// A child that the victim makes, up to its program; it is killed, and the victim lives on.
    NewChild,
}

/// One operation in one situation.
pub trait Operation: Sync {
    /// Its name, unique.
    fn name(&self) -> &str;
    /// The fault that the judge must find, of a broken twin.
    fn twin(&self) -> Option<Fault>;
    /// Who died before.
    fn predecessor(&self) -> Predecessor;
    /// What is stepped, and killed.
    fn stepping(&self) -> Stepping {
        Stepping::Victim
    }
    /// What the operation can change of the object of this name, beside the ledger, in the domain's folder as the victim
    /// finds it.
    fn watched(&self, folder: &Path, object: &str) -> Vec<Watched>;
    /// When newcomers come: each point is judged once for each.
    fn arrivals(&self) -> &'static [Arrival] {
        &[Arrival::Late]
    }
    /// Everybody but the victim, before it starts.
    ///
    /// # Errors
    /// The judge's own calls failed.
    fn set(&self, domain: &'static Domain, object: &str) -> Result<Box<dyn Stage + '_>, Failure>;
}

/// Bytes of a file in the domain's folder.
pub struct Watched {
    pub file: PathBuf,
    pub offset: u64,
    pub bytes: usize,
}

/// One object, one operation, one kill.
pub trait Stage {
    /// The victim stands before its operation.
    ///
    /// # Errors
    /// The judge's own calls failed.
    fn start(&mut self) -> Result<(), Failure>;
    /// A predecessor has died in its sleep.
    ///
    /// # Errors
    /// As [`Stage::start`].
    fn settle(&mut self) -> Result<(), Failure> {
        Ok(())
    }
    /// The victim sleeps.
    ///
    /// # Errors
    /// As [`Stage::start`].
    fn victim_sleeps(&mut self) -> Result<(), Failure> {
        Ok(())
    }
    /// Gives the victim, which sleeps, what it waits for.
    ///
    /// # Errors
    /// As [`Stage::start`].
    fn wake_victim(&mut self) -> Result<(), Failure>;
    /// The victim `pid` has stopped where it dies next.
    fn before_kill(&mut self, _pid: u32, _progress: Progress) {}
    /// After the kill: survivor and newcomer go on, and are judged. Answers the longest wait too.
    fn judge(self: Box<Self>, kill: Kill) -> (Vec<Finding>, u64);
}

/// A kill that has happened.
#[derive(Clone, Copy, Debug)]
pub struct Kill {
    /// How far the victim had come.
    pub progress: Progress,
    /// When it was.
    pub at_ns: u64,
    /// When the newcomer comes.
    pub arrival: Arrival,
}

/// A survivor that takes longer hangs.
const HANG_NS: u64 = 50_000_000;

/// Whether a wait counts as a hang.
pub fn is_hang(waited_ns: u64) -> bool {
    waited_ns > HANG_NS
}
