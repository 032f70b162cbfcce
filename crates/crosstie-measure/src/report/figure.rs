//! Numbers as people read them: three significant digits and the unit of the field.

/// What stands where there is no figure.
pub(crate) const ABSENT: &str = "–";

/// A duration of `ns` nanoseconds in microseconds, or in milliseconds or seconds when it is longer.
///
/// # Examples
/// ```
/// use crosstie_measure::report::duration;
/// assert_eq!(duration(310.0), "0.31 µs");
/// assert_eq!(duration(30_240.0), "30.2 µs");
/// assert_eq!(duration(1_834_000.0), "1.83 ms");
/// ```
#[must_use]
pub fn duration(ns: f64) -> String {
    if !is_figure(ns) {
        ABSENT.to_owned()
    } else if ns < 999_500.0 {
        format!("{} µs", digits(ns / 1e3))
    } else if ns < 999_500_000.0 {
        format!("{} ms", digits(ns / 1e6))
    } else {
        format!("{} s", digits(ns / 1e9))
    }
}

/// As [`duration`], in nanoseconds below 1 µs.
///
/// # Examples
/// ```
/// use crosstie_measure::report::short_duration;
/// assert_eq!(short_duration(13.1), "13.1 ns");
/// assert_eq!(short_duration(1_310.0), "1.31 µs");
/// ```
#[must_use]
pub fn short_duration(ns: f64) -> String {
    if is_figure(ns) && ns < 999.5 { format!("{} ns", digits(ns)) } else { duration(ns) }
}

/// Messages per second.
///
/// # Examples
/// ```
/// use crosstie_measure::report::rate;
/// assert_eq!(rate(20_130_000.0), "20.1 M/s");
/// assert_eq!(rate(870.0), "870 /s");
/// ```
#[must_use]
pub fn rate(per_s: f64) -> String {
    if is_figure(per_s) { format!("{}/s", prefixed(per_s, ["", "k", "M", "G"])) } else { ABSENT.to_owned() }
}

/// Bytes per second, in powers of ten.
///
/// # Examples
/// ```
/// use crosstie_measure::report::bytes_rate;
/// assert_eq!(bytes_rate(16.9e9), "16.9 GB/s");
/// ```
#[must_use]
pub fn bytes_rate(per_s: f64) -> String {
    if is_figure(per_s) {
        format!("{}/s", prefixed(per_s, ["B", "kB", "MB", "GB"]))
    } else {
        ABSENT.to_owned()
    }
}

/// A size in bytes, in powers of two where it is one.
///
/// # Examples
/// ```
/// use crosstie_measure::report::size;
/// assert_eq!(size(64), "64 B");
/// assert_eq!(size(65_536), "64 KiB");
/// assert_eq!(size(4 << 20), "4 MiB");
/// ```
#[must_use]
pub fn size(bytes: usize) -> String {
    for (shift, unit) in [(30, "GiB"), (20, "MiB"), (10, "KiB")] {
        let unit_bytes = 1_usize << shift;
        if bytes >= unit_bytes {
            let whole = bytes / unit_bytes;
            return if bytes.is_multiple_of(unit_bytes) {
                format!("{whole} {unit}")
            } else {
                format!("{} {unit}", digits(bytes as f64 / unit_bytes as f64))
            };
        }
    }
    format!("{bytes} B")
}

