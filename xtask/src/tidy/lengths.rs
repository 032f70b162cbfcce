//! Files of at most 500 lines, functions of at most 70: what fits a reader's head.

use super::rule::Outcome;
use crate::source::Tree;

const FILE_LINES_MAX: usize = 500;
const FUNCTION_LINES_MAX: usize = 70;

/// Files of at most 500 lines.
pub fn files(tree: &Tree) -> Outcome {
    let mut outcome = Outcome { checked: tree.sources.len(), ..Outcome::default() };
    for source in &tree.sources {
        let lines = source.raw.len();
        if lines > FILE_LINES_MAX {
            let what = format!("the file has {lines} lines, the limit is {FILE_LINES_MAX}");
            outcome.find(
                source,
                FILE_LINES_MAX,
                &what,
                "split it by concept: plural concept → folder, one noun → file",
            );
        }
    }
    outcome
}

/// Functions of at most 70 lines, from `fn` to the closing brace.
pub fn functions(tree: &Tree) -> Outcome {
    let mut outcome = Outcome::default();
    for source in &tree.sources {
        for index in 0..source.tokens.len() {
            let is_named = source.tokens.get(index + 1).is_some_and(|token| token.is_word());
            if source.text(index) != "fn" || !is_named {
                continue;
            }
            let Some(open) = source.body_or_end(index).filter(|&at| source.text(at) == "{") else { continue };
            outcome.checked += 1;
            let first = source.tokens[index].line;
            let lines = source.tokens[source.closing(open)].line - first + 1;
            if lines > FUNCTION_LINES_MAX {
                let name = source.text(index + 1);
                let what = format!("fn {name} has {lines} lines, the limit is {FUNCTION_LINES_MAX}");
                outcome.find(source, first, &what, "lift what has a name of its own into a function");
            }
        }
    }
    outcome
}

#[cfg(test)]
mod tests {
    use super::*;

    fn function_of(lines: usize) -> String {
        format!(
            "fn a(b: [u8; 4]) {{\n{}}}\nfn short() {{}}\ntrait T {{ fn none(&self); }}\n",
            "// }\n".repeat(lines - 2)
        )
    }

    #[test]
    fn a_file_of_501_lines_is_caught_and_one_of_500_passes() {
        assert_eq!(files(&Tree::of(&[("a.rs", &"\n".repeat(501))])).findings.len(), 1);
        assert!(files(&Tree::of(&[("a.rs", &"\n".repeat(500))])).is_ok());
    }

    #[test]
    fn a_function_of_71_lines_is_caught_and_one_of_70_passes() {
        let outcome = functions(&Tree::of(&[("a.rs", &function_of(71))]));
        assert_eq!((outcome.checked, outcome.findings.len()), (2, 1), "{outcome:?}");
        assert!(functions(&Tree::of(&[("a.rs", &function_of(70))])).is_ok());
    }
}
