//! [`Transactional`]: a value that changes whole or not at all, whoever dies changing it.
#![expect(unsafe_code, reason = "copies a value bytewise, and promises that it may lie in shared memory")]

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::ptr;

use crosstie_core::atomic::{AtomicU64, Ordering};
use crosstie_core::layout::header::layout_hash;

use super::promise::{Shareable, fold};

/// A value whose last committed state survives any death: `Mutex<Transactional<Stock>>`.
///
/// It derefs to the committed value. A change is made to a copy, and [`Transaction::commit`] makes the copy the value, in
/// one step; a transaction that is dropped, or whose process is killed, has changed nothing.
///
/// # Death
/// Under a mutex, an owner killed at any instruction leaves the value as it was committed last: there is nothing
/// to mend, so take the mutex with `lock_or_repair(|_, _| ())`.
///
/// # Cost
/// Twice the memory, and one copy of the value a transaction.
///
/// # Examples
/// ```
/// use crosstie::shareable::Transactional;
/// use crosstie::sync::Mutex;
/// # let folder = tempfile::tempdir().unwrap();
/// # let domain = crosstie::ledger::Domain::open(folder.path().join("d"))?;
/// let accounts =
///     Mutex::<Transactional<[i64; 2]>>::open_or_create_in(domain, "accounts", || Transactional::new([100, 0]))?;
/// let mut guard = accounts.lock_or_repair(|_, _| ())?;
/// let mut transfer = guard.begin();
/// transfer[0] -= 30;
/// transfer[1] += 30;
/// transfer.commit();
/// guard.begin()[0] = 0; // dropped: nothing happened
/// assert_eq!(**guard, [70, 30]);
/// # Ok::<(), crosstie::Error>(())
/// ```
///
/// # Source
/// Shadow paging: Gray and Reuter, "Transaction Processing", 1992, ch. 13.
#[repr(C)]
pub struct Transactional<T> {
    /// Bit 0: which copy is the value. The rest counts the commits.
    version: AtomicU64,
    copies: [T; 2],
}

// SAFETY: repr(C) of such types; every version names one of the two copies; no pointer, no drop glue.
unsafe impl<T: Shareable> Shareable for Transactional<T> {
    const LAYOUT: u64 = fold(layout_hash("transactional 1: version, two copies"), T::LAYOUT);

    fn describe() -> String {
        format!("Transactional<{}>", T::describe())
    }
}

impl<T: Shareable> Transactional<T> {
    /// A cell whose committed value is `value`.
    #[must_use]
    pub fn new(value: T) -> Self {
        // SAFETY: a Shareable value may be copied bytewise and has no drop glue (its contract).
        let copy = unsafe { ptr::read(&raw const value) };
        Self { version: AtomicU64::new(0), copies: [value, copy] }
    }

    /// Begins a change, which counts only once it is committed.
    pub fn begin(&mut self) -> Transaction<'_, T> {
        let value = self.value_index();
        let [first, second] = &mut self.copies;
        let (value, draft) = if value == 0 { (first, second) } else { (second, first) };
        // SAFETY: two values of one array, borrowed alone; a Shareable value may be copied bytewise (its contract).
        unsafe { ptr::copy_nonoverlapping(&raw const *value, &raw mut *draft, 1) };
        Transaction { version: &self.version, draft }
    }

    /// Changes the value by `change` and commits that; a panic in `change` changes nothing.
    pub fn update<R>(&mut self, change: impl FnOnce(&mut T) -> R) -> R {
        let mut transaction = self.begin();
        let answer = change(&mut transaction);
        transaction.commit();
        answer
    }

    /// How many changes were committed.
    #[must_use]
    pub fn commits(&self) -> u64 {
        // Relaxed: whoever reads has the mutex, or the value alone.
        self.version.load(Ordering::Relaxed)
    }

    fn value_index(&self) -> usize {
        usize::from(self.commits() & 1 != 0)
    }
}

impl<T: Shareable> Deref for Transactional<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.copies[self.value_index()]
    }
}

impl<T: Shareable + fmt::Debug> fmt::Debug for Transactional<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

/// A change of a [`Transactional`] value that is not committed yet; dropped, it never happened.
pub struct Transaction<'a, T> {
    version: &'a AtomicU64,
    draft: &'a mut T,
}

impl<T> Transaction<'_, T> {
    /// Makes the change the value, in one step.
    pub fn commit(self) {
        // AcqRel: the draft is written before, and the next one, in the other copy, behind this step: a process killed
        // anywhere has left one copy whole, the one that the version names.
        self.version.fetch_add(1, Ordering::AcqRel);
    }
}

impl<T> Deref for Transaction<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.draft
    }
}

impl<T> DerefMut for Transaction<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        self.draft
    }
}

impl<T: fmt::Debug> fmt::Debug for Transaction<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Transaction").field(&self.draft).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_counts_once_it_is_committed() {
        let mut cell = Transactional::new([1_u64, 1]);
        cell.begin()[0] = 9;
        assert_eq!((*cell, cell.commits()), ([1, 1], 0));
        cell.update(|value| value[0] = 2);
        cell.update(|value| value[1] = 2);
        assert_eq!((*cell, cell.commits()), ([2, 2], 2));
    }

    #[test]
    fn a_panic_half_way_changes_nothing() {
        let mut cell = Transactional::new([1_u64, 1]);
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            cell.update(|value| {
                value[0] = 2;
                panic!("half-way");
            })
        }));
        assert!(outcome.is_err());
        assert_eq!(*cell, [1, 1]);
    }
}
