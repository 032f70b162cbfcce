//! The command line: one definition for `--help`, the man pages and the completions.
//!
//! | file | holds |
//! |---|---|
//! | `line` | the verbs, and what all of them accept |
//! | `end` | the flags for an end of an address |
//! | [`values`] | durations, sizes and ways of waiting as people write them |

mod end;
mod line;
pub mod values;

pub use end::EndFlags;
pub use line::{Command, CommandLine, Globals};
