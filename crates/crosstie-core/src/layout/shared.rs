//! Which types may lie in memory that other processes write, and where.
#![expect(unsafe_code, reason = "the promise that a type makes no assumption about its bytes")]

use super::ledger::LedgerWords;
use super::orders::Entry;
use crate::atomic::{AtomicU32, AtomicU64};
use crate::queue;
use crate::ring::control::Control;
use crate::ring::statistics::Statistics;
use crate::topic;
use crate::word::call::CallWords;
use crate::word::head::Head;
use crate::word::permits::Permit;
use crate::word::role::RoleWord;
use crate::word::slot::Slot;

/// A type that a reference may name although other processes write its bytes.
///
/// # Safety
/// The type is `#[repr(C)]`, consists of atomics of fixed width only (and arrays and structs of
/// them), every bit pattern of it is valid, it has no padding that anybody reads, and no drop glue.
pub unsafe trait SharedLayout {}

// SAFETY: an atomic of fixed width; every bit pattern is an integer.
unsafe impl SharedLayout for AtomicU32 {}
// SAFETY: an atomic of fixed width; every bit pattern is an integer.
unsafe impl SharedLayout for AtomicU64 {}
// SAFETY: elements of such a type, without gaps.
unsafe impl<T: SharedLayout, const N: usize> SharedLayout for [T; N] {}
// SAFETY: repr(C), atomics only; its size and offsets are asserted beside it.
unsafe impl SharedLayout for Slot {}
// SAFETY: repr(C), atomics only; its size and offsets are asserted beside it.
unsafe impl SharedLayout for LedgerWords {}
// SAFETY: repr(C), atomics only; its size and offsets are asserted beside it.
unsafe impl SharedLayout for Head {}
// SAFETY: repr(C), atomics only; its size is asserted beside it.
unsafe impl SharedLayout for CallWords {}
// SAFETY: repr(C), atomics only; its size is asserted beside it.
unsafe impl SharedLayout for Entry {}
// SAFETY: repr(C), two atomics; every bit pattern is an owner or nobody.
unsafe impl SharedLayout for Permit {}
// SAFETY: repr(C), atomics and unread padding only; its size and offsets are asserted beside it.
unsafe impl SharedLayout for Control {}
// SAFETY: repr(C), atomics and unread padding only; its size and offsets are asserted beside it.
unsafe impl SharedLayout for Statistics {}
// SAFETY: transparent over one atomic; every bit pattern decodes.
unsafe impl SharedLayout for RoleWord {}
// SAFETY: repr(C), atomics and unread padding only; its size and offsets are asserted beside it.
unsafe impl SharedLayout for queue::control::Control {}
// SAFETY: repr(C), two atomics; every bit pattern is an owner or nobody, and a number.
unsafe impl SharedLayout for queue::member::Member {}
// SAFETY: repr(C), atomics only; its size and offsets are asserted beside it.
unsafe impl SharedLayout for topic::control::Control {}
// SAFETY: repr(C), atomics only; its size and offsets are asserted beside it.
unsafe impl SharedLayout for topic::control::Cursor {}

/// Whether `bytes` bytes from `offset` on, aligned to `align`, lie inside `total` bytes.
///
/// # Examples
/// ```
/// use crosstie_core::layout::shared::is_inside;
/// assert!(is_inside(64, 8, 8, 72));
/// assert!(!is_inside(65, 4, 4, 72), "not aligned");
/// assert!(!is_inside(68, 8, 4, 72), "beyond the end");
/// assert!(!is_inside(usize::MAX, 8, 1, 72), "wraps around");
/// ```
#[must_use]
pub const fn is_inside(offset: usize, bytes: usize, align: usize, total: usize) -> bool {
    match offset.checked_add(bytes) {
        Some(end) => end <= total && offset.is_multiple_of(align),
        None => false,
    }
}
