//! Taking turns: locks, also several at once, semaphores, conditions, monitors, events, and any of several.
//!
//! Each thing is looked at as a number of units that are taken and given: one of a mutex, as many as there are
//! permits of a semaphore. What owns its units gives them back when it dies; what does not (a counting
//! semaphore, an event, a buffer under a condition) has one fewer.
//!
//! | module | holds |
//! |---|---|
//! | `thing` | the things, opened, taken and given |
//! | `buffer` | what is taken under a condition or in a monitor |
//! | `case` | an operation in a situation |
//! | `list` | the operations that are swept, and their broken twins |
//! | `data` | what is protected |
//! | `storing` | what is given up by a store |
//! | `victim` | what a victim does |
//! | `twin` | operations that are wrong on purpose |
//! | `cast` | who goes on, each in a thread |
//! | `units` | what the bytes of an object say while a victim stands still |
//! | `stage` | one object with its cast, before and after the kill |
//! | `tally` | what the cast told, and what of it may not be |

mod buffer;
mod case;
mod cast;
mod data;
mod list;
mod stage;
mod storing;
mod tally;
mod thing;
mod twin;
mod units;
mod victim;

pub use list::cases;
pub use victim::play;
