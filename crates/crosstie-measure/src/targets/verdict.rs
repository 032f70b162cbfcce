//! Bounds on ratios, and how they were met.

use crate::percentiles::median;

/// A bound on a ratio.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Bound {
    /// The ratio is to be at most this.
    AtMost(f64),
    /// The ratio is to be at least this.
    AtLeast(f64),
}

impl Bound {
    /// Whether a ratio keeps it.
    #[must_use]
    pub fn is_kept_by(self, ratio: f64) -> bool {
        match self {
            Self::AtMost(most) => ratio <= most,
            Self::AtLeast(least) => ratio >= least,
        }
    }
}

/// How a target was met.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// The target in words.
    pub what: String,
    /// Of what: the payload, or how many contend.
    pub at: String,
    /// The median, the least and the most ratio of the repetitions; empty if it was not measured.
    pub ratio: Option<[f64; 3]>,
    /// The bound of the ratio.
    pub bound: Bound,
}

impl Verdict {
    /// Whether the median keeps the bound; false if it was not measured.
    #[must_use]
    pub fn is_met(&self) -> bool {
        self.ratio.is_some_and(|[median, _, _]| self.bound.is_kept_by(median))
    }
}

/// The median, the least and the most.
pub(super) fn ratio(ratios: impl Iterator<Item = f64>) -> Option<[f64; 3]> {
    let ratios: Vec<f64> = ratios.collect();
    let least = ratios.iter().copied().fold(f64::INFINITY, f64::min);
    let most = ratios.iter().copied().fold(0.0, f64::max);
    (!ratios.is_empty()).then(|| [median(&ratios), least, most])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_is_kept_on_its_own_side() {
        assert!(Bound::AtMost(1.2).is_kept_by(1.2) && !Bound::AtMost(1.2).is_kept_by(1.21));
        assert!(Bound::AtLeast(0.6).is_kept_by(0.6) && !Bound::AtLeast(0.6).is_kept_by(0.59));
    }

    #[test]
    fn a_ratio_is_told_with_its_least_and_its_most() {
        assert_eq!(ratio([3.0, 1.0, 2.0].into_iter()), Some([2.0, 1.0, 3.0]));
        assert_eq!(ratio(std::iter::empty()), None);
    }
}
