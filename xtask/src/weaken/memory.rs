//! The verdicts so far: a file in `target/weaken`, one line a mutant, `DIGEST NAME: VERDICT`.
//!
//! The digest is one of the core and its models. While they are as they were, a verdict stands; when they have changed, it
//! says only which model to run first.

use std::collections::HashMap;
use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Write as _};
use std::path::Path;

use super::verdict::Verdict;
use crate::source::Tree;

/// What is known of the mutants.
pub struct Memory {
    digest: String,
    file: File,
    known: HashMap<String, (String, Verdict)>,
}

impl Memory {
    /// Reads what is known, by the mutants' names.
    ///
    /// # Errors
    /// If the file can be neither read nor made.
    pub fn open(root: &Path, tree: &Tree) -> io::Result<Self> {
        let folder = root.join("target/weaken");
        fs::create_dir_all(&folder)?;
        let path = folder.join("verdicts");
        let known = parse(&fs::read_to_string(&path).unwrap_or_default());
        let file = File::options().create(true).append(true).open(path)?;
        Ok(Self { digest: digest(tree), file, known })
    }

    /// The verdict on `name`, if nothing has changed since.
    pub fn verdict(&self, name: &str) -> Option<Verdict> {
        let (digest, verdict) = self.known.get(name)?;
        (*digest == self.digest).then(|| verdict.clone())
    }

    /// Which model caught `name` the last time.
    pub fn last_catcher(&self, name: &str) -> Option<&str> {
        match self.known.get(name) {
            Some((_, Verdict::Caught(model))) => Some(model),
            _ => None,
        }
    }

    /// Writes down the verdict on `name`.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn note(&mut self, name: &str, verdict: &Verdict) -> io::Result<()> {
        writeln!(self.file, "{} {name}: {verdict}", self.digest)
    }
}

/// The last line of a name counts; one that was cut off does not.
fn parse(text: &str) -> HashMap<String, (String, Verdict)> {
    let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
    let line = |line: &str| {
        let (digest, rest) = line.split_once(' ')?;
        let (name, verdict) = rest.split_once(": ")?;
        Some((name.to_owned(), (digest.to_owned(), Verdict::parse(verdict)?)))
    };
    whole.lines().filter_map(line).collect()
}

fn digest(tree: &Tree) -> String {
    let mut hasher = DefaultHasher::new();
    for source in tree.below("crates/crosstie-core") {
        (&source.path, &source.raw).hash(&mut hasher);
    }
    format!("{:016x}", hasher.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_whole_line_of_a_name_counts() {
        let known =
            parse("1 a #1: survived 2 1\n2 a #1: caught m\n2 b #1: unreached\nnonsense\n2 a #1: surv");
        assert_eq!(known.len(), 2);
        assert_eq!(known["a #1"], ("2".to_owned(), Verdict::Caught("m".to_owned())));
    }

    #[test]
    fn another_core_or_another_model_has_another_digest() {
        let of = |text| digest(&Tree::of(&[("crates/crosstie-core/tests/models/a.rs", text)]));
        assert_eq!(of("fn a() {}"), of("fn a() {}"));
        assert_ne!(of("fn a() {}"), of("fn b() {}"));
    }
}
