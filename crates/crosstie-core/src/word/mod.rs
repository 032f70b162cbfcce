//! One protocol word a file: states, invariants, transitions, orderings, death.
//!
//! | word | says |
//! |---|---|
//! | [`owner`] | who: slot number and generation in one 64-bit value |

pub mod owner;
