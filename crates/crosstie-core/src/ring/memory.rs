//! What a ring asks of the memory it is lent.

use super::control::Control;
use crate::atomic::AtomicU64;

/// The cells of a ring: memory that two processes map, or a model of it.
///
/// Offsets are bytes from the ring's first byte. The implementor stands for *M1*: an offset below
/// the capacity, with a length up to the capacity, is always readable and writable and continues
/// at the ring's first byte (the memory is mapped twice in a row). An implementor checks its
/// bounds: an offset or a length out of range must panic, never touch other memory.
pub trait Memory {
    /// Bytes of the ring; a power of two that never changes.
    fn capacity_bytes(&self) -> u64;

    /// The shared words beside the cells.
    fn control(&self) -> &Control;

    /// The commit word of the cell at `offset`, a multiple of the cell size.
    fn commit_word(&self, offset: u64) -> &AtomicU64;

    /// Copies `bytes` to `offset`.
    fn write(&self, offset: u64, bytes: &[u8]);

    /// Copies from `offset` into `bytes`, all of it.
    fn read(&self, offset: u64, bytes: &mut [u8]);
}
