//! The project's own chores: `cargo xtask test | tidy | ci | weaken`.
#![deny(unsafe_code)]

mod source;
mod suites;
mod tidy;

use std::path::PathBuf;
use std::process::ExitCode;

const USAGE: &str = "usage: cargo xtask COMMAND

  test     builds and runs every suite; prints one line each, then what passed, failed, was skipped
  tidy     the house style as checks (CONTRIBUTING.md)
  ci       everything a change must pass: format, clippy, docs, tidy, test
";

/// The project's root: the folder above this crate.
fn project_root() -> PathBuf {
    let mut root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    root.pop();
    root
}

fn main() -> ExitCode {
    let root = project_root();
    let command = std::env::args().nth(1).unwrap_or_default();
    let outcome = match command.as_str() {
        "tidy" => tidy::run(&root).map(|failed| failed == 0),
        "test" => suites::test::run(&root),
        "ci" => suites::ci::run(&root),
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
