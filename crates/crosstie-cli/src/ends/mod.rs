//! The two ends of an address as the verbs use them: with the user's patience.
//!
//! | file | holds |
//! |---|---|
//! | `outlet` | the sending end |
//! | `place` | where an end is, in words for people |
//! | `intake` | the receiving end: acknowledges what its sink has made safe |

mod intake;
mod outlet;
mod place;

pub use intake::{End, GoesOnAfter, Intake, Sink};
pub use outlet::Outlet;
pub use place::{under_sudo, waited_for};
