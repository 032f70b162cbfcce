//! Sizes in bytes as people write them: `4096`, `64KiB`, `1.5MiB`, `2MB`.

use crate::error::{Error, ErrorKind, Result};

/// Unit, bytes; the first that divides a size is the one that [`display`] writes.
const BINARY: [(&str, u64); 4] = [("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];
const DECIMAL: [(&str, u64); 4] =
    [("TB", 1_000_000_000_000), ("GB", 1_000_000_000), ("MB", 1_000_000), ("KB", 1_000)];

/// Reads a size: digits, perhaps a fraction, perhaps a unit (`KiB MiB GiB TiB`, of 1024; `KB MB GB
/// TB`, of 1000; a lone `K M G T` is of 1024, as `dd` and `ls` have it). Case does not matter.
///
/// # Errors
/// [`ErrorKind::Usage`] for anything else, and for more bytes than this machine can count.
///
/// # Examples
/// ```
/// use crosstie::endpoint::size;
/// assert_eq!(size::parse("64KiB")?, 65_536);
/// assert_eq!(size::parse("1.5m")?, 1_572_864);
/// assert_eq!(size::parse("2MB")?, 2_000_000);
/// assert!(size::parse("64 parsecs").is_err());
/// # Ok::<(), crosstie::Error>(())
/// ```
pub fn parse(text: &str) -> Result<usize> {
    let wrong = |cause: &str| {
        Error::new("read size", format!("{text:?}"), ErrorKind::Usage)
            .because(cause)
            .advise("write bytes (4096) or a unit (64KiB, 1.5MiB, 2MB)")
    };
    let (number, unit) =
        text.split_at(text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len()));
    let unit = unit.trim_start();
    let factor = unit_bytes(unit).ok_or_else(|| wrong(&format!("{unit:?} is no unit")))?;
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() || fraction.contains('.') {
        return Err(wrong("it does not begin with a number"));
    }
    let too_many = || wrong("more bytes than this machine can count");
    let bytes = whole.parse::<u64>().ok().and_then(|n| n.checked_mul(factor)).ok_or_else(too_many)?;
    if factor == 1 && fraction.bytes().any(|digit| digit != b'0') {
        return Err(wrong("there is no part of a byte"));
    }
    // Digits below a quintillionth of a unit are below a byte.
    let digits = &fraction[..fraction.len().min(18)];
    let parts = digits.parse::<u128>().unwrap_or(0) * u128::from(factor) / 10_u128.pow(digits.len() as u32);
    let bytes = u128::from(bytes) + parts;
    usize::try_from(bytes).map_err(|_| too_many())
}

fn unit_bytes(unit: &str) -> Option<u64> {
    if unit.is_empty() || unit.eq_ignore_ascii_case("b") {
        return Some(1);
    }
    let named = BINARY.iter().chain(&DECIMAL).find(|(name, _)| name.eq_ignore_ascii_case(unit));
    let lone = || BINARY.iter().find(|(name, _)| name[..1].eq_ignore_ascii_case(unit));
    named.or_else(lone).map(|&(_, bytes)| bytes)
}

/// Writes a size so that [`parse`] reads the same number back: in the largest unit of 1024 that
/// divides it, else in bytes.
///
/// # Examples
/// ```
/// use crosstie::endpoint::size;
/// assert_eq!(size::display(64 << 20), "64MiB");
/// assert_eq!(size::display(1_000), "1000");
/// ```
#[must_use]
pub fn display(bytes: usize) -> String {
    let fits = |&&(_, unit): &&(&str, u64)| bytes != 0 && (bytes as u64).is_multiple_of(unit);
    match BINARY.iter().find(fits) {
        Some((name, unit)) => format!("{}{name}", bytes as u64 / unit),
        None => bytes.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_displayed_is_read_back(bytes in any::<usize>(), shift in 0_u32..40) {
            let bytes = bytes.wrapping_shl(shift);
            prop_assert_eq!(parse(&display(bytes)).unwrap(), bytes);
        }

        #[test]
        fn no_text_makes_it_panic(text in "\\PC*|[0-9.]{0,30}[kKmMgGtTiIbB ]{0,4}") {
            let _ = parse(&text);
        }
    }

    #[test]
    fn a_fraction_is_of_its_unit() {
        assert_eq!(parse("0.5KiB").unwrap(), 512);
        assert_eq!(parse("1.25 GiB").unwrap(), (1 << 30) + (1 << 28));
        for wrong in ["", ".", ".5K", "1.5", "1..2", "K", "-1", "1 KiB KiB", "99999999TiB"] {
            assert_eq!(parse(wrong).unwrap_err().kind(), ErrorKind::Usage, "{wrong:?}");
        }
    }
}
