//! Safe wrappers, one kernel object a file; the only users of rustix and libc.
//!
//! | module | wraps |
//! |---|---|
//! | [`clock`] | the monotonic clock |
//! | [`futex`] | sleeping on one word, or on several |
//! | [`membarrier`] | the fence that sleepers pay for |
//! | [`memory`] | mappings, unnamed files, POSIX names, reserved space |

pub mod clock;
pub mod futex;
pub mod membarrier;
pub mod memory;
