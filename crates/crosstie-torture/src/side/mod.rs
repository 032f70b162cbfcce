//! One side of a scenario, told a line at a time what to do: what crates/crosstie-capi/tests/programs/actor.c is in C.
//!
//! | module | holds |
//! |---|---|
//! | `actor` | the lines it hears and says |
//! | `turns` | locks, permits, counts, events, barriers |
//! | `meetings` | what is done once, conditions, monitors |
//! | `talk` | messages, jobs and calls |

pub mod actor;
mod meetings;
mod talk;
mod turns;
