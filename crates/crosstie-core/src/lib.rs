//! The pure protocols under Crosstie: shared words and rings without a single system call.
//!
//! Floor 0. Everything here works on memory that somebody else has mapped and makes no system
//! call, so that all of it can be model-checked (`--cfg crosstie_loom`) and reused where there is
//! no Linux below. Every memory ordering of the project lives in [`word`], [`ring`], [`queue`] and
//! [`topic`].
//!
//! | module | holds |
//! |---|---|
//! | [`atomic`] | the one door to atomics: `core` or, in models, `loom` |
//! | [`crash`] | [`crash_point!`]: the places where tests let a process die |
//! | [`deadline`] | absolute monotonic instants in nanoseconds |
//! | [`layout`] | offsets, headers, checks of bytes that others wrote |
//! | [`word`] | one protocol word a file |
//! | [`wait`] | what an algorithm that may have to wait needs from below it |
//! | [`ring`] | rings of messages over memory that is lent |
//! | [`queue`] | jobs from many to many, each to one, over memory that is lent |
//! | [`topic`] | messages from many to many, each to all, over memory that is lent |
//! | [`graph`] | the proof that blocked participants are deadlocked |
//! | [`turns`] | taking turns: the algorithms over words and waiting |
#![cfg_attr(not(crosstie_loom), no_std)]
#![deny(unsafe_code)]

pub mod atomic;
pub mod crash;
pub mod deadline;
pub mod graph;
pub mod layout;
pub mod queue;
pub mod ring;
pub mod topic;
pub mod turns;
pub mod wait;
pub mod word;

pub use deadline::Deadline;
pub use word::owner::OwnerId;
