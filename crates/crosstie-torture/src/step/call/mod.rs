//! The operations of calls: client and server, through a queue and through a pair of rings.
//!
//! | module | holds |
//! |---|---|
//! | `case` | the operations that are swept, and their broken twins |
//! | `victim` | what a victim does |
//! | `people` | who calls and who serves in the judging process, each in a thread of its own |
//! | `stage` | one address with its people, before and after the kill |
//! | `judge` | what may be left, and what may not |

mod case;
mod judge;
mod people;
mod stage;
mod victim;

pub use case::CASES;
pub use victim::play;
