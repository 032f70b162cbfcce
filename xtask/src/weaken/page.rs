//! docs/weaken.md: the table of all mutants.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use super::accepted::Accepted;
use super::mutant::Mutant;
use super::verdict::Verdict;

/// What became of each mutant, and why a survivor is accepted.
pub struct Row<'a> {
    /// Which.
    pub mutant: &'a Mutant,
    /// What the models say.
    pub verdict: Verdict,
    /// Why that is as it should be, where it was not caught.
    pub accepted: Option<&'a Accepted>,
}

impl Row<'_> {
    /// Whether it needs nobody's look: caught, or a known survivor.
    pub fn is_as_it_should_be(&self) -> bool {
        matches!(self.verdict, Verdict::Caught(_)) != self.accepted.is_some()
    }

    /// The verdict, and the reason where there is one, as people read them.
    pub fn told(&self) -> String {
        let verdict = match &self.verdict {
            Verdict::Caught(model) => format!("caught by `{model}`"),
            Verdict::Survived { models, whole } => {
                format!("**not caught**: {models} models get there ({whole} of them followed to the end)")
            }
            Verdict::Unreached => "**not caught**: no model gets there".to_owned(),
            Verdict::Unknown => "**not run** since the core or its models changed".to_owned(),
        };
        match (&self.verdict, self.accepted) {
            (Verdict::Caught(_), Some(_)) => format!("{verdict}, yet listed in weaken.accepted: take it out"),
            (_, Some(accepted)) => format!("{verdict}. {}", accepted.reason),
            (Verdict::Caught(_), None) => verdict,
            (_, None) => format!("{verdict}. The code says: {}", self.mutant.why),
        }
    }
}

/// The page; `day` and `commit` are those of the code that it tells of.
pub fn page(rows: &[Row<'_>], day: &str, commit: &str) -> String {
    let caught = rows.iter().filter(|row| matches!(row.verdict, Verdict::Caught(_))).count();
    let unknown = rows.iter().filter(|row| row.verdict == Verdict::Unknown).count();
    let known = rows.iter().filter(|row| row.accepted.is_some()).count();
    let mut page = format!(
        "# What happens when a memory ordering is weaker

Written by `cargo xtask weaken` on {day}, over commit {commit}. Each ordering of the protocols that is stronger than Relaxed was weakened
by one step, alone (an acquire or a release to Relaxed, AcqRel to each of its halves, SeqCst to AcqRel, a fence to one that does not do its work),
and the loom models that get to it were run, the most special first, until one failed, for at most {} s in all. {} orderings: {caught} caught, {unknown} not run, {} not caught, {known} of those with
a reason why no model can see it, or why the ordering stays though nothing needs it today (`xtask/weaken.accepted`). Of the others
stands here what the code says at its place: they are argued, and no model has shown them to be needed.

An ordering is named by its file, its function, and its number among those of the function.
",
        super::run::BUDGET.as_secs(),
        rows.len(),
        rows.len() - caught - unknown,
    );
    let mut file = "";
    for row in rows {
        let (in_file, site) = row.mutant.name.split_once(' ').unwrap_or(("", &row.mutant.name));
        if file != in_file {
            file = in_file;
            // Writing to a String cannot fail.
            let _ = write!(page, "\n## {file}\n\n| ordering | |\n|---|---|\n");
        }
        let _ = writeln!(page, "| {site} | {} |", row.told());
    }
    page
}

/// The day and the name of the last commit below `root`.
pub fn last_commit(root: &Path) -> (String, String) {
    let git = |format: &str| {
        let mut git = Command::new("git");
        git.current_dir(root).args(["log", "-1", "--date=short", &format!("--format={format}")]);
        let output = git.output().ok().filter(|output| output.status.success());
        output.map_or_else(
            || "unknown".to_owned(),
            |output| String::from_utf8_lossy(&output.stdout).trim().to_owned(),
        )
    };
    (git("%cd"), git("%h"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Tree;
    use crate::weaken::mutant;

    #[test]
    fn each_file_has_a_table_and_a_survivor_its_reason() {
        let file = |name: &str| (format!("crates/crosstie-core/src/{name}"), "fn f() { a.load(Acquire) }");
        let files = [file("word/a.rs"), file("word/b.rs")];
        let tree = Tree::of(&files.each_ref().map(|(path, text)| (path.as_str(), *text)));
        let mutants = mutant::all(&tree);
        let why = Accepted { name: mutants[1].name.clone(), reason: "the kernel's".to_owned() };
        let rows = [
            Row { mutant: &mutants[0], verdict: Verdict::Caught("m".to_owned()), accepted: None },
            Row {
                mutant: &mutants[1],
                verdict: Verdict::Survived { models: 2, whole: 1 },
                accepted: Some(&why),
            },
        ];
        assert!(rows.iter().all(Row::is_as_it_should_be));
        let page = page(&rows, "a day", "c0ffee");
        assert!(page.contains("2 orderings: 1 caught, 0 not run, 1 not caught, 1 of those"), "{page}");
        assert!(page.contains(
            "## word/a.rs\n\n| ordering | |\n|---|---|\n| f #1 Acquire → Relaxed | caught by `m` |"
        ));
        assert!(
            page.contains(
                "**not caught**: 2 models get there (1 of them followed to the end). the kernel's |"
            ),
            "{page}"
        );
    }

    #[test]
    fn a_survivor_without_a_reason_and_a_reason_without_a_survivor_are_looked_at() {
        let tree = Tree::of(&[("crates/crosstie-core/src/word/a.rs", "fn f() { a.load(Acquire) }")]);
        let mutants = mutant::all(&tree);
        let why = Accepted { name: mutants[0].name.clone(), reason: "none".to_owned() };
        let row = |verdict, accepted| Row { mutant: &mutants[0], verdict, accepted };
        assert!(!row(Verdict::Survived { models: 1, whole: 1 }, None).is_as_it_should_be());
        assert!(!row(Verdict::Unreached, None).is_as_it_should_be());
        assert!(!row(Verdict::Caught("m".to_owned()), Some(&why)).is_as_it_should_be());
    }
}
