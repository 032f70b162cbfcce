//! The library as it is installed into an empty prefix, used from there by pkg-config and by CMake.
//!
//! Installed by `cargo xtask install-c`, from what was built beside these tests; and by `cargo cinstall`, which builds anew, where
//! cargo-c is there (0.10.24 or later). Where it is not, that is SKIPPED, and nothing here says that cargo-c installs it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::compiler::{crate_folder, folder};
use crate::stage::Stage;

/// The prefix into which it was installed: an empty folder before.
fn installed() -> tempfile::TempDir {
    let test = std::env::current_exe().unwrap();
    let libraries = test.parent().unwrap();
    let xtask = libraries.parent().unwrap().join("xtask");
    assert!(xtask.is_file(), "{} is not built: cargo build -p xtask", xtask.display());
    let prefix = tempfile::tempdir().unwrap();
    let mut install = Command::new(xtask);
    install.arg("install-c").arg(prefix.path()).arg("--from").arg(libraries);
    succeeded(install.output().unwrap());
    prefix
}

fn succeeded(output: Output) -> String {
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    said
}

/// Whether a program is there; says SKIPPED if not.
fn is_there(program: &str) -> bool {
    let tried = Command::new(program).arg("--version").output();
    if let Err(error) = &tried {
        println!("SKIPPED: no {program}: {error}");
    }
    tried.is_ok()
}

fn first() -> PathBuf {
    crate_folder().join("../../examples/c/first.c")
}

fn runs(program: &Path, library_path: Option<&Path>) {
    let stage = Stage::new();
    let mut command = stage.command(program);
    if let Some(path) = library_path {
        command.env("LD_LIBRARY_PATH", path);
    }
    assert_eq!(succeeded(command.output().unwrap()), "it is our turn, number 1\n");
}

fn has_pkg_config() -> bool {
    is_there("pkg-config") && is_there("cc")
}

fn has_cmake() -> bool {
    is_there("cmake") && is_there("cc")
}

/// Where the libraries are: cargo-c has them in the system's own folder.
fn libraries(prefix: &Path) -> PathBuf {
    let lib = prefix.join("lib");
    let mut below = std::fs::read_dir(&lib).unwrap().map(|entry| entry.unwrap().path());
    let folder = below.find(|path| path.join("libcrosstie.so").exists()).unwrap_or(lib);
    assert!(folder.join("libcrosstie.so").exists(), "{} has no libraries", folder.display());
    folder
}

fn used_by_pkg_config(prefix: &Path) {
    let libraries = libraries(prefix);
    for linked in [&["--libs"][..], &["--libs", "--static"][..]] {
        let mut ask = Command::new("pkg-config");
        ask.args(["--cflags"]).args(linked).arg("crosstie");
        ask.env("PKG_CONFIG_PATH", libraries.join("pkgconfig"));
        let flags = succeeded(ask.output().unwrap());
        let program = prefix.join("first");
        let mut cc = Command::new("cc");
        cc.arg("-o").arg(&program).arg(first()).args(flags.split_ascii_whitespace());
        succeeded(cc.output().unwrap());
        runs(&program, Some(&libraries));
    }
    for program in ["raii.cpp", "calls.cpp", "in_hand.cpp"] {
        let mut cpp = Command::new("c++");
        cpp.args(["-std=c++17", "-fsyntax-only", "-D_GNU_SOURCE", "-I"]).arg(prefix.join("include"));
        cpp.arg(crate_folder().join("tests/programs").join(program));
        match cpp.output() {
            Ok(output) => drop(succeeded(output)),
            Err(error) => println!("SKIPPED: no c++: {error}"),
        }
    }
}

fn used_by_cmake(prefix: &Path) {
    let build = prefix.join("build");
    let mut configure = Command::new("cmake");
    configure.arg("-S").arg(crate_folder().join("tests/programs/cmake")).arg("-B").arg(&build);
    configure.arg(format!("-DCMAKE_PREFIX_PATH={}", prefix.display()));
    configure.arg(format!("-DFIRST={}", first().display()));
    succeeded(configure.output().unwrap());
    succeeded(Command::new("cmake").arg("--build").arg(&build).output().unwrap());
    runs(&build.join("first"), None);
    runs(&build.join("first_static"), None);
}

#[test]
fn a_program_finds_it_by_pkg_config() {
    if has_pkg_config() {
        used_by_pkg_config(installed().path());
    }
}

#[test]
fn a_cmake_project_finds_it_shared_and_static() {
    if has_cmake() {
        used_by_cmake(installed().path());
    }
}

#[test]
fn what_cargo_c_installs_is_found_as_well() {
    if !is_there("cargo-cinstall") {
        return;
    }
    let prefix = tempfile::tempdir().unwrap();
    let mut install = Command::new("cargo-cinstall");
    install
        .args(["cinstall", "--offline", "--locked", "--debug", "-p", "crosstie-capi"])
        .arg("--prefix")
        .arg(prefix.path());
    install.arg("--target-dir").arg(folder().join("cargo-c")).current_dir(crate_folder());
    succeeded(install.output().unwrap());
    if has_pkg_config() {
        used_by_pkg_config(prefix.path());
    }
    if has_cmake() {
        used_by_cmake(prefix.path());
    }
}
