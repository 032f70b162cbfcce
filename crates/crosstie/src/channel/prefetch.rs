//! Hints to the processor: a cache line will be read or written soon. Any address will do: nothing changes there, and nothing
//! happens where the processor does not know the hint.
//!
//! Before writing: an operation that locks a word waits until its processor alone has the line, and nothing overtakes it. Where the other end has
//! read that line in the last lap, this takes as long as all else together; asked for some lines ahead, it costs nothing.
//! The compiler's own hint is one for reading where it does not know the processor, and the line would still be shared.
#![expect(unsafe_code, reason = "instructions that the standard library does not have, or has as unsafe")]

/// Asks for the line at `address`, to read there at once.
#[inline(always)]
pub(super) fn for_reading(address: *const u8) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: a prefetch of any address, mapped or not, neither faults nor changes memory.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(address.cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = address;
}

/// As [`for_reading`], of a line among so many that the first cache would not hold them until they are read: into the second.
#[inline(always)]
pub(super) fn for_reading_among_many(address: *const u8) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T1, _mm_prefetch};
        // SAFETY: a prefetch of any address, mapped or not, neither faults nor changes memory.
        unsafe { _mm_prefetch::<_MM_HINT_T1>(address.cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = address;
}

/// Asks for the line at `address`, to write there; whatever lies there, nothing changes.
#[inline(always)]
pub(super) fn for_writing(address: *const u8) {
    // SAFETY: it reads, writes and faults nowhere, whatever the address is; a processor without it does nothing.
    #[cfg(target_arch = "x86_64")]
    unsafe {
        core::arch::asm!("prefetchw [{}]", in(reg) address, options(nostack, preserves_flags, readonly));
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = address;
}
