//! Messages through shared memory.
//!
//! | module | pattern |
//! |---|---|
//! | [`ring`] | one sender, one receiver; the fastest |
//! | [`queue`] | many to many, each message to one, which acknowledges it |
//! | `patience` | how an end waits: spin, then sleep |

mod patience;
pub mod queue;
pub mod ring;

pub use patience::WaitMode;
