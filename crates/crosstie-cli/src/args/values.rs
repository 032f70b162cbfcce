//! Durations and counts as people write them.

use std::time::Duration;

/// A duration: `2s`, `1m 30s`, `250ms`; a bare number is seconds.
pub fn duration(text: &str) -> Result<Duration, String> {
    if let Ok(seconds) = text.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds)
            .map_err(|_| format!("{text} is no duration: write seconds (0.5) or a unit (2s, 1m 30s)"));
    }
    humantime::parse_duration(text)
        .map_err(|error| format!("{error}: write seconds (0.5) or a unit (2s, 1m 30s)"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_seconds_or_has_a_unit() {
        assert_eq!(duration("0.5"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("2s"), Ok(Duration::from_secs(2)));
        assert_eq!(duration("1m 30s"), Ok(Duration::from_secs(90)));
        for wrong in ["", "-1", "nan", "2 parsecs", "inf"] {
            assert!(duration(wrong).is_err(), "{wrong:?} was taken for a duration");
        }
    }
}
