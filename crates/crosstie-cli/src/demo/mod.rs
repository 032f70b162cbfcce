//! The textbook's scenes, played by real processes: one file each.
//!
//! | file | holds |
//! |---|---|
//! | [`scene`] | which scenes there are |
//! | [`stage`] | a domain for one scene, and the child processes that play in it |
//! | [`role`] | what such a child is told and says |
//! | [`drawing`] | who waits for whom, as text |
//! | [`race`] | one counter, without and with a mutex |
//! | [`kill`] | a holder that is killed, in Python's multiprocessing and here |
//! | [`kill_all`] | all the ways in which others hang after a kill, and the same here |
//! | [`deadlock`] | two shells that each want the other's lock |
//! | [`philosophers`] | five processes, five forks |
//! | [`bounded_buffer`] | producers and consumers |
//! | [`readers_writers`] | many read together, one writes |
//! | [`starvation`] | who waits how long for a turn |
//! | [`jobs`] | jobs of a queue, and workers that are killed |
//! | [`banker`] | a deadlock that is avoided, beside one that is found |

mod banker;
mod bounded_buffer;
mod deadlock;
mod drawing;
mod jobs;
mod kill;
mod kill_all;
mod philosophers;
mod race;
mod readers_writers;
mod role;
mod scene;
mod stage;
mod starvation;

pub use role::play_hidden_role;
pub use scene::Demo;
