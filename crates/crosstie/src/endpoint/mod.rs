//! From an address to an end that sends or receives messages.
//!
//! | file | holds |
//! |---|---|
//! | `address` | [`Address`]: a mechanism, a place on it, options |
//! | `grammar`, `suggest` | reads an address; says which part is wrong, and what was meant |
//! | [`size`] | bytes as people write them: `64KiB` |
//! | `options` | [`Options`]: what an end may be told beside its address |
//! | `message` | [`Message`]: what can be sent |

mod address;
mod grammar;
mod message;
mod options;
pub mod size;
mod suggest;

pub use address::{Address, HostPort, Place};
pub use grammar::NAME_BYTES_MAX;
pub use message::Message;
pub use options::{Options, WaitMode};
