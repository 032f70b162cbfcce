//! Notes for people, on standard error.

use std::io::Write as _;

/// Writes `text` in one piece.
pub fn block(text: &str) {
    // Whoever closed standard error wants no notes.
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}
