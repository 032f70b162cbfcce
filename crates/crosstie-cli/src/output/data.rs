//! What a verb answers, on standard output.

use std::io::{StdoutLock, Write as _};

use crosstie::os::inherited;

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
    let mut output = standard_output()?;
    output.write_all(bytes).and_then(|()| output.flush()).map_err(|error| Failure::of_output(&error))
}

/// Standard output.
///
/// # Errors
/// If it was closed when the command began.
pub fn standard_output() -> Result<StdoutLock<'static>, Failure> {
    inherited::require_standard(1).map_err(|error| Failure::of_output(&error))?;
    Ok(std::io::stdout().lock())
}
