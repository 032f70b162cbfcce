//! [`Predicate`]: a condition as data, so that whoever leaves a monitor can see for itself who could go on.
//!
//! No process can run the closure of another. What it can do is compare a number in the data, at a known place, with a
//! known one; so that is what a waiter says of itself, in up to three comparisons that all have to be true.
//!
//! | bits of a comparison's first word | say |
//! |---|---|
//! | 0 to 31 | where the number begins, bytes from the beginning of the data |
//! | 32 to 39 | its bytes: 1, 2, 4 or 8 |
//! | 40 | whether it is signed |
//! | 44 to 47 | 1 at least, 2 at most, 3 equal, 4 different; 0 = no comparison |
//!
//! The second word is the number to compare with, extended to 64 bits as its sign wants it.
#![expect(unsafe_code, reason = "reads numbers at places that a waiter names")]

use std::fmt;
use std::marker::PhantomData;

use crosstie_core::word::waiting::NOTE_WORDS;

use crate::error::{Error, ErrorKind, Result};
use crate::shareable::{Measured, Number};

/// Comparisons that a condition has at most.
pub const COMPARISONS_MAX: usize = NOTE_WORDS / 2;

/// Comparisons as a wait record carries them.
pub(super) type Needs = [u64; NOTE_WORDS];

/// What somebody needs of the data in a [`Monitor`](super::Monitor): comparisons of numbers in them, all of which have
/// to be true.
///
/// # Examples
/// ```
/// use crosstie::Shareable;
/// use crosstie::sync::Monitor;
/// use crosstie::sync::predicate::{at_least, equals};
///
/// #[derive(Debug, Default, Shareable)]
/// #[repr(C)]
/// struct Stock {
///     count: u32,
///     closed: u32,
/// }
/// # let folder = tempfile::tempdir().unwrap();
/// # let domain = crosstie::ledger::Domain::open(folder.path().join("d"))?;
/// let stock = Monitor::<Stock>::open_or_create_in(domain, "stock", Stock::default)?;
/// std::thread::scope(|scope| {
///     scope.spawn(|| stock.enter().unwrap().count += 3);
///     let mut inside = stock.wait_when(|s| at_least(&s.count, 3).and(equals(&s.closed, 0))).unwrap();
///     inside.count -= 3;
/// });
/// # Ok::<(), crosstie::Error>(())
/// ```
#[derive(Clone, Copy)]
pub struct Predicate<'d> {
    comparisons: [Option<Comparison>; COMPARISONS_MAX],
    /// More were asked for than there is room.
    is_beyond: bool,
    data: PhantomData<&'d ()>,
}

#[derive(Clone, Copy)]
struct Comparison {
    address: usize,
    bytes: usize,
    is_signed: bool,
    relation: Relation,
    with: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Relation {
    AtLeast = 1,
    AtMost = 2,
    Equal = 3,
    Different = 4,
}

/// That `what` is `number` or more; of a queue or list, that it holds so many.
#[must_use]
pub fn at_least<M: Measured + ?Sized>(what: &M, number: M::Number) -> Predicate<'_> {
    Predicate::of(what, Relation::AtLeast, number)
}

/// That `what` is `number` or less; of a queue or list, that it holds no more.
#[must_use]
pub fn at_most<M: Measured + ?Sized>(what: &M, number: M::Number) -> Predicate<'_> {
    Predicate::of(what, Relation::AtMost, number)
}

/// That `what` is `number`.
#[must_use]
pub fn equals<M: Measured + ?Sized>(what: &M, number: M::Number) -> Predicate<'_> {
    Predicate::of(what, Relation::Equal, number)
}

/// That `what` is anything but `number`.
#[must_use]
pub fn differs<M: Measured + ?Sized>(what: &M, number: M::Number) -> Predicate<'_> {
    Predicate::of(what, Relation::Different, number)
}

impl<'d> Predicate<'d> {
    fn of<M: Measured + ?Sized>(what: &'d M, relation: Relation, number: M::Number) -> Self {
        let place = what.number();
        let comparison = Comparison {
            address: (&raw const *place).addr(),
            bytes: size_of::<M::Number>(),
            is_signed: M::Number::SIGNED,
            relation,
            with: number.to_word(),
        };
        let mut comparisons = [None; COMPARISONS_MAX];
        comparisons[0] = Some(comparison);
        Self { comparisons, is_beyond: false, data: PhantomData }
    }

    /// Both this and `other`: at most [`COMPARISONS_MAX`] comparisons in all.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.is_beyond |= other.is_beyond;
        for comparison in other.comparisons.into_iter().flatten() {
            match self.comparisons.iter_mut().find(|place| place.is_none()) {
                Some(place) => *place = Some(comparison),
                None => self.is_beyond = true,
            }
        }
        self
    }

    /// What others can look for in `data`, wherever they have them.
    pub(super) fn needs<T>(&self, data: &T) -> Result<Needs> {
        let refuse = |why: &str, advice: &str| {
            Err(Error::new("wait", "monitor", ErrorKind::Usage).because(why).advise(advice))
        };
        if self.is_beyond {
            let why = format!("a condition has at most {COMPARISONS_MAX} comparisons");
            return refuse(&why, "keep one number in the data that says it, or wait with wait_until");
        }
        let mut needs = Needs::default();
        for (words, comparison) in needs.chunks_exact_mut(2).zip(self.comparisons.iter().flatten()) {
            let offset = comparison.address.wrapping_sub((&raw const *data).addr());
            let is_inside = offset.checked_add(comparison.bytes).is_some_and(|end| end <= size_of::<T>());
            let Some(offset) = u32::try_from(offset).ok().filter(|_| is_inside) else {
                return refuse(
                    "it compares a number that is not in the monitor's data",
                    "compare their fields",
                );
            };
            let bytes = u64::try_from(comparison.bytes).unwrap_or(0);
            let signed = u64::from(comparison.is_signed);
            let how = (bytes << 32) | (signed << 40) | ((comparison.relation as u64) << 44);
            words.copy_from_slice(&[u64::from(offset) | how, comparison.with]);
        }
        Ok(needs)
    }
}

