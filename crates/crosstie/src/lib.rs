//! Processes **talk** and **take turns** on Linux, and survive `kill -9`.
//!
//! The floors, from the ground up; each imports only what stands below it.
//!
//! | floor | module | holds |
//! |---|---|---|
//! | 0 | `crosstie-core` | pure protocols, no system call |
//! | 0' | [`error`], [`contract`] | the one error table; what every mechanism promises |
//! | 1 | [`os`] | safe wrappers, one kernel object a file |
//! | 2 | [`region`] | mappings with a checked format |
//! | 2' | [`shareable`] | what may lie in shared memory |
//! | 3 | [`ledger`] | who takes part, and that they live; who waits for whom |
//! | 4 | [`sync`] | taking turns: locks, semaphores, monitors |
//! | 5 | [`channel`] | messages through shared memory |
//! | 5' | [`transport`] | messages through the kernel |
//! | 6 | [`endpoint`] | address → [`Sender`], [`Receiver`] |
//! | 6' | [`inspect`] | who holds what, who waits for whom: reads only |
//! | 7 | [`call`] | request and reply: [`Client`], [`Server`] |
#![deny(unsafe_code)]

pub mod call;
pub mod channel;
pub mod contract;
pub mod endpoint;
pub mod error;
pub mod inspect;
pub mod ledger;
pub mod os;
pub mod region;
pub mod shareable;
pub mod sync;
pub mod transport;

pub use call::{Client, Server};
pub use contract::{RecvError, SendError};
pub use crosstie_core::{Deadline, OwnerId};
pub use endpoint::{Receiver, Sender, pair};
pub use error::{Error, ErrorKind, Result};
pub use shareable::Shareable;
