//! Who waits for whom, and whether that is a deadlock: pure, over what was copied out of a ledger.
//!
//! | module | holds |
//! |---|---|
//! | [`wait_for`] | the participants that are blocked, and what they hold |
//! | [`knot`] | which of them can never go on |
//! | [`verdict`] | what that means to one of them: its circle, and who gives up |

pub mod knot;
pub mod verdict;
pub mod wait_for;

pub use verdict::{Answer, Verdict, judge};
pub use wait_for::{Blocked, Claim, Held, workspace_len};
