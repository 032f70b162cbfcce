//! Safe wrappers, one kernel object a file; the only users of rustix and libc.
//!
//! | module | wraps |
//! |---|---|
//! | [`affinity`] | which processors a thread may run on |
//! | [`clock`] | the monotonic clock |
//! | [`futex`] | sleeping on one word, or on several |
//! | [`membarrier`] | the fence that sleepers pay for |
//! | [`memory`] | mappings, unnamed files, POSIX names, reserved space |
//! | [`parent`] | a child that ends with its parent |
//! | [`trace`] | counting system calls |
//! | [`usage`] | processor time |

pub mod affinity;
pub mod clock;
pub mod futex;
pub mod membarrier;
pub mod memory;
pub mod parent;
pub mod trace;
pub mod usage;
