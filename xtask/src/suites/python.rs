//! The Python module: its wheel is built, installed into a fresh virtual environment, and tested there.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::command::{self, Ended};
use super::count::Count;

/// What the slowest step may take before it counts as hung.
const LIMIT: Duration = Duration::from_secs(10 * 60);

/// What the tests need from others.
const PACKAGES: [&str; 5] = ["maturin>=1.9.4,<2", "pytest", "numpy", "mypy", "msgpack>=1"];

/// What became of the suite.
pub struct Outcome {
    /// Its tests.
    pub count: Count,
    /// Whether everything held.
    pub is_ok: bool,
    /// What was printed, where that is worth repeating.
    pub output: String,
    /// How long all of it took.
    pub took: Duration,
}

/// The tests of scenarios with two sides in two languages.
pub const LANGUAGES: &str = "crates/crosstie-python/tests/test_languages.py";

/// Builds the wheel, installs it, and runs its tests, all or those of the file `only`; counts one skip where there is no Python
/// for that.
///
/// # Errors
/// If the log cannot be written.
pub fn run(root: &Path, only: Option<&str>) -> io::Result<Outcome> {
    let mut took = Duration::ZERO;
    let environment = root.join("target/xtask/python");
    let wheels = root.join("target/xtask/wheels");
    for step in steps(&environment, &wheels) {
        let ended = step_run(root, &step, &wheels)?;
        took += ended.took;
        if ended.is_success {
            continue;
        }
        return Ok(match step.skipped {
            Some(reason) => Outcome { count: skipped(reason), is_ok: true, output: String::new(), took },
            None => Outcome { count: Count::default(), is_ok: false, output: ended.output, took },
        });
    }
    let mut pytest = Command::new(environment.join("bin/python"));
    pytest
        .args(["-X", "dev", "-W", "error", "-m", "pytest", "-q", "-rs", "-p", "no:cacheprovider"])
        .args(only);
    let ended = command::run(root, "python", pytest, LIMIT)?;
    let count = Count::of_pytest(&ended.output);
    let is_ok = ended.is_success && count.total() > 0;
    Ok(Outcome { count, is_ok, output: ended.output, took: took + ended.took })
}

/// One step on the way to the tests.
struct Step {
    name: &'static str,
    program: PathBuf,
    arguments: Vec<String>,
    /// Why the suite is skipped if this fails; where it may not fail, nothing.
    skipped: Option<&'static str>,
}

fn steps(environment: &Path, wheels: &Path) -> Vec<Step> {
    let python = environment.join("bin/python");
    let folder = |path: &Path| path.display().to_string();
    let step = |name, program: &Path, arguments: &[&str], skipped| Step {
        name,
        program: program.to_path_buf(),
        arguments: arguments.iter().map(|&argument| argument.to_owned()).collect(),
        skipped,
    };
    let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
    vec![
        step(
            "python-version",
            Path::new("python3"),
            &["-c", "import sys; sys.exit(sys.version_info < (3, 11))"],
            Some("python: there is no python3 of 3.11 or later"),
        ),
        step(
            "python-venv",
            Path::new("python3"),
            &["-m", "venv", "--clear", &folder(environment)],
            Some("python: python3 makes no virtual environment (python3-venv)"),
        ),
        step(
            "python-pip",
            &python,
            &[&pip[..], &PACKAGES].concat(),
            Some("python: pip cannot get maturin, pytest, numpy, mypy and msgpack"),
        ),
        step(
            "python-wheel",
            &environment.join("bin/maturin"),
            &["build", "--profile", "dev", "--out", &folder(wheels)],
            None,
        ),
        step(
            "python-install",
            &python,
            &[&pip[..], &["--no-deps", "--no-index", "--find-links", &folder(wheels), "crosstie"]].concat(),
            None,
        ),
    ]
}

fn step_run(root: &Path, step: &Step, wheels: &Path) -> io::Result<Ended> {
    if step.name == "python-wheel" && wheels.exists() {
        // Of the wheels of another version none is to be installed.
        std::fs::remove_dir_all(wheels)?;
    }
    let mut program = Command::new(&step.program);
    program.args(&step.arguments).env("CARGO_TERM_COLOR", "never");
    match command::run(root, step.name, program, LIMIT) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let output = format!("{}: {error}", step.program.display());
            Ok(Ended { is_success: false, is_late: false, output, took: Duration::ZERO })
        }
        other => other,
    }
}

fn skipped(reason: &str) -> Count {
    Count { skipped: vec![reason.to_owned()], ..Count::default() }
}
