//! Which version this is, and whether a header fits.

use std::ffi::c_char;

use crosstie::ErrorKind;

use crate::status::{CROSSTIE_OK, crosstie_status};

const fn number(text: &str) -> u32 {
    let (bytes, mut value, mut at) = (text.as_bytes(), 0, 0);
    while at < bytes.len() {
        assert!(bytes[at].is_ascii_digit(), "a part of a version is a number");
        value = value * 10 + (bytes[at] - b'0') as u32;
        at += 1;
    }
    value
}

const MAJOR: u32 = number(env!("CARGO_PKG_VERSION_MAJOR"));
const MINOR: u32 = number(env!("CARGO_PKG_VERSION_MINOR"));
const PATCH: u32 = number(env!("CARGO_PKG_VERSION_PATCH"));

/// The version that a header of this library says, as `CROSSTIE_VERSION_NUMBER`.
pub(crate) const NUMBER: u32 = MAJOR * 1_000_000 + MINOR * 1_000 + PATCH;

/// The library's version: "0.1.0".
///
/// Thread-safe, async-signal-safe, as before a fork after it. Never blocks. The text is the library's: never free it.
#[unsafe(no_mangle)]
#[expect(unsafe_code, reason = "C finds it by its name")]
pub extern "C" fn crosstie_version() -> *const c_char {
    concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast()
}

/// The library's version as a number: major * 1000000 + minor * 1000 + patch. That of the header is `CROSSTIE_VERSION_NUMBER`.
///
/// Thread-safe, async-signal-safe, as before a fork after it. Never blocks. Nothing is to be freed.
#[unsafe(no_mangle)]
#[expect(unsafe_code, reason = "C finds it by its name")]
pub extern "C" fn crosstie_version_number() -> u32 {
    NUMBER
}

/// Whether a program that was compiled with the header of `header_number` may use this library: `crosstie_abi_check(CROSSTIE_VERSION_NUMBER)` at
/// its start answers `CROSSTIE_OK`, or `CROSSTIE_E_MISMATCH`. While the major number is 0, the minor one has to be the same; the library may be
/// newer than the header, not older.
///
/// Thread-safe, async-signal-safe, as before a fork after it. Never blocks. Nothing is to be freed.
#[unsafe(no_mangle)]
#[expect(unsafe_code, reason = "C finds it by its name")]
pub extern "C" fn crosstie_abi_check(header_number: u32) -> crosstie_status {
    let series = |number: u32| if MAJOR == 0 { number / 1_000 } else { number / 1_000_000 };
    let fits = series(header_number) == series(NUMBER) && header_number <= NUMBER;
    if fits { CROSSTIE_OK } else { ErrorKind::Mismatch.status() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_of_another_series_or_a_newer_one_is_refused() {
        assert_eq!(crosstie_abi_check(NUMBER), CROSSTIE_OK);
        let mismatch = ErrorKind::Mismatch.status();
        assert_eq!(crosstie_abi_check(NUMBER + 1), mismatch);
        assert_eq!(crosstie_abi_check(NUMBER + 1_000), mismatch);
        assert_eq!(crosstie_abi_check(NUMBER + 1_000_000), mismatch);
        assert_eq!(crosstie_abi_check(0), mismatch);
    }
}
