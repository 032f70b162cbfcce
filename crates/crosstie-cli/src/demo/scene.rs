//! [`Demo`]: which scenes there are.

use clap::ValueEnum;

use super::role::Role;
use super::stage::Stage;
use super::{
    banker, bounded_buffer, deadlock, jobs, kill, kill_all, philosophers, race, readers_writers, starvation,
};
use crate::exit::{Failure, Outcome};

/// The scenes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Demo {
    /// Two processes raise one counter, without and with a mutex: updates that were lost are counted
    Race,
    /// A holder is killed: Python's multiprocessing hangs, the other side goes on and says who died
    Kill,
    /// All the ways in which Python's multiprocessing and Boost.Interprocess hang after a kill, each beside ours
    KillAll,
    /// Two shells that each want the other's lock: one is told the circle, the other goes on
    Deadlock,
    /// A thousand jobs, five workers killed at random: every job is done, and what the dead had in hand by another
    Jobs,
    /// Five philosophers: the deadlock found and broken, then prevented in two ways
    Philosophers,
    /// Producers and consumers, with counting semaphores and with a monitor: nothing lost, nothing doubled
    BoundedBuffer,
    /// Many read together, one writes, and no writer waits for ever
    ReadersWriters,
    /// Fair, fast, and a bare loop: who is overtaken how often, and waits how long
    Starvation,
    /// Deadlock avoidance: the banker's algorithm beside a deadlock that is found and ended
    Banker,
}

impl Demo {
    /// Plays it.
    pub fn run(self) -> Outcome {
        let stage = Stage::new(self)?;
        match self {
            Self::Race => race::tell(&stage),
            Self::Kill => kill::tell(&stage),
            Self::KillAll => kill_all::tell(&stage),
            Self::Deadlock => deadlock::tell(&stage),
            Self::Jobs => jobs::tell(&stage),
            Self::Philosophers => philosophers::tell(&stage),
            Self::BoundedBuffer => bounded_buffer::tell(&stage),
            Self::ReadersWriters => readers_writers::tell(&stage),
            Self::Starvation => starvation::tell(&stage),
            Self::Banker => banker::tell(&stage),
        }
    }

    /// Plays a child's role in it.
    pub(super) fn play(self, role: &mut Role) -> Outcome {
        match self {
            Self::Race => race::play(role),
            Self::Kill => kill::play(role),
            Self::KillAll => kill_all::play(role),
            Self::Deadlock => Err(Failure::usage("this scene is played by shells")),
            Self::Jobs => jobs::play(role),
            Self::Philosophers => philosophers::play(role),
            Self::BoundedBuffer => bounded_buffer::play(role),
            Self::ReadersWriters => readers_writers::play(role),
            Self::Starvation => starvation::play(role),
            Self::Banker => banker::play(role),
        }
    }

    /// Its name, as a user writes it.
    pub fn name(self) -> String {
        self.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
    }

    /// What it shows.
    pub fn sentence(self) -> String {
        let help = self.to_possible_value().and_then(|value| value.get_help().map(ToString::to_string));
        help.unwrap_or_default()
    }
}
