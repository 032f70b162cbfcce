//! [`Deque`]: a double-ended queue of at most N, in place.

use std::fmt;

use super::List;
use super::Shareable;

/// A double-ended queue of at most `N` values, without a pointer; what a bounded buffer is made of.
///
/// Its positions are words that others may write: they are taken modulo `N`, so a corrupted queue
/// holds wrong values, and nothing worse.
///
/// # Examples
/// ```
/// use crosstie::shareable::Deque;
/// let mut jobs = Deque::<u32, 2>::new();
/// assert_eq!(jobs.push_back(1), Ok(()));
/// assert_eq!(jobs.push_back(2), Ok(()));
/// assert_eq!(jobs.push_back(3), Err(3), "full: the value comes back");
/// assert_eq!(jobs.pop_front(), Some(1));
/// assert_eq!(jobs.len(), 1);
/// ```
#[derive(Clone, Copy, Shareable)]
#[repr(C)]
#[shareable(inside)]
pub struct Deque<T: Shareable + Copy + Default, const N: usize> {
    first: u64,
    len: u64,
    cells: [T; N],
}

impl<T: Shareable + Copy + Default, const N: usize> Deque<T, N> {
    /// An empty queue.
    ///
    /// # Panics
    /// At compile time if `N` is 0.
    #[must_use]
    pub fn new() -> Self {
        const { assert!(N > 0, "a queue has room for one at least") };
        Self { first: 0, len: 0, cells: [T::default(); N] }
    }

    /// How many it holds.
    #[must_use]
    pub fn len(&self) -> usize {
        List::<T, N>::bounded(self.len)
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

    /// Whether it holds none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
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
    pub fn push_back(&mut self, value: T) -> Result<(), T> {
        if self.is_full() {
            return Err(value);
        }
        let (at, len) = (self.place(self.len()), self.len());
        self.cells[at] = value;
        self.len = len as u64 + 1;
        Ok(())
    }

    /// Puts `value` before all others.
    ///
    /// # Errors
    /// The value, when it is full.
    pub fn push_front(&mut self, value: T) -> Result<(), T> {
        if self.is_full() {
            return Err(value);
        }
        let (at, len) = (self.place(N - 1), self.len());
        self.cells[at] = value;
        self.first = at as u64;
        self.len = len as u64 + 1;
        Ok(())
    }

    /// Takes the first.
    pub fn pop_front(&mut self) -> Option<T> {
        let value = *self.front()?;
        self.len = self.len() as u64 - 1;
        self.first = self.place(1) as u64;
        Some(value)
    }

    /// Takes the last.
    pub fn pop_back(&mut self) -> Option<T> {
        let value = *self.back()?;
        self.len = self.len() as u64 - 1;
        Some(value)
    }

    /// The first.
    #[must_use]
    pub fn front(&self) -> Option<&T> {
        self.get(0)
    }

    /// The last.
    #[must_use]
    pub fn back(&self) -> Option<&T> {
        self.get(self.len().checked_sub(1)?)
    }

    /// The one at `index`, from the first.
    #[must_use]
    pub fn get(&self, index: usize) -> Option<&T> {
        (index < self.len()).then(|| &self.cells[self.place(index)])
    }

    /// All, first to last.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        (0..self.len()).map(|index| &self.cells[self.place(index)])
    }

    /// Takes all away.
    pub fn clear(&mut self) {
        (self.first, self.len) = (0, 0);
    }

    /// Where the value `index` behind the first lies.
    fn place(&self, index: usize) -> usize {
        let first = usize::try_from(self.first % N as u64).unwrap_or(0);
        (first + index % N) % N
    }
}

impl<T: Shareable + Copy + Default, const N: usize> Default for Deque<T, N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Shareable + Copy + Default + fmt::Debug, const N: usize> fmt::Debug for Deque<T, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_does_what_a_deque_of_std_does(steps in prop::collection::vec((0..5_u8, any::<u32>()), 0..200)) {
            let (mut ours, mut std) = (Deque::<u32, 5>::new(), VecDeque::new());
            for (step, value) in steps {
                match step {
                    0 if std.len() < 5 => { std.push_back(value); prop_assert_eq!(ours.push_back(value), Ok(())); }
                    1 if std.len() < 5 => { std.push_front(value); prop_assert_eq!(ours.push_front(value), Ok(())); }
                    0 => prop_assert_eq!(ours.push_back(value), Err(value)),
                    1 => prop_assert_eq!(ours.push_front(value), Err(value)),
                    2 => prop_assert_eq!(ours.pop_front(), std.pop_front()),
                    3 => prop_assert_eq!(ours.pop_back(), std.pop_back()),
                    _ => prop_assert_eq!(ours.get(1), std.get(1)),
                }
                prop_assert!(ours.iter().eq(std.iter()));
            }
        }

        #[test]
        fn whatever_others_write_into_it_nothing_is_read_out_of_bounds(first: u64, len: u64) {
            let mut deque = Deque::<u8, 3> { first, len, cells: [1, 2, 3] };
            prop_assert!(deque.len() <= 3 && deque.iter().count() <= 3);
            let _ = (deque.push_back(4), deque.push_front(5), deque.pop_front(), deque.pop_back());
            prop_assert!(deque.len() <= 3);
        }
    }
}
