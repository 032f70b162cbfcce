//! Memory for requests, which a worker gives back when it has answered: a call after the other allocates none.

use std::cell::Cell;

use crate::endpoint::Body;

/// Longer memory is not kept.
const KEPT_BYTES_MAX: usize = 1 << 20;

/// So much memory is not too much for any request.
const ROOMY_BYTES: usize = 256;

thread_local! {
    static SPARE: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// What `body` has, in its own memory, or in this thread's spare memory if there is some.
#[inline(always)]
pub(super) fn own(body: Body<'_>) -> Vec<u8> {
    match body {
        Body::Own(memory) => std::mem::take(memory),
        Body::Lent(bytes) => {
            let mut memory = take(bytes.len());
            memory.clear();
            memory.extend_from_slice(bytes);
            memory
        }
    }
}

/// This thread's spare memory with whatever is in it, if there is some, and not much more than `bytes` need: whoever has the request
/// may keep it, and as long as it waits it counts as its bytes.
pub(super) fn take(bytes: usize) -> Vec<u8> {
    let memory = SPARE.take();
    if memory.capacity() <= bytes.saturating_mul(2).max(ROOMY_BYTES) {
        return memory;
    }
    SPARE.set(memory);
    Vec::new()
}

/// Keeps memory for the next request that this thread takes in.
pub(super) fn keep(memory: Vec<u8>) {
    if memory.capacity() <= KEPT_BYTES_MAX {
        SPARE.set(memory);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_request_gets_no_long_memory_and_one_that_needs_it_does() {
        keep(Vec::with_capacity(100_000));
        assert!(own(Body::Lent(b"short")).capacity() <= ROOMY_BYTES);
        let long = own(Body::Lent(&[7; 60_000]));
        assert_eq!((long.capacity(), long.len()), (100_000, 60_000));
        assert_eq!(take(60_000).capacity(), 0, "it was given away");
    }
}
