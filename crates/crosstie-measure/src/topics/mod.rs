//! A topic with one publisher and one subscriber, each a process, and with subscribers that never read.
//!
//! | module | holds |
//! |---|---|
//! | [`spec`] | what a worker is told, and what it answers |
//! | [`worker`] | the process that publishes or subscribes |
//! | [`run`] | one run: workers started together, one figure |

pub mod run;
pub mod spec;
pub mod worker;
