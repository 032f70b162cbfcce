//! The gates of `cargo xtask ci`, in order; all of them run, so that one look shows all that is wrong.

use std::io;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use super::oldest;

/// One gate: its name, cargo's arguments, and the environment of its own.
struct Gate {
    name: &'static str,
    arguments: &'static [&'static str],
    environment: &'static [(&'static str, &'static str)],
}

const GATES: &[Gate] = &[
    // The first to need the dependencies: Cargo.lock is committed and complete, or it fails here.
    Gate { name: "lock file", arguments: &["fetch", "--locked"], environment: &[] },
    Gate { name: "format", arguments: &["fmt", "--all", "--check"], environment: &[] },
    Gate {
        name: "clippy",
        arguments: &["clippy", "--locked", "--workspace", "--all-targets", "--", "-D", "warnings"],
        environment: &[],
    },
    Gate {
        name: "clippy, all features",
        arguments: &[
            "clippy",
            "--locked",
            "--workspace",
            "--all-targets",
            "--all-features",
            "--",
            "-D",
            "warnings",
        ],
        environment: &[],
    },
    Gate {
        name: "docs",
        arguments: &["doc", "--locked", "--workspace", "--all-features", "--no-deps"],
        environment: &[("RUSTDOCFLAGS", "-D warnings")],
    },
    Gate { name: "tidy", arguments: &["xtask", "tidy"], environment: &[] },
    Gate { name: "test", arguments: &["xtask", "test"], environment: &[] },
];

/// Runs every gate, prints the seconds of each; answers whether all passed.
///
/// # Errors
/// If cargo cannot be started.
pub fn run(root: &Path) -> io::Result<bool> {
    let start = Instant::now();
    let mut verdicts = Vec::new();
    let gate_start = Instant::now();
    let verdict = match oldest::check(root)? {
        Some(true) => "ok",
        Some(false) => "FAILED",
        None => "SKIPPED",
    };
    verdicts.push(format!(
        "{:<22} · {verdict} · {:.0} s",
        "oldest compiler",
        gate_start.elapsed().as_secs_f64()
    ));
    let mut is_ok = verdict != "FAILED";
    for gate in GATES {
        println!("== {}: cargo {}", gate.name, gate.arguments.join(" "));
        let gate_start = Instant::now();
        let has_passed = run_gate(root, gate)?;
        let verdict = if has_passed { "ok" } else { "FAILED" };
        verdicts.push(format!("{:<22} · {verdict} · {:.0} s", gate.name, gate_start.elapsed().as_secs_f64()));
        is_ok &= has_passed;
    }
    println!("\n{}\n{} gates · {:.0} s", verdicts.join("\n"), verdicts.len(), start.elapsed().as_secs_f64());
    Ok(is_ok)
}

fn run_gate(root: &Path, gate: &Gate) -> io::Result<bool> {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(gate.arguments).envs(gate.environment.iter().copied());
    Ok(cargo.current_dir(root).stdin(Stdio::null()).status()?.success())
}
