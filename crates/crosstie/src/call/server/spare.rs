//! Memory for requests, which a worker gives back when it has answered: a call after the other allocates none.

use std::cell::Cell;

/// Longer memory is not kept.
const KEPT_BYTES_MAX: usize = 1 << 20;

thread_local! {
    static SPARE: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// A copy of `bytes`, in this thread's spare memory if there is some.
pub(super) fn filled(bytes: &[u8]) -> Vec<u8> {
    let mut memory = SPARE.take();
    memory.clear();
    memory.extend_from_slice(bytes);
    memory
}

/// Keeps memory for the next request that this thread takes in.
pub(super) fn keep(memory: Vec<u8>) {
    if memory.capacity() <= KEPT_BYTES_MAX {
        SPARE.set(memory);
    }
}
