//! The address that each living thread of a process has to itself, from the register in which the C library keeps it.
#![expect(unsafe_code, reason = "reads the register of the thread pointer")]

use std::num::NonZeroUsize;

/// An address that no other living thread of this process has; `None` on processors for which this is not written. Another thread may get
/// it once this one has ended.
///
/// # Cost
/// One load, without a call, also in a shared library, where a look at a thread-local word is a call.
///
/// # Source
/// The TLS ABI of x86-64 (the word at `fs:0` is its own address) and AArch64 (`TPIDR_EL0`): Drepper, "ELF Handling For Thread-Local Storage".
#[inline(always)]
#[must_use]
pub fn thread_pointer() -> Option<NonZeroUsize> {
    let pointer: usize;
    #[cfg(target_arch = "x86_64")]
    // SAFETY: the TLS ABI has the thread pointer's own address at fs:0 in every thread of a program with a C library; it is only read.
    unsafe {
        std::arch::asm!("mov {}, fs:0", out(reg) pointer, options(nostack, preserves_flags, pure, readonly));
    }
    #[cfg(target_arch = "aarch64")]
    // SAFETY: the register may be read by every program, and the TLS ABI has the thread pointer there.
    unsafe {
        std::arch::asm!("mrs {}, tpidr_el0", out(reg) pointer, options(nostack, preserves_flags, pure, nomem));
    }
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    {
        pointer = 0;
    }
    NonZeroUsize::new(pointer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn living_threads_have_one_each_and_it_stays() {
        let mine = thread_pointer();
        let theirs = std::thread::spawn(|| (thread_pointer(), thread_pointer()));
        let (first, second) = theirs.join().unwrap();
        assert_eq!((mine, first), (thread_pointer(), second));
        assert!(mine.is_none() || mine != first);
    }
}
