//! The models as programs: which there are, which place each of them gets to, how one ends.

use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::suites::command::{self, Ended};

/// What building the models may take, on a machine that has other work too.
const BUILD_LIMIT: Duration = Duration::from_secs(15 * 60);
/// How far a model is followed over the code as it is, to see where it gets to.
const LOOK: Extent = Extent { interleavings: Some(300), limit: Duration::from_secs(60) };
/// How far one is followed that is nothing unless it is whole.
const WHOLE: Extent = Extent { interleavings: None, limit: Duration::from_secs(120) };

/// How far a model is followed.
#[derive(Clone, Copy, Debug)]
pub struct Extent {
    /// So many interleavings of each of its scenes, a kill at one step being one.
    pub interleavings: Option<u32>,
    /// And so long.
    pub limit: Duration,
}

/// What the test harness says of a model with a broken twin: it passes by a panic, so its failure shows nothing.
const TWIN: &str = " - should panic";
/// What loom says where one interleaving has more steps than it follows.
const TOO_LONG: &str = "exceeded maximum number of branches";

/// One model.
#[derive(Debug)]
pub struct Model {
    /// Its name, as the test harness has it.
    pub name: String,
    /// The places that it gets to: `FILE:LINE:COLUMN`.
    pub places: HashSet<String>,
    /// Whether it passes only when it is followed to the end: it looks for something that some interleaving must show.
    needs_all: bool,
}

/// How a model over a mutant ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It failed.
    Failed,
    /// It passed, all its interleavings.
    Passed,
    /// It passed as far as it was followed.
    Cut,
}

/// The program that has all models.
pub struct Models {
    root: PathBuf,
    program: PathBuf,
    /// Each model of what is sound, those that get to the fewest places first: they say the most of them.
    pub models: Vec<Model>,
}

impl Models {
    /// Builds the models, and runs each over the code as it is; `None` if one fails: that is to be mended first.
    ///
    /// # Errors
    /// If cargo or the program cannot be started.
    pub fn build(root: &Path) -> io::Result<Option<Self>> {
        let built = command::run(root, "weaken", cargo(), BUILD_LIMIT)?;
        let Some(program) = program_in(&built.output).filter(|_| built.is_success) else {
            println!("the models do not build (target/xtask/weaken.log)");
            return Ok(None);
        };
        let mut this = Self { root: root.to_owned(), program: root.join(program), models: Vec::new() };
        let listed = this.run(&["--list", "--format=terse"], None, LOOK)?;
        for name in listed.output.lines().filter_map(|line| line.strip_suffix(": test")) {
            let looked = this.run(&["--exact", name], Some("sites"), LOOK)?;
            if looked.output.contains(TWIN) {
                continue;
            }
            let places = looked.output.lines().filter_map(|line| line.strip_prefix("reached "));
            let places = places.map(str::to_owned).collect();
            let needs_all = !looked.is_success;
            if needs_all && !this.run(&["--exact", name], None, WHOLE)?.is_success {
                println!(
                    "{name} fails on the code as it is: mend that first (target/xtask/weaken-model.log)"
                );
                return Ok(None);
            }
            this.models.push(Model { name: name.to_owned(), places, needs_all });
        }
        this.models.sort_by_key(|model| model.places.len());
        Ok(Some(this))
    }

    /// Follows `model` to `extent` with the ordering weakened that `wish` names.
    ///
    /// # Errors
    /// If it cannot be started.
    pub fn run_over(&self, model: &Model, wish: &str, extent: Extent) -> io::Result<Outcome> {
        if model.needs_all && extent.interleavings.is_some() {
            return Ok(Outcome::Cut);
        }
        let ended = self.run(&["--exact", &model.name], Some(wish), extent)?;
        Ok(match () {
            () if ended.is_late || ended.output.contains(TOO_LONG) => Outcome::Cut,
            () if !ended.is_success => Outcome::Failed,
            () if extent.interleavings.is_some() => Outcome::Cut,
            () => Outcome::Passed,
        })
    }

    fn run(&self, arguments: &[&str], wish: Option<&str>, extent: Extent) -> io::Result<Ended> {
        let mut program = Command::new(&self.program);
        program.args(arguments).env("LOOM_MAX_PREEMPTIONS", "2");
        if let Some(count) = extent.interleavings {
            program
                .env("LOOM_MAX_PERMUTATIONS", count.to_string())
                .env("LOOM_CHECKPOINT_INTERVAL", count.to_string());
        }
        if let Some(wish) = wish {
            program.env("CROSSTIE_WEAKEN", wish);
        }
        command::run(&self.root, "weaken-model", program, extent.limit)
    }
}

fn cargo() -> Command {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["test", "-p", "crosstie-core", "--release", "--test", "models", "--no-run"]);
    cargo.args(["--target-dir", "target/weaken"]);
    cargo.env("RUSTFLAGS", "--cfg crosstie_loom").env("CARGO_TERM_COLOR", "never");
    // What takes time is thin link-time optimization.
    cargo.env("CARGO_PROFILE_RELEASE_LTO", "off").env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16");
    cargo
}

/// The program in what cargo says: `Executable tests/models.rs (target/…/models-0123)`.
fn program_in(output: &str) -> Option<&str> {
    let line = output.lines().find(|line| line.trim_start().starts_with("Executable "))?;
    line.trim_end().strip_suffix(')')?.rsplit_once('(').map(|(_, program)| program)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_is_found_in_what_cargo_says() {
        let output = "   Compiling a\n  Executable tests/models.rs (target/weaken/release/deps/models-01)\n";
        assert_eq!(program_in(output), Some("target/weaken/release/deps/models-01"));
        assert_eq!(program_in("error: could not compile"), None);
    }
}
