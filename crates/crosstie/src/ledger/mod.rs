//! Who takes part, and that they live.
//!
//! Everyone who takes part has a slot in the ledger of their domain. The slot's life word
//! (`crosstie_core::word::slot`) is marked by the kernel when its thread ends, whatever ends it, and
//! wakes who sleeps on it. Nothing else in Crosstie knows about death.
//!
//! | module | holds |
//! |---|---|
//! | [`domain`] | the directory and its ledger, opened once a process |
//! | `boot` | a domain that outlived a boot |
//! | [`attach`] | taking a slot: thread slots, the process slot |
//! | [`command`] | what a command owns while its program runs |
//! | [`behind`] | under which command this process runs |
//! | [`liveness`] | alive or dead: the life word, and the second witness |
//! | [`waiting`] | sleeping until a word changes or its owner dies |
//! | [`queue`] | who waits for an object, in which order |
//! | `keeper` | listens for those of the process who wait and sleep on no futex |
//! | [`deadlock`] | a proved deadlock, and who ends it |
//! | [`order`] | in which order locks are taken, where somebody wants that noted |
//! | `noted` | a wait at a channel, noted for those who look |
//! | [`objects`] | the named objects of a domain |
//! | `calls` | calls in the proof of deadlocks |
//! | `sign` | what a server of calls says of itself |
//! | `task` | a task as one who waits, in a slot of its own |
//! | [`site`] | where in a program something was taken |
//! | [`identity`] | who an owner is or was |
//! | `local` | what one process has to itself of a domain, made anew after a fork |
//! | `published` | a place for what is made once and kept |

pub mod attach;
pub mod behind;
mod boot;
pub(crate) mod calls;
pub mod command;
pub mod deadlock;
pub mod domain;
pub mod identity;
pub(crate) mod keeper;
pub mod liveness;
pub(crate) mod local;
pub(crate) mod noted;
pub mod objects;
pub mod order;
mod published;
pub mod queue;
pub(crate) mod sign;
pub mod site;
pub(crate) mod task;
pub mod waiting;

pub use behind::{Behind, Holder, Surety};
pub use command::CommandOwner;
pub use deadlock::Deadlock;
pub use domain::Domain;
pub use identity::{Identity, OwnerKind};
pub use local::Me;
pub use waiting::{Net, Wait};
