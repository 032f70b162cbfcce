//! Every protocol file states its protocol in its `//!` header, section by section, in one order.
//!
//! A protocol file is one below `word/`, `ring/`, `queue/` or `topic/` that names an atomic ordering; the others
//! hold plain values and arithmetic.
//!
//! Sections are headings whose text begins with these words, in any case, each with a body:
//! `# States`, `# Invariants`, `# Transitions`, `# Orderings`, `# Progress`, `# Death`, `# Source`.

use super::orderings;
use super::rule::Outcome;
use crate::source::{Source, Tree};

/// The beginnings of the sections' headings, in their order.
const SECTIONS: [&str; 7] = ["state", "invariant", "transition", "ordering", "progress", "death", "source"];
const FOLDERS: [&str; 4] = [
    "crates/crosstie-core/src/word",
    "crates/crosstie-core/src/ring",
    "crates/crosstie-core/src/queue",
    "crates/crosstie-core/src/topic",
];

/// Every protocol file has its sections.
pub fn check(tree: &Tree) -> Outcome {
    let mut outcome = Outcome::default();
    for source in FOLDERS.iter().flat_map(|folder| tree.below(folder)).filter(|source| !source.is_test) {
        if orderings::sites(source).next().is_none() {
            continue;
        }
        outcome.checked += 1;
        if let Err(section) = sections(source) {
            let what =
                format!("the header lacks a section `# {section}…` with a body, at its place in the order");
            outcome.find(
                source,
                0,
                &what,
                "state the protocol: States, Invariants, Transitions, Orderings, Progress, Death, Source",
            );
        }
    }
    outcome
}

/// The first section that is missing, empty or out of order is the error.
fn sections(source: &Source) -> Result<(), &'static str> {
    let header: Vec<_> =
        source.raw.iter().map_while(|line| line.strip_prefix("//!")).map(str::trim).collect();
    let headings: Vec<_> = header
        .iter()
        .enumerate()
        .filter_map(|(at, line)| {
            Some((at, line.strip_prefix('#')?.trim_start_matches('#').trim().to_lowercase()))
        })
        .collect();
    let mut rest = headings.iter().peekable();
    for section in SECTIONS {
        let (start, _) = rest.find(|(_, heading)| heading.starts_with(section)).ok_or(section)?;
        let end = rest.peek().map_or(header.len(), |(at, _)| *at);
        if header[start + 1..end].iter().all(|line| line.is_empty()) {
            return Err(section);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &str = "//! A word.\n//!\n//! # States\n//! a\n//! # Invariants\n//! b\n//! # Transitions\n//! c\n//! # Orderings\n//! d\n//! # Progress and fairness\n//! e\n//! # Death\n//! f\n//! # Source\n//! g\nfn f() { a.load(Acquire) }\n";

    fn of(text: &str) -> Outcome {
        check(&Tree::of(&[("crates/crosstie-core/src/word/slot.rs", text)]))
    }

    #[test]
    fn a_missing_an_empty_and_a_misplaced_section_are_caught() {
        assert_eq!(of(&WHOLE.replace("//! # Death\n//! f\n", "")).findings.len(), 1);
        assert_eq!(of(&WHOLE.replace("//! f\n", "")).findings.len(), 1);
        assert_eq!(of(&WHOLE.replace("# Source", "# X").replace("# States", "# Source")).findings.len(), 1);
    }

    #[test]
    fn a_whole_header_passes() {
        assert!(of(WHOLE).is_ok());
        assert_eq!(of("//! Arithmetic.\nfn f() { a + b }").checked, 0);
    }
}
