//! Links the unwinder into the command instead of having it loaded each time: a lock around a short command is one
//! of the shortest lives that a process can have (docs/decisions/0029).
//!
//! Where there is no such archive, or another C library, the command is linked as any other.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What the compiler's driver links where it is told `-static-libgcc`.
const ARCHIVE: &str = "libgcc_eh.a";
/// Makes the linker take the unwinder from the first place that has it: the archive, which stands before all others.
const WANTED: [&str; 2] = ["_Unwind_Resume", "_Unwind_Backtrace"];

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=CC");
    let is_glibc = is("CARGO_CFG_TARGET_OS", "linux") && is("CARGO_CFG_TARGET_ENV", "gnu");
    let is_native = env::var("HOST").ok() == env::var("TARGET").ok();
    if !is_glibc || !is_native {
        return;
    }
    let Some(folder) = archive().as_deref().and_then(Path::parent).map(Path::to_owned) else { return };
    println!("cargo::rustc-link-search=native={}", folder.display());
    println!("cargo::rustc-link-lib=static:+verbatim,-bundle={ARCHIVE}");
    for symbol in WANTED {
        println!("cargo::rustc-link-arg-bins=-Wl,--undefined={symbol}");
    }
}

fn is(variable: &str, value: &str) -> bool {
    env::var(variable).is_ok_and(|found| found == value)
}

/// Where the C compiler, which links, has it; it answers the bare name for what it has not.
fn archive() -> Option<PathBuf> {
    let compiler = env::var_os("CC").unwrap_or_else(|| "cc".into());
    let answer = Command::new(compiler).arg(format!("-print-file-name={ARCHIVE}")).output().ok()?;
    let path = PathBuf::from(String::from_utf8(answer.stdout).ok()?.trim());
    (path.is_absolute() && path.is_file()).then_some(path)
}
