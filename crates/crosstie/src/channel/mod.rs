//! Messages through shared memory.
//!
//! | module | pattern |
//! |---|---|
//! | [`ring`] | one sender, one receiver; the fastest |

pub mod ring;
