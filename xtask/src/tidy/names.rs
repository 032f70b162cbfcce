//! No file, folder or module is named after nothing in particular.

use super::rule::Outcome;
use crate::source::Tree;

const EMPTY_NAMES: [&str; 10] =
    ["util", "utils", "common", "helper", "helpers", "misc", "imp", "details", "manager", "handler"];

/// Files, folders and inline modules have names in the field's words.
pub fn check(tree: &Tree) -> Outcome {
    let mut outcome = Outcome::default();
    for source in &tree.sources {
        let remedy = "name it after what it holds, in the field's words";
        outcome.checked += 1;
        for part in source.path.trim_end_matches(".rs").split('/') {
            if EMPTY_NAMES.contains(&part) {
                outcome.find(source, 0, &format!("the name `{part}` says nothing"), remedy);
            }
        }
        for index in 0..source.tokens.len() {
            let name = source.text(index + 1);
            if source.text(index) == "mod" && source.text(index + 2) == "{" && EMPTY_NAMES.contains(&name) {
                outcome.find(
                    source,
                    source.tokens[index].line,
                    &format!("the name `{name}` says nothing"),
                    remedy,
                );
            }
        }
    }
    outcome
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_name_is_caught_and_a_noun_passes() {
        assert_eq!(check(&Tree::of(&[("a/utils/b.rs", "")])).findings.len(), 1);
        assert_eq!(check(&Tree::of(&[("a/b.rs", "mod common { }")])).findings.len(), 1);
        assert!(check(&Tree::of(&[("a/slots.rs", "mod hook { }")])).is_ok());
    }
}
