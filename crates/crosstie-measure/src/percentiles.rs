//! Percentiles of all samples, and medians over repetitions.

use crate::record::Percentiles;

impl Percentiles {
    /// The percentiles of `samples`; all 0 without a sample.
    ///
    /// p99 and p99.9 are the smallest sample that this share of all is at most. The median of
    /// durations that are short beside the clock's tick (10 ns on many machines) would be a
    /// multiple of the tick; so the median interpolates between the values around the middle by how
    /// often each occurs (the mid-distribution quantile).
    ///
    /// # Examples
    /// ```
    /// use crosstie_measure::record::Percentiles;
    /// let all = Percentiles::of(&mut (1..=1000).collect::<Vec<u64>>());
    /// assert_eq!((all.p50, all.p99, all.p999), (500, 990, 999));
    /// let mut coarse = [vec![100; 800], vec![110; 200]].concat();
    /// assert_eq!(Percentiles::of(&mut coarse).p50, 102);
    /// ```
    #[must_use]
    pub fn of(samples: &mut [u64]) -> Self {
        samples.sort_unstable();
        let Some(count) = u64::try_from(samples.len()).ok().filter(|&count| count > 0) else {
            return Self::default();
        };
        Self {
            p50: middle(samples),
            p99: at_rank(samples, 990),
            p999: at_rank(samples, 999),
            mean: samples.iter().sum::<u64>() / count,
        }
    }

    /// The median of each figure over several repetitions.
    #[must_use]
    pub fn median_of(repetitions: &[Self]) -> Self {
        let pick = |figure: fn(&Self) -> u64| {
            let mut sorted: Vec<u64> = repetitions.iter().map(figure).collect();
            sorted.sort_unstable();
            at_rank(&sorted, 500)
        };
        Self { p50: pick(|r| r.p50), p99: pick(|r| r.p99), p999: pick(|r| r.p999), mean: pick(|r| r.mean) }
    }
}

/// The sample of which `per_mille` of a thousand are at most it; 0 without a sample.
fn at_rank(sorted: &[u64], per_mille: usize) -> u64 {
    let rank = (sorted.len() * per_mille).div_ceil(1000);
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or(0)
}

/// The mid-distribution median: each distinct value stands at the middle of its share of the
/// samples; between two of them the median is linear.
fn middle(sorted: &[u64]) -> u64 {
    let half = sorted.len() as f64 / 2.0;
    let mut before: Option<(f64, u64)> = None;
    let mut start = 0;
    for run in sorted.chunk_by(|a, b| a == b) {
        let position = start as f64 + run.len() as f64 / 2.0;
        start += run.len();
        let value = run.first().copied().unwrap_or(0);
        if position >= half {
            return before.map_or(value, |(earlier, lower)| {
                let share = (half - earlier) / (position - earlier);
                lower + ((value - lower) as f64 * share) as u64
            });
        }
        before = Some((position, value));
    }
    before.map_or(0, |(_, value)| value)
}

/// The median of rates or shares; 0 without one. An even number of them gives the lower middle.
///
/// # Examples
/// ```
/// use crosstie_measure::percentiles::median;
/// assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
/// ```
#[must_use]
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    sorted.get(sorted.len().saturating_sub(1) / 2).copied().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_sample_gives_zeros_and_one_sample_gives_itself() {
        assert_eq!(Percentiles::of(&mut []).p50, 0);
        let one = Percentiles::of(&mut [7]);
        assert_eq!([one.p50, one.p99, one.p999, one.mean], [7; 4]);
        assert!(median(&[]).abs() < f64::EPSILON);
    }

    #[test]
    fn an_outlier_repetition_does_not_move_the_median() {
        let repetitions = [10, 1_000_000, 11].map(|p50| Percentiles { p50, ..Percentiles::default() });
        assert_eq!(Percentiles::median_of(&repetitions).p50, 11);
    }
}
