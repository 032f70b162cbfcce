//! [`QueueOptions`]: places, room, limits, what to do when it is full, how to wait.

use std::time::Duration;

use crate::channel::WaitMode;
use crate::contract::MESSAGE_BYTES_MAX;

/// Places for messages unless an option says otherwise.
pub const PLACES: u32 = 1024;
/// Room for messages above 128 bytes unless an option says otherwise: 1 MiB.
pub const CAPACITY_BYTES: usize = 1 << 20;
/// After so many deliveries a message that comes back is a dead letter, unless an option says otherwise.
pub const DELIVERIES_MAX: u8 = 3;
/// How many messages one receiver may have in hand unless an option says otherwise.
pub const CREDIT: u32 = 64;

/// What a sender does when there is no room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum FullPolicy {
    /// Waits until there is, or its deadline passes.
    #[default]
    Block,
    /// Answers [`SendError::Full`](crate::SendError::Full) at once, whatever its deadline.
    Error,
    /// Drops the message that it was to send and goes on; the queue counts how many were dropped.
    DropNewest,
}

/// How to open an end of a queue.
///
/// What the queue itself has, everybody who opens it must want alike: `None` takes what is there, or
/// creates it by default; what differs is an error that names both.
///
/// # Examples
/// ```
/// use crosstie::channel::queue::{FullPolicy, QueueOptions};
/// let options = QueueOptions { places: Some(64), full: FullPolicy::Error, ..QueueOptions::default() };
/// assert_eq!(options.message_bytes_max, 64 << 20);
/// ```
#[derive(Clone, Debug)]
pub struct QueueOptions {
    /// The queue's places for messages: one each from when it is sent until it is done, and for dead
    /// letters. By default [`PLACES`].
    pub places: Option<u32>,
    /// The queue's room for messages above 128 bytes, in bytes, a multiple of 1 KiB of which each takes
    /// whole ones side by side; and so its longest message. By default [`CAPACITY_BYTES`].
    pub capacity_bytes: Option<usize>,
    /// After so many deliveries a message that comes back is a dead letter: 1 to 200. By default
    /// [`DELIVERIES_MAX`].
    pub deliveries_max: Option<u8>,
    /// How long a message may be in hand before it is delivered again although its receiver lives. Zero,
    /// the default, is for ever.
    pub lease: Option<Duration>,
    /// The largest message of this end, in bytes; the queue's own limit applies besides.
    pub message_bytes_max: usize,
    /// What this sender does when there is no room.
    pub full: FullPolicy,
    /// How many messages this receiver may have in hand; at least one.
    pub credit: u32,
    /// How this end waits.
    pub wait: WaitMode,
}

impl Default for QueueOptions {
    fn default() -> Self {
        Self {
            places: None,
            capacity_bytes: None,
            deliveries_max: None,
            lease: None,
            message_bytes_max: MESSAGE_BYTES_MAX,
            full: FullPolicy::Block,
            credit: CREDIT,
            wait: WaitMode::Adaptive,
        }
    }
}
