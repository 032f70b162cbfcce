//! Every atomic ordering is argued at its site.
//!
//! A site is every `Ordering::X` and every bare `Relaxed`, `Acquire`, `Release`, `AcqRel`, `SeqCst`
//! outside `use`, in the library code of `crosstie-core` and `crosstie`. Its argument is what the
//! comments say within the statement, on the three lines above the site, and in the comment block
//! directly above either. It names the ordering as a word (`// Release: publishes the payload to
//! recv (I2).`) in at least four words. An argument for SeqCst tells the two-variable story: it
//! names both variables in backticks, or has the word "story"; a compiler fence, which orders nothing
//! between processors, needs its argument only.

use super::rule::{Outcome, has_word, word_count};
use crate::source::{Source, Tree};

const NAMES: [&str; 5] = ["Relaxed", "Acquire", "Release", "AcqRel", "SeqCst"];
const FOLDERS: [&str; 2] = ["crates/crosstie-core/src", "crates/crosstie/src"];
/// How far above its site an argument may begin, in lines.
const LINES_ABOVE: usize = 3;
const WORDS_MIN: usize = 4;

/// Every ordering in library code has its argument.
pub fn check(tree: &Tree) -> Outcome {
    let mut outcome = Outcome::default();
    for source in FOLDERS.iter().flat_map(|folder| tree.below(folder)) {
        for index in sites(source) {
            outcome.checked += 1;
            let line = source.tokens[index].line;
            let name = source.text(index);
            let first = source.statement_line(index);
            let above = source.argument(line.saturating_sub(LINES_ABOVE), line);
            let argument = source.argument(first, line) + " " + &above;
            if !has_word(&argument, name) || word_count(&argument) < WORDS_MIN {
                let what = format!("{name} without an argument");
                outcome.find(
                    source,
                    line,
                    &what,
                    &format!("say in a comment at the site: `// {name}: what it orders, for whom`"),
                );
            } else if name == "SeqCst" && !is_compiler_fence(source, index) && !tells_a_story(&argument) {
                outcome.find(
                    source,
                    line,
                    "SeqCst without its two-variable story",
                    "name both variables in backticks, or use less",
                );
            }
        }
    }
    outcome
}

/// The tokens that name an ordering in the file's library code.
pub fn sites(source: &Source) -> impl Iterator<Item = usize> {
    (0..source.tokens.len())
        .filter(|&index| is_site(source, index) && !source.is_test_line(source.tokens[index].line))
}

fn is_site(source: &Source, index: usize) -> bool {
    if !NAMES.contains(&source.text(index)) {
        return false;
    }
    let is_qualified = index > 0 && source.text(index - 1) == "::";
    if is_qualified && (index < 2 || source.text(index - 2) != "Ordering") {
        return false;
    }
    !is_in_use(source, index)
}

/// Whether token `index` stands in a `use` item.
fn is_in_use(source: &Source, index: usize) -> bool {
    (0..index).rev().take_while(|&at| source.text(at) != ";").any(|at| {
        source.text(at) == "use"
            && (at..index).all(|between| !matches!(source.text(between), ";" | "(" | "="))
    })
}

/// Whether token `index` is the argument of `compiler_fence(Ordering::X)` or `compiler_fence(X)`.
fn is_compiler_fence(source: &Source, index: usize) -> bool {
    [2, 4].iter().any(|back| index >= *back && source.reads(index - back, &["compiler_fence", "("]))
}

fn tells_a_story(argument: &str) -> bool {
    let mut named: Vec<_> = argument.split('`').skip(1).step_by(2).filter(|name| *name != "SeqCst").collect();
    named.sort_unstable();
    named.dedup();
    has_word(argument, "story") || named.len() >= 2
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(text: &str) -> (usize, usize) {
        let outcome = check(&Tree::of(&[("crates/crosstie/src/a.rs", text)]));
        (outcome.checked, outcome.findings.len())
    }

    #[test]
    fn an_ordering_without_its_own_argument_is_caught() {
        assert_eq!(findings("fn f() {\n a.store(1, Ordering::Release);\n}"), (1, 1));
        assert_eq!(
            findings("fn f() {\n // Acquire: meets the Release in g\n a.store(1, Relaxed);\n}"),
            (1, 1)
        );
        assert_eq!(
            findings(
                "fn f() {\n // Release: publishes x to the reader\n a.compare_exchange(0, 1, Release, Relaxed);\n}"
            ),
            (2, 1)
        );
        assert_eq!(findings("fn f() {\n // SeqCst: because it must be strong\n fence(SeqCst);\n}"), (1, 1));
    }

    #[test]
    fn an_argument_at_the_site_passes() {
        assert_eq!(
            findings(
                "use x::Ordering::{self, Acquire};\nfn f() {\n // Acquire: meets the Release in g\n a.load(Acquire);\n}"
            ),
            (1, 0)
        );
        assert_eq!(
            findings(
                "fn f() {\n // Release: publishes x to the reader.\n // Relaxed: a failure reads nothing.\n a\n  .b\n  .c\n  .compare_exchange(\n 0,\n 1,\n Release,\n Relaxed);\n}"
            ),
            (2, 0)
        );
        assert_eq!(
            findings(
                "fn f() {\n // SeqCst: orders `head` before `sleeping`, the waiter the other way round\n fence(SeqCst);\n}"
            ),
            (1, 0)
        );
    }

    #[test]
    fn a_compiler_fence_needs_an_argument_and_no_story() {
        assert_eq!(
            findings(
                "fn f() {\n // SeqCst: the kernel reads it in this very thread\n compiler_fence(Ordering::SeqCst);\n}"
            ),
            (1, 0)
        );
        assert_eq!(findings("fn f() {\n compiler_fence(SeqCst);\n}"), (1, 1));
    }

    #[test]
    fn tests_and_other_orderings_are_no_sites() {
        assert_eq!(
            findings(
                "fn f() { a.cmp(b) == Ordering::Less; x(State::Release) }\n#[cfg(test)]\nmod t { fn f() { a.load(Relaxed); } }"
            ),
            (0, 0)
        );
    }
}
