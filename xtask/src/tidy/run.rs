//! Runs every rule over the project.

use std::io;
use std::path::Path;

use super::rule::Rule;
use super::{banned, doors, floors, headers, legends, lengths, manifests, names, orderings, safety};
use crate::source::Tree;

/// Every rule, in the order of the report.
pub const RULES: &[Rule] = &[
    Rule { name: "files ≤ 500 lines", check: lengths::files },
    Rule { name: "functions ≤ 70 lines", check: lengths::functions },
    Rule { name: "unsafe argued", check: safety::check },
    Rule { name: "orderings argued", check: orderings::check },
    Rule { name: "atomics' door", check: doors::atomics },
    Rule { name: "system calls' door", check: doors::system_calls },
    Rule { name: "clock's door", check: doors::clocks },
    Rule { name: "floors of crosstie", check: floors::library },
    Rule { name: "floors of crosstie-core", check: floors::core },
    Rule { name: "protocol headers", check: headers::check },
    Rule { name: "names", check: names::check },
    Rule { name: "leftovers", check: banned::leftovers },
    Rule { name: "panics", check: banned::panics },
    Rule { name: "prints", check: banned::prints },
    Rule { name: "sleeps in tests", check: banned::sleeps },
    Rule { name: "legends", check: legends::check },
    Rule { name: "manifests", check: manifests::check },
];

/// Runs every rule on the project at `root`, prints a line each, and answers how many failed.
///
/// # Errors
/// If the project cannot be read.
pub fn run(root: &Path) -> io::Result<usize> {
    let tree = Tree::load(root)?;
    let mut failed = 0;
    for rule in RULES {
        let outcome = (rule.check)(&tree);
        let verdict = match (outcome.checked, outcome.findings.len()) {
            (0, 0) => "FAILED: nothing to check, so the rule looks in the wrong place".to_owned(),
            (_, 0) => "ok".to_owned(),
            (_, count) => format!("FAILED: {count} found"),
        };
        println!("{:<24} · {:>5} checked · {verdict}", rule.name, outcome.checked);
        outcome.findings.iter().for_each(|finding| println!("  {finding}"));
        failed += usize::from(!outcome.is_ok());
    }
    Ok(failed)
}

#[cfg(test)]
mod tests {
    use crate::project_root;

    #[test]
    fn the_project_keeps_its_own_rules() {
        let failed = super::run(&project_root()).expect("the project is readable");
        assert_eq!(failed, 0, "rules failed; `cargo xtask tidy` lists them");
    }
}
