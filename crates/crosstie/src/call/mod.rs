//! Request and reply: a [`Client`] calls, a [`Server`] answers, over every address that goes both ways.
//!
//! | address | the two directions |
//! |---|---|
//! | `unix:` `unixpacket:` `tcp:` `fd:N` | one connection a client |
//! | `fifo:/path` | all calls through `/path`, the replies of each client through a FIFO of its own beside it |
//! | `queue:NAME` | all calls through the queue `NAME.calls`, to any number of servers; replies through a queue of each client's own |
//! | `ring:NAME` | two rings, `NAME.calls` and `NAME.replies`; one client at a time |
//!
//! One frame a message ([`Sender`](crate::Sender) and [`Receiver`](crate::Receiver) carry them), so a call
//! has the mechanism's limits, its boundaries and its proof of death. What the frames mean, and what both
//! sides may rely on, stands at the head of `frame.rs` and in docs/delivery.md.
//!
//! | file | holds |
//! |---|---|
//! | `frame` | the protocol: frames, their invariants, pure |
//! | `lock` | a lock that is one thread's by habit: what clients and servers guard their books with |
//! | `board` | where calls go through a queue: what each client says of its calls |
//! | `refusal` | [`Refusal`]: what a server answers instead of a reply |
//! | `error` | [`CallError`]: why a call has no reply |
//! | `client`, `client/` | [`Client`], [`Pending`], [`Replies`]; calls in flight; whose turn it is to read; `AsyncClient`, calls as futures (feature `tokio`) |
//! | `server`, `server/` | [`Server`], [`Call`], [`ReplyStream`]; the door, the desk, the pool; `AsyncServer` (feature `tokio`) |

mod board;
mod client;
mod error;
mod frame;
mod lock;
mod refusal;
mod server;

#[cfg(feature = "tokio")]
pub use client::{AsyncClient, AsyncReplies};
pub use client::{CallOptions, Client, Pending, Replies};
pub use error::CallError;
pub use refusal::Refusal;
#[cfg(feature = "tokio")]
pub use server::AsyncServer;
pub use server::{Call, ReplyStream, Server, Stopper};
