//! How messages stand in a stream of bytes: on standard input and standard output.
//!
//! | file | holds |
//! |---|---|
//! | `choice` | the flags that choose a framing |
//! | `reader` | standard input → messages |
//! | `writer` | messages → standard output |
//! | `record` | one message as a line of JSON |

mod choice;
mod reader;
mod record;
mod writer;

pub use choice::{Choice, Framing};
pub use reader::Reader;
pub use writer::Writer;
