//! [`Refusal`]: what a server answers instead of a reply.

use std::fmt;

use crate::error::ErrorKind;

/// What a server answers instead of a reply: a kind of the one error table, a number of the server's
/// own, and a text for people.
///
/// # Examples
/// ```
/// use crosstie::ErrorKind;
/// use crosstie::call::Refusal;
/// let refusal = Refusal::new("there is no such order").with_code(3);
/// assert_eq!((refusal.kind(), refusal.code()), (ErrorKind::Negative, 3));
/// assert_eq!(refusal.to_string(), "the server refused: there is no such order");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    kind: ErrorKind,
    code: u32,
    text: String,
}

/// A longer text is cut.
const TEXT_BYTES_MAX: usize = 4096;

impl Refusal {
    /// The answer is no: a failure that is the handler's own.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self::of_kind(ErrorKind::Negative, text)
    }

    /// A failure of a kind that the one error table has.
    #[must_use]
    pub fn of_kind(kind: ErrorKind, text: impl Into<String>) -> Self {
        let mut text = text.into();
        let cut = (0..=TEXT_BYTES_MAX.min(text.len())).rev().find(|at| text.is_char_boundary(*at));
        text.truncate(cut.unwrap_or(0));
        Self { kind, code: u32::from(kind.exit_code()), text }
    }

    /// The same with a number that says more to who knows this server: an exit code, an error number.
    #[must_use]
    pub fn with_code(mut self, code: u32) -> Self {
        self.code = code;
        self
    }

    /// The kind in the one error table.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The server's own number; its kind's exit code unless it said another.
    #[must_use]
    pub fn code(&self) -> u32 {
        self.code
    }

    /// What the server says about it.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The body of a REFUSAL: `u32` LE code, `u8` length of the kind's id, the id, the text.
    pub(super) fn to_body(&self) -> Vec<u8> {
        let id = self.kind.id().as_bytes();
        let length = u8::try_from(id.len()).unwrap_or(0);
        let id = &id[..usize::from(length)];
        [&self.code.to_le_bytes()[..], &[length], id, self.text.as_bytes()].concat()
    }

    /// The refusal in a body; what is not of its form still is one. A kind that this version does not
    /// know is [`ErrorKind::Failed`].
    pub(super) fn of_body(body: &[u8]) -> Self {
        let parts = body.split_first_chunk::<4>().and_then(|(code, rest)| {
            let (length, rest) = rest.split_first()?;
            let (id, text) = rest.split_at_checked(usize::from(*length))?;
            Some((u32::from_le_bytes(*code), id, text))
        });
        let Some((code, id, text)) = parts else {
            return Self::of_kind(ErrorKind::Failed, "it did not say why");
        };
        let kind = ErrorKind::ALL.iter().find(|kind| kind.id().as_bytes() == id);
        Self::of_kind(kind.copied().unwrap_or(ErrorKind::Failed), String::from_utf8_lossy(text))
            .with_code(code)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the server refused: ")?;
        if self.kind != ErrorKind::Negative {
            write!(f, "{}: ", self.kind.phrase())?;
        }
        f.write_str(&self.text)
    }
}

impl std::error::Error for Refusal {}

impl From<crate::Error> for Refusal {
    fn from(error: crate::Error) -> Self {
        Self::of_kind(error.kind(), error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_arrives_as_it_was_sent() {
        for kind in ErrorKind::ALL {
            let refusal = Refusal::of_kind(*kind, "gründlich").with_code(7);
            assert_eq!(Refusal::of_body(&refusal.to_body()), refusal);
        }
    }

    #[test]
    fn a_refusal_that_is_none_is_one_still_and_a_long_text_is_cut() {
        for body in [&b""[..], b"\0\0\0\0", b"\0\0\0\0\xffbusy", b"\0\0\0\0\x04nope\xff\xfe"] {
            assert_eq!(Refusal::of_body(body).kind(), ErrorKind::Failed, "{body:?}");
        }
        assert_eq!(Refusal::new("ä".repeat(4000)).text().len(), TEXT_BYTES_MAX);
    }
}
