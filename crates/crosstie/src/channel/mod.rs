//! Messages through shared memory.
//!
//! | module | pattern |
//! |---|---|
//! | [`ring`] | one sender, one receiver; the fastest |
//! | [`queue`] | many to many, each message to one, which acknowledges it |
//! | [`topic`] | many to many, each message to all |
//! | [`unnamed`] | memory and queues that nobody can open by a name; gone with the last who has them |
//! | `copy` | payloads in and out of shared memory |
//! | `doorbell` | how an end waits as a descriptor, for `epoll` |
//! | `enders` | who could end a wait, for who looks whether anybody can |
//! | `membership` | a channel of many ends that one end has entered: others' deaths, sleeping, leaving |
//! | `patience` | how an end waits: spin, then sleep |
//! | `prefetch` | asks the processor for a line that will be read or written |

mod copy;
mod doorbell;
pub(crate) mod enders;
mod membership;
mod patience;
mod prefetch;
pub mod queue;
pub mod ring;
pub mod topic;
pub mod unnamed;

pub use patience::WaitMode;
