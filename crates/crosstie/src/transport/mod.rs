//! The kernel's channels under one contract: what [`contract`](crate::contract) promises, over
//! pipes, FIFOs and sockets.
//!
//! | module | mechanism | senders to a receiver |
//! |---|---|---|
//! | [`pipe`] | a pipe between relatives | one |
//! | [`descriptor`] | `fd:N`, `-`: a pipe, stream socket or file that was handed over | one |
//! | [`unix`] | `unix:/path`, `unix:@abstract` | many |
//!
//! | module | holds |
//! |---|---|
//! | `preamble` | who speaks, in which framing, of which version |
//! | `frame` | frames on bytes in order, pure |
//! | `inbound` | one incoming connection, whatever keeps the boundaries |
//! | `stream` | senders and connections over bytes in order |
//! | `single` | a receiver with one sender |
//! | `fan_in` | a receiver with many |
//! | `socket_file` | a socket file's name: taken, proved stale, given back |

pub mod descriptor;
mod fan_in;
mod frame;
mod inbound;
mod options;
pub mod pipe;
mod preamble;
mod retry;
mod single;
mod socket_file;
mod stream;
pub mod unix;

pub use fan_in::FanInReceiver;
pub use options::Options;
pub use single::SingleReceiver;
pub use stream::StreamSender;
