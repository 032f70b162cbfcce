//! Scenes that are wrong on purpose: the judge must find each of them out.

use super::play::Fault;

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Twin {
    /// Nobody looks for deadlocks.
    DetectsNothing,
    /// What the oracle says of the first wait is turned round.
    InvertsTheAnswer,
    /// A deadlock names a process that is not in it.
    NamesAnother,
}

/// Each with the known scene that it is about, and what must be found.
pub const TWINS: [(Twin, &str, Fault); 4] = [
    (Twin::DetectsNothing, "two mutexes crosswise", Fault::Missed),
    (Twin::InvertsTheAnswer, "two mutexes in one order", Fault::Missed),
    (Twin::InvertsTheAnswer, "one mutex twice", Fault::FalseReport),
    (Twin::NamesAnother, "a ring of eight", Fault::WrongCycle),
];
