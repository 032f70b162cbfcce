//! A work queue with several ends, each a process: messages a second with acknowledgement, and how long it
//! takes to recover from a death.
//!
//! | module | holds |
//! |---|---|
//! | [`spec`] | what a worker is told, and what it answers |
//! | [`worker`] | the process that sends or receives |
//! | [`run`] | one run: workers started together, one figure |

pub mod run;
pub mod spec;
pub mod worker;
