//! A message's place in the ring: 64-byte cells, laps, and the word that commits it.
//!
//! A record is one commit word (8 bytes) followed by the payload, rounded up to whole cells:
//! up to 56 bytes of payload share one cache line with their commit word, so a small message costs
//! one cache-line transfer. Positions count bytes from 0 and are never reused; a ring of
//! `2^shift` bytes stores position `p` at offset `p % 2^shift`.
//!
//! The commit word carries the *lap tag* of its position, so a cell that still holds a record of
//! an earlier lap reads as empty, and nothing has to be zeroed before it is written again.
//!
//! | bits of the commit word | meaning |
//! |---|---|
//! | 0..32 | payload length in bytes |
//! | 32..64 | lap tag: number of the lap plus one, modulo 2^32 |

/// Bytes of one cell: a cache line.
pub const CELL_BYTES: u64 = 64;
/// Bytes of the commit word in front of each payload.
pub const COMMIT_BYTES: u64 = 8;
/// The largest ring, in bytes: lengths must fit 32 bits with room to spare.
pub const CAPACITY_BYTES_MAX: u64 = 1 << 31;
/// The smallest ring, in bytes: one page, so that it can be mapped twice in a row; in models, two
/// cells, so that they stay tractable.
pub const CAPACITY_BYTES_MIN: u64 = if cfg!(crosstie_loom) { 2 * CELL_BYTES } else { 4096 };

/// The arithmetic of one ring's capacity.
///
/// # Examples
/// ```
/// use crosstie_core::ring::record::Geometry;
/// let ring = Geometry::new(4096).unwrap();
/// assert_eq!(Geometry::record_bytes(56), 64);
/// assert_eq!(Geometry::record_bytes(57), 128);
/// assert_eq!(ring.payload_bytes_max(), 4088);
/// assert_eq!(ring.offset(4096 + 64), 64);
/// assert_eq!(ring.length_at(ring.commit(64, 5), 64), Some(5));
/// assert_eq!(ring.length_at(ring.commit(64, 5), 4096 + 64), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Geometry {
    shift: u32,
    /// The capacity less one.
    mask: u64,
}

impl Geometry {
    /// The geometry of a ring of `capacity_bytes`; `None` unless it is a power of two from
    /// [`CAPACITY_BYTES_MIN`] to [`CAPACITY_BYTES_MAX`].
    #[must_use]
    pub const fn new(capacity_bytes: u64) -> Option<Self> {
        let fits = capacity_bytes >= CAPACITY_BYTES_MIN && capacity_bytes <= CAPACITY_BYTES_MAX;
        if fits && capacity_bytes.is_power_of_two() {
            Some(Self { shift: capacity_bytes.trailing_zeros(), mask: capacity_bytes - 1 })
        } else {
            None
        }
    }

    /// Bytes of the ring.
    #[must_use]
    pub const fn capacity_bytes(self) -> u64 {
        self.mask + 1
    }

    /// The largest payload of one record, in bytes: the whole ring but one commit word.
    #[must_use]
    pub const fn payload_bytes_max(self) -> u64 {
        self.capacity_bytes() - COMMIT_BYTES
    }

    /// Bytes that a record with `payload_bytes` of payload takes: whole cells.
    #[must_use]
    pub const fn record_bytes(payload_bytes: u64) -> u64 {
        (payload_bytes + COMMIT_BYTES + CELL_BYTES - 1) & !(CELL_BYTES - 1)
    }

    /// Where position `position` lies, in bytes from the ring's first byte.
    #[must_use]
    pub const fn offset(self, position: u64) -> u64 {
        position & self.mask
    }

    /// The commit word of a record of `payload_bytes` at `position`.
    #[must_use]
    pub const fn commit(self, position: u64, payload_bytes: u32) -> u64 {
        ((self.tag(position) as u64) << 32) | payload_bytes as u64
    }

    /// A word that commits nothing at `position`, whatever the lap.
    #[must_use]
    pub const fn empty(self, position: u64) -> u64 {
        ((self.tag(position) ^ (1 << 31)) as u64) << 32
    }

    /// The payload length if `word` commits a record at `position`, else `None`.
    ///
    /// The length is what somebody else wrote: check it before use.
    #[must_use]
    pub const fn length_at(self, word: u64, position: u64) -> Option<u32> {
        if (word >> 32) as u32 == self.tag(position) { Some((word & 0xFFFF_FFFF) as u32) } else { None }
    }

    /// The lap tag. Wrapping is harmless: a cell is written in every lap, so only the tags of two
    /// neighbouring laps ever meet in it, and the zeroed memory of a new ring meets only tag 1.
    const fn tag(self, position: u64) -> u32 {
        (((position >> self.shift) + 1) & 0xFFFF_FFFF) as u32
    }
}
