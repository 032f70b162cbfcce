//! `ring:NAME`: one sender, one receiver, through a ring in shared memory.
//!
//! What is sent waits in the ring, up to its capacity, whether or not a receiver has come. A message
//! that was sent survives the death of both ends; one that a killed receiver held is delivered
//! again to its successor. A second sender or receiver, while the first lives, is told who has the
//! end; senders may also take turns at it. A ring outlives its users; [`remove`] deletes it.
//!
//! | module | holds |
//! |---|---|
//! | [`options`] | capacity, limits, how to wait |
//! | `shared` | the segment, its layout, who holds the two ends |
//! | `cells` | the cells, as the protocol sees them |
//! | `peer` | the other end, as a waiter must know it |
//! | `bell` | what ends a receiver's wait from another thread |
//! | [`state`] | what a ring holds, for who only looks |
//! | [`sender`] | [`RingSender`] |
//! | `loan` | [`Loan`]s, written in place |
//! | `turn` | senders that take turns |
//! | [`receiver`] | [`RingReceiver`], and [`RingMessage`]s read in place |

mod bell;
mod cells;
mod loan;
pub mod options;
mod peer;
pub mod receiver;
pub mod sender;
mod shared;
pub mod state;
mod turn;

pub use super::WaitMode;
pub(crate) use bell::RingBell;
pub use loan::Loan;
pub use options::{RingOptions, Senders};
pub use receiver::{RingMessage, RingReceiver};
pub use sender::RingSender;
pub use shared::remove;
pub use state::{RingState, RingWaits};
