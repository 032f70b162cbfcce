//! The models over each mutant, in a copy of the project.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use std::{fs, io};

use super::accepted::{self, Accepted};
use super::mutant::{self, Mutant};
use crate::source::Tree;
use crate::suites::command::{self, Ended};

/// What building and running the models may take over one mutant, on a machine that has other work too.
const LIMIT: Duration = Duration::from_secs(20 * 60);

/// What became of a mutant.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Verdict {
    /// A model failed, as it should.
    Caught,
    /// Every model passed.
    Survived,
    /// The models did not end in time: nothing is known.
    Undecided,
    /// It does not build, which says nothing either.
    Broken,
}

/// Weakens every ordering whose name contains `filter`, one at a time, and runs the models; answers
/// whether only accepted ones survived.
///
/// # Errors
/// If the copy cannot be made, or cargo not be started.
pub fn run(root: &Path, filter: &str) -> io::Result<bool> {
    let list = fs::read_to_string(root.join("xtask/weaken.accepted")).unwrap_or_default();
    let accepted = accepted::parse(&list).map_err(io::Error::other)?;
    let mutants: Vec<_> =
        mutant::all(&Tree::load(root)?).into_iter().filter(|mutant| mutant.name.contains(filter)).collect();
    println!("{} orderings to weaken; the models over the code as it is first", mutants.len());
    let copy = copy_project(root)?;
    match verdict(&models(root, &copy, &near_all(&mutants))?) {
        Verdict::Survived => {}
        Verdict::Undecided => {
            println!("the models over the code as it is did not end in {} s", LIMIT.as_secs());
            return Ok(false);
        }
        Verdict::Caught | Verdict::Broken => {
            println!("the models fail on the code as it is: mend that first (target/xtask/weaken.log)");
            return Ok(false);
        }
    }
    let mut bad = stale(&accepted, &mutants, filter);
    let mut caught = 0;
    for mutant in &mutants {
        let original = fs::read_to_string(root.join(&mutant.path))?;
        fs::write(copy.join(&mutant.path), weakened(&original, mutant))?;
        let verdict = judge(root, &copy, mutant.models())?;
        fs::write(copy.join(&mutant.path), original)?;
        caught += usize::from(verdict == Verdict::Caught);
        bad += usize::from(!report(mutant, verdict, &accepted));
    }
    let others = mutants.len() - caught;
    println!("{} orderings weakened: {caught} caught, {others} not; {bad} to look at", mutants.len());
    Ok(bad == 0 && !mutants.is_empty())
}

/// The models near any of `mutants`; none, which is all, if one has none near.
fn near_all(mutants: &[Mutant]) -> Vec<&'static str> {
    if mutants.iter().any(|mutant| mutant.models().is_empty()) {
        return Vec::new();
    }
    let mut names: Vec<_> = mutants.iter().flat_map(|mutant| mutant.models()).copied().collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// Prints what became of `mutant`; answers whether it is as it should be.
fn report(mutant: &Mutant, verdict: Verdict, accepted: &[Accepted]) -> bool {
    let known = accepted.iter().find(|known| known.name == mutant.name);
    let (word, is_ok) = match (verdict, known) {
        (Verdict::Caught, None) => ("caught".to_owned(), true),
        (Verdict::Caught, Some(_)) => {
            ("CAUGHT, yet listed in weaken.accepted: take it out".to_owned(), false)
        }
        (Verdict::Survived, Some(known)) => (format!("survives, accepted: {}", known.reason), true),
        (Verdict::Survived, None) => ("SURVIVES: model it, or use the weaker ordering".to_owned(), false),
        (Verdict::Undecided, _) => (format!("UNDECIDED after {} s", LIMIT.as_secs()), false),
        (Verdict::Broken, _) => ("DOES NOT BUILD".to_owned(), false),
    };
    println!("{}:{} · {} · {word}", mutant.path, mutant.line + 1, mutant.name);
    is_ok
}

/// Prints the accepted that name no ordering any more; answers how many.
fn stale(accepted: &[Accepted], mutants: &[Mutant], filter: &str) -> usize {
    let gone = |known: &&Accepted| {
        known.name.contains(filter) && !mutants.iter().any(|mutant| mutant.name == known.name)
    };
    accepted
        .iter()
        .filter(gone)
        .inspect(|known| println!("{} · in weaken.accepted, but GONE", known.name))
        .count()
}

/// The text of the mutant's file.
fn weakened(original: &str, mutant: &Mutant) -> String {
    let mut lines: Vec<_> = original.lines().collect();
    lines[mutant.line] = &mutant.text;
    lines.join("\n") + "\n"
}

/// The verdict of the models `near` a mutant, and of all if those are content.
fn judge(root: &Path, copy: &Path, near: &[&str]) -> io::Result<Verdict> {
    let first = verdict(&models(root, copy, near)?);
    if first != Verdict::Survived || near.is_empty() {
        return Ok(first);
    }
    Ok(verdict(&models(root, copy, &[])?))
}

fn models(root: &Path, copy: &Path, names: &[&str]) -> io::Result<Ended> {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["test", "-p", "crosstie-core", "--release", "--test", "models", "--target-dir"]);
    cargo.arg(root.join("target/weaken/target")).arg("--manifest-path").arg(copy.join("Cargo.toml"));
    cargo.arg("--").args(names);
    cargo.env("RUSTFLAGS", "--cfg crosstie_loom").env("LOOM_MAX_PREEMPTIONS", "2");
    // The models pass or fail within seconds; what takes time is thin link-time optimization.
    cargo.env("CARGO_PROFILE_RELEASE_LTO", "off").env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16");
    command::run(root, "weaken", cargo, LIMIT)
}

fn verdict(ended: &Ended) -> Verdict {
    if ended.is_late {
        Verdict::Undecided
    } else if ended.output.contains("error: could not compile") {
        Verdict::Broken
    } else if ended.is_success {
        Verdict::Survived
    } else {
        Verdict::Caught
    }
}

/// Copies the project's files to `target/weaken/project`, so that the mutants never touch yours.
fn copy_project(root: &Path) -> io::Result<PathBuf> {
    let copy = root.join("target/weaken/project");
    if copy.exists() {
        fs::remove_dir_all(&copy)?;
    }
    copy_folder(root, &copy)?;
    Ok(copy)
}

fn copy_folder(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (name, kind) = (entry.file_name(), entry.file_type()?);
        if name == "target" || name == ".git" {
            continue;
        }
        if kind.is_dir() {
            copy_folder(&entry.path(), &to.join(&name))?;
        } else if kind.is_file() {
            fs::copy(entry.path(), to.join(&name))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_mutants_line_changes() {
        let mutant = Mutant { path: String::new(), name: String::new(), line: 1, text: "B".to_owned() };
        assert_eq!(weakened("a\nb\nc\n", &mutant), "a\nB\nc\n");
    }
}
