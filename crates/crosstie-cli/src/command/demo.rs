//! `crosstie demo`.

use clap::{Args, ValueEnum as _};

use crate::args::Globals;
use crate::demo::Demo;
use crate::exit::Outcome;
use crate::output::{data, fold};

/// Show a scene of the textbook with real processes, told in plain sentences
///
/// Without a name it lists the scenes. Each takes some seconds at most, in a domain of its own, and leaves nothing
/// behind. It ends with 0 if it went as it says, with 125 if not.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  crosstie demo
  crosstie demo race
  crosstie demo --all")]
pub struct Arguments {
    /// Which scene
    #[arg(value_enum)]
    name: Option<Demo>,
    /// All of them, one after the other
    #[arg(long, conflicts_with = "name")]
    all: bool,
}

pub fn run(arguments: Arguments, _globals: &Globals) -> Outcome {
    if let Some(demo) = arguments.name {
        return demo.run();
    }
    if arguments.all {
        for (at, demo) in Demo::value_variants().iter().enumerate() {
            let between = if at == 0 { "" } else { "\n\n" };
            data::text(&format!("{between}== {} ==\n\n", demo.name()))?;
            demo.run()?;
        }
        return Ok(());
    }
    let columns = fold::columns();
    let line =
        |demo: &Demo| fold::beside(&format!("crosstie demo {:<17} ", demo.name()), &demo.sentence(), columns);
    data::text(&Demo::value_variants().iter().map(line).collect::<String>())
}
