//! Random numbers of the kernel.

use std::io;

use rustix::rand::GetRandomFlags;

/// A number that nobody else has: 64 random bits.
///
/// # Errors
/// Only where a sandbox forbids it.
///
/// # Examples
/// ```
/// assert_ne!(crosstie::os::random::word()?, crosstie::os::random::word()?);
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn word() -> io::Result<u64> {
    let mut bytes = [0; 8];
    // So few bytes come whole and without an interruption, once the system has booted.
    rustix::io::retry_on_intr(|| rustix::rand::getrandom(&mut bytes[..], GetRandomFlags::empty()))?;
    Ok(u64::from_ne_bytes(bytes))
}
