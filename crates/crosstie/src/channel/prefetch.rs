//! A hint to the processor: a cache line will be written soon.
//!
//! An operation that locks a word waits until its processor alone has the line, and nothing overtakes it. Where the other end has
//! read that line in the last lap, this takes as long as all else together; asked for some lines ahead, it costs nothing.
//! The compiler's own hint is one for reading where it does not know the processor, and the line would still be shared.
#![expect(unsafe_code, reason = "one instruction that the standard library does not have")]

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
