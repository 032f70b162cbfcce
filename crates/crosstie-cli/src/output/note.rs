//! Notes for people, on standard error.

use std::io::Write as _;

/// Writes `text` in one piece.
pub fn block(text: &str) {
    // Whoever closed standard error wants no notes.
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}

/// Writes one line, unless the user wants none.
pub fn line(globals: &crate::args::Globals, text: &str) {
    if !globals.quiet {
        block(&format!("crosstie: {text}\n"));
    }
}
