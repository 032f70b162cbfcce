//! Commands that have a lock: their start, the hand-over from the starter to the command, and their end (HAZARDS H14).
//!
//! | module | holds |
//! |---|---|
//! | `case` | the operations that are swept, and their broken twins |
//! | `victim` | the starter, and the child that it makes |
//! | `program` | the program that runs, seen from outside |
//! | `stage` | one lock with who waits for it, before and after the kill |

mod case;
mod program;
mod stage;
mod victim;

pub use case::CASES;
pub use victim::play;
