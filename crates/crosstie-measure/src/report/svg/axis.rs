//! Scales from values to coordinates, and their ticks.

use libm::{log, log10};

/// A logarithmic scale.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LogScale {
    low: f64,
    high: f64,
    from: f64,
    to: f64,
}

/// A tick of a scale.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Tick {
    pub value: f64,
    /// Whether it bears a label.
    pub major: bool,
}

impl LogScale {
    /// A scale on which `low` lies at `from` and `high` at `to`; both positive and apart.
    pub fn new([low, high]: [f64; 2], [from, to]: [f64; 2]) -> Self {
        let low = if low.is_finite() && low > 0.0 { low } else { 1.0 };
        let high = if high.is_finite() && high > low { high } else { low * 10.0 };
        Self { low, high, from, to }
    }

    /// The range that holds all positive values, widened to leave `margin` (a factor) on both sides.
    pub fn range(values: impl IntoIterator<Item = f64>, margin: f64) -> [f64; 2] {
        let mut range: Option<[f64; 2]> = None;
        for value in values.into_iter().filter(|value| value.is_finite() && *value > 0.0) {
            let [low, high] = range.unwrap_or([value, value]);
            range = Some([low.min(value), high.max(value)]);
        }
        let [low, high] = range.unwrap_or([1.0, 10.0]);
        [low / margin, high * margin]
    }

    /// Where a value lies; values outside lie on the nearer end.
    pub fn at(&self, value: f64) -> f64 {
        let value = value.clamp(self.low, self.high);
        let part = (log(value) - log(self.low)) / (log(self.high) - log(self.low));
        self.from + part * (self.to - self.from)
    }

    /// Ticks at 1, 2, …, 9 times each power of ten; those with a label are at least `room` apart.
    pub fn ticks(&self, room: f64) -> Vec<Tick> {
        let mut ticks = Vec::new();
        let pixels_per_decade = (self.at(self.low * 10.0) - self.at(self.low)).abs();
        let labelled: &[u32] = if self.high < self.low * 10.0 || pixels_per_decade * 0.30 >= room {
            &[1, 2, 5]
        } else if pixels_per_decade * 0.47 >= room * 1.6 {
            &[1, 3]
        } else {
            &[1]
        };
        let first = log10(self.low).floor() as i32;
        let last = log10(self.high).ceil() as i32;
        let mut previous: Option<f64> = None;
        for decade in first..=last {
            for step in 1..=9_u32 {
                let value = f64::from(step) * 10_f64.powi(decade);
                if value < self.low || value > self.high {
                    continue;
                }
                let place = self.at(value);
                let free = previous.is_none_or(|previous| (place - previous).abs() >= room);
                let major = labelled.contains(&step) && free;
                if major {
                    previous = Some(place);
                }
                ticks.push(Tick { value, major });
            }
        }
        ticks
    }
}

/// A linear scale from 0.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LinearScale {
    high: f64,
    from: f64,
    to: f64,
}

impl LinearScale {
    /// A scale on which 0 lies at `from` and `high` at `to`.
    pub fn new(high: f64, [from, to]: [f64; 2]) -> Self {
        Self { high: if high.is_finite() && high > 0.0 { high } else { 1.0 }, from, to }
    }

    /// Where a value lies; values outside lie on the nearer end.
    pub fn at(&self, value: f64) -> f64 {
        self.from + value.clamp(0.0, self.high) / self.high * (self.to - self.from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decade_has_the_same_length_everywhere() {
        let scale = LogScale::new([1.0, 1e6], [0.0, 600.0]);
        for power in 0..=6 {
            assert!((scale.at(10_f64.powi(power)) - f64::from(power) * 100.0).abs() < 1e-6);
        }
    }

    #[test]
    fn labelled_ticks_keep_their_distance_whatever_the_range() {
        for high in [1.5, 4.0, 12.0, 1e3, 1e6, 1e12] {
            let scale = LogScale::new([1.0, high], [0.0, 300.0]);
            let places: Vec<f64> = scale
                .ticks(18.0)
                .into_iter()
                .filter(|tick| tick.major)
                .map(|tick| scale.at(tick.value))
                .collect();
            assert!(!places.is_empty(), "{high}: an axis without a label");
            assert!(places.windows(2).all(|pair| pair[1] - pair[0] >= 18.0), "{high}: {places:?}");
        }
    }

    #[test]
    fn nothing_to_show_still_makes_a_scale() {
        let scale = LogScale::new(LogScale::range([0.0, f64::NAN, -3.0], 2.0), [0.0, 100.0]);
        assert!(scale.at(f64::MAX).is_finite());
        assert!(LinearScale::new(0.0, [0.0, 100.0]).at(5.0).is_finite());
    }
}
