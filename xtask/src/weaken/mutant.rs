//! The orderings of the core's protocols, and what is one step weaker.

use crate::source::{Source, Tree};
use crate::tidy::orderings;

const FOLDERS: [&str; 3] =
    ["crates/crosstie-core/src/word", "crates/crosstie-core/src/ring", "crates/crosstie-core/src/turns"];

/// One ordering, weakened by one step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mutant {
    /// The file, from the project's root.
    pub path: String,
    /// What it is called in the report and among the accepted: `ring/spsc.rs peek #1 Acquire → Relaxed`.
    pub name: String,
    /// Its line, from 0.
    pub line: usize,
    /// The line as it is to read.
    pub text: String,
}

impl Mutant {
    /// The models that are the most likely to notice it: they are run first.
    pub fn models(&self) -> &'static [&'static str] {
        let file = self.path.rsplit('/').next().unwrap_or_default();
        match file {
            "any.rs" => &["any::"],
            "barrier.rs" => &["barrier::"],
            "carry.rs" | "condition.rs" => &["condition::"],
            "counting.rs" | "event.rs" => &["counting::", "event::"],
            "head.rs" => &["once::"],
            "mutex.rs" => &["mutex::", "once::", "rwlock::"],
            "permits.rs" | "queueing.rs" => &["semaphore::", "rwlock::"],
            "rwlock.rs" => &["rwlock::"],
            "semaphore.rs" => &["semaphore::"],
            "slot.rs" | "occupant.rs" => &["life_word::", "slot::"],
            "waiting.rs" => &["mutex::", "semaphore::"],
            _ if self.path.contains("/ring/") => &["spsc::"],
            _ => &[],
        }
    }
}

/// Every mutant of the tree.
pub fn all(tree: &Tree) -> Vec<Mutant> {
    FOLDERS.iter().flat_map(|folder| tree.below(folder)).flat_map(of).collect()
}

fn of(source: &Source) -> Vec<Mutant> {
    let file = source.path.trim_start_matches("crates/crosstie-core/src/");
    let mut mutants = Vec::new();
    let mut count_in = std::collections::HashMap::new();
    for index in orderings::sites(source) {
        let function = function_around(source, index);
        let number = count_in.entry(function.clone()).or_insert(0_usize);
        *number += 1;
        let (from, call) = (source.text(index), call_around(source, index));
        for to in weaker(from, call) {
            let token = &source.tokens[index];
            let mut text = source.raw[token.line].clone();
            text.replace_range(token.column..token.column + from.len(), to);
            let name = format!("{file} {function} #{number} {from} → {to}");
            mutants.push(Mutant { path: source.path.clone(), name, line: token.line, text });
        }
    }
    mutants
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

/// The name of the call whose arguments hold token `index`.
fn call_around(source: &Source, index: usize) -> &str {
    let mut depth = 0_usize;
    for at in (1..index).rev() {
        match source.text(at) {
            ")" => depth += 1,
            "(" if depth == 0 => return source.text(at - 1),
            "(" => depth -= 1,
            _ => {}
        }
    }
    ""
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_ordering_is_weakened_by_one_step_in_its_place() {
        let text = "fn a() {\n b.load(f(Acquire), Acquire); }\nfn c() { fence(SeqCst); d.swap(1, AcqRel); fence(Release) }";
        let tree = Tree::of(&[("crates/crosstie-core/src/ring/x.rs", text)]);
        let found: Vec<_> = all(&tree).into_iter().map(|mutant| (mutant.name, mutant.line)).collect();
        let expected = [
            ("ring/x.rs a #1 Acquire → Relaxed", 1),
            ("ring/x.rs a #2 Acquire → Relaxed", 1),
            ("ring/x.rs c #1 SeqCst → AcqRel", 2),
            ("ring/x.rs c #2 AcqRel → Acquire", 2),
            ("ring/x.rs c #2 AcqRel → Release", 2),
            ("ring/x.rs c #3 Release → Acquire", 2),
        ];
        assert_eq!(found, expected.map(|(name, line)| (name.to_owned(), line)));
        assert_eq!(all(&tree)[1].text, " b.load(f(Acquire), Relaxed); }");
    }
}
