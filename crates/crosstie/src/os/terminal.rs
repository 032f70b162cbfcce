//! The terminal that a person looks at.

use rustix::termios::tcgetwinsize;

/// How many rows and columns the terminal of standard output has; `None` where there is none.
#[must_use]
pub fn size() -> Option<(u16, u16)> {
    let size = tcgetwinsize(rustix::stdio::stdout()).ok()?;
    (size.ws_row > 0 && size.ws_col > 0).then_some((size.ws_row, size.ws_col))
}
