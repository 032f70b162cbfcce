//! Imports go down only: a reader who knows a floor knows everything below it.

use std::collections::HashMap;

use super::rule::Outcome;
use crate::source::paths::{self, Named};
use crate::source::{Source, Tree};

/// A crate's modules with the floor each stands on; modules of one floor do not know each other.
struct Building {
    src: &'static str,
    floors: &'static [(&'static str, u8)],
}

const LIBRARY: Building = Building {
    src: "crates/crosstie/src",
    floors: &[
        ("error", 0),
        ("contract", 1),
        ("os", 2),
        ("region", 3),
        ("shareable", 3),
        ("ledger", 4),
        ("sync", 5),
        ("channel", 6),
        ("transport", 6),
        ("endpoint", 7),
        ("inspect", 7),
        ("call", 8),
    ],
};

const CORE: Building = Building {
    src: "crates/crosstie-core/src",
    floors: &[
        ("atomic", 0),
        ("crash", 0),
        ("deadline", 0),
        ("word", 1),
        ("wait", 2),
        ("ring", 2),
        ("graph", 2),
        ("queue", 3),
        ("topic", 4),
        ("turns", 3),
        ("layout", 5),
    ],
};

/// The library's modules import downwards.
pub fn library(tree: &Tree) -> Outcome {
    check(tree, &LIBRARY)
}

/// The core's modules import downwards, and nothing of the crates above.
pub fn core(tree: &Tree) -> Outcome {
    let mut outcome = check(tree, &CORE);
    for source in tree.below(CORE.src) {
        for path in paths::named(source) {
            if path.segments[0].starts_with("crosstie") && path.segments[0] != "crosstie_core" {
                outcome.find(
                    source,
                    path.line,
                    &path.text(),
                    "the core knows no crate above it: turn the edge round",
                );
            }
        }
    }
    outcome
}

fn check(tree: &Tree, building: &Building) -> Outcome {
    let mut outcome = Outcome::default();
    let exported = exported(tree, building);
    for source in tree.below(building.src) {
        let module = module_of(building, source);
        let Some(home) = module.first() else { continue };
        let Some(floor) = building.floor(home) else {
            outcome.find(
                source,
                0,
                &format!("module {home} stands on no floor"),
                "give it one in xtask/src/tidy/floors.rs",
            );
            continue;
        };
        for path in paths::named(source).into_iter().filter(|path| !source.is_test_line(path.line)) {
            let Some(target) = target(&module, &path) else { continue };
            let target = exported.get(&target).cloned().unwrap_or(target);
            outcome.checked += 1;
            let what = format!("{home} → {target} ({})", path.text());
            match building.floor(&target) {
                _ if target == *home => {}
                Some(below) if below < floor => {}
                Some(_) => outcome.find(
                    source,
                    path.line,
                    &what,
                    "imports go down only: move the shared part below both",
                ),
                None if target == "crosstie_core" || !tree_has(tree, building, &target) => {}
                None => outcome.find(
                    source,
                    path.line,
                    &what,
                    "give the target a floor in xtask/src/tidy/floors.rs",
                ),
            }
        }
    }
    outcome
}

impl Building {
    fn floor(&self, module: &str) -> Option<u8> {
        self.floors.iter().find(|(name, _)| *name == module).map(|(_, floor)| *floor)
    }
}

/// Whether `name` is a module (and not, say, a macro) at the crate's root.
fn tree_has(tree: &Tree, building: &Building, name: &str) -> bool {
    let file = format!("{}/{name}.rs", building.src);
    let folder = format!("{}/{name}", building.src);
    tree.source(&file).is_some() || tree.below(&folder).next().is_some()
}

/// The module that a file is: `os/pipe.rs` → `[os, pipe]`; the root is `[]`.
fn module_of(building: &Building, source: &Source) -> Vec<String> {
    let rest = source.path.trim_start_matches(building.src).trim_start_matches('/').trim_end_matches(".rs");
    let mut module: Vec<_> = rest.split('/').map(str::to_owned).collect();
    if module.last().is_some_and(|last| last == "mod" || last == "lib") {
        module.pop();
    }
    module
}

/// The module at the crate's root that a path leads to; `None` when it leaves the crate or stays at home.
fn target(module: &[String], path: &Named) -> Option<String> {
    if path.segments[0] == "crate" {
        return path.segments.get(1).cloned();
    }
    let mut at: Vec<_> = module.iter().chain(&path.inside).cloned().collect();
    let supers = path.segments.iter().take_while(|segment| *segment == "super").count();
    if supers == 0 {
        return None;
    }
    at.truncate(at.len().saturating_sub(supers));
    at.first().or_else(|| path.segments.get(supers)).cloned()
}

/// What the crate's root re-exports, with the module that each name comes from.
fn exported(tree: &Tree, building: &Building) -> HashMap<String, String> {
    let Some(root) = tree.source(&format!("{}/lib.rs", building.src)) else { return HashMap::new() };
    paths::named(root)
        .into_iter()
        .filter(|path| path.is_import)
        .filter_map(|path| {
            let from = path.segments.iter().find(|segment| *segment != "crate" && *segment != "self")?;
            Some((path.segments.last()?.clone(), from.clone()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIB: (&str, &str) =
        ("crates/crosstie/src/lib.rs", "pub mod os; pub use endpoint::Sender; pub use error::Error;");

    fn findings(path: &str, text: &str) -> usize {
        let outcome = library(&Tree::of(&[
            LIB,
            (path, text),
            ("crates/crosstie/src/error.rs", "use crate::error::X;"),
        ]));
        assert!(outcome.checked > 0);
        outcome.findings.len()
    }

    #[test]
    fn an_edge_that_goes_up_or_sideways_is_caught() {
        assert_eq!(findings("crates/crosstie/src/os/pipe.rs", "use crate::region::Region;"), 1);
        assert_eq!(findings("crates/crosstie/src/channel/ring.rs", "fn f() { crate::transport::x() }"), 1);
        assert_eq!(findings("crates/crosstie/src/transport/a.rs", "use super::super::channel::Ring;"), 1);
        assert_eq!(
            findings("crates/crosstie/src/ledger/a.rs", "mod b { use super::super::super::sync::C; }"),
            1
        );
        assert_eq!(findings("crates/crosstie/src/channel/a.rs", "use crate::Sender;"), 1);
        assert_eq!(findings("crates/crosstie/src/attic/a.rs", ""), 1);
    }

    #[test]
    fn an_edge_that_goes_down_passes() {
        assert_eq!(
            findings(
                "crates/crosstie/src/endpoint/a.rs",
                "use crate::{channel::Ring, transport::Pipe, Error};"
            ),
            0
        );
        assert_eq!(
            findings("crates/crosstie/src/region/a.rs", "use super::super::os; use super::header::Header;"),
            0
        );
        assert_eq!(
            findings("crates/crosstie/src/os/a.rs", "#[cfg(test)]\nmod tests { use crate::region::Region; }"),
            0
        );
    }

    #[test]
    fn the_core_knows_nobody_above() {
        let file = |text| Tree::of(&[("crates/crosstie-core/src/word/a.rs", text)]);
        assert_eq!(core(&file("use crate::ring::Ring;")).findings.len(), 1);
        assert_eq!(core(&file("use crate::atomic::fence; use crosstie::Error;")).findings.len(), 1);
        assert!(core(&file("use crate::atomic::fence;")).is_ok());
    }
}
