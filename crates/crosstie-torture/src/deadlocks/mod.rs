//! Deadlocks with known answers: generated scenes, played by real processes in a given order.
//!
//! | module | holds |
//! |---|---|
//! | [`command`] | the command line |
//! | [`scene`] | what processes do, step by step: known scenes and generated ones |
//! | `oracle` | the same in numbers: who has what, who waits, who can never go on |
//! | [`actor`] | one process of a scene |
//! | [`cast`] | the actors of a scene, and what they say |
//! | `play` | a scene, step by step beside the oracle |
//! | `twin` | scenes that are wrong on purpose |
//! | `report` | counts, and the closing object |

pub mod actor;
pub mod cast;
pub mod command;
mod oracle;
mod play;
mod report;
pub mod scene;
mod twin;
