//! Names of objects: what may stand in a file name of a domain, the same in every language.

use std::io;

/// The longest name of an object, in bytes.
pub const NAME_BYTES_MAX: usize = 200;

/// Checks that `name` is `[A-Za-z0-9._-]{1,200}` and neither `.` nor `..`.
///
/// # Errors
/// `InvalidInput` with the reason.
///
/// # Examples
/// ```
/// use crosstie::os::name;
/// assert!(name::check("jobs.2026-high").is_ok());
/// assert!(name::check("a/b").unwrap_err().to_string().contains("'/'"));
/// ```
pub fn check(name: &str) -> io::Result<()> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let reason = if name.is_empty() {
        "the name is empty".to_owned()
    } else if name.len() > NAME_BYTES_MAX {
        format!("the name has {} bytes, the limit is {NAME_BYTES_MAX}", name.len())
    } else if matches!(name, "." | "..") {
        format!("'{name}' is a directory")
    } else if let Some(c) = name.chars().find(|&c| !allowed(c)) {
        format!("{c:?} is not allowed in a name, only letters, digits, '.', '_' and '-'")
    } else {
        return Ok(());
    };
    Err(io::Error::new(io::ErrorKind::InvalidInput, reason))
}
