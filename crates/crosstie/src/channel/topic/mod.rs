//! `topic:NAME`: many publishers, many subscribers, each message to all of them.
//!
//! Messages have numbers, one behind the other, and lie in as many slots as the topic has places. What becomes of one that
//! a subscriber has not read when its slot is needed is the topic's [`Mode`]: publishers wait for the slowest living
//! subscriber (lossless), or it is overwritten and the subscriber is told which numbers it has lost (lossy), or
//! only the newest message is wanted anyway (latest). A topic outlives its users; [`remove`] deletes it.
//!
//! | module | holds |
//! |---|---|
//! | [`options`] | mode, places, limits, where to begin, how to wait |
//! | `layout` | where what lies in the file |
//! | `memory` | the file's bytes as the protocol sees them |
//! | `shared` | a topic that an end has entered: opening, removing |
//! | [`sender`] | [`TopicSender`], and [`Loan`]s written in place |
//! | [`receiver`] | [`TopicReceiver`], and [`Received`] messages read in place |
//! | [`state`] | what a topic holds now, and who is how far behind |

mod layout;
mod memory;
pub mod options;
pub mod receiver;
pub mod sender;
mod shared;
pub mod state;

pub use options::{Mode, Start, TopicOptions};
pub use receiver::{Received, TopicReceiver};
pub use sender::{Loan, TopicSender};
pub use shared::remove;
pub use state::TopicState;
