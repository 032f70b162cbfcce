//! Which boot of the machine this is.

/// A number that another boot does not have; never 0. `None` where the kernel does not say.
///
/// # Examples
/// ```
/// use crosstie::os::boot;
/// assert_eq!(boot::number(), boot::number());
/// ```
#[must_use]
pub fn number() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    // 128 random bits in hexadecimal; so many of them tell two boots apart.
    let digits: String = text.chars().filter(char::is_ascii_hexdigit).take(16).collect();
    u64::from_str_radix(&digits, 16).ok().map(|number| number.max(1))
}
