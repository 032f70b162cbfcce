//! The models that get there over each mutant.

use std::path::Path;
use std::time::{Duration, Instant};
use std::{fs, io};

use super::accepted::{self, Accepted};
use super::memory::Memory;
use super::models::{Extent, Model, Models, Outcome};
use super::mutant::{self, Mutant};
use super::page::{self, Row};
use super::verdict::Verdict;
use crate::source::Tree;

/// Instead of a name: what is known so far is written to docs/weaken.md, and no model is run.
const TABLE: &str = "--table";
/// What the models of one ordering may take.
pub const BUDGET: Duration = Duration::from_secs(90);
/// How far each of them is followed: at first, and then.
const EXTENTS: [Extent; 2] = [
    Extent { interleavings: Some(1_000), limit: Duration::from_secs(10) },
    Extent { interleavings: None, limit: Duration::from_secs(30) },
];

/// Weakens every ordering whose name contains `filter`, one at a time, and runs the models that get to it; writes
/// docs/weaken.md if that is all of them; answers whether only accepted ones survived.
///
/// # Errors
/// If cargo or the models cannot be started, or a file not be read or written.
pub fn run(root: &Path, filter: &str) -> io::Result<bool> {
    let list = fs::read_to_string(root.join("xtask/weaken.accepted"))?;
    let accepted = accepted::parse(&list).map_err(io::Error::other)?;
    let tree = Tree::load(root)?;
    let (filter, is_told_only) = if filter == TABLE { ("", true) } else { (filter, false) };
    let mutants: Vec<_> =
        mutant::all(&tree).into_iter().filter(|mutant| mutant.name.contains(filter)).collect();
    let mut memory = Memory::open(root, &tree)?;
    println!("{} orderings to weaken; the models over the code as it is first", mutants.len());
    let are_all_known = mutants.iter().all(|mutant| memory.verdict(&mutant.name).is_some());
    let models = if are_all_known || is_told_only { None } else { Models::build(root)? };
    if models.is_none() && !are_all_known && !is_told_only {
        return Ok(false);
    }
    let mut rows = Vec::new();
    for mutant in &mutants {
        let verdict = match (memory.verdict(&mutant.name), &models) {
            (Some(known), _) => known,
            (None, Some(models)) => {
                let judged = judge(models, mutant, memory.last_catcher(&mutant.name))?;
                memory.note(&mutant.name, &judged)?;
                judged
            }
            (None, None) => Verdict::Unknown,
        };
        let accepted = accepted.iter().find(|accepted| accepted.name == mutant.name);
        let row = Row { mutant, verdict, accepted };
        println!("{} · {} · {}", mutant.place, mutant.name, row.told());
        rows.push(row);
    }
    if filter.is_empty() {
        let (day, commit) = page::last_commit(root);
        fs::write(root.join("docs/weaken.md"), page::page(&rows, &day, &commit))?;
    }
    let bad =
        rows.iter().filter(|row| !row.is_as_it_should_be()).count() + stale(&accepted, &mutants, filter);
    let caught = rows.iter().filter(|row| matches!(row.verdict, Verdict::Caught(_))).count();
    println!("{} weakened: {caught} caught, {} not; {bad} to look at", rows.len(), rows.len() - caught);
    Ok(bad == 0 && !rows.is_empty())
}

/// Follows the models that get to `mutant`, `first` before the others, until one fails: at first a few interleavings of each, in
/// which most failures show, then all of them.
fn judge(models: &Models, mutant: &Mutant, first: Option<&str>) -> io::Result<Verdict> {
    let end = Instant::now() + BUDGET;
    let mut there: Vec<&Model> =
        models.models.iter().filter(|model| model.places.contains(&mutant.place)).collect();
    // Stable: the others stay as they are.
    there.sort_by_key(|model| first != Some(&model.name));
    let count = there.len();
    for extent in EXTENTS {
        let mut cut = Vec::new();
        for model in there {
            if Instant::now() > end {
                cut.push(model);
                continue;
            }
            match models.run_over(model, &mutant.wish(), extent)? {
                Outcome::Failed => return Ok(Verdict::Caught(model.name.clone())),
                Outcome::Passed => {}
                Outcome::Cut => cut.push(model),
            }
        }
        there = cut;
    }
    Ok(match count {
        0 => Verdict::Unreached,
        models => Verdict::Survived { models, whole: models - there.len() },
    })
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
