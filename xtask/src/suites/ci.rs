//! The gates of `cargo xtask ci`, in order; the first that fails ends the run.

use std::io;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

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
        arguments: &["doc", "--locked", "--workspace", "--no-deps"],
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
    for gate in GATES {
        println!("== {}: cargo {}", gate.name, gate.arguments.join(" "));
        let gate_start = Instant::now();
        let status = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
            .args(gate.arguments)
            .envs(gate.environment.iter().copied())
            .current_dir(root)
            .stdin(Stdio::null())
            .status()?;
        let verdict = if status.success() { "ok" } else { "FAILED" };
        println!("== {}: {verdict} · {:.0} s", gate.name, gate_start.elapsed().as_secs_f64());
        if !status.success() {
            return Ok(false);
        }
    }
    println!("== all {} gates passed · {:.0} s", GATES.len(), start.elapsed().as_secs_f64());
    Ok(true)
}
