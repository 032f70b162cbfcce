//! A queue of jobs from many producers to many consumers, each job to one, over memory that is lent.
//!
//! | module | holds |
//! |---|---|
//! | [`job`] | the word of a job: in whose hands it is, and how often it was delivered |
//! | [`order`] | the order in which jobs are delivered |
//! | [`member`] | who takes part, and how the producers' ends are told |
//! | [`pool`] | chunks for payloads that do not fit in line, tagged with their job |
//! | [`control`] | the words that all share |
//! | [`memory`] | the sizes of a queue, and what it asks of the memory it is lent |
//! | [`end`](mod@end) | what both kinds of ends do: putting jobs in order, giving them back |
//! | [`recovery`] | what a death leaves, brought back by any survivor |
//! | [`producer`] | the sending end |
//! | [`consumer`] | the receiving end |

pub mod consumer;
pub mod control;
pub mod end;
pub mod job;
pub mod member;
pub mod memory;
pub mod order;
pub mod pool;
pub mod producer;
pub mod recovery;
