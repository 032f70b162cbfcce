//! Taking turns: the algorithms over the words, whatever sleeping is below ([`crate::wait`]).
//!
//! | module | holds |
//! |---|---|
//! | [`any`] | the first of several objects that has something |
//! | [`barrier`] | who comes waits until all have come |
//! | [`chosen`] | waiting under a mutex for what the data say, woken by who makes it so |
//! | [`condition`] | waiting for a notification under a mutex |
//! | [`counting`] | units that anyone may post |
//! | [`event`] | set or not, for one or for all |
//! | [`mutex`] | one at a time: locking with a queue, unlocking that waits for nobody |
//! | [`queued`] | a published wait, withdrawn however it ends |
//! | [`rwlock`] | many readers or one writer, in phases |
//! | [`semaphore`] | permits that have owners |

pub mod any;
pub mod barrier;
pub mod chosen;
pub mod condition;
pub mod counting;
pub mod event;
pub mod mutex;
pub mod queued;
pub mod rwlock;
pub mod semaphore;
