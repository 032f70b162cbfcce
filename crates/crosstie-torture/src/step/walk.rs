//! A victim on its way to the point where it dies.
//!
//! A point is the place behind an instruction that changed a shared byte, or behind a system call,
//! or a sleep in one; instructions that changed neither leave the world as the point before them
//! did, and are counted only.

use std::fmt;

use crosstie::os::single_step::{Step, Stepped};

use super::scene::{Operation, Progress, Stage, Stepping};
use super::segments::Segments;
use super::victim::Failure;

/// Where a victim dies: behind so many system calls, and so many points more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    calls: u64,
    points: u64,
}

impl Place {
    /// So many points further behind the same system call, if there are as many.
    pub fn after(self, points: u64) -> Self {
        Self { points: self.points + points, ..self }
    }
}

/// How the end of an operation is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// Instruction by instruction: every point is met.
    Steps,
    /// System call by system call.
    Calls,
}

/// Behind the end of every operation.
pub const THE_END: Place = Place { calls: u64::MAX, points: 0 };

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            THE_END => f.write_str("at the end"),
            Self { calls, points } => write!(f, "{points} points behind system call {calls}"),
        }
    }
}

/// One victim on its way.
pub struct Walk {
    pace: Pace,
    /// Instructions that were stepped, or system calls at full speed.
    pub instructions: u64,
    at: Place,
    /// Every point that was met.
    pub places: Vec<Place>,
    pub progress: Progress,
}

impl Walk {
    pub fn new(pace: Pace) -> Self {
        // Before the first instruction.
        let at = Place::default();
        Self { pace, instructions: 0, at, places: vec![at], progress: Progress::Under }
    }

    /// Goes to the place, or to the end of the operation: at full speed up to the last system call
    /// before it, then by single steps. The walk to the end keeps its pace all the way.
    pub fn go(
        &mut self,
        operation: &dyn Operation,
        victim: &mut Stepped,
        stage: &mut dyn Stage,
        segments: &mut Segments,
        place: Place,
    ) -> Result<(), Failure> {
        let mut is_looking = false;
        while self.at < place && self.progress != Progress::Ended {
            let is_stepping = match place {
                THE_END => self.pace == Pace::Steps,
                _ => self.at.calls == place.calls,
            };
            if is_stepping && !is_looking {
                is_looking = true;
                segments.refresh(victim.robust_list_head());
                segments.have_changed()?;
            }
            let step = if is_stepping { victim.step()? } else { victim.run_call()? };
            self.instructions += 1;
            match step {
                Step::Ran if segments.have_changed()? => self.at.points += 1,
                Step::Ran => continue,
                Step::Called => {
                    self.at = Place { calls: self.at.calls + 1, points: 0 };
                    is_looking = false;
                }
                Step::Marked => {
                    self.at.points += 1;
                    self.progress = match self.progress {
                        Progress::Under => Progress::Returned,
                        _ => Progress::Ended,
                    };
                }
                Step::Executed => {
                    self.at.points += 1;
                    self.progress = Progress::Ended;
                }
                Step::Asleep => {
                    self.at.points += 1;
                    if operation.stepping() == Stepping::NewThread {
                        // The thread that keeps the slot sleeps for the rest of its life.
                        self.progress = Progress::Ended;
                    } else {
                        stage.victim_sleeps()?;
                        if self.at < place {
                            stage.wake_victim()?;
                        }
                    }
                }
            }
            self.places.push(self.at);
        }
        Ok(())
    }
}
