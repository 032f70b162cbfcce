//! Messages to and from an address, for C: pipes, FIFOs, sockets, rings, queues, topics.
//!
//! | file | holds |
//! |---|---|
//! | [`end`] | what both ends share: options, one thread at a time, what a refusal is to C |
//! | [`sender`] | the end that sends, and messages written in place |
//! | [`receiver`] | the end that receives, and jobs in hand |

pub mod end;
pub mod receiver;
pub mod sender;
