//! Every `unsafe {` and `unsafe impl` says on which invariant it stands. Foreign blocks do not: clippy refuses a comment there.

use super::rule::{Outcome, word_count};
use crate::source::{Source, Tree};

/// A SAFETY comment says at least this many words.
const WORDS_MIN: usize = 5;

/// Openings that argue nothing.
const STOCK_PHRASES: [&str; 6] = ["untriaged", "safe", "this is safe", "it is safe", "trust", "obvious"];

/// Every unsafe site has a SAFETY comment of substance in the block above it or in its statement.
pub fn check(tree: &Tree) -> Outcome {
    let mut outcome = Outcome::default();
    for source in &tree.sources {
        for index in 0..source.tokens.len() {
            let is_site = source.text(index) == "unsafe" && matches!(source.text(index + 1), "{" | "impl");
            if !is_site {
                continue;
            }
            outcome.checked += 1;
            if let Err(what) = argued(source, index) {
                outcome.find(
                    source,
                    source.tokens[index].line,
                    what,
                    "write `// SAFETY: …` above it: the invariant it stands on and who upholds it",
                );
            }
        }
    }
    outcome
}

fn argued(source: &Source, index: usize) -> Result<(), &'static str> {
    let argument = source.argument(source.statement_line(index), source.tokens[index].line);
    let Some((_, reason)) = argument.rsplit_once("SAFETY:") else {
        return Err("an unsafe site without a SAFETY comment");
    };
    let lower = reason.trim().to_lowercase();
    let is_stock = |phrase: &str| {
        lower.strip_prefix(phrase).is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric()))
    };
    if word_count(reason) < WORDS_MIN || STOCK_PHRASES.iter().any(|phrase| is_stock(phrase)) {
        return Err("a SAFETY comment without substance");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(text: &str) -> usize {
        let outcome = check(&Tree::of(&[("a.rs", text)]));
        assert_eq!(outcome.checked, 1);
        outcome.findings.len()
    }

    #[test]
    fn a_bare_or_empty_argument_is_caught() {
        assert_eq!(findings("fn f() {\n let a = 1;\n unsafe { g() }\n}"), 1);
        assert_eq!(findings("// SAFETY: safe, because we checked it above\nunsafe impl Send for A {}"), 1);
        assert_eq!(findings("// SAFETY: pointer is valid\nunsafe impl Send for A {}"), 1);
        assert_eq!(
            findings("// SAFETY: only `open` writes the pointer, once\nlet a;\nlet b = unsafe { g() };"),
            1
        );
    }

    #[test]
    fn what_is_declared_for_or_by_foreigners_is_no_site() {
        for text in ["unsafe extern \"C\" { fn g(); }", "pub unsafe extern \"C\" fn f() {}"] {
            assert_eq!(check(&Tree::of(&[("a.rs", text)])).checked, 0);
        }
    }

    #[test]
    fn an_argument_above_the_statement_passes() {
        assert_eq!(
            findings(
                "// SAFETY: only `open` writes the pointer,\n// and it writes a valid one.\nlet b =\n  unsafe { g() };"
            ),
            0
        );
        assert_eq!(
            findings(
                "let b = c\n  // SAFETY: the region outlives the slot (I3)\n  .map(|p| unsafe { g(p) });"
            ),
            0
        );
    }
}
