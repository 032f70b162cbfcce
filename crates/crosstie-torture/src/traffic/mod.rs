//! Traffic under kills: a great many messages, each with its number, while senders and receivers are killed at
//! random and others take their places; what arrived is judged by the contract.
//!
//! | module | holds |
//! |---|---|
//! | [`command`] | the command line |
//! | `pattern` | the channels, each with its ends: a new one gets a variant here |
//! | `message` | messages that tell their number, and whether they are whole |
//! | `notes` | what was sent and what arrived: in memory that outlives whoever wrote it |
//! | [`worker`] | one process: a sender or a receiver, or one that is wrong on purpose |
//! | `subscriber` | one that gets everything, and is judged as it reads |
//! | `run` | who starts the workers, kills them, and waits for the end |
//! | `judge` | what may be in the notes, and what may not |
//! | `report` | counts, and the closing object |

pub mod command;
mod judge;
mod message;
mod notes;
mod pattern;
mod report;
mod run;
mod subscriber;
pub mod worker;
