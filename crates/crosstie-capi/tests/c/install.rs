//! The library as it is installed, used from there by pkg-config and by CMake.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::compiler::crate_folder;
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

#[test]
fn a_program_finds_it_by_pkg_config() {
    if !is_there("pkg-config") || !is_there("cc") {
        return;
    }
    let prefix = installed();
    for linked in [&["--libs"][..], &["--libs", "--static"][..]] {
        let mut ask = Command::new("pkg-config");
        ask.args(["--cflags"]).args(linked).arg("crosstie");
        ask.env("PKG_CONFIG_PATH", prefix.path().join("lib/pkgconfig"));
        let flags = succeeded(ask.output().unwrap());
        let program = prefix.path().join("first");
        let mut cc = Command::new("cc");
        cc.arg("-o").arg(&program).arg(first()).args(flags.split_ascii_whitespace());
        succeeded(cc.output().unwrap());
        runs(&program, Some(&prefix.path().join("lib")));
    }
    let mut cpp = Command::new("c++");
    cpp.args(["-std=c++17", "-fsyntax-only", "-D_GNU_SOURCE", "-I"]).arg(prefix.path().join("include"));
    cpp.arg(crate_folder().join("tests/programs/raii.cpp"));
    match cpp.output() {
        Ok(output) => drop(succeeded(output)),
        Err(error) => println!("SKIPPED: no c++: {error}"),
    }
}

#[test]
fn a_cmake_project_finds_it_shared_and_static() {
    if !is_there("cmake") || !is_there("cc") {
        return;
    }
    let prefix = installed();
    let build = prefix.path().join("build");
    let mut configure = Command::new("cmake");
    configure.arg("-S").arg(crate_folder().join("tests/programs/cmake")).arg("-B").arg(&build);
    configure.arg(format!("-DCMAKE_PREFIX_PATH={}", prefix.path().display()));
    configure.arg(format!("-DFIRST={}", first().display()));
    succeeded(configure.output().unwrap());
    succeeded(Command::new("cmake").arg("--build").arg(&build).output().unwrap());
    runs(&build.join("first"), None);
    runs(&build.join("first_static"), None);
}
