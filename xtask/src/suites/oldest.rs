//! The oldest compiler that Cargo.toml promises builds the workspace.

use std::path::Path;
use std::process::{Command, Stdio};
use std::{fs, io};

/// Whether the stated `rust-version` builds the workspace; `None`, after saying so, where that
/// compiler is not installed.
///
/// # Errors
/// If Cargo.toml cannot be read or has no `rust-version`, or rustup not be started.
pub fn check(root: &Path) -> io::Result<Option<bool>> {
    let manifest = fs::read_to_string(root.join("Cargo.toml"))?;
    let version = stated(&manifest).ok_or_else(|| io::Error::other("Cargo.toml states no rust-version"))?;
    println!("== oldest compiler: {version}");
    if !rustup(version).arg("rustc").arg("-V").status().is_ok_and(|status| status.success()) {
        println!("SKIPPED: rustup has no toolchain {version}: rustup toolchain install {version}");
        return Ok(None);
    }
    let mut cargo = rustup(version);
    cargo
        .args(["cargo", "check", "--locked", "--workspace", "--target-dir", "target/oldest"])
        .current_dir(root);
    Ok(Some(cargo.status()?.success()))
}

/// `rustup run VERSION`, free of what the cargo that runs us has set.
fn rustup(version: &str) -> Command {
    let mut command = Command::new("rustup");
    command.args(["run", version]).stdin(Stdio::null()).env_remove("CARGO").env_remove("RUSTC");
    command
}

/// The version in `rust-version = "1.88"`.
pub fn stated(manifest: &str) -> Option<&str> {
    manifest.lines().find_map(|line| line.strip_prefix("rust-version = \"")?.strip_suffix('"'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stated_version_is_found() {
        assert_eq!(stated("[workspace.package]\nrust-version = \"1.88\"\n"), Some("1.88"));
        assert_eq!(stated("rust-version.workspace = true\n"), None);
    }
}
