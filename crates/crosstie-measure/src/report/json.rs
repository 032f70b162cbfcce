//! JSON: the record itself, `crosstie.compare/1`.

use crate::record::{Report, SCHEMA};

/// The report as one JSON document.
///
/// # Errors
/// When a figure has no JSON form; no report that was measured or read has one.
pub fn json(report: &Report) -> Result<String, serde_json::Error> {
    let mut text = serde_json::to_string_pretty(report)?;
    text.push('\n');
    Ok(text)
}

/// The report in a JSON document that [`json`] made, here or elsewhere.
///
/// # Errors
/// In words, when it is no JSON, of another schema, or not of its form.
pub fn from_json(text: &str) -> Result<Report, String> {
    let value: serde_json::Value =
        serde_json::from_str(text).map_err(|error| format!("it is not JSON: {error}"))?;
    match value.get("schema").and_then(serde_json::Value::as_str) {
        Some(SCHEMA) => {
            serde_json::from_value(value).map_err(|error| format!("it is not of its form: {error}"))
        }
        Some(other) => Err(format!("its schema is {other:?}, not {SCHEMA:?}")),
        None => Err(format!("it has no schema; {SCHEMA:?} is expected")),
    }
}
