//! Who waits for whom for ever: the proof that blocked participants are deadlocked.
//!
//! Pure: the caller lends what was read of the blocked participants, and the memory to think in. No
//! system call, no allocation, no recursion, no shared memory.
//!
//! | module | holds |
//! |---|---|
//! | `wait_for` | what is read of a blocked participant: what it waits for, what it holds |
//! | `keys` | the same, sorted by object |
//! | `knot` | who cannot go on, whatever everybody else does |
//! | `cycle` | whom I wait for, near and far, and the shortest way back to me |
//! | `component` | who of them waits for me in turn |
//! | `verdict` | the answer: [`judge`] |
//!
//! Terms: a *member* is a blocked participant, named by its index in the list that was lent; the
//! *set* is all members; a *possession* is what one member holds of one object.

mod component;
mod cycle;
mod keys;
mod knot;
mod verdict;
mod wait_for;

pub use verdict::{Answer, Verdict, judge, workspace_len};
pub use wait_for::{Blocked, Claim, Held};
