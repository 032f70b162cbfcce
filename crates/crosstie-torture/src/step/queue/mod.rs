//! The queue's operations.
//!
//! | module | holds |
//! |---|---|
//! | `case` | the operations that are swept, and their broken twins |
//! | `victim` | what a victim does |
//! | `survivor` | the queue's ends as survivors |
//! | `newcomer` | how a newcomer comes there |
//! | `stage` | one queue with its survivors, before and after the kill |
//! | `judge` | what may be left, and what may not |

mod case;
mod judge;
mod newcomer;
mod stage;
mod survivor;
mod victim;

pub use case::CASES;
pub use victim::play;
