//! One short buffer instead of several: cheaper for the kernel than to follow a list.

use std::io::IoSlice;

/// So many bytes are copied together rather than listed.
pub(super) const SHORT_BYTES: usize = 1024;

/// The bytes of `slices` in a row in `room`, when they are short and several.
#[inline]
pub(super) fn gather<'a>(slices: &[IoSlice<'_>], room: &'a mut [u8; SHORT_BYTES]) -> Option<&'a [u8]> {
    let [first, second] = slices else { return None };
    let whole = room.get_mut(..first.len().checked_add(second.len())?)?;
    let (head, tail) = whole.split_at_mut(first.len());
    head.copy_from_slice(first);
    tail.copy_from_slice(second);
    Some(whole)
}
