//! Taking turns: between threads on the heap, between processes in named objects, with one type each.
//!
//! | module | holds |
//! |---|---|
//! | [`policy`] | fair or fast |
//! | [`refusal`] | why somebody did not get their turn, and what they are told |
//! | [`held`] | what an owner has, noted in its slot |
//! | [`object`] | named objects: made whole, checked when opened |
//! | [`shared`] | [`Shared`]: a handle to a named object |
//! | [`mutex`] | [`Mutex`]: one at a time |

pub mod held;
pub mod mutex;
pub mod object;
pub mod policy;
pub mod refusal;
pub mod shared;

pub use mutex::{Mutex, MutexGuard, OwnedMutexGuard};
pub use object::Object;
pub use policy::Policy;
pub use refusal::{LockError, LockResult, Occupied};
pub use shared::Shared;
