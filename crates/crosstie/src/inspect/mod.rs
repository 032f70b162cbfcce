//! Who holds what, who waits for whom and why: reads only, and stops nobody.
//!
//! | module | holds |
//! |---|---|
//! | [`snapshot`] | what a domain holds now |
//! | [`stalled`] | who waits for one another at channels, and no longer can go on |
//! | [`picture`] | who waits for whom, as a graph |
//! | [`value`] | what an object stands at: a count, an event set or not … |
//! | [`document`] | an object as C, Python and `crosstie ls --json` list it |
//! | [`order`] | deadlocks that could be: locks taken in orders that close a circle |
//! | [`doctor`] | what is wrong in a domain, and what to do |

pub mod doctor;
pub mod document;
pub mod order;
pub mod picture;
pub mod snapshot;
pub mod stalled;
pub mod value;

pub use crate::ledger::sign::ServerState;
pub use doctor::{Finding, diagnose};
pub use order::{Inversion, InversionLink, inversions};
pub use snapshot::{Snapshot, SnapshotHold, SnapshotObject, SnapshotWait};
pub use stalled::{Stall, StalledWait};
pub use value::Value;
