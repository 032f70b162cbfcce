//! Durations, sizes and ways of waiting as people write them.

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::{OsStringValueParser, TypedValueParser};
use crosstie::channel::topic::{Mode, Start};
use crosstie::endpoint::{WaitMode, size};

/// A folder, from the root on: this process's working directory is what the user sees, those of others are not.
pub fn folder() -> impl TypedValueParser<Value = PathBuf> {
    OsStringValueParser::new().try_map(std::path::absolute)
}

/// A duration: `2s`, `1m 30s`, `250ms`; a bare number is seconds.
pub fn duration(text: &str) -> Result<Duration, String> {
    let advice = "write seconds (0.5) or a unit (2s, 1m 30s)";
    if let Ok(seconds) = text.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).map_err(|_| format!("no duration; {advice}"));
    }
    humantime::parse_duration(text).map_err(|error| format!("{error}; {advice}"))
}

/// A size: `4096`, `64KiB`, `1.5MiB`.
pub fn bytes(text: &str) -> Result<usize, String> {
    size::parse(text).map_err(|error| error.to_string())
}

/// A way of waiting: `block`, `spin` or `adaptive`.
pub fn wait(text: &str) -> Result<WaitMode, String> {
    match text {
        "block" => Ok(WaitMode::Block),
        "spin" => Ok(WaitMode::Spin),
        "adaptive" => Ok(WaitMode::Adaptive),
        _ => Err("it is block, spin or adaptive".into()),
    }
}

/// Where a subscriber begins.
pub fn start(text: &str) -> Result<Start, String> {
    Start::from_word(text).ok_or_else(|| "it is oldest, newest, a number, or last:N for the last N".into())
}

/// What becomes of unread messages of a topic.
pub fn mode(text: &str) -> Result<Mode, String> {
    match text {
        "lossless" => Ok(Mode::Lossless),
        "lossy" => Ok(Mode::Lossy),
        "latest" => Ok(Mode::Latest),
        _ => Err("it is lossless, lossy or latest".into()),
    }
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
