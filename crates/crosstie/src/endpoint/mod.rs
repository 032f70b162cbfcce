//! From an address to an end that sends or receives messages.
//!
//! | file | holds |
//! |---|---|
//! | `address` | [`Address`]: a mechanism, a place on it, options |
//! | `grammar`, `suggest` | reads an address; says which part is wrong, and what was meant |
//! | [`size`] | bytes as people write them: `64KiB` |
//! | `options` | [`Options`]: what an end may be told beside its address |
//! | `message` | [`Message`]: what can be sent |
//! | `open` | from an address to the mechanism behind it; [`pair`] |
//! | `sender`, `loan` | [`Sender`]; [`Loan`]: a message written in place |
//! | `receiver`, `payload` | [`Receiver`]; [`Payload`]: a message read in place; [`OnArrival`] |
//! | `frame` | a message as calls receive it |
//! | `mechanism` | what is behind the two: a ring, a queue, a topic, or the kernel's |
//! | `capabilities` | [`Capabilities`]: what a mechanism can |
//! | `batch` | [`Batch`]: messages acknowledged together |
//! | `job` | [`Job`]: a message of a queue in hand, which says itself when it is done; [`JobTicket`] |
//! | `spawn` | [`SpawnEnd`]: a child gets its end |
//! | `connection` | [`connect`], [`Listener`]: both directions |
//! | `future` | `AsyncReceiver`, `AsyncSender`: ends in a tokio runtime (feature `tokio`) |
//! | `select`, `arm` | [`Select`]: the first of several channels, events and descriptors |
//! | `messages` | [`Messages`]: a receiver as an iterator |

mod address;
mod arm;
mod batch;
mod capabilities;
mod connection;
mod frame;
#[cfg(feature = "tokio")]
mod future;
mod grammar;
mod job;
mod loan;
mod mechanism;
mod message;
mod messages;
mod open;
mod options;
mod payload;
mod receiver;
mod select;
mod sender;
pub mod size;
mod spawn;
mod suggest;

pub use crate::channel::WaitMode;
pub use crate::channel::queue::FullPolicy;
pub use crate::channel::ring::Senders;
pub use address::{Address, HostPort, Place};
pub use batch::Batch;
pub use capabilities::{Capabilities, Delivery, Untaken};
pub use connection::{Ends, Listener, connect};
pub(crate) use frame::{Body, Frame, Room};
#[cfg(feature = "tokio")]
pub use future::{AsyncReceiver, AsyncSender};
pub use job::{Job, JobTicket, Outcome};
pub use loan::Loan;
pub use message::Message;
pub use messages::Messages;
pub use open::pair;
pub use options::Options;
pub use payload::{OnArrival, Payload};
pub use receiver::Receiver;
pub use select::{Arms, Select, SelectError};
pub use sender::Sender;
pub use spawn::SpawnEnd;
