//! The flags that choose a framing.

use clap::Args;

/// How messages stand in a stream of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// Each ends with a newline, which is not part of it.
    Line,
    /// Each ends with a NUL, which is not part of it.
    Nul,
    /// Each begins with its length, 4 bytes, little-endian.
    Len32,
    /// The stream is one message.
    Whole,
    /// The stream's bytes, wherever it is cut.
    Raw,
    /// Each is a line of JSON.
    Jsonl,
}

/// The flags; none of them is one line, one message.
#[derive(Clone, Copy, Debug, Args)]
#[group(multiple = false)]
#[expect(clippy::struct_excessive_bools, reason = "one flag each; clap lets at most one of them be true")]
pub struct Choice {
    /// Messages end with a NUL instead of a newline
    #[arg(short = '0', long = "null", help_heading = "Framing")]
    null: bool,
    /// Messages begin with their length: 4 bytes, little-endian
    #[arg(long, help_heading = "Framing")]
    len32: bool,
    /// The whole stream is one message
    #[arg(long, help_heading = "Framing")]
    whole: bool,
    /// Bytes as they are, for files and streams that have no messages
    #[arg(long, help_heading = "Framing")]
    raw: bool,
    /// One JSON record a line: seq, ns, pid, and payload (text) or payload_base64
    #[arg(long, help_heading = "Framing")]
    jsonl: bool,
}

impl Choice {
    /// The framing that was chosen.
    pub fn framing(self) -> Framing {
        match self {
            Self { null: true, .. } => Framing::Nul,
            Self { len32: true, .. } => Framing::Len32,
            Self { whole: true, .. } => Framing::Whole,
            Self { raw: true, .. } => Framing::Raw,
            Self { jsonl: true, .. } => Framing::Jsonl,
            _ => Framing::Line,
        }
    }
}
