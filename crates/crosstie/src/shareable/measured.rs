//! [`Measured`]: what can be compared with a number without knowing its type.

use super::{Deque, List, Shareable};

/// An integer that a [`Measured`] is or has.
pub trait Number: Copy + inside::Sealed + 'static {
    /// Whether it may be negative.
    #[doc(hidden)]
    const SIGNED: bool;

    /// Its bits, extended to 64 as its sign wants it.
    #[doc(hidden)]
    fn to_word(self) -> u64;
}

/// What has one number by which others can judge it: an integer is one, a queue or list has its length.
///
/// Conditions that a process states of shared data for others to look at are comparisons of such numbers
/// ([`crate::sync::predicate`]).
pub trait Measured: inside::Sealed {
    /// The type of the number.
    type Number: Number;

    /// Where the number stands.
    #[doc(hidden)]
    fn number(&self) -> &Self::Number;
}

mod inside {
    /// Nobody else makes one: others read its bytes by this crate's rules.
    pub trait Sealed {}
}

macro_rules! integers {
    ($($of:ty: $signed:literal, $to_word:expr);+) => {$(
        impl inside::Sealed for $of {}

        impl Number for $of {
            const SIGNED: bool = $signed;

            fn to_word(self) -> u64 {
                $to_word(self)
            }
        }

        impl Measured for $of {
            type Number = Self;

            fn number(&self) -> &Self {
                self
            }
        }
    )+};
}

integers!(
    u8: false, u64::from; u16: false, u64::from; u32: false, u64::from; u64: false, u64::from;
    i8: true, extend; i16: true, extend; i32: true, extend; i64: true, extend
);

fn extend(number: impl Into<i64>) -> u64 {
    number.into().cast_unsigned()
}

impl<T: Shareable + Copy + Default, const N: usize> inside::Sealed for Deque<T, N> {}

/// How many it holds.
impl<T: Shareable + Copy + Default, const N: usize> Measured for Deque<T, N> {
    type Number = u64;

    fn number(&self) -> &u64 {
        self.len_word()
    }
}

impl<T: Shareable + Copy + Default, const N: usize> inside::Sealed for List<T, N> {}

/// How many it holds.
impl<T: Shareable + Copy + Default, const N: usize> Measured for List<T, N> {
    type Number = u64;

    fn number(&self) -> &u64 {
        self.len_word()
    }
}
