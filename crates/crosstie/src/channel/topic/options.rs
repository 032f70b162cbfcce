//! [`TopicOptions`]: mode, places, limits, where to begin, how to wait.

pub use crosstie_core::topic::memory::Mode;
pub use crosstie_core::topic::subscriber::Start;

use crate::channel::WaitMode;

/// Places for messages unless an option says otherwise.
pub const PLACES: u32 = 1024;
/// The longest message of a topic unless an option says otherwise, in bytes: a place of 1 KiB with its head.
pub const MESSAGE_BYTES: usize = 1008;

/// How to open an end of a topic.
///
/// What the topic itself has, everybody who opens it must want alike: `None` takes what is there, or creates it by
/// default; what differs is an error that names both.
///
/// # Examples
/// ```
/// use crosstie::channel::topic::{Mode, TopicOptions};
/// let options = TopicOptions { mode: Some(Mode::Lossy), places: Some(64), ..TopicOptions::default() };
/// assert_eq!(options.message_bytes_max, None);
/// ```
#[derive(Clone, Debug, Default)]
pub struct TopicOptions {
    /// What becomes of a message that a subscriber has not read when its slot is needed. By default
    /// [`Mode::Lossless`].
    pub mode: Option<Mode>,
    /// How many messages the topic keeps, a power of two. By default [`PLACES`]; [`Mode::Latest`] has its own number.
    pub places: Option<u32>,
    /// The topic's longest message, in bytes; each place has room for one. By default [`MESSAGE_BYTES`].
    pub message_bytes_max: Option<usize>,
    /// Where this subscriber begins.
    pub start: Start,
    /// How this end waits.
    pub wait: WaitMode,
}
