//! The project's own chores: `cargo xtask test | python | languages | tidy | ci | weaken | peers | install-c`.
#![deny(unsafe_code)]

mod install_c;
mod peers;
mod source;
mod suites;
mod tidy;
mod weaken;

use std::path::PathBuf;
use std::process::ExitCode;

const USAGE: &str = "usage: cargo xtask COMMAND

  test     builds and runs every suite; prints one line each, then what passed, failed, was skipped
  python   of those the last: the Python module, as an installed wheel
  languages  of those the scenarios in every pair of Rust, the shell, C and Python, as a table
  tidy     the house style as checks (CONTRIBUTING.md)
  ci       everything a change must pass: format, clippy, docs, tidy, test
  weaken   each ordering of the core weakened by one step: some model must fail; weaken [NAME | --table]; all: docs/weaken.md
  install-c  the C library with its headers, for pkg-config and CMake: install-c PREFIX [--from FOLDER]
  peers    our channels beside other projects', in one run: peers [REPETITIONS] [--out FOLDER]
";

/// The project's root: the folder above this crate.
fn project_root() -> PathBuf {
    let mut root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    root.pop();
    root
}

fn main() -> ExitCode {
    let root = project_root();
    let mut arguments = std::env::args().skip(1);
    let command = arguments.next().unwrap_or_default();
    let outcome = match command.as_str() {
        "tidy" => tidy::run(&root).map(|failed| failed == 0),
        "test" => suites::test::run(&root),
        "python" => suites::test::run_python_alone(&root, None),
        "languages" => suites::test::run_python_alone(&root, Some(suites::python::LANGUAGES)),
        "ci" => suites::ci::run(&root),
        "install-c" => install_c::run(&root, arguments),
        "peers" => peers::run(&root, arguments),
        "weaken" => weaken::run(&root, &arguments.next().unwrap_or_default()),
        _ => {
            eprint!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("xtask {command}: {error}");
            ExitCode::FAILURE
        }
    }
}
