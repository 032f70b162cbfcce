//! The kernel's channels under one contract: what [`contract`](crate::contract) promises, over
//! pipes, FIFOs and sockets.
//!
//! | module | mechanism | senders to a receiver |
//! |---|---|---|
//! | [`pipe`] | a pipe between relatives | one |
//! | [`descriptor`] | `fd:N`, `-`: a pipe, stream socket or file that was handed over | one |
//! | [`fifo`] | `fifo:/path` | many |
//! | [`unix`] | `unix:/path`, `unix:@abstract` | many |
//! | [`unixpacket`] | `unixpacket:/path` | many |
//! | [`tcp`] | `tcp:host:port` | many |
//! | [`udp`] | `udp:host:port`, with losses | many |
//!
//! | module | holds |
//! |---|---|
//! | `preamble` | who speaks, in which framing, of which version |
//! | `frame` | frames on bytes in order, pure |
//! | `inbound` | one incoming connection, whatever keeps the boundaries |
//! | `sending` | what every sending end knows about itself |
//! | `stream`, `stream_inbound` | the two ends over bytes in order |
//! | [`spawn`] | starting a child that has one end |
//! | `packet`, `packet_inbound` | the same over packets |
//! | `accept` | where connections come from |
//! | `single` | a receiver with one sender |
//! | `fan_in` | a receiver with many |
//! | `socket_file` | a socket file's name: taken, proved stale, given back |

mod accept;
pub mod descriptor;
mod fan_in;
pub mod fifo;
mod frame;
mod inbound;
mod options;
mod packet;
mod packet_inbound;
pub mod pipe;
mod preamble;
mod retry;
mod sending;
mod single;
mod socket_file;
pub mod spawn;
mod stream;
mod stream_inbound;
pub mod tcp;
pub mod udp;
pub mod unix;
pub mod unixpacket;

pub use fan_in::FanInReceiver;
pub use options::Options;
pub use packet::PacketSender;
pub use preamble::protocols;
pub use single::SingleReceiver;
pub use stream::StreamSender;
