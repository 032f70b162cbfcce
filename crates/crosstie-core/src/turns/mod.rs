//! Taking turns: the algorithms over the words, whatever sleeping is below ([`crate::wait`]).
//!
//! | module | holds |
//! |---|---|
//! | [`counting`] | units that anyone may post |
//! | [`mutex`] | one at a time: locking with a queue, unlocking that waits for nobody |
//! | [`queued`] | a published wait, withdrawn however it ends |
//! | [`rwlock`] | many readers or one writer, in phases |
//! | [`semaphore`] | permits that have owners |

pub mod counting;
pub mod mutex;
pub mod queued;
pub mod rwlock;
pub mod semaphore;