/// A count, with a comma before each third digit.
///
/// # Examples
/// ```
/// use crosstie_measure::report::count;
/// assert_eq!(count(1_269), "1,269");
/// assert_eq!(count(12), "12");
/// ```
#[must_use]
pub fn count(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// How many times the floor.
///
/// # Examples
/// ```
/// use crosstie_measure::report::ratio;
/// assert_eq!(ratio(1.094), "1.09×");
/// assert_eq!(ratio(74.6), "74.6×");
/// ```
#[must_use]
pub fn ratio(times: f64) -> String {
    if is_figure(times) { format!("{}×", digits(times)) } else { ABSENT.to_owned() }
}

/// From the least to the most of a duration: `30.2 – 33.1 µs`.
pub(crate) fn durations([least, most]: [u64; 2]) -> String {
    let [least, most] = [least, most].map(|ns| duration(ns as f64));
    match (least.split_once(' '), most.split_once(' ')) {
        (Some((number, unit)), Some((_, other))) if unit == other => format!("{number} – {most}"),
        _ => format!("{least} – {most}"),
    }
}

/// Processor time of the two sides: `97 + 91`.
pub(crate) fn cpu(sides: crate::record::CpuPercent) -> String {
    if sides.sender <= 0.0 && sides.receiver <= 0.0 {
        return ABSENT.to_owned();
    }
    format!("{} + {}", percent(sides.sender), percent(sides.receiver))
}

/// A percentage without its sign: whole from 10 on, else with one digit.
pub(crate) fn percent(value: f64) -> String {
    if value >= 9.95 { format!("{value:.0}") } else { format!("{value:.1}") }
}

/// System calls per message.
pub(crate) fn calls(per_message: Option<f64>) -> String {
    match per_message {
        None => ABSENT.to_owned(),
        Some(value) if value > 0.0 && value < 0.01 => "< 0.01".to_owned(),
        Some(value) => {
            let text = format!("{value:.2}");
            text.trim_end_matches('0').trim_end_matches('.').to_owned()
        }
    }
}

/// A figure at an axis: without the zeros that precision asks for elsewhere, `10 µs`, `0.5 µs`.
pub(crate) fn at_axis(figure: &str) -> String {
    match figure.split_once(' ') {
        Some((number, unit)) if number.contains('.') => {
            format!("{} {unit}", number.trim_end_matches('0').trim_end_matches('.'))
        }
        _ => figure.to_owned(),
    }
}

/// Whether there is something to show: a record holds 0 where nothing was measured.
pub(crate) fn is_figure(value: f64) -> bool {
    value.is_finite() && value > 0.0
}

/// Three significant digits, never in exponents.
fn digits(value: f64) -> String {
    if value >= 99.95 {
        format!("{value:.0}")
    } else if value >= 9.995 {
        format!("{value:.1}")
    } else {
        format!("{value:.2}")
    }
}

fn prefixed(value: f64, units: [&str; 4]) -> String {
    let [one, thousand, million, billion] = units;
    if value < 999.5 {
        format!("{value:.0} {one}")
    } else if value < 999_500.0 {
        format!("{} {thousand}", digits(value / 1e3))
    } else if value < 999_500_000.0 {
        format!("{} {million}", digits(value / 1e6))
    } else {
        format!("{} {billion}", digits(value / 1e9))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_measured_is_a_dash_and_never_a_zero() {
        for absent in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert_eq!(duration(absent), ABSENT);
            assert_eq!(rate(absent), ABSENT);
            assert_eq!(bytes_rate(absent), ABSENT);
            assert_eq!(ratio(absent), ABSENT);
        }
        assert_eq!(calls(None), ABSENT);
    }

    #[test]
    fn no_system_call_is_a_zero_and_few_are_not_rounded_to_it() {
        assert_eq!(calls(Some(0.0)), "0");
        assert_eq!(calls(Some(0.0004)), "< 0.01");
        assert_eq!(calls(Some(2.0)), "2");
        assert_eq!(calls(Some(1.1)), "1.1");
    }

    #[test]
    fn a_range_names_its_unit_once_where_it_is_one() {
        assert_eq!(durations([30_200, 33_100]), "30.2 – 33.1 µs");
        assert_eq!(durations([900_000, 1_200_000]), "900 µs – 1.20 ms");
    }

    #[test]
    fn rounding_never_yields_four_digits() {
        assert_eq!(duration(999_499.0), "999 µs");
        assert_eq!(duration(999_500.0), "1.00 ms");
        assert_eq!(duration(9_996.0), "10.0 µs");
        assert_eq!(rate(999_700.0), "1.00 M/s");
        assert_eq!(size(1500), "1.46 KiB");
    }
}
