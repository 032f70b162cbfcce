//! Rings of messages over memory that is lent.
//!
//! | module | holds |
//! |---|---|
//! | [`record`] | a message's place in the ring: cells, laps, the commit word |
//! | [`control`] | the words that the two ends share beside the cells |
//! | [`memory`] | what a ring asks of the memory it is lent |
//! | [`spsc`] | one producer, one consumer |
//! | [`backlog`] | what waits in a ring, for who only looks |
//! | [`asleep`] | the word by which one of the two says that it sleeps, and where |
//! | [`sleepers`] | the word on which any number of ends sleep |
//! | [`statistics`] | what has happened so far, for who only looks |

pub mod asleep;
pub mod backlog;
pub mod control;
pub mod memory;
pub mod record;
pub mod sleepers;
pub mod spsc;
pub mod statistics;
