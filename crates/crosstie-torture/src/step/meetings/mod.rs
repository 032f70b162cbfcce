//! Meeting others: barriers, events that stay set, things done once.
//!
//! | module | holds |
//! |---|---|
//! | `thing` | the things, and how they are met |
//! | `case` | the operations that are swept, and their broken twins |
//! | `victim` | what a victim does |
//! | `people` | who goes on, each in a thread |
//! | `stage` | one object with its people, before and after the kill |

mod case;
mod people;
mod stage;
mod thing;
mod victim;

pub use case::CASES;
pub use victim::play;
