//! One protocol word a file: states, invariants, transitions, orderings, death.
//!
//! | word | says |
//! |---|---|
//! | [`owner`] | who: slot number and generation in one 64-bit value |
//! | [`role`] | one end of a channel: who holds it, and how the last holder left |
//! | [`slot`] | that a participant lives, and whose turn it is to clean up after it |

pub mod owner;
pub mod role;
pub mod slot;
