//! The orderings of the core's protocols, and what is one step weaker.

use crate::source::{Source, Tree};
use crate::tidy::orderings;

const FOLDER: &str = "crates/crosstie-core/src";
/// The door to atomics, and a test's hook: no protocols.
const NO_PROTOCOLS: [&str; 3] = ["atomic.rs", "atomic/", "crash.rs"];

/// One ordering, weakened by one step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mutant {
    /// What it is called in the report and among the accepted: `ring/spsc.rs peek #1 Acquire → Relaxed`.
    pub name: String,
    /// Where its operation stands, as models tell it: file, line and column from 1.
    pub place: String,
    /// What the code says why it has the ordering that it has.
    pub why: String,
    /// Which of the operation's arguments it is, from 0.
    argument: usize,
    /// The ordering that it gets.
    to: &'static str,
}

impl Mutant {
    /// What `crosstie_core::atomic` is told, to have it so in a run of the models.
    pub fn wish(&self) -> String {
        format!("{}:{}:{}", self.place, self.argument, self.to)
    }
}

/// Every mutant of the tree.
pub fn all(tree: &Tree) -> Vec<Mutant> {
    let is_protocol = |source: &&Source| {
        let file = &source.path[FOLDER.len() + 1..];
        !NO_PROTOCOLS.iter().any(|other| file.starts_with(other))
    };
    tree.below(FOLDER).filter(is_protocol).flat_map(of).collect()
}

fn of(source: &Source) -> Vec<Mutant> {
    let file = &source.path[FOLDER.len() + 1..];
    let mut mutants = Vec::new();
    let mut count_in = std::collections::HashMap::new();
    for index in orderings::sites(source) {
        let function = function_around(source, index);
        let number = count_in.entry(function.clone()).or_insert(0_usize);
        *number += 1;
        let (from, call) = (source.text(index), call_around(source, index));
        for to in weaker(from, &call.name) {
            let name = format!("{file} {function} #{number} {from} → {to}");
            let place = format!("{}:{}:{}", source.path, call.line + 1, call.column + 1);
            mutants.push(Mutant { name, place, why: why(source, index), argument: call.argument, to });
        }
    }
    mutants
}

/// The comment at the site of token `index`, from the ordering's name on, up to what it says of the next one.
fn why(source: &Source, index: usize) -> String {
    let line = source.tokens[index].line;
    let comment = source.argument(source.statement_line(index), line);
    let comment =
        if comment.trim().is_empty() { source.argument(line.saturating_sub(3), line) } else { comment };
    let words: Vec<_> = comment.split_whitespace().filter(|word| !matches!(*word, "//" | "///")).collect();
    let begins =
        |word: &str, name: &str| word.strip_prefix(name).is_some_and(|rest| rest == ":" || rest == ",");
    let from = words.iter().position(|word| begins(word, source.text(index))).unwrap_or(0);
    let others = ["Relaxed", "Acquire", "Release", "AcqRel", "SeqCst"];
    let is_next = |word: &&str| others.iter().any(|other| word.strip_prefix(other) == Some(":"));
    let length = words.iter().skip(from + 1).position(is_next).map_or(words.len() - from, |next| next + 1);
    words[from..][..length].join(" ")
}

/// One step weaker than `from` in a call of `call`. Nothing is below an acquire or a release fence
/// but no fence, and the opposite one is as good as none at its site.
fn weaker(from: &str, call: &str) -> &'static [&'static str] {
    let is_fence = call.ends_with("fence");
    match (from, call) {
        ("SeqCst", "load") => &["Acquire"],
        ("SeqCst", "store") => &["Release"],
        ("SeqCst", _) => &["AcqRel"],
        ("AcqRel", _) => &["Acquire", "Release"],
        ("Acquire", _) if is_fence => &["Release"],
        ("Release", _) if is_fence => &["Acquire"],
        ("Acquire" | "Release", _) => &["Relaxed"],
        _ => &[],
    }
}

/// The name of the function whose body holds token `index`.
fn function_around(source: &Source, index: usize) -> String {
    (0..index)
        .rev()
        .find(|&at| {
            source.text(at) == "fn"
                && source.body_or_end(at).is_some_and(|body| body < index && source.closing(body) > index)
        })
        .map_or_else(|| "file".to_owned(), |at| source.text(at + 1).to_owned())
}

/// An operation, as one of its arguments sees it.
#[derive(Default)]
struct Call {
    name: String,
    line: usize,
    column: usize,
    argument: usize,
}

/// The call whose arguments hold token `index`.
fn call_around(source: &Source, index: usize) -> Call {
    let (mut depth, mut argument) = (0_usize, 0);
    for at in (1..index).rev() {
        match source.text(at) {
            ")" | "]" | "}" => depth += 1,
            "," if depth == 0 => argument += 1,
            // What stands before it in a bracket that is itself the argument.
            "[" | "{" if depth == 0 => argument = 0,
            "(" if depth == 0 => {
                let token = &source.tokens[at - 1];
                return Call { name: token.text.clone(), line: token.line, column: token.column, argument };
            }
            "(" | "[" | "{" => depth -= 1,
            _ => {}
        }
    }
    Call::default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_ordering_is_weakened_by_one_step_in_its_place() {
        let text = "fn a() {\n b.load(f(Acquire), Acquire); }\nfn c() { fence(SeqCst); d\n .swap(g(1, 2), AcqRel); fence(Release) }";
        let tree = Tree::of(&[("crates/crosstie-core/src/ring/x.rs", text)]);
        let found: Vec<_> =
            all(&tree).into_iter().map(|mutant| (mutant.name.clone(), mutant.wish())).collect();
        let expected = [
            ("ring/x.rs a #1 Acquire → Relaxed", "2:9:0:Relaxed"),
            ("ring/x.rs a #2 Acquire → Relaxed", "2:4:1:Relaxed"),
            ("ring/x.rs c #1 SeqCst → AcqRel", "3:10:0:AcqRel"),
            ("ring/x.rs c #2 AcqRel → Acquire", "4:3:1:Acquire"),
            ("ring/x.rs c #2 AcqRel → Release", "4:3:1:Release"),
            ("ring/x.rs c #3 Release → Acquire", "4:26:0:Acquire"),
        ];
        assert_eq!(all(&tree)[1].why, "");
        let place = |wish| format!("crates/crosstie-core/src/ring/x.rs:{wish}");
        assert_eq!(found, expected.map(|(name, wish)| (name.to_owned(), place(wish))));
    }

    #[test]
    fn a_site_says_why_it_has_its_ordering() {
        let text = "fn a() {\n // Relaxed: a hint.\n // Acquire: meets the Release\n // in `b`. Relaxed: reads nothing.\n x.y(1, 2, Acquire, Relaxed);\n}";
        let tree = Tree::of(&[("crates/crosstie-core/src/word/x.rs", text)]);
        assert_eq!(all(&tree)[0].why, "Acquire: meets the Release in `b`.");
    }

    #[test]
    fn what_is_no_protocol_is_left_alone() {
        let tree = Tree::of(&[
            ("crates/crosstie-core/src/atomic/modelled.rs", "fn a() { fence(SeqCst) }"),
            ("crates/crosstie-core/src/layout/x.rs", "fn a() { fence(SeqCst) }"),
        ]);
        assert_eq!(all(&tree).len(), 1);
    }
}
