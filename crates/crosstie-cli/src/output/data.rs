//! What a verb answers, on standard output.

use std::io::Write as _;

use crate::exit::{Failure, Outcome};

/// Writes `text` in one piece.
///
/// # Errors
/// If it cannot be written.
pub fn text(text: &str) -> Outcome {
    bytes(text.as_bytes())
}

/// Writes one JSON document.
///
/// # Errors
/// If it cannot be written.
pub fn json(document: &serde_json::Value) -> Outcome {
    text(&format!("{document:#}\n"))
}

/// Writes `bytes` in one piece.
///
/// # Errors
/// If it cannot be written.
pub fn bytes(bytes: &[u8]) -> Outcome {
    let mut output = std::io::stdout().lock();
    output.write_all(bytes).and_then(|()| output.flush()).map_err(|error| Failure::of_output(&error))
}
