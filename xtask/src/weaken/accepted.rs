//! The survivors that are known: `xtask/weaken.accepted`, a line each, `NAME: REASON`.

/// A survivor that is known, and why no model notices it.
#[derive(Debug, PartialEq, Eq)]
pub struct Accepted {
    /// The mutant's name.
    pub name: String,
    /// Why it survives.
    pub reason: String,
}

/// Reads the list; `#` begins a comment line.
///
/// # Errors
/// The first line that has no name or no reason.
pub fn parse(text: &str) -> Result<Vec<Accepted>, String> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|line| match line.split_once(": ") {
            Some((name, reason)) if !reason.trim().is_empty() => {
                Ok(Accepted { name: name.trim().to_owned(), reason: reason.trim().to_owned() })
            }
            _ => Err(format!("weaken.accepted: `{line}` is not `NAME: REASON`")),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_survivor_without_its_reason_is_refused() {
        assert_eq!(parse("# why\nring/a.rs f #1 Acquire → Relaxed: once, at set-up").unwrap().len(), 1);
        assert!(parse("ring/a.rs f #1 Acquire → Relaxed").is_err());
    }
}
