//! [`List`]: a vector of at most N, in place.

use std::fmt;
use std::ops::{Deref, DerefMut};

use super::Shareable;

/// A vector of at most `N` values, without a pointer. It derefs to a slice of those it holds.
///
/// Its length is a word that others may write: it counts as `N` at most.
///
/// # Examples
/// ```
/// use crosstie::shareable::List;
/// let mut prices = List::<u64, 3>::new();
/// assert_eq!(prices.push(5), Ok(()));
/// assert_eq!(prices.push(7), Ok(()));
/// assert_eq!(*prices, [5, 7]);
/// assert_eq!(prices.swap_remove(0), Some(5));
/// ```
#[derive(Clone, Copy, Shareable)]
#[repr(C)]
#[shareable(inside)]
pub struct List<T: Shareable + Copy + Default, const N: usize> {
    len: u64,
    cells: [T; N],
}

impl<T: Shareable + Copy + Default, const N: usize> List<T, N> {
    /// An empty list.
    #[must_use]
    pub fn new() -> Self {
        Self { len: 0, cells: [T::default(); N] }
    }

    /// A length that others may have written, as far as it is possible.
    pub(super) fn bounded(len: u64) -> usize {
        usize::try_from(len).unwrap_or(N).min(N)
    }

    /// Where its length stands.
    pub(super) fn len_word(&self) -> &u64 {
        &self.len
    }

    /// How many it can hold.
    #[must_use]
    pub const fn capacity(&self) -> usize {
        N
    }

    /// Whether it has no room.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.len() == N
    }

    /// Appends `value`.
    ///
    /// # Errors
    /// The value, when it is full.
    pub fn push(&mut self, value: T) -> Result<(), T> {
        let len = self.len();
        let Some(cell) = self.cells.get_mut(len) else { return Err(value) };
        *cell = value;
        self.len = len as u64 + 1;
        Ok(())
    }

    /// Takes the last.
    pub fn pop(&mut self) -> Option<T> {
        let last = *self.last()?;
        self.len = self.len() as u64 - 1;
        Some(last)
    }

    /// Puts `value` at `index`, and moves those behind it.
    ///
    /// # Errors
    /// The value, when it is full or `index` lies beyond the end.
    pub fn insert(&mut self, index: usize, value: T) -> Result<(), T> {
        if index > self.len() {
            return Err(value);
        }
        self.push(value)?;
        self[index..].rotate_right(1);
        Ok(())
    }

    /// Takes the one at `index`, and moves those behind it.
    pub fn remove(&mut self, index: usize) -> Option<T> {
        self.get_mut(index..)?.get(..1)?;
        self[index..].rotate_left(1);
        self.pop()
    }

    /// Takes the one at `index`, and puts the last in its place.
    pub fn swap_remove(&mut self, index: usize) -> Option<T> {
        let last = self.len().checked_sub(1)?;
        self.get(index)?;
        self.swap(index, last);
        self.pop()
    }

    /// Keeps only those that `keep` answers true for.
    pub fn retain(&mut self, mut keep: impl FnMut(&T) -> bool) {
        let mut kept = 0;
        for at in 0..self.len() {
            if keep(&self.cells[at]) {
                self.cells[kept] = self.cells[at];
                kept += 1;
            }
        }
        self.len = kept as u64;
    }

    /// Takes all away.
    pub fn clear(&mut self) {
        self.len = 0;
    }
}

impl<T: Shareable + Copy + Default, const N: usize> Deref for List<T, N> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.cells[..Self::bounded(self.len)]
    }
}

impl<T: Shareable + Copy + Default, const N: usize> DerefMut for List<T, N> {
    fn deref_mut(&mut self) -> &mut [T] {
        &mut self.cells[..Self::bounded(self.len)]
    }
}

impl<T: Shareable + Copy + Default, const N: usize> Default for List<T, N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Shareable + Copy + Default + fmt::Debug, const N: usize> fmt::Debug for List<T, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_does_what_a_vector_does(steps in prop::collection::vec((0..6_u8, 0..8_usize, any::<u32>()), 0..200)) {
            let (mut ours, mut std) = (List::<u32, 5>::new(), Vec::new());
            for (step, at, value) in steps {
                match step {
                    0 if std.len() < 5 => { std.push(value); prop_assert_eq!(ours.push(value), Ok(())); }
                    0 => prop_assert_eq!(ours.push(value), Err(value)),
                    1 => prop_assert_eq!(ours.pop(), std.pop()),
                    2 if at <= std.len() && std.len() < 5 => {
                        std.insert(at, value);
                        prop_assert_eq!(ours.insert(at, value), Ok(()));
                    }
                    2 => prop_assert_eq!(ours.insert(at, value), Err(value)),
                    3 => prop_assert_eq!(ours.remove(at), (at < std.len()).then(|| std.remove(at))),
                    4 => prop_assert_eq!(ours.swap_remove(at), (at < std.len()).then(|| std.swap_remove(at))),
                    _ => { std.retain(|v| v % 3 != 0); ours.retain(|v| v % 3 != 0); }
                }
                prop_assert_eq!(&*ours, &std[..]);
            }
        }

        #[test]
        fn whatever_length_others_write_it_holds_at_most_all(len: u64) {
            let mut list = List::<u8, 3> { len, cells: [1, 2, 3] };
            prop_assert!(list.len() <= 3);
            let _ = (list.push(4), list.remove(1), list.insert(0, 9), list.pop());
            prop_assert!(list.len() <= 3);
        }
    }
}
