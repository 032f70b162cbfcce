//! [`Options`]: what an end may be told beside its address.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use super::size;
use crate::Deadline;
use crate::channel::WaitMode;
use crate::channel::queue::FullPolicy;
use crate::channel::ring::Senders;
use crate::channel::topic::{Mode, Start};
use crate::contract::MESSAGE_BYTES_MAX;

/// What calls that wait for a worker take at most, unless a server says otherwise: 256 MiB.
const WAITING_BYTES_MAX: usize = 256 << 20;

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
    /// The largest message to send or to accept, in bytes; 64 MiB by default. Both sides check it. For a topic, any other
    /// number is its longest message, as with the capacity.
    pub message_bytes_max: usize,
    /// The room of a ring, or of a queue for messages above 128 bytes, in bytes; their own default if it
    /// is not said. An end that opens one which exists takes it as it is, and is refused if it asks for
    /// another capacity.
    pub capacity_bytes: Option<usize>,
    /// How an end of a ring, a queue or a topic waits.
    pub wait: WaitMode,
    /// Whether senders of a ring take turns, or a second is refused. Opening then waits for the turn, until `open_deadline`.
    pub senders: Senders,
    /// The places of a queue or a topic for messages; as with the capacity.
    pub places: Option<u32>,
    /// After so many deliveries a message of a queue is a dead letter; as with the capacity.
    pub deliveries_max: Option<u8>,
    /// How long a message of a queue may be in hand; as with the capacity. Zero is for ever.
    pub lease: Option<Duration>,
    /// What a sender does when a queue is full.
    pub full: FullPolicy,
    /// How many messages of a queue a receiver may have in hand.
    pub credit: Option<u32>,
    /// What becomes of a message of a topic that a subscriber has not read in time; as with the capacity.
    pub mode: Option<Mode>,
    /// Where a subscriber of a topic begins; with the next message by default.
    pub start: Option<Start>,
    /// What calls that wait for a worker of a [`Server`](crate::Server) may take, in bytes; 256 MiB by default, and a quarter of it for those
    /// of one client. More are refused as [`Busy`](crate::ErrorKind::Busy). The server's process alone sets it: no address has it.
    pub waiting_bytes_max: usize,
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
            senders: Senders::default(),
            places: None,
            deliveries_max: None,
            lease: None,
            full: FullPolicy::default(),
            credit: None,
            mode: None,
            start: None,
            waiting_bytes_max: WAITING_BYTES_MAX,
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
    pub senders: Option<Senders>,
    pub places: Option<u32>,
    pub deliveries_max: Option<u8>,
    pub lease: Option<Duration>,
    pub full: Option<FullPolicy>,
    pub credit: Option<u32>,
    pub mode: Option<Mode>,
    pub start: Option<Start>,
}

/// The words for [`FullPolicy`] in an address.
pub(super) const FULL_WORDS: [(&str, FullPolicy); 3] =
    [("block", FullPolicy::Block), ("error", FullPolicy::Error), ("drop", FullPolicy::DropNewest)];

/// The words for [`Mode`] in an address.
pub(super) const MODE_WORDS: [(&str, Mode); 3] =
    [("lossless", Mode::Lossless), ("lossy", Mode::Lossy), ("latest", Mode::Latest)];

/// The words for [`Senders`] in an address.
pub(super) const SENDERS_WORDS: [(&str, Senders); 2] = [("one", Senders::One), ("turns", Senders::Turns)];

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
            senders: self.senders.unwrap_or(options.senders),
            places: self.places.or(options.places),
            deliveries_max: self.deliveries_max.or(options.deliveries_max),
            lease: self.lease.or(options.lease),
            full: self.full.unwrap_or(options.full),
            credit: self.credit.or(options.credit),
            mode: self.mode.or(options.mode),
            start: self.start.or(options.start),
            ..options.clone()
        }
    }
}

impl Overrides {
    /// The options that were given, by their words in an address, in the order of the alphabet.
    pub fn given(&self) -> impl Iterator<Item = (&'static str, String)> {
        let senders_word = |senders| {
            SENDERS_WORDS.iter().find(|(_, known)| *known == senders).map(|(word, _)| (*word).to_owned())
        };
        let word =
            |wait| WAIT_WORDS.iter().find(|(_, mode)| *mode == wait).map(|(word, _)| (*word).to_owned());
        let full_word =
            |full| FULL_WORDS.iter().find(|(_, policy)| *policy == full).map(|(word, _)| (*word).to_owned());
        let mode_word =
            |mode| MODE_WORDS.iter().find(|(_, known)| *known == mode).map(|(word, _)| (*word).to_owned());
        let options = [
            ("capacity", self.capacity_bytes.map(size::display)),
            ("credit", self.credit.map(|credit| credit.to_string())),
            ("deliveries", self.deliveries_max.map(|deliveries| deliveries.to_string())),
            ("from", self.start.map(|start| start.to_string())),
            ("full", self.full.and_then(full_word)),
            ("lease", self.lease.map(|lease| format!("{}ms", lease.as_millis()))),
            ("max", self.message_bytes_max.map(size::display)),
            ("mode", self.mode.and_then(mode_word)),
            ("places", self.places.map(|places| places.to_string())),
            ("senders", self.senders.and_then(senders_word)),
            ("wait", self.wait.and_then(word)),
        ];
        options.into_iter().filter_map(|(key, value)| Some((key, value?)))
    }
}

impl fmt::Display for Overrides {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (key, value)) in self.given().enumerate() {
            write!(f, "{}{key}={value}", if index == 0 { '?' } else { '&' })?;
        }
        Ok(())
    }
}
