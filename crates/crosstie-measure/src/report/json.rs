//! JSON: the record itself, `crosstie.compare/1`.

use crate::record::Report;

/// The report as one JSON document.
///
/// # Errors
/// When a figure has no JSON form; no report that was measured or read has one.
pub fn json(report: &Report) -> Result<String, serde_json::Error> {
    let mut text = serde_json::to_string_pretty(report)?;
    text.push('\n');
    Ok(text)
}
