//! A folder with the report in every form.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::record::Report;

use super::{csv, html, json, markdown};

/// Writes `index.html`, `compare.json`, `compare.csv` and `compare.md` into `folder`, which is created
/// if need be, and says where they are; older ones are replaced.
///
/// # Errors
/// What the file system refuses.
pub fn write_folder(report: &Report, folder: &Path) -> io::Result<Vec<PathBuf>> {
    fs::create_dir_all(folder)?;
    let files = [
        ("index.html", html(report)),
        ("compare.json", json(report)?),
        ("compare.csv", csv(report)),
        ("compare.md", markdown(report)),
    ];
    let mut written = Vec::with_capacity(files.len());
    for (name, text) in files {
        let path = folder.join(name);
        fs::write(&path, text)?;
        written.push(path);
    }
    Ok(written)
}
