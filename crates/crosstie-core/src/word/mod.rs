//! One protocol word a file: states, invariants, transitions, orderings, death.
//!
//! | word | says |
//! |---|---|
//! | [`owner`] | who: slot number and generation in one 64-bit value |
//! | [`slot`] | that somebody lives: the kernel's robust word and a generation |

pub mod owner;
pub mod slot;
