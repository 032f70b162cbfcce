//! `queue:NAME`: many senders, many receivers, each message to one of them, which says when it is done.
//!
//! What is sent waits in shared memory, whether or not a receiver has come, and is delivered in the
//! order in which it was sent. A receiver has a message in hand until it says [`Job::done`]; dropped
//! without it, or held by somebody who died, it is delivered again, flagged, and after so many
//! deliveries it is a dead letter: a message that kills its worker does not kill them all. A queue
//! outlives its users; [`remove`] deletes it.
//!
//! | module | holds |
//! |---|---|
//! | `beside` | what ends a receiver's wait beside a message |
//! | [`options`] | places, room, limits, what to do when it is full, how to wait |
//! | `layout` | where what lies in the file |
//! | `memory` | the file's bytes as the protocol sees them |
//! | `shared` | a queue that an end has entered: others' deaths, sleeping, leaving |
//! | [`sender`] | [`QueueSender`] |
//! | `loan` | [`Loan`]s, written in place |
//! | [`receiver`] | [`QueueReceiver`] |
//! | [`job`] | [`Job`]: a message in hand |
//! | [`state`] | what a queue holds now |

mod beside;
pub mod job;
mod layout;
mod loan;
mod memory;
pub mod options;
pub mod receiver;
pub mod sender;
mod shared;
pub mod state;

pub(crate) use beside::{Beside, QueueBell, Receivers};
pub use job::Job;
pub use loan::Loan;
pub use options::{FullPolicy, QueueOptions};
pub use receiver::QueueReceiver;
pub use sender::QueueSender;
pub use shared::remove;
pub(super) use shared::remove_unless;
pub use state::QueueState;
