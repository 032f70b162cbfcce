//! The two ends of an address as the verbs use them: with the user's patience.
//!
//! | file | holds |
//! |---|---|
//! | `outlet` | the sending end |
//! | `place` | where an end is, in words for people; the domain that the user means |
//! | `told` | a wait for an object that lasts is told |
//! | `intake` | the receiving end: acknowledges what its sink has made safe |

mod intake;
mod outlet;
mod place;
mod told;

pub use intake::{End, GoesOnAfter, Intake, Sink};
pub use outlet::Outlet;
pub use place::{domain, waited_for};
pub use told::Told;
