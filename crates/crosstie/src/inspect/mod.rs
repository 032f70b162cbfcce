//! Who holds what, who waits for whom and why: reads only, and stops nobody.
//!
//! | module | holds |
//! |---|---|
//! | [`snapshot`] | what a domain holds now |
//! | [`picture`] | who waits for whom, as a graph |
//! | [`doctor`] | what is wrong in a domain, and what to do |

pub mod doctor;
pub mod picture;
pub mod snapshot;

pub use doctor::{Finding, diagnose};
pub use snapshot::{Snapshot, SnapshotHold, SnapshotObject, SnapshotWait};
