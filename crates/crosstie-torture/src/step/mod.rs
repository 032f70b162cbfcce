//! The single-step sweep: one process does one operation and is killed after its k-th instruction,
//! for every k; survivor and late joiner are judged.
//!
//! | module | holds |
//! |---|---|
//! | [`command`] | the command line |
//! | `case` | the operations that are swept, and their broken twins |
//! | `payload` | messages that tell their number, and whether they are whole |
//! | [`victim`] | the process that is killed |
//! | `twin` | operations that are wrong on purpose |
//! | `segments` | everything of a victim that outlives it |
//! | `survivor` | who goes on, each in a thread |
//! | `stage` | one ring with its survivor, before and after the kill |
//! | `judge` | what may be left, and what may not |
//! | `sweep` | the points of one operation |
//! | `report` | counts, and the closing object |

mod case;
pub mod command;
mod judge;
mod payload;
mod report;
mod segments;
mod stage;
mod survivor;
mod sweep;
mod twin;
pub mod victim;
