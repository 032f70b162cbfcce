//! The suites of `cargo xtask test`.

use std::io;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use super::command;
use super::count::Count;
use super::python;

/// What a suite of the slowest kind may take before it counts as hung.
const LIMIT: Duration = Duration::from_secs(12 * 60);
/// How much of a failed suite's output is repeated, in lines.
const TAIL_LINES: usize = 120;

/// One suite: its name, cargo's arguments, and the environment of its own.
struct Suite {
    name: &'static str,
    arguments: &'static [&'static str],
    environment: &'static [(&'static str, &'static str)],
}

/// Tests run two at a time: many of them start processes of their own.
const SUITES: &[Suite] = &[
    Suite {
        name: "unit",
        arguments: &["--workspace", "--all-features", "--lib", "--bins", "--no-fail-fast"],
        environment: &[],
    },
    Suite {
        name: "integration",
        arguments: &["--workspace", "--all-features", "--test", "*", "--no-fail-fast"],
        environment: &[],
    },
    Suite {
        name: "doc",
        arguments: &["--workspace", "--all-features", "--doc", "--no-fail-fast"],
        environment: &[],
    },
    Suite {
        name: "models",
        arguments: &["-p", "crosstie-core", "--release", "--test", "models", "--target-dir", "target/loom"],
        environment: &[("RUSTFLAGS", "--cfg crosstie_loom"), ("LOOM_MAX_PREEMPTIONS", "2")],
    },
];

/// Builds, runs every suite, prints a line each and a closing line; answers whether all passed.
///
/// # Errors
/// If cargo cannot be started.
pub fn run(root: &Path) -> io::Result<bool> {
    if !build(root)? {
        return Ok(false);
    }
    let mut all = Count::default();
    let mut is_ok = true;
    for suite in SUITES {
        is_ok &= run_suite(root, suite, &mut all)?;
    }
    is_ok &= run_python(root, None, &mut all)?;
    for reason in &all.skipped {
        println!("SKIPPED: {reason}");
    }
    println!("{} passed, {} failed, {} skipped", all.passed, all.failed, all.skipped.len());
    Ok(is_ok && all.failed == 0)
}

/// Runs the suite of the Python module alone, or the file `only` of it; answers whether it passed.
///
/// # Errors
/// If its log cannot be written.
pub fn run_python_alone(root: &Path, only: Option<&str>) -> io::Result<bool> {
    // The command that its tests start beside Python must be of the same day.
    if !build(root)? {
        return Ok(false);
    }
    let mut all = Count::default();
    let is_ok = run_python(root, only, &mut all)?;
    for reason in &all.skipped {
        println!("SKIPPED: {reason}");
    }
    println!("{} passed, {} failed, {} skipped", all.passed, all.failed, all.skipped.len());
    Ok(is_ok)
}

/// Builds what tests run as programs: the command and the examples.
fn build(root: &Path) -> io::Result<bool> {
    let mut cargo = cargo(&["build", "--workspace", "--all-features", "--bins", "--examples"]);
    cargo.env("CARGO_TERM_COLOR", "never");
    let ended = command::run(root, "build", cargo, LIMIT)?;
    println!(
        "{:<12} · {} · {:.0} s",
        "build",
        if ended.is_success { "ok" } else { "FAILED" },
        ended.took.as_secs_f64()
    );
    if !ended.is_success {
        println!("{}", tail(&ended.output));
    }
    Ok(ended.is_success)
}

fn run_suite(root: &Path, suite: &Suite, all: &mut Count) -> io::Result<bool> {
    let mut cargo = cargo(&["test"]);
    cargo.args(suite.arguments).args(["--", "--show-output", "--test-threads=2"]);
    cargo.envs(suite.environment.iter().copied()).env("CARGO_TERM_COLOR", "never");
    let ended = command::run(root, suite.name, cargo, LIMIT)?;
    let mut count = Count::of(&ended.output);
    let verdict = if ended.is_late {
        format!("FAILED: killed after {} s, a test hangs", LIMIT.as_secs())
    } else if !ended.is_success {
        "FAILED".to_owned()
    } else if count.total() == 0 {
        "FAILED: not a single test ran".to_owned()
    } else {
        "ok".to_owned()
    };
    let is_ok = verdict == "ok";
    if !is_ok && count.failed == 0 {
        // A suite that does not build, dies or hangs has failed, whatever its tests said before.
        count.failed = 1;
    }
    let (passed, failed, skipped) = (count.passed, count.failed, count.skipped.len());
    let seconds = ended.took.as_secs_f64();
    println!(
        "{:<12} · {passed} passed, {failed} failed, {skipped} skipped · {seconds:.0} s · {verdict}",
        suite.name
    );
    if !is_ok {
        println!("{}\n(the whole output: target/xtask/{}.log)", tail(&ended.output), suite.name);
    }
    all.add(count);
    Ok(is_ok)
}

/// The Python module, tested as a user has it.
fn run_python(root: &Path, only: Option<&str>, all: &mut Count) -> io::Result<bool> {
    let python::Outcome { mut count, is_ok, output, took } = python::run(root, only)?;
    if !is_ok && count.failed == 0 {
        // What does not build, or dies, has failed.
        count.failed = 1;
    }
    let (passed, failed, skipped) = (count.passed, count.failed, count.skipped.len());
    let (seconds, verdict) = (took.as_secs_f64(), if is_ok { "ok" } else { "FAILED" });
    println!(
        "{:<12} · {passed} passed, {failed} failed, {skipped} skipped · {seconds:.0} s · {verdict}",
        "python"
    );
    for row in output.lines().filter(|line| line.starts_with("| ") || line.contains(" pairs: ")) {
        println!("{row}");
    }
    if !is_ok {
        println!("{}\n(the whole output: target/xtask/python*.log)", tail(&output));
    }
    all.add(count);
    Ok(is_ok)
}

/// The cargo that runs this program.
fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments);
    command
}

/// The failures that libtest repeats at the end, or else the last lines.
fn tail(output: &str) -> String {
    let relevant: Vec<_> = match output.find("\nfailures:\n") {
        Some(at) => output[at..].lines().take(TAIL_LINES).collect(),
        None => {
            let lines: Vec<_> = output.lines().collect();
            lines[lines.len().saturating_sub(TAIL_LINES)..].to_vec()
        }
    };
    relevant.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_failures_are_what_is_repeated() {
        let output = format!("{}\nfailures:\n\n---- a stdout ----\nbroken\n", "noise\n".repeat(500));
        assert!(tail(&output).contains("broken") && !tail(&output).contains("noise"));
        assert_eq!(tail(&"noise\n".repeat(500)).lines().count(), TAIL_LINES);
    }
}
