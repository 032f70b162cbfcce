//! Taking turns: the algorithms over the words, whatever sleeping is below ([`crate::wait`]).
//!
//! | module | holds |
//! |---|---|
//! | [`mutex`] | one at a time: locking with a queue, unlocking that waits for nobody |
//! | [`queued`] | a published wait, withdrawn however it ends |

pub mod mutex;
pub mod queued;
