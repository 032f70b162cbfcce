//! The project's files.

use std::path::{Path, PathBuf};
use std::{fs, io};

use super::Source;

/// Folders that hold nothing of ours.
const FOREIGN: [&str; 4] = ["target", "corpus", "artifacts", "node_modules"];

/// Every Rust file and every manifest of the project.
pub struct Tree {
    /// Rust files, by path.
    pub sources: Vec<Source>,
    /// `Cargo.toml` files: path and text.
    pub manifests: Vec<(String, String)>,
}

impl Tree {
    /// Reads the project that `root` is the root of.
    ///
    /// # Errors
    /// If a file or folder cannot be read.
    pub fn load(root: &Path) -> io::Result<Self> {
        let mut files = Vec::new();
        walk(root, &mut files)?;
        files.sort();
        let mut this = Self { sources: Vec::new(), manifests: Vec::new() };
        for file in files {
            let path = file.strip_prefix(root).unwrap_or(&file).to_string_lossy().into_owned();
            let text = fs::read_to_string(&file)?;
            if path.ends_with(".rs") {
                this.sources.push(Source::new(&path, &text));
            } else {
                this.manifests.push((path, text));
            }
        }
        this.spread_test_modules();
        Ok(this)
    }

    /// A tree of Rust files given as path and text.
    #[cfg(test)]
    pub fn of(files: &[(&str, &str)]) -> Self {
        let sources = files.iter().map(|(path, text)| Source::new(path, text)).collect();
        let mut this = Self { sources, manifests: Vec::new() };
        this.spread_test_modules();
        this
    }

    /// The file at `path`.
    pub fn source(&self, path: &str) -> Option<&Source> {
        self.sources.iter().find(|source| source.path == path)
    }

    /// The files below `folder`.
    pub fn below<'a>(&'a self, folder: &'a str) -> impl Iterator<Item = &'a Source> {
        self.sources.iter().filter(move |source| {
            source
                .path
                .strip_prefix(folder)
                .is_some_and(|rest| folder.ends_with('/') || rest.starts_with('/'))
        })
    }

    /// A module declared as `#[cfg(test)] mod NAME;` is test code with all that lies below it.
    fn spread_test_modules(&mut self) {
        let mut stems = Vec::new();
        for source in &self.sources {
            let (folder, file) = source.path.rsplit_once('/').unwrap_or(("", &source.path));
            let base = match file {
                "mod.rs" | "lib.rs" | "main.rs" => folder.to_owned(),
                _ => source.path.trim_end_matches(".rs").to_owned(),
            };
            stems.extend(source.test_modules.iter().map(|name| format!("{base}/{name}")));
        }
        for source in &mut self.sources {
            source.is_test |= stems.iter().any(|stem| {
                source
                    .path
                    .strip_prefix(stem.as_str())
                    .is_some_and(|rest| rest == ".rs" || rest.starts_with('/'))
            });
        }
    }
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let kind = entry.file_type()?;
        if kind.is_dir() && !name.starts_with('.') && !FOREIGN.contains(&name.as_str()) {
            walk(&entry.path(), files)?;
        } else if kind.is_file() && (name.ends_with(".rs") || name == "Cargo.toml") {
            files.push(entry.path());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_declared_under_cfg_test_is_test_code_with_all_below_it() {
        let tree = Tree::of(&[
            ("c/src/lib.rs", "#[cfg(test)]\nmod sweep;\nmod plain;"),
            ("c/src/sweep.rs", ""),
            ("c/src/sweep/deep.rs", ""),
            ("c/src/plain.rs", ""),
        ]);
        let marks: Vec<_> = tree.sources.iter().map(|source| source.is_test).collect();
        assert_eq!(marks, [false, true, true, false]);
    }
}
