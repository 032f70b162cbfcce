//! [`RingOptions`]: capacity, limits, how to wait; [`Senders`]: how many send.

use crate::channel::WaitMode;
use crate::contract::MESSAGE_BYTES_MAX;

/// Bytes of a ring unless an option says otherwise: 1 MiB.
pub const CAPACITY_BYTES: usize = 1 << 20;

/// How many processes may have the sending end of a ring, or wait for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Senders {
    /// One: a second is refused.
    #[default]
    One,
    /// Any number: one sends, the others wait until it has ended or died, first come, first served.
    Turns,
}

/// How to open an end of a ring.
///
/// # Examples
/// ```
/// use crosstie::channel::ring::{RingOptions, WaitMode};
/// let options = RingOptions { capacity_bytes: Some(4 << 20), wait: WaitMode::Spin, ..RingOptions::default() };
/// assert_eq!(options.message_bytes_max, 64 << 20);
/// ```
#[derive(Clone, Debug)]
pub struct RingOptions {
    /// Bytes of the ring, a power of two from 4 KiB to 2 GiB. `None` takes what exists, or creates
    /// [`CAPACITY_BYTES`]; a number that differs from an existing ring's is an error that names both.
    pub capacity_bytes: Option<usize>,
    /// The largest message, in bytes; the ring's own limit, its capacity less 8, applies besides.
    pub message_bytes_max: usize,
    /// How this end waits.
    pub wait: WaitMode,
}

impl Default for RingOptions {
    fn default() -> Self {
        Self { capacity_bytes: None, message_bytes_max: MESSAGE_BYTES_MAX, wait: WaitMode::Adaptive }
    }
}
