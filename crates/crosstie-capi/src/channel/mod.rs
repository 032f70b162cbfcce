//! Messages to and from an address, for C: pipes, FIFOs, sockets, rings, queues, topics.
//!
//! | file | holds |
//! |---|---|
//! | [`end`] | what both ends share: options, one thread at a time, what a refusal is to C |
//! | [`sender`] | the end that sends, and messages written in place |
//! | [`receiver`] | the end that receives |
//! | [`hand`] | what it has in hand: jobs, and messages that are read where they lie |
//! | [`connection`] | both directions of one connection |
//! | [`address`] | whether a text is an address, and what its mechanism can |

pub mod address;
pub mod connection;
pub mod end;
pub mod hand;
pub mod receiver;
pub mod sender;
