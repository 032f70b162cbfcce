//! The sizes of a queue, and what it asks of the memory it is lent.

use super::control::Control;
use super::member::Roster;
use super::order::Order;
use crate::atomic::AtomicU64;

/// The most jobs that a queue has places for.
pub const JOBS_MAX: u32 = 1 << 20;
/// Bytes of payload that lie beside the job itself; longer ones lie in chunks.
pub const INLINE_BYTES: usize = 128;
/// Bytes of a chunk.
pub const CHUNK_BYTES: usize = 1024;
/// The most chunks of a queue: 1 GiB.
pub const CHUNKS_MAX: u32 = 1 << 20;
/// The most ends that a queue has at a time.
pub const MEMBERS: u16 = if cfg!(crosstie_loom) { 4 } else { 1024 };
/// The most deliveries before a job is a dead letter that a queue may ask for.
pub const DELIVERIES_MAX: u8 = 200;

/// The sizes of a queue, checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Geometry {
    /// Places for jobs.
    pub jobs: u32,
    /// Chunks for payloads that do not fit in line.
    pub chunks: u32,
    /// After so many deliveries a job that comes back is a dead letter.
    pub deliveries_max: u8,
    /// How long a job may be held; 0 for ever.
    pub lease_ns: u64,
}

impl Geometry {
    /// Those sizes; `None` where one is out of its range.
    ///
    /// # Examples
    /// ```
    /// use crosstie_core::queue::memory::Geometry;
    /// let queue = Geometry::new(1000, 64, 3, 0).unwrap();
    /// assert_eq!(queue.order_slots(), 2048);
    /// assert_eq!(queue.payload_bytes_max(), 64 * 1024);
    /// assert!(Geometry::new(0, 64, 3, 0).is_none());
    /// ```
    #[must_use]
    pub const fn new(jobs: u64, chunks: u64, deliveries_max: u64, lease_ns: u64) -> Option<Self> {
        let fits = jobs >= 1
            && jobs <= JOBS_MAX as u64
            && chunks <= CHUNKS_MAX as u64
            && deliveries_max >= 1
            && deliveries_max <= DELIVERIES_MAX as u64;
        if !fits {
            return None;
        }
        let deliveries_max = (deliveries_max & 0xFF) as u8;
        Some(Self { jobs: low(jobs), chunks: low(chunks), deliveries_max, lease_ns })
    }

    /// Places in an order: more than twice as many as jobs can ever be in it.
    #[must_use]
    pub const fn order_slots(self) -> u32 {
        (self.jobs * 2).next_power_of_two()
    }

    /// The longest payload, in bytes.
    #[must_use]
    pub const fn payload_bytes_max(self) -> usize {
        let pooled = self.chunks as usize * CHUNK_BYTES;
        if pooled > INLINE_BYTES { pooled } else { INLINE_BYTES }
    }

    /// Chunks of a payload of `length` bytes; 0 where it lies in line.
    #[must_use]
    pub const fn chunks_of(length: u32) -> u32 {
        if length as usize <= INLINE_BYTES { 0 } else { length.div_ceil(CHUNK_BYTES as u32) }
    }

    /// What a job's extent says: its payload's place and length, if that lies in the queue at all.
    #[must_use]
    pub const fn located(self, job: u32, extent: u64) -> Option<(Place, u32)> {
        let (length, from) = (low(extent), low(extent >> 32));
        if from == 0 {
            let fits = job < self.jobs && length as usize <= INLINE_BYTES;
            return if fits { Some((Place::InLine { job }, length)) } else { None };
        }
        let first_chunk = from & !POOLED;
        let fits = from & POOLED != 0
            && length as usize <= self.payload_bytes_max()
            && first_chunk as u64 + length.div_ceil(CHUNK_BYTES as u32) as u64 <= self.chunks as u64;
        if fits { Some((Place::Pooled { first_chunk }, length)) } else { None }
    }
}

/// In a job's extent: the payload lies in chunks, however short it is.
const POOLED: u32 = 1 << 31;

impl Place {
    /// The extent of a payload that lies here.
    #[must_use]
    pub const fn extent(self, length: u32) -> u64 {
        let from = match self {
            Self::InLine { .. } => 0,
            Self::Pooled { first_chunk } => first_chunk | POOLED,
        };
        ((from as u64) << 32) | length as u64
    }
}

const fn low(word: u64) -> u32 {
    (word & 0xFFFF_FFFF) as u32
}

/// Where a payload lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Beside its job.
    InLine {
        /// Which.
        job: u32,
    },
    /// In chunks that lie one behind the other.
    Pooled {
        /// The first.
        first_chunk: u32,
    },
}

/// The memory of a queue: what processes map, or a model of it.
///
/// An implementor checks its bounds: a number out of range must panic, never touch other memory
/// (*M1*). The protocol asks only for numbers below the sizes of [`Memory::geometry`].
pub trait Memory: Roster {
    /// The sizes; they never change.
    fn geometry(&self) -> Geometry;

    /// The words that all share.
    fn control(&self) -> &Control;

    /// A job's word.
    fn job(&self, job: u32) -> &AtomicU64;

    /// Length of a job's payload, and its first chunk.
    fn extent(&self, job: u32) -> &AtomicU64;

    /// When a job was delivered last, where there is a lease.
    fn delivered_at(&self, job: u32) -> &AtomicU64;

    /// A place of an order; below [`Geometry::order_slots`].
    fn order(&self, order: Order, slot: u32) -> &AtomicU64;

    /// A chunk's tag.
    fn chunk(&self, chunk: u32) -> &AtomicU64;

    /// Copies `bytes` to `at` bytes behind the first of `place`.
    fn write(&self, place: Place, at: usize, bytes: &[u8]);

    /// Copies the first bytes of `place` into `bytes`, all of it.
    fn read(&self, place: Place, bytes: &mut [u8]);

    /// That the payload beside `job` is soon written or read. Whoever writes it must not take the line from a receiver that
    /// still reads there: the line is asked for as for reading.
    fn prefetch(&self, job: u32) {
        let _ = job;
    }
}
