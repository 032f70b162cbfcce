//! Copies of payloads in and out of shared memory; a short one without a call.
//!
//! Most messages are short, and a call of the C library's `memcpy` through the loader's table costs as much as all else that
//! a ring does for one. Up to a cache line the bytes go in two halves that overlap, each in registers: the same few
//! instructions for each length of a range.
//!
//! A long one comes at the pace at which lines come from the processor that wrote them. What the processor asks for by itself
//! ends at each page of 4 KiB, and starts anew behind it; and where source and destination lie differently in their lines, as a
//! message behind its header does, it asks for too little. So [`copy_from_other`] asks for the next page's worth while it copies one:
//! docs/decisions/0057-long-copies-ask-for-lines-ahead.md has what it gains.
#![expect(unsafe_code, reason = "copies through pointers into memory that other processes map")]

use std::ptr;

use super::prefetch;

/// Up to here without a call: a cache line.
const SHORT_BYTES_MAX: usize = 64;

/// Copies `bytes` bytes from `from` to `to`.
///
/// # Safety
/// `from` is valid for reads and `to` for writes of so many bytes, and the two do not overlap. No alignment is
/// asked for.
#[inline(always)]
pub(super) unsafe fn copy(from: *const u8, to: *mut u8, bytes: usize) {
    type Block = [u64; 2];
    match bytes {
        33..=SHORT_BYTES_MAX => {
            for at in [0, 16, bytes - 32, bytes - 16] {
                // SAFETY: 16 bytes at `at` lie within `bytes`, of which the caller promises this.
                unsafe { block::<Block>(from, to, at) };
            }
        }
        // SAFETY: the caller promises `bytes` of both, apart from each other.
        65.. => unsafe { ptr::copy_nonoverlapping(from, to, bytes) },
        // SAFETY: the caller promises `bytes`, here one to two Blocks.
        16..33 => unsafe { halves::<Block>(from, to, bytes) },
        // SAFETY: the caller promises `bytes`, here one to two u64.
        8..16 => unsafe { halves::<u64>(from, to, bytes) },
        // SAFETY: the caller promises `bytes`, here one to two u32.
        4..8 => unsafe { halves::<u32>(from, to, bytes) },
        // SAFETY: the caller promises `bytes`, here one to two u16.
        2..4 => unsafe { halves::<u16>(from, to, bytes) },
        // SAFETY: the caller promises this one byte of both.
        1 => unsafe { block::<u8>(from, to, 0) },
        0 => {}
    }
}

/// From here on the next part is asked for while one is copied.
const LONG_BYTES_MIN: usize = 4 * PART_BYTES;
/// What is copied at once, and asked for ahead: a page.
const PART_BYTES: usize = 4 << 10;
const LINE_BYTES: usize = 64;

/// As [`copy`], of bytes that another processor wrote.
///
/// # Safety
/// As [`copy`].
#[inline(always)]
pub(super) unsafe fn copy_from_other(from: *const u8, to: *mut u8, bytes: usize) {
    if bytes < LONG_BYTES_MIN {
        // SAFETY: what the caller promises is what it asks for.
        unsafe { copy(from, to, bytes) };
    } else {
        // SAFETY: what the caller promises is what it asks for.
        unsafe { copy_in_parts(from, to, bytes) };
    }
}

/// As [`copy_from_other`], however long.
///
/// # Safety
/// As [`copy`].
#[inline(never)]
unsafe fn copy_in_parts(from: *const u8, to: *mut u8, bytes: usize) {
    let mut start = 0;
    while start < bytes {
        let end = bytes.min(start + PART_BYTES);
        for ahead in (end..bytes.min(end + PART_BYTES)).step_by(LINE_BYTES) {
            prefetch::for_reading_among_many(from.wrapping_add(ahead));
        }
        // SAFETY: from `start` to `end` lie within `bytes`, of which the caller promises this.
        unsafe { ptr::copy_nonoverlapping(from.wrapping_add(start), to.wrapping_add(start), end - start) };
        start = end;
    }
}

/// As [`copy`], of one to two times the size of a `T`.
///
/// # Safety
/// As [`copy`].
#[inline(always)]
unsafe fn halves<T: Copy>(from: *const u8, to: *mut u8, bytes: usize) {
    // SAFETY: the caller promises `bytes`, which are at least those of a T.
    unsafe { block::<T>(from, to, 0) };
    // SAFETY: as above, up to the last of them.
    unsafe { block::<T>(from, to, bytes - size_of::<T>()) };
}

/// Copies the bytes of a `T` at `at` behind both.
///
/// # Safety
/// As [`copy`], of those bytes.
#[inline(always)]
unsafe fn block<T: Copy>(from: *const u8, to: *mut u8, at: usize) {
    // SAFETY: the caller promises that these bytes can be read; T, a number or two, takes any of them.
    let value = unsafe { from.wrapping_add(at).cast::<T>().read_unaligned() };
    // SAFETY: the caller promises that these bytes can be written.
    unsafe { to.wrapping_add(at).cast::<T>().write_unaligned(value) };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_length_is_copied_whole_and_nothing_beside_it() {
        let from: Vec<u8> = (0..200).map(|n| n as u8 ^ 0x5A).collect();
        for bytes in 0..=130 {
            for start in [0, 1, 7] {
                let mut to = [0_u8; 200];
                // SAFETY: both arrays have 200 bytes, more than are copied behind `start` and 9.
                unsafe { copy(from[start..].as_ptr(), to[9..].as_mut_ptr(), bytes) };
                assert_eq!(to[9..9 + bytes], from[start..start + bytes], "{bytes} from {start}");
                assert!(to[..9].iter().chain(&to[9 + bytes..]).all(|&byte| byte == 0), "{bytes}: beside it");
            }
        }
    }

    #[test]
    fn a_long_one_in_parts_is_whole_too() {
        let from: Vec<u8> = (0..LONG_BYTES_MIN * 2).map(|n| (n % 251) as u8).collect();
        let parts = [LONG_BYTES_MIN, LONG_BYTES_MIN + PART_BYTES];
        for bytes in parts.into_iter().flat_map(|bytes| [bytes - 1, bytes, bytes + 1]) {
            let mut to = vec![0_u8; from.len()];
            // SAFETY: both have more bytes than are copied behind 1 and 9.
            unsafe { copy_from_other(from[1..].as_ptr(), to[9..].as_mut_ptr(), bytes) };
            assert!(to[9..9 + bytes] == from[1..=bytes], "{bytes}");
            assert!(to[..9].iter().chain(&to[9 + bytes..]).all(|&byte| byte == 0), "{bytes}: beside it");
        }
    }
}
