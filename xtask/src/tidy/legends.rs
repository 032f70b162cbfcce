//! A `mod.rs` is a legend and re-exports: whoever opens a folder reads what is in it, nothing else.

use super::rule::Outcome;
use crate::source::Tree;

const ITEMS: [&str; 9] = ["fn", "impl", "struct", "enum", "union", "trait", "static", "const", "macro_rules"];

/// Every `mod.rs` has a `//!` legend and no item of its own.
pub fn check(tree: &Tree) -> Outcome {
    let mut outcome = Outcome::default();
    for source in tree.sources.iter().filter(|source| source.path.ends_with("/mod.rs") && !source.is_test) {
        outcome.checked += 1;
        if !source.raw.first().is_some_and(|line| line.starts_with("//!")) {
            outcome.find(
                source,
                0,
                "a mod.rs without a legend",
                "begin it with `//!`: what the folder holds, file by file",
            );
        }
        for token in source.tokens.iter().filter(|token| !source.is_test_line(token.line)) {
            if ITEMS.contains(&token.text.as_str()) {
                let what = format!("`{}` in a mod.rs", token.text);
                outcome.find(
                    source,
                    token.line,
                    &what,
                    "a mod.rs holds its legend and re-exports: give the item a file",
                );
                break;
            }
        }
    }
    outcome
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_or_a_missing_legend_is_caught() {
        assert_eq!(check(&Tree::of(&[("a/mod.rs", "//! Rings.\nfn f() {}")])).findings.len(), 1);
        assert_eq!(check(&Tree::of(&[("a/mod.rs", "mod b;")])).findings.len(), 1);
    }

    #[test]
    fn a_legend_with_re_exports_passes() {
        assert!(
            check(&Tree::of(&[(
                "a/mod.rs",
                "//! Rings.\nmod b;\npub use b::C;\n#[cfg(test)]\nmod tests { fn f() {} }"
            )]))
            .is_ok()
        );
    }
}
