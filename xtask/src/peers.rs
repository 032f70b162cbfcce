//! `cargo xtask peers`: builds other projects' channels as far as this machine can, and measures ours beside them.
//!
//! They live in `peers/`, a workspace of its own. Nothing is installed: what a peer needs of the system
//! is looked for, and a peer that lacks it, or does not build, is named with the reason and left out.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::suites::command;

/// A peer that takes an hour to build is not going to be built.
const BUILD_LIMIT: Duration = Duration::from_secs(3600);
/// The package that measures.
const BENCH: &str = "peers-bench";

/// A peer's package.
struct Peer {
    package: &'static str,
    needs: &'static [Need],
    /// What its build is told.
    environment: &'static [(&'static str, &'static str)],
}

/// What it needs of the system: one of these files, which a Debian package has.
struct Need {
    one_of: &'static [&'static str],
    debian: &'static str,
}

const COMPILER: Need = Need { one_of: &["/usr/bin/c++", "/usr/local/bin/c++"], debian: "g++" };

const PEERS: [Peer; 6] = [
    Peer {
        package: "peers-tachyon",
        needs: &[
            Need { one_of: &["/usr/bin/clang++-19"], debian: "clang-19" },
            Need {
                one_of: &["/usr/lib/llvm-19/lib/libclang.so.1", "/usr/lib/llvm-19/lib/libclang-19.so.1"],
                debian: "libclang1-19",
            },
        ],
        environment: &[("CXX", "clang++-19"), ("LIBCLANG_PATH", "/usr/lib/llvm-19/lib")],
    },
    Peer { package: "peers-iceoryx2", needs: &[], environment: &[] },
    Peer { package: "peers-zeromq", needs: &[COMPILER], environment: &[] },
    Peer {
        package: "peers-nng",
        needs: &[Need {
            one_of: &["/usr/include/nng/nng.h", "/usr/local/include/nng/nng.h"],
            debian: "libnng-dev",
        }],
        environment: &[],
    },
    Peer { package: "peers-ipc-channel", needs: &[], environment: &[] },
    Peer {
        package: "peers-boost",
        needs: &[
            COMPILER,
            Need {
                one_of: &[
                    "/usr/include/boost/interprocess/ipc/message_queue.hpp",
                    "/usr/local/include/boost/interprocess/ipc/message_queue.hpp",
                ],
                debian: "libboost-dev",
            },
        ],
        environment: &[],
    },
];

/// Builds the peers, then measures with `arguments`; answers whether all targets were met.
///
/// # Errors
/// If cargo or what it built cannot be started.
pub fn run(root: &Path, arguments: impl Iterator<Item = String>) -> io::Result<bool> {
    if let Err(why) = build(root, BENCH, &[])? {
        eprintln!("{BENCH} does not build: {why}");
        return Ok(false);
    }
    let mut measure = Command::new(program(root));
    measure.args(arguments);
    for peer in &PEERS {
        let outcome = match missing(peer.needs, |file| Path::new(file).exists()) {
            Some(debian) => Err(format!("needs Debian's {debian}: apt-get install {debian}")),
            None => build(root, peer.package, peer.environment)?,
        };
        if let Err(why) = outcome {
            eprintln!("SKIPPED: {}: {why}", peer.package);
            measure.arg("--skip").arg(format!("{}={why}", peer.package));
        }
    }
    Ok(measure.status()?.success())
}

/// Where the workspace of the peers has what it built.
fn program(root: &Path) -> PathBuf {
    root.join("peers/target/release").join(BENCH)
}

/// The Debian packages that are missing.
fn missing(needs: &[Need], exists: impl Fn(&str) -> bool) -> Option<String> {
    let missing = needs.iter().filter(|need| !need.one_of.iter().any(|file| exists(file)));
    let missing: Vec<_> = missing.map(|need| need.debian).collect();
    (!missing.is_empty()).then(|| missing.join(" "))
}

/// Builds a package; answers why it cannot be built.
fn build(root: &Path, package: &str, environment: &[(&str, &str)]) -> io::Result<Result<(), String>> {
    eprintln!("building {package}");
    let mut cargo = Command::new(env!("CARGO"));
    cargo
        .args(["build", "--release", "--locked", "--manifest-path", "peers/Cargo.toml", "--package", package])
        .envs(environment.iter().copied());
    let ended = command::run(root, package, cargo, BUILD_LIMIT)?;
    if ended.is_success {
        return Ok(Ok(()));
    }
    let why =
        ended.output.lines().find(|line| line.starts_with("error")).unwrap_or("it was not done in time");
    Ok(Err(format!("{why} (target/xtask/{package}.log)")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_named_as_debian_names_it() {
        let needs = [Need { one_of: &["/a", "/b"], debian: "one" }, Need { one_of: &["/c"], debian: "two" }];
        assert_eq!(missing(&needs, |file| file == "/b").as_deref(), Some("two"));
        assert_eq!(missing(&needs, |_| false).as_deref(), Some("one two"));
        assert_eq!(missing(&needs, |_| true), None);
    }

    #[test]
    fn every_peer_is_a_member_of_its_workspace() {
        let root = crate::project_root();
        for peer in &PEERS {
            let folder = peer.package.trim_start_matches("peers-");
            let manifest = std::fs::read_to_string(root.join("peers").join(folder).join("Cargo.toml"));
            let manifest = manifest.unwrap_or_default();
            assert!(manifest.contains(&format!("name = \"{}\"", peer.package)), "{folder}");
        }
    }
}
