//! What a rule is, and what it answers.

use crate::source::{Source, Tree};

/// One rule of the house.
pub struct Rule {
    /// Its name, as the report prints it.
    pub name: &'static str,
    /// Looks at the tree.
    pub check: fn(&Tree) -> Outcome,
}

/// What a rule saw.
#[derive(Debug, Default)]
pub struct Outcome {
    /// How many items it looked at; a rule that saw none has failed.
    pub checked: usize,
    /// What it found, one line each: place, what, why, what to do.
    pub findings: Vec<String>,
}

impl Outcome {
    /// Adds a finding at `line` (from 0) of `source`.
    pub fn find(&mut self, source: &Source, line: usize, what: &str, remedy: &str) {
        self.findings.push(format!("{}:{}: {what}; {remedy}", source.path, line + 1));
    }

    /// Whether the rule saw something and found nothing.
    pub fn is_ok(&self) -> bool {
        self.checked > 0 && self.findings.is_empty()
    }
}

/// How many words a comment has, its slashes aside.
pub fn word_count(comment: &str) -> usize {
    comment.split_whitespace().filter(|word| word.chars().any(char::is_alphanumeric)).count()
}

/// Whether `text` contains `word` as a word of its own.
pub fn has_word(text: &str, word: &str) -> bool {
    text.split(|c: char| !c.is_alphanumeric() && c != '_').any(|part| part == word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_that_saw_nothing_has_failed() {
        assert!(!Outcome::default().is_ok());
        assert!(Outcome { checked: 1, findings: Vec::new() }.is_ok());
    }

    #[test]
    fn words_are_whole_words() {
        assert!(has_word("// Release: publishes", "Release") && !has_word("AcqRelease", "Release"));
        assert_eq!(word_count("// one - two //! three"), 3);
    }
}
