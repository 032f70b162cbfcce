//! The single-step sweep: one process does one operation and is killed after its k-th instruction,
//! for every k; survivor and late joiner are judged.
//!
//! | module | holds |
//! |---|---|
//! | [`command`] | the command line |
//! | [`victim`] | the process that is killed |
//! | `scene` | what an operation, and the stage of one kill, have to answer |
//! | `fault` | what a judge finds |
//! | `segments` | everything of a victim that outlives it |
//! | `walk` | a victim on its way to the point where it dies |
//! | `sweep` | the points of one operation |
//! | `report` | counts, and the closing object |
//! | `payload` | messages that tell their number, and whether they are whole |
//! | `ring` | attaching, and the ring's operations |
//! | `survivor` | who goes on after a kill: the ends of a channel in threads of their own |
//! | [`newcomer`] | who comes only behind a kill, a process of its own |
//! | `queue` | the queue's operations |
//! | `topic` | the topic's operations |
//! | `call` | the operations of calls |
//! | `meetings` | the operations of barriers, events that stay set, and things done once |
//! | `starting` | the operations of commands that have a lock |
//! | `turns` | the operations of locks, semaphores, conditions, monitors and events |

mod call;
pub mod command;
mod fault;
mod meetings;
pub mod newcomer;
mod payload;
mod queue;
mod report;
mod ring;
mod scene;
mod segments;
mod starting;
mod survivor;
mod sweep;
mod topic;
mod turns;
pub mod victim;
mod walk;
