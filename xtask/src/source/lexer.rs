//! Splits a text into code, comments and tokens.

/// A text in two layers of the same length and the same line breaks.
pub struct Layers {
    /// Everything but comments and the contents of string and character literals (blanked).
    pub code: String,
    /// Only comments, with their slashes.
    pub comments: String,
}

/// A word, a `::`, or one punctuation character of the code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// Its text.
    pub text: String,
    /// Its line, from 0.
    pub line: usize,
    /// Where it begins in its line, in bytes.
    pub column: usize,
}

impl Token {
    /// Whether it is an identifier, a keyword or a number.
    pub fn is_word(&self) -> bool {
        self.text.starts_with(is_word_char)
    }
}

fn is_word_char(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// What a stretch of the text is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Code,
    Comment,
    Literal,
}

/// Splits `text` into its layers.
pub fn layers(text: &str) -> Layers {
    let bytes = text.as_bytes();
    let mut code = Vec::with_capacity(bytes.len());
    let mut comments = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let (kind, length) = stretch(bytes, at);
        for &byte in &bytes[at..at + length] {
            let blank = if byte == b'\n' { b'\n' } else { b' ' };
            code.push(if kind == Kind::Code { byte } else { blank });
            comments.push(if kind == Kind::Comment { byte } else { blank });
        }
        at += length;
    }
    Layers {
        code: String::from_utf8_lossy(&code).into_owned(),
        comments: String::from_utf8_lossy(&comments).into_owned(),
    }
}

/// Kind and length of the stretch that begins at `at`.
fn stretch(bytes: &[u8], at: usize) -> (Kind, usize) {
    let rest = &bytes[at..];
    let in_word = at > 0 && (bytes[at - 1].is_ascii_alphanumeric() || bytes[at - 1] == b'_');
    match rest {
        [b'/', b'/', ..] => (Kind::Comment, line_length(rest)),
        [b'/', b'*', ..] => (Kind::Comment, block_comment_length(rest)),
        [b'"', ..] => (Kind::Literal, quoted_length(rest, b'"')),
        [b'\'', ..] => character_length(rest).map_or((Kind::Code, 1), |length| (Kind::Literal, length)),
        [b'b' | b'c', b'r', ..] if !in_word => match raw_string_length(&rest[1..]) {
            Some(length) => (Kind::Literal, length + 1),
            None => (Kind::Code, 1),
        },
        [b'r', ..] if !in_word => {
            raw_string_length(rest).map_or((Kind::Code, 1), |length| (Kind::Literal, length))
        }
        _ => (Kind::Code, 1),
    }
}

fn line_length(rest: &[u8]) -> usize {
    rest.iter().position(|&byte| byte == b'\n').unwrap_or(rest.len())
}

/// Length of a block comment, nested ones included.
fn block_comment_length(rest: &[u8]) -> usize {
    let (mut at, mut depth) = (0, 0);
    while at < rest.len() {
        match &rest[at..] {
            [b'/', b'*', ..] => (at, depth) = (at + 2, depth + 1),
            [b'*', b'/', ..] => (at, depth) = (at + 2, depth - 1),
            _ => at += 1,
        }
        if depth == 0 {
            return at;
        }
    }
    rest.len()
}

/// Length of a literal between two `quote`s with backslash escapes.
fn quoted_length(rest: &[u8], quote: u8) -> usize {
    let mut at = 1;
    while at < rest.len() {
        match rest[at] {
            b'\\' => at += 2,
            byte if byte == quote => return at + 1,
            _ => at += 1,
        }
    }
    rest.len()
}

/// Length of a character literal; `None` when the quote begins a lifetime.
fn character_length(rest: &[u8]) -> Option<usize> {
    match rest.get(1)? {
        b'\\' => Some(quoted_length(rest, b'\'')),
        &first => {
            let width = match first {
                0..0x80 => 1,
                0x80..0xE0 => 2,
                0xE0..0xF0 => 3,
                _ => 4,
            };
            (rest.get(1 + width) == Some(&b'\'')).then_some(width + 2)
        }
    }
}

/// Length of `r"…"`, `r#"…"#`; `None` when it is a word or a raw identifier.
fn raw_string_length(rest: &[u8]) -> Option<usize> {
    let hashes = rest[1..].iter().take_while(|&&byte| byte == b'#').count();
    if rest.get(1 + hashes) != Some(&b'"') {
        return None;
    }
    let body = 2 + hashes;
    let closes = |at: &usize| {
        rest[*at] == b'"'
            && rest[*at + 1..].iter().take(hashes).filter(|&&byte| byte == b'#').count() == hashes
    };
    let end = (body..rest.len()).find(closes).unwrap_or(rest.len());
    Some((end + 1 + hashes).min(rest.len()))
}

/// The tokens of the code layer.
pub fn tokens(code: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    for (line, text) in code.lines().enumerate() {
        let mut rest = text.trim_start();
        while let Some(first) = rest.chars().next() {
            let length = if is_word_char(first) {
                rest.find(|c| !is_word_char(c)).unwrap_or(rest.len())
            } else if rest.starts_with("::") {
                2
            } else {
                first.len_utf8()
            };
            tokens.push(Token { text: rest[..length].to_owned(), line, column: text.len() - rest.len() });
            rest = rest[length..].trim_start();
        }
    }
    tokens
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_and_comments_are_no_code() {
        let text = "let a = \"// {\"; // unsafe {\nlet b = '{'; let c: &'static str = r#\"\"}\"#;";
        let layers = layers(text);
        assert!(!layers.code.contains('{') && !layers.code.contains('}'), "{}", layers.code);
        assert!(layers.code.contains("&'static str"));
        assert!(layers.comments.contains("// unsafe {"));
        assert_eq!(layers.code.lines().count(), 2);
    }

    #[test]
    fn nested_comments_escapes_and_bytes_end_where_rust_ends_them() {
        let layers = layers("/* a /* b */ c */ x('\\'', b'\"', b\"\\\"\", br\"\\\", 'é') y");
        assert_eq!(layers.code.split_whitespace().collect::<String>(), "x(,b,b,,)y");
    }

    #[test]
    fn tokens_know_their_places() {
        let found = tokens("a::b\n  <c>");
        let texts: Vec<_> =
            found.iter().map(|token| (token.text.as_str(), token.line, token.column)).collect();
        assert_eq!(texts, [("a", 0, 0), ("::", 0, 1), ("b", 0, 3), ("<", 1, 2), ("c", 1, 3), (">", 1, 4)]);
    }
}
