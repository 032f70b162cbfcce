//! What must not be in the tree: leftovers anywhere, panics and prints in the library, sleeps in tests.

use super::rule::Outcome;
use crate::source::{Source, Tree, paths};

const LIBRARY: [&str; 2] = ["crates/crosstie-core/src", "crates/crosstie/src"];
const LEFTOVER_WORDS: [&str; 3] = ["TODO", "FIXME", "XXX"];
const LEFTOVER_MACROS: [&str; 3] = ["todo", "unimplemented", "dbg"];
const PANICKING_MACROS: [&str; 2] = ["panic", "unreachable"];
const PANICKING_METHODS: [&str; 4] = ["unwrap", "expect", "unwrap_err", "expect_err"];
const PRINTING_MACROS: [&str; 4] = ["print", "println", "eprint", "eprintln"];

/// No marks of unfinished work, no ignored test.
pub fn leftovers(tree: &Tree) -> Outcome {
    let mut outcome = Outcome { checked: tree.sources.len(), ..Outcome::default() };
    for source in &tree.sources {
        for (line, comment) in source.comments.iter().enumerate() {
            if LEFTOVER_WORDS.iter().any(|word| super::rule::has_word(comment, word)) {
                outcome.find(
                    source,
                    line,
                    "a mark of unfinished work",
                    "finish it, or write down the limit as a fact",
                );
            }
        }
        for index in 0..source.tokens.len() {
            let line = source.tokens[index].line;
            if is_macro(source, index, &LEFTOVER_MACROS) {
                outcome.find(source, line, &format!("{}!", source.text(index)), "finish it, or take it out");
            }
            if source.reads(index, &["#", "[", "ignore"]) {
                outcome.find(
                    source,
                    line,
                    "an ignored test",
                    "print `SKIPPED: reason` where the machine does not allow it",
                );
            }
        }
    }
    outcome
}

/// The library does not panic on its own account; what an invariant rules out says so with
/// `// invariant: …` in its statement or in the comment directly above. `assert!` is free: it
/// states an invariant by itself.
pub fn panics(tree: &Tree) -> Outcome {
    let mut outcome = Outcome { checked: library(tree).count(), ..Outcome::default() };
    for source in library(tree) {
        for index in 0..source.tokens.len() {
            let line = source.tokens[index].line;
            let is_call = index > 0
                && source.text(index - 1) == "."
                && PANICKING_METHODS.contains(&source.text(index))
                && source.text(index + 1) == "(";
            if source.is_test_line(line) || !is_call && !is_macro(source, index, &PANICKING_MACROS) {
                continue;
            }
            let argument = source.argument(source.statement_line(index), line) + &source.argument(line, line);
            if !argument.contains("invariant:") {
                outcome.find(
                    source,
                    line,
                    &format!("`{}` in library code", source.text(index)),
                    "return an error, or say `// invariant: …` why it cannot happen",
                );
            }
        }
    }
    outcome
}

/// The library prints nothing.
pub fn prints(tree: &Tree) -> Outcome {
    let mut outcome = Outcome { checked: library(tree).count(), ..Outcome::default() };
    for source in library(tree) {
        for index in 0..source.tokens.len() {
            let line = source.tokens[index].line;
            if is_macro(source, index, &PRINTING_MACROS) && !source.is_test_line(line) {
                outcome.find(
                    source,
                    line,
                    &format!("{}!", source.text(index)),
                    "the library prints nothing: return it",
                );
            }
        }
    }
    outcome
}

/// A test waits for a fact, never for a while. A sleep between two looks at the fact says
/// `// poll: which fact`, a sender's deliberate pace `// pace: why`.
pub fn sleeps(tree: &Tree) -> Outcome {
    let mut outcome = Outcome::default();
    for source in &tree.sources {
        outcome.checked += usize::from(source.tokens.iter().any(|token| source.is_test_line(token.line)));
        for path in paths::named(source) {
            let is_sleep = path.segments.ends_with(&["thread".to_owned(), "sleep".to_owned()]);
            if !is_sleep || !source.is_test_line(path.line) {
                continue;
            }
            let argument = source.argument(path.line, path.line);
            if !argument.contains("poll:") && !argument.contains("pace:") {
                outcome.find(
                    source,
                    path.line,
                    "a test that sleeps",
                    "wait for a fact (/proc, a flag, the ledger); between two looks say `// poll: which fact`",
                );
            }
        }
    }
    outcome
}

fn library(tree: &Tree) -> impl Iterator<Item = &Source> {
    LIBRARY.iter().flat_map(|folder| tree.below(folder))
}

fn is_macro(source: &Source, index: usize, names: &[&str]) -> bool {
    names.contains(&source.text(index)) && source.text(index + 1) == "!" && source.text(index + 2) != "="
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Tree {
        Tree::of(&[("crates/crosstie/src/a.rs", text)])
    }

    #[test]
    fn leftovers_are_caught_and_strings_about_them_pass() {
        let marks = ["// TODO later", "fn f() { todo!() }", "#[ignore]\nfn f() {}", "fn f() { dbg!(1); }"];
        assert!(marks.iter().all(|text| leftovers(&of(text)).findings.len() == 1));
        assert!(leftovers(&of("const A: &str = \"TODO\"; fn todo() {}")).is_ok());
    }

    #[test]
    fn an_unargued_panic_is_caught() {
        assert_eq!(panics(&of("fn f() { a.unwrap(); b.expect(\"c\"); panic!() }")).findings.len(), 3);
        assert!(
            panics(&of(
                "// invariant: f has checked it\nlet b = a.unwrap();\n#[expect(dead_code)]\nfn expect() {}"
            ))
            .is_ok()
        );
        assert!(
            panics(&of("fn f() { assert!(true) }\n#[cfg(test)]\nmod tests { fn f() { a.unwrap() } }"))
                .is_ok()
        );
    }

    #[test]
    fn a_printing_library_is_caught() {
        assert_eq!(prints(&of("fn f() { eprintln!(\"a\") }")).findings.len(), 1);
        assert!(prints(&of("/// println!(\"{}\", 1)\nfn f() { write!(f, \"a\") }")).is_ok());
    }

    #[test]
    fn a_sleeping_test_is_caught_and_a_polling_one_passes() {
        let test = |text: &str| Tree::of(&[("crates/crosstie/tests/a.rs", text)]);
        assert_eq!(sleeps(&test("fn f() { std::thread::sleep(d) }")).findings.len(), 1);
        assert!(sleeps(&test("fn f() {\n // poll: the waiter is asleep\n thread::sleep(d)\n}")).is_ok());
    }
}
