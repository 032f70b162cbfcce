//! Atomics, system calls and clocks each come through one door.

use super::rule::Outcome;
use crate::source::paths::{self, Named};
use crate::source::{Source, Tree};

const CORE: &str = "crates/crosstie-core/src";
const LIBRARY: &str = "crates/crosstie/src";

/// loom's side of the door: part of no build, and has what models have.
const MODELLED: &str = "crates/crosstie-core/src/atomic/modelled.rs";

/// Files that may name the standard library's atomics, each with its reason.
const ATOMIC_DOORS: [(&str, &str); 3] = [
    ("crates/crosstie-core/src/atomic.rs", "it is the door"),
    (MODELLED, "it is the door, in a model"),
    ("crates/crosstie-core/src/crash.rs", "a test's hook, which a model must not see as shared state"),
];

/// Atomics only through `crosstie_core::atomic`, so that a model runs the code that ships.
pub fn atomics(tree: &Tree) -> Outcome {
    let mut outcome = Outcome::default();
    let sources = tree.below(CORE).chain(tree.below(LIBRARY));
    for source in sources.filter(|source| ATOMIC_DOORS.iter().all(|(path, _)| source.path != *path)) {
        for path in in_library_code(source) {
            outcome.checked += 1;
            let foreign = matches!(path.segments[0].as_str(), "std" | "core" | "loom" | "sync");
            if foreign && path.segments.windows(2).any(|pair| pair == ["sync", "atomic"]) {
                outcome.find(
                    source,
                    path.line,
                    &path.text(),
                    "take it from crosstie_core::atomic (add it to that door)",
                );
            }
        }
    }
    outcome
}

/// `rustix` and `libc` only under `crosstie/src/os`; neither, nor `std`, in `crosstie-core`.
pub fn system_calls(tree: &Tree) -> Outcome {
    let mut outcome = Outcome::default();
    for source in tree.below(LIBRARY).filter(|source| !source.path.starts_with("crates/crosstie/src/os/")) {
        let remedy = "system calls live in crates/crosstie/src/os: add a safe wrapper there";
        search(source, &mut outcome, remedy, |path| matches!(path.segments[0].as_str(), "rustix" | "libc"));
    }
    for source in tree.below(CORE).filter(|source| source.path != MODELLED) {
        let remedy = "crosstie-core makes no system call and is no_std: lend it what it needs";
        search(source, &mut outcome, remedy, |path| {
            matches!(path.segments[0].as_str(), "rustix" | "libc" | "std")
        });
    }
    outcome
}

/// `Instant::now` and `SystemTime::now` only in `os/clock.rs`.
pub fn clocks(tree: &Tree) -> Outcome {
    let mut outcome = Outcome::default();
    for source in tree.below("crates").filter(|source| source.path != "crates/crosstie/src/os/clock.rs") {
        search(source, &mut outcome, "ask crosstie::os::clock", |path| {
            path.segments.windows(2).any(|pair| pair == ["Instant", "now"] || pair == ["SystemTime", "now"])
        });
    }
    outcome
}

fn in_library_code(source: &Source) -> impl Iterator<Item = Named> {
    paths::named(source).into_iter().filter(|path| !source.is_test_line(path.line))
}

fn search(source: &Source, outcome: &mut Outcome, remedy: &str, is_wrong: impl Fn(&Named) -> bool) {
    for path in in_library_code(source) {
        outcome.checked += 1;
        if is_wrong(&path) {
            outcome.find(source, path.line, &path.text(), remedy);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(path: &str, text: &str) -> Tree {
        Tree::of(&[(path, text)])
    }

    #[test]
    fn atomics_past_the_door_are_caught() {
        let broken = of("crates/crosstie/src/a.rs", "use std::sync::{Arc, atomic::AtomicU32};");
        assert_eq!(atomics(&broken).findings.len(), 1);
        assert!(atomics(&of("crates/crosstie/src/a.rs", "use crosstie_core::atomic::AtomicU32;")).is_ok());
        assert_eq!(
            atomics(&of("crates/crosstie-core/src/atomic.rs", "use core::sync::atomic::fence;")).checked,
            0
        );
    }

    #[test]
    fn system_calls_outside_os_are_caught() {
        let text = "fn f() { rustix::pipe::pipe() }\n#[cfg(test)]\nmod t { use libc::fork; }";
        assert_eq!(system_calls(&of("crates/crosstie/src/ledger/a.rs", text)).findings.len(), 1);
        assert_eq!(system_calls(&of("crates/crosstie/src/os/a.rs", text)).checked, 0);
        assert_eq!(
            system_calls(&of("crates/crosstie-core/src/a.rs", "use std::fs::File;")).findings.len(),
            1
        );
        assert!(system_calls(&of("crates/crosstie/src/ledger/a.rs", "use std::os::fd::OwnedFd;")).is_ok());
    }

    #[test]
    fn a_clock_past_the_door_is_caught() {
        let text = "fn f() { let t = std::time::Instant::now(); }";
        assert_eq!(clocks(&of("crates/crosstie-cli/src/a.rs", text)).findings.len(), 1);
        assert!(clocks(&of("crates/crosstie-cli/src/a.rs", "fn f() { clock::now() }")).is_ok());
        assert_eq!(clocks(&of("crates/crosstie-cli/tests/a.rs", text)).checked, 0);
    }
}
