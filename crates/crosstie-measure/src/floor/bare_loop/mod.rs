//! Reads and writes of the same framing on the same kind of kernel object, and nothing else: no
//! deadline, no death, no limit, one sender.
//!
//! What a transport costs above this is what its promises cost.
//!
//! | module | holds |
//! |---|---|
//! | [`open`](mod@open) | from a link to the loop on its mechanism |
//! | `streams` | bytes in order: pipes, Unix and TCP streams |
//! | `packets` | Unix packets |
//! | `records` | a FIFO in packet mode |
//! | `datagrams` | UDP |

mod datagrams;
pub mod open;
mod packets;
mod records;
mod streams;
