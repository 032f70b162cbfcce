//! One message as a line of JSON: schema `crosstie.message/1`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

/// The name and version of the record.
const SCHEMA: &str = "crosstie.message/1";

/// One message: its payload is text, or base64 where it is no text.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Record<'a> {
    #[serde(default)]
    schema: &'a str,
    /// Which message of this receiver it is, from 1.
    #[serde(default)]
    seq: u64,
    /// When it was received, nanoseconds since 1970.
    #[serde(default)]
    ns: u64,
    /// The sender's process, where the mechanism says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pid: Option<u32>,
    /// The message's own number, where the mechanism numbers what everybody gets: on a topic, from 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    number: Option<u64>,
    #[serde(default, borrow, skip_serializing_if = "Option::is_none")]
    payload: Option<std::borrow::Cow<'a, str>>,
    #[serde(default, borrow, skip_serializing_if = "Option::is_none")]
    payload_base64: Option<std::borrow::Cow<'a, str>>,
}

/// What is known of where a message comes from.
#[derive(Clone, Copy, Debug, Default)]
pub struct Origin {
    /// The sender's process.
    pub pid: Option<u32>,
    /// The message's number on a topic.
    pub number: Option<u64>,
}

/// Appends the line, with its newline, to `line`.
pub fn write(
    line: &mut Vec<u8>,
    seq: u64,
    ns: u64,
    origin: Origin,
    payload: &[u8],
) -> serde_json::Result<()> {
    let Origin { pid, number } = origin;
    let mut record = Record { schema: SCHEMA, seq, ns, pid, number, ..Record::default() };
    match std::str::from_utf8(payload) {
        Ok(text) => record.payload = Some(text.into()),
        Err(_) => record.payload_base64 = Some(STANDARD.encode(payload).into()),
    }
    serde_json::to_writer(&mut *line, &record)?;
    line.push(b'\n');
    Ok(())
}

/// Appends the payload of the record in `line` to `payload`; says what is wrong with it.
pub fn read(line: &[u8], payload: &mut Vec<u8>) -> Result<(), String> {
    let record: Record<'_> = serde_json::from_slice(line).map_err(|error| error.to_string())?;
    if !record.schema.is_empty() && record.schema != SCHEMA {
        return Err(format!("its schema is {:?}, not {SCHEMA:?}", record.schema));
    }
    match (record.payload, record.payload_base64) {
        (Some(text), None) => payload.extend_from_slice(text.as_bytes()),
        (None, Some(base64)) => {
            let bytes =
                STANDARD.decode(base64.as_bytes()).map_err(|error| format!("payload_base64: {error}"))?;
            payload.extend_from_slice(&bytes);
        }
        (None, None) => return Err("it has neither payload nor payload_base64".into()),
        (Some(_), Some(_)) => return Err("it has both payload and payload_base64".into()),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_survives_whether_text_or_not() {
        for payload in [&b""[..], b"plain", "quote \" and \u{1F600}\n".as_bytes(), b"\xff\x00\x80"] {
            let (mut line, mut back) = (Vec::new(), Vec::new());
            write(&mut line, 1, 2, Origin { pid: Some(3), number: None }, payload).unwrap();
            assert_eq!(line.iter().filter(|&&byte| byte == b'\n').count(), 1);
            read(&line, &mut back).unwrap();
            assert_eq!(back, payload);
        }
    }

    #[test]
    fn a_wrong_record_says_why() {
        for (line, cause) in [
            ("{}", "neither"),
            (r#"{"payload":"a","payload_base64":"YQ=="}"#, "both"),
            (r#"{"payload_base64":"?"}"#, "payload_base64"),
            (r#"{"schema":"crosstie.message/9","payload":"a"}"#, "crosstie.message/9"),
            ("hello", "expected value"),
        ] {
            let error = read(line.as_bytes(), &mut Vec::new()).unwrap_err();
            assert!(error.contains(cause), "{line} says {error:?}");
        }
    }
}
