//! Every dependency has its reason, every crate the house's lints and the stated Rust version.

use super::rule::Outcome;
use crate::source::Tree;

/// The root states `rust-version` and a reason above each third-party dependency; members inherit.
pub fn check(tree: &Tree) -> Outcome {
    let mut outcome = Outcome::default();
    for (path, text) in &tree.manifests {
        let mut find = |line: usize, what: &str, remedy: &str| {
            outcome.findings.push(format!("{path}:{}: {what}; {remedy}", line + 1));
        };
        let is_root = text.contains("[workspace.package]");
        // The fuzzing crate is a workspace of its own, as cargo-fuzz wants it.
        let is_member = !is_root && !text.contains("[workspace]");
        if is_root && !text.lines().any(|line| line.starts_with("rust-version = ")) {
            find(0, "no rust-version", "state the oldest compiler that builds it");
        }
        if is_member {
            for needed in ["rust-version.workspace = true", "[lints]\nworkspace = true"] {
                if !text.contains(needed) {
                    find(0, &format!("no `{}`", needed.replace('\n', " ")), "inherit it from the workspace");
                }
            }
        }
        outcome.checked += dependencies(text, is_member, &mut find);
    }
    outcome
}

/// Looks at every dependency line of one manifest; answers how many there are.
fn dependencies(text: &str, is_member: bool, find: &mut impl FnMut(usize, &str, &str)) -> usize {
    let (mut checked, mut in_dependencies, mut above) = (0, false, "");
    for (line, content) in text.lines().enumerate() {
        if content.starts_with('[') {
            in_dependencies = content.trim_end_matches(']').ends_with("dependencies");
        } else if in_dependencies && content.contains('=') && !content.starts_with('#') {
            checked += 1;
            let is_inherited = content.contains("workspace = true");
            let is_ours = content.contains("path = ");
            if is_member && !is_inherited && !is_ours {
                find(
                    line,
                    "a dependency of its own",
                    "declare it in the workspace with its reason, and inherit it",
                );
            } else if !is_inherited && !is_ours && !above.starts_with('#') {
                find(
                    line,
                    "a dependency without its reason",
                    "say in a comment line above it what it is for",
                );
            }
        }
        above = content;
    }
    checked
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Outcome {
        check(&Tree { sources: Vec::new(), manifests: vec![("Cargo.toml".to_owned(), text.to_owned())] })
    }

    const ROOT: &str = "[workspace.package]\nrust-version = \"1.88\"\n[workspace.dependencies]\n# typed messages\nserde = \"1\"\n";
    const MEMBER: &str = "[package]\nrust-version.workspace = true\n[dependencies]\nserde = { workspace = true }\n[lints]\nworkspace = true\n";

    #[test]
    fn a_dependency_without_reason_and_a_member_on_its_own_are_caught() {
        assert_eq!(of(&ROOT.replace("# typed messages\n", "")).findings.len(), 1);
        assert_eq!(of(&ROOT.replace("rust-version", "edition")).findings.len(), 1);
        assert_eq!(of(&MEMBER.replace("{ workspace = true }", "\"1\"")).findings.len(), 1);
        assert_eq!(of(&MEMBER.replace("[lints]\nworkspace = true\n", "")).findings.len(), 1);
    }

    #[test]
    fn reasons_and_inheritance_pass() {
        assert!(of(ROOT).is_ok() && of(MEMBER).is_ok());
    }
}
