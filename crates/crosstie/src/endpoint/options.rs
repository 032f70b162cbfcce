//! [`Options`]: what an end may be told beside its address.

use std::fmt;
use std::path::PathBuf;

use super::size;
use crate::Deadline;
use crate::channel::ring::WaitMode;
use crate::contract::MESSAGE_BYTES_MAX;

/// What an end may be told beside its address; the same options in the address itself win.
///
/// # Examples
/// ```
/// use crosstie::endpoint::Options;
/// let options = Options { message_bytes_max: 1 << 20, ..Options::default() };
/// assert!(options.open_deadline.is_never());
/// ```
#[derive(Clone, Debug)]
pub struct Options {
    /// The largest message to send or to accept, in bytes; 64 MiB by default. Both sides check it.
    pub message_bytes_max: usize,
    /// The room of a ring, in bytes; the ring's own default if it is not said. An end that opens a
    /// ring which exists takes it as it is, and is refused if it asks for another capacity.
    pub capacity_bytes: Option<usize>,
    /// How an end of a ring waits.
    pub wait: WaitMode,
    /// The folder in which processes find each other; the user's own by default.
    pub domain: Option<PathBuf>,
    /// Until when opening waits for the other side, where it has to: [`Deadline::NEVER`] by default.
    pub open_deadline: Deadline,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            message_bytes_max: MESSAGE_BYTES_MAX,
            capacity_bytes: None,
            wait: WaitMode::default(),
            domain: None,
            open_deadline: Deadline::NEVER,
        }
    }
}

/// The options that an address carries after its `?`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Overrides {
    pub message_bytes_max: Option<usize>,
    pub capacity_bytes: Option<usize>,
    pub wait: Option<WaitMode>,
}

/// The words for [`WaitMode`] in an address.
pub(super) const WAIT_WORDS: [(&str, WaitMode); 3] =
    [("block", WaitMode::Block), ("spin", WaitMode::Spin), ("adaptive", WaitMode::Adaptive)];

impl Overrides {
    /// `options` with what the address says instead.
    pub fn over(self, options: &Options) -> Options {
        Options {
            message_bytes_max: self.message_bytes_max.unwrap_or(options.message_bytes_max),
            capacity_bytes: self.capacity_bytes.or(options.capacity_bytes),
            wait: self.wait.unwrap_or(options.wait),
            ..options.clone()
        }
    }
}

impl fmt::Display for Overrides {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word =
            |wait| WAIT_WORDS.iter().find(|(_, mode)| *mode == wait).map(|(word, _)| (*word).to_owned());
        let options = [
            ("capacity", self.capacity_bytes.map(size::display)),
            ("max", self.message_bytes_max.map(size::display)),
            ("wait", self.wait.and_then(word)),
        ];
        let given = options.into_iter().filter_map(|(key, value)| Some((key, value?)));
        for (index, (key, value)) in given.enumerate() {
            write!(f, "{}{key}={value}", if index == 0 { '?' } else { '&' })?;
        }
        Ok(())
    }
}
