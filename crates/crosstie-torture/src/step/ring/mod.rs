//! Attaching, and the ring's operations.
//!
//! | module | holds |
//! |---|---|
//! | `case` | the operations that are swept, and their broken twins |
//! | `victim` | what a victim does |
//! | `twin` | operations that are wrong on purpose |
//! | `survivor` | the ring's ends as survivors |
//! | `stage` | one ring with its survivor, before and after the kill |
//! | `judge` | what may be left, and what may not |

mod case;
mod judge;
mod stage;
mod survivor;
mod twin;
mod victim;

pub use case::CASES;
pub use victim::play;
