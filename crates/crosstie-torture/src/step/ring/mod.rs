//! Attaching, and the ring's operations.
//!
//! | module | holds |
//! |---|---|
//! | `case` | the operations that are swept, and their broken twins |
//! | `victim` | what a victim does |
//! | `twin` | operations that are wrong on purpose |
//! | `survivor` | the ring's ends as survivors |
//! | `in_line` | a sender of the judging process that stands in line behind the victim |
//! | `stage` | one ring with its survivor, before and after the kill |
//! | `judge` | what may be left, and what may not |

mod case;
mod in_line;
mod judge;
mod stage;
mod survivor;
mod twin;
mod victim;

pub use case::CASES;
pub use victim::play;
