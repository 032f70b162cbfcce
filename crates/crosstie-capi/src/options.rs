//! Structs that may grow.
//!
//! Each begins with its size, which the caller sets (`..._INIT`). A newer library reads fewer bytes of an older program's struct,
//! what it does not find is 0, and 0 always means what was meant before. An older library looks at the bytes that it does
//! not know: as long as they are 0 they ask for nothing.
#![expect(unsafe_code, reason = "reads and writes structs of the caller's")]

use std::ptr;

use crosstie::ErrorKind;

use crate::status::Failure;

/// A struct that begins with its size and may be all zeros.
///
/// # Safety
/// It is `repr(C)`, its first field is a `usize`, and every pattern of bytes is one.
pub(crate) unsafe trait Sized: Copy {
    /// What messages call it.
    const NAME: &'static str;
    /// The size of its first version.
    const BYTES_FIRST: usize;
    /// All zeros.
    const ZERO: Self;
}

/// Reads the options at `from`; NULL asks for nothing.
///
/// # Safety
/// `from` is NULL or leads to a `usize` that is the number of bytes that can be read there.
pub(crate) unsafe fn read<T: Sized>(from: *const T) -> Result<T, Failure> {
    if from.is_null() {
        return Ok(T::ZERO);
    }
    // SAFETY: it begins with its size (as this function asks, and Sized says).
    let bytes = unsafe { from.cast::<usize>().read_unaligned() };
    check_size::<T>(bytes)?;
    let unknown = bytes.saturating_sub(size_of::<T>());
    // SAFETY: the caller says that `bytes` bytes can be read, and the last `unknown` of them begin here.
    let asks =
        unsafe { std::slice::from_raw_parts(from.cast::<u8>().wrapping_add(bytes - unknown), unknown) };
    if asks.iter().any(|&byte| byte != 0) {
        let text =
            format!("this {} asks for something that this version of the library does not know", T::NAME);
        return Err(Failure::new(ErrorKind::Unsupported, text).advise("use a newer library"));
    }
    let mut read = T::ZERO;
    // SAFETY: the caller says that `bytes` can be read, `read` has room for its own size, and every pattern is one.
    unsafe { ptr::copy_nonoverlapping(from.cast::<u8>(), (&raw mut read).cast(), bytes.min(size_of::<T>())) };
    Ok(read)
}

/// Whether the struct at `to`, which is not NULL, is one that this library may write; before anything is done.
///
/// # Safety
/// As [`read`].
#[inline]
pub(crate) unsafe fn check<T: Sized>(to: *const T) -> Result<(), Failure> {
    if to.is_null() {
        return Ok(());
    }
    // SAFETY: it begins with its size (as this function asks).
    check_size::<T>(unsafe { to.cast::<usize>().read_unaligned() })
}

/// As [`check`], without a word of what is wrong.
///
/// # Safety
/// As [`read`].
#[inline(always)]
pub(crate) unsafe fn is_right<T: Sized>(to: *const T) -> bool {
    // SAFETY: it begins with its size (as this function asks).
    to.is_null() || is_right_size::<T>(unsafe { to.cast::<usize>().read_unaligned() })
}

/// Writes `answer` behind the size of the struct at `to`, as much as it has room for; NULL wants nothing.
///
/// # Safety
/// `to` is NULL or was checked by [`check`], and can be written.
#[inline]
pub(crate) unsafe fn write<T: Sized>(to: *mut T, answer: &T) {
    if to.is_null() {
        return;
    }
    const SIZE: usize = size_of::<usize>();
    // SAFETY: it begins with its size (as this function asks).
    let bytes = unsafe { to.cast::<usize>().read_unaligned() }.min(size_of::<T>());
    let from = ptr::from_ref(answer).cast::<u8>().wrapping_add(SIZE);
    // SAFETY: `check` found at least BYTES_FIRST bytes, which is more than the size's own; as many can be written.
    unsafe { ptr::copy_nonoverlapping(from, to.cast::<u8>().wrapping_add(SIZE), bytes - SIZE) };
}

#[inline]
fn check_size<T: Sized>(bytes: usize) -> Result<(), Failure> {
    if is_right_size::<T>(bytes) { Ok(()) } else { Err(wrong_size::<T>(bytes)) }
}

#[inline(always)]
fn is_right_size<T: Sized>(bytes: usize) -> bool {
    const BYTES_MAX: usize = 4096;
    (T::BYTES_FIRST..=BYTES_MAX).contains(&bytes)
}

#[cold]
fn wrong_size<T: Sized>(bytes: usize) -> Failure {
    let text = format!("the size of this {} is {bytes}, and not {} or more", T::NAME, T::BYTES_FIRST);
    Failure::new(ErrorKind::Usage, text).advise("begin it with its ..._INIT")
}
