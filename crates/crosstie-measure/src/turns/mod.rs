//! Taking turns, measured: Crosstie's locks, semaphores and monitors beside those of the C library,
//! the kernel and the standard library.
//!
//! *Workers* take one object in turns: processes of the measuring executable, or threads of one such
//! process where a mechanism has no more than that. They share an arena of cache lines; what they count
//! there without any atomic step is right only if one of them at a time had the object, and every run is
//! checked by it.
//!
//! | module | holds |
//! |---|---|
//! | [`way`] | the mechanisms, by name |
//! | [`words`] | what each is, in the textbook's words |
//! | [`taking`] | one trait for all, and Crosstie's own |
//! | [`peers`] | the others |
//! | [`arena`] | what workers share beside the object |
//! | [`player`] | the loops of a worker |
//! | [`spec`] | the lines of JSON between the measuring process and a party of workers |
//! | [`party`] | what runs in a party |
//! | [`team`] | the measuring process's view of all parties of a run |
//! | [`asleep`] | when a thread sleeps, as the kernel says |
//! | [`plan`] | how long and how often: data |
//! | [`figures`] | what the repetitions measured, and the record made of it |
//! | [`run`](mod@run) | a whole run, interleaved |
//! | [`deadlock`] | what the proof of a deadlock costs |
//! | [`command`] | `crosstie lock x -- true` beside `flock x true` |

pub mod arena;
pub mod asleep;
pub mod command;
pub mod deadlock;
pub mod figures;
pub mod party;
pub mod peers;
pub mod plan;
pub mod player;
pub mod run;
pub mod spec;
pub mod taking;
pub mod team;
pub mod way;
pub mod words;
