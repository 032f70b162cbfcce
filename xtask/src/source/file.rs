//! One file as the rules read it.

use super::lexer::{self, Token};

/// One file: its lines in three layers, its tokens, and which lines are test code.
pub struct Source {
    /// Path from the project's root, with `/`.
    pub path: String,
    /// The lines as written.
    pub raw: Vec<String>,
    /// The lines without comments and without the contents of literals.
    pub code: Vec<String>,
    /// The lines with comments only.
    pub comments: Vec<String>,
    /// The code's tokens.
    pub tokens: Vec<Token>,
    /// Names of modules declared as `#[cfg(test)] mod NAME;`.
    pub test_modules: Vec<String>,
    /// Whether the whole file is test code.
    pub is_test: bool,
    test_lines: Vec<bool>,
}

impl Source {
    /// Reads `text` as the file at `path`.
    pub fn new(path: &str, text: &str) -> Self {
        let layers = lexer::layers(text);
        let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
        let raw = lines(text);
        let mut this = Self {
            path: path.to_owned(),
            test_lines: vec![false; raw.len()],
            raw,
            tokens: lexer::tokens(&layers.code),
            code: lines(&layers.code),
            comments: lines(&layers.comments),
            test_modules: Vec::new(),
            is_test: path.ends_with("/tests.rs") || path.contains("/tests/") || path.contains("/benches/"),
        };
        this.find_test_items();
        this
    }

    /// Whether the line (from 0) is test code.
    pub fn is_test_line(&self, line: usize) -> bool {
        self.is_test || self.test_lines.get(line).copied().unwrap_or(false)
    }

    /// The text of token `index`; empty past either end.
    pub fn text(&self, index: usize) -> &str {
        self.tokens.get(index).map_or("", |token| &token.text)
    }

    /// Whether the tokens from `index` on read `words`.
    pub fn reads(&self, index: usize, words: &[&str]) -> bool {
        words.iter().enumerate().all(|(offset, word)| self.text(index + offset) == *word)
    }

    /// The token that closes the bracket opened by token `open`.
    pub fn closing(&self, open: usize) -> usize {
        let mut depth = 0_usize;
        for index in open..self.tokens.len() {
            match self.text(index) {
                "(" | "[" | "{" => depth += 1,
                ")" | "]" | "}" => depth = depth.saturating_sub(1),
                _ => {}
            }
            if depth == 0 {
                return index;
            }
        }
        self.tokens.len().saturating_sub(1)
    }

    /// The first `{` or `;` from token `index` on that stands outside round and square brackets.
    pub fn body_or_end(&self, index: usize) -> Option<usize> {
        let mut at = index;
        while at < self.tokens.len() {
            match self.text(at) {
                "(" | "[" => at = self.closing(at),
                "{" | ";" => return Some(at),
                _ => {}
            }
            at += 1;
        }
        None
    }

    /// The line (from 0) on which the statement or item around token `index` begins.
    pub fn statement_line(&self, index: usize) -> usize {
        let mut depth = 0_usize;
        let mut at = index;
        while at > 0 {
            match self.text(at - 1) {
                ")" | "]" => depth += 1,
                "(" | "[" => depth = depth.saturating_sub(1),
                ";" | "{" | "}" if depth == 0 => break,
                _ => {}
            }
            at -= 1;
        }
        self.tokens.get(at).map_or(0, |token| token.line)
    }

    /// The comments on lines `first..=last` and the comment block directly above `first`
    /// (attributes may stand between).
    pub fn argument(&self, first: usize, last: usize) -> String {
        let mut top = first;
        while top > 0 && self.is_comment_or_attribute(top - 1) {
            top -= 1;
        }
        self.comments[top..=last.min(self.comments.len() - 1)].join(" ")
    }

    fn is_comment_or_attribute(&self, line: usize) -> bool {
        let code = self.code[line].trim();
        (code.is_empty() && !self.comments[line].trim().is_empty()) || code.starts_with("#[")
    }

    /// Marks the items under `#[cfg(test)]` and `#[test]`.
    fn find_test_items(&mut self) {
        let mut index = 0;
        while index < self.tokens.len() {
            if !self.reads(index, &["#", "["]) {
                index += 1;
                continue;
            }
            let close = self.closing(index + 1);
            let words: Vec<_> = (index + 2..close).map(|at| self.text(at)).collect();
            let is_cfg = words.first() == Some(&"cfg") && words.contains(&"test") && !words.contains(&"not");
            if is_cfg || words == ["test"] {
                self.mark_test_item(index, close + 1);
            }
            index = close + 1;
        }
    }

    fn mark_test_item(&mut self, attribute: usize, item: usize) {
        let mut start = item;
        while self.reads(start, &["#", "["]) {
            start = self.closing(start + 1) + 1;
        }
        let Some(body) = self.body_or_end(start) else { return };
        if self.text(body) == ";" && self.reads(start, &["mod"]) {
            self.test_modules.push(self.text(start + 1).to_owned());
        }
        let end = self.closing(body);
        let lines = self.tokens[attribute].line..=self.tokens[end].line;
        self.test_lines[lines].fill(true);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn test_items_are_told_from_library_code() {
        let source = Source::new(
            "a.rs",
            "fn a() {}\n#[cfg(test)]\n#[expect(dead_code)]\nmod tests {\n  fn b() { '{'; }\n}\nfn c() {}\n#[cfg(not(test))]\nfn d() {}\n#[cfg(test)]\nmod sweep;",
        );
        let marks: Vec<_> = (0..source.raw.len()).map(|line| source.is_test_line(line)).collect();
        assert_eq!(marks, [false, true, true, true, true, true, false, false, false, true, true]);
        assert_eq!(source.test_modules, ["sweep"]);
    }

    #[test]
    fn the_argument_of_a_statement_is_the_block_above_it_and_what_stands_in_it() {
        let source = Source::new(
            "a.rs",
            "let x;\n// why one\n// why two\n#[cold]\nlet y = a\n  // why three\n  .b(); // why four\n",
        );
        let index = source.tokens.iter().position(|token| token.text == "b").unwrap();
        let first = source.statement_line(index);
        assert_eq!(first, 3);
        let argument = source.argument(first, source.tokens[index].line);
        for part in ["one", "two", "three", "four"] {
            assert!(argument.contains(part), "{argument}");
        }
    }
}
