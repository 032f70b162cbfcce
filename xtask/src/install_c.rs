//! `cargo xtask install-c PREFIX`: the C library as programs find it: headers, libraries under their names, pkg-config, CMake.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{fs, io};

/// What is built, and what it is called where it is installed.
const BUILT: &str = "libcrosstie_capi";

/// The headers, of which crosstie.hpp includes those in its folder.
const HEADERS: [&str; 10] = [
    "crosstie.h",
    "crosstie.hpp",
    "crosstie/base.hpp",
    "crosstie/calls.hpp",
    "crosstie/in_place.hpp",
    "crosstie/inspect.hpp",
    "crosstie/json.hpp",
    "crosstie/memory.hpp",
    "crosstie/talk.hpp",
    "crosstie/turns.hpp",
];

/// Installs into the prefix that `arguments` name: `PREFIX [--from FOLDER]`; without a folder of built libraries it builds them.
///
/// # Errors
/// If it cannot be built, or a file not be read or written.
pub fn run(root: &Path, arguments: impl Iterator<Item = String>) -> io::Result<bool> {
    let arguments: Vec<String> = arguments.collect();
    let (prefix, from) = match &arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [prefix] => (PathBuf::from(prefix), None),
        [prefix, "--from", folder] => (PathBuf::from(prefix), Some(PathBuf::from(folder))),
        _ => {
            eprintln!("usage: cargo xtask install-c PREFIX [--from FOLDER]");
            return Ok(false);
        }
    };
    let from = match from {
        Some(folder) => folder,
        None => match build(root)? {
            Some(folder) => folder,
            None => return Ok(false),
        },
    };
    let manifest = fs::read_to_string(root.join("Cargo.toml"))?;
    let version = version(&manifest).ok_or_else(|| io::Error::other("Cargo.toml states no version"))?;
    install(&root.join("crates/crosstie-capi"), &from, &prefix, version)?;
    println!("crosstie {version} for C is in {}", prefix.display());
    Ok(true)
}

fn build(root: &Path) -> io::Result<Option<PathBuf>> {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.arg("build-c").current_dir(root);
    Ok(cargo.status()?.success().then(|| root.join("target/c/release")))
}

/// The version in `[workspace.package]`.
fn version(manifest: &str) -> Option<&str> {
    let (_, package) = manifest.split_once("[workspace.package]")?;
    package.lines().find_map(|line| line.strip_prefix("version = \"")?.strip_suffix('"'))
}

fn install(package: &Path, from: &Path, prefix: &Path, version: &str) -> io::Result<()> {
    let mut parts = version.split('.');
    let (major, minor) = (parts.next().unwrap_or("0"), parts.next().unwrap_or("0"));
    let fits = if major == "0" { format!("0.{minor}") } else { major.to_owned() };
    let [include, lib] = ["include", "lib"].map(|folder| prefix.join(folder));
    let [pkg_config, cmake] = ["pkgconfig", "cmake/Crosstie"].map(|folder| lib.join(folder));
    for folder in [&include.join("crosstie"), &lib, &pkg_config, &cmake] {
        fs::create_dir_all(folder)?;
    }
    for header in HEADERS {
        fs::copy(package.join("include").join(header), include.join(header))?;
    }
    fs::copy(from.join(format!("{BUILT}.a")), lib.join("libcrosstie.a"))?;
    let whole = format!("libcrosstie.so.{version}");
    // A program may run with the one that is there: it keeps that file.
    remove(&lib.join(&whole))?;
    fs::copy(from.join(format!("{BUILT}.so")), lib.join(&whole))?;
    for name in [format!("libcrosstie.so.{fits}"), "libcrosstie.so".to_owned()] {
        remove(&lib.join(&name))?;
        symlink(&whole, lib.join(name))?;
    }
    let packaging = package.join("packaging");
    let filled = |name: &str| -> io::Result<String> {
        let text = fs::read_to_string(packaging.join(name))?;
        Ok(text.replace("@VERSION@", version).replace("@MAJOR@", major).replace("@MINOR@", minor))
    };
    fs::write(pkg_config.join("crosstie.pc"), filled("crosstie.pc.in")?)?;
    fs::write(cmake.join("CrosstieConfig.cmake"), filled("CrosstieConfig.cmake")?)?;
    fs::write(cmake.join("CrosstieConfigVersion.cmake"), filled("CrosstieConfigVersion.cmake.in")?)
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_workspace_s_version_is_found() {
        assert_eq!(
            version("[a]\nversion = \"9\"\n[workspace.package]\nversion = \"0.1.0\"\n"),
            Some("0.1.0")
        );
        assert_eq!(version("[workspace]\n"), None);
    }
}
