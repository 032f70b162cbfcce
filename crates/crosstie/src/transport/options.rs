//! [`Options`]: what every mechanism is opened with.

use crosstie_core::Deadline;

use crate::contract::MESSAGE_BYTES_MAX;

/// How to open an end of any mechanism.
///
/// # Examples
/// ```
/// use crosstie::transport::Options;
/// let options = Options { message_bytes_max: 1 << 20, ..Options::default() };
/// assert!(options.deadline.is_never());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// The largest message that this end sends or accepts, in bytes; 64 MiB by default.
    pub message_bytes_max: usize,
    /// Until when opening waits for the other side; without bound by default.
    pub deadline: Deadline,
}

impl Default for Options {
    fn default() -> Self {
        Self { message_bytes_max: MESSAGE_BYTES_MAX, deadline: Deadline::NEVER }
    }
}