impl fmt::Debug for Predicate<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Predicate").field("comparisons", &self.comparisons.iter().flatten().count()).finish()
    }
}

/// Whether `data` are as `needs` says. What is no comparison of a number in them is never met: somebody wrote over it, and
/// who waits knows its own needs.
pub(super) fn is_met<T>(needs: &Needs, data: &T) -> bool {
    needs.chunks_exact(2).take_while(|words| words[0] != 0).all(|words| compare(words[0], words[1], data))
}

fn compare<T>(how: u64, with: u64, data: &T) -> bool {
    let (Ok(offset), Ok(bytes)) = (usize::try_from(how & 0xFFFF_FFFF), usize::try_from((how >> 32) & 0xFF))
    else {
        return false;
    };
    let is_inside = offset.checked_add(bytes).is_some_and(|end| end <= size_of::<T>());
    if !is_inside || !matches!(bytes, 1 | 2 | 4 | 8) {
        return false;
    }
    let place = (&raw const *data).cast::<u8>().wrapping_add(offset);
    let mut word = [0; 8];
    for (index, byte) in word[..bytes].iter_mut().enumerate() {
        // SAFETY: inside `data`, as was just checked, which the caller may read; volatile, because a record that somebody
        // forged may name bytes between two fields.
        *byte = unsafe { place.wrapping_add(index).read_volatile() };
    }
    let unused = 64 - 8 * u32::from(word[..bytes].len() as u8);
    let found = u64::from_le_bytes(word);
    let (found, with) = if (how >> 40) & 1 == 1 {
        let found = (found.cast_signed() << unused) >> unused;
        (i128::from(found), i128::from(with.cast_signed()))
    } else {
        (i128::from(found), i128::from(with))
    };
    match (how >> 44) & 0xF {
        1 => found >= with,
        2 => found <= with,
        3 => found == with,
        4 => found != with,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shareable::{Deque, List};

    #[repr(C)]
    struct Data {
        small: u8,
        negative: i16,
        count: u32,
        queue: Deque<u8, 3>,
        list: List<u64, 2>,
    }

    fn data() -> Data {
        Data { small: 200, negative: -3, count: 7, queue: Deque::new(), list: List::new() }
    }

    fn holds(of: &Data, predicate: impl for<'d> Fn(&'d Data) -> Predicate<'d>, on: &Data) -> bool {
        is_met(&predicate(of).needs(of).unwrap(), on)
    }

    #[test]
    fn numbers_of_each_width_and_sign_are_compared_in_whichever_data() {
        let (one, mut other) = (data(), data());
        assert!(holds(&one, |d| at_least(&d.small, 200), &other));
        assert!(!holds(&one, |d| at_least(&d.small, 201), &other));
        assert!(holds(&one, |d| at_most(&d.negative, -3), &other));
        assert!(!holds(&one, |d| at_least(&d.negative, 0), &other));
        assert!(holds(&one, |d| equals(&d.count, 7), &other));
        other.count = 8;
        assert!(holds(&one, |d| differs(&d.count, 7), &other));
        assert!(!holds(&one, |d| at_least(&d.queue, 1), &other));
        other.queue.push_back(1).unwrap();
        other.list.push(1).unwrap();
        assert!(holds(&one, |d| at_least(&d.queue, 1).and(at_most(&d.list, 1)), &other));
        assert!(!holds(&one, |d| at_least(&d.queue, 1).and(at_most(&d.list, 0)), &other));
    }

    #[test]
    fn what_lies_elsewhere_and_what_is_too_much_is_refused() {
        let one = data();
        static ELSEWHERE: u64 = 3;
        let refused = |predicate: Predicate<'_>| predicate.needs(&one).unwrap_err().to_string();
        assert!(refused(equals(&ELSEWHERE, 3)).contains("not in the monitor's data"));
        let two = || equals(&one.small, 1).and(equals(&one.count, 1));
        assert!(refused(two().and(two())).contains("at most 3"));
    }

    #[test]
    fn forged_comparisons_are_never_met_and_read_nothing_outside() {
        let one = data();
        let how = |offset: u64, bytes: u64, relation: u64| offset | (bytes << 32) | (relation << 44);
        for forged in [how(0, 3, 1), how(u64::from(u32::MAX), 8, 1), how(0, 255, 1), how(0, 1, 9), u64::MAX] {
            assert!(!is_met(&[forged, 0, 0, 0, 0, 0], &one));
        }
    }
}
