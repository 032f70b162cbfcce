//! `crosstie completions SHELL`.

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use crate::args::{CommandLine, Globals};
use crate::exit::Outcome;
use crate::output::data;

/// Print the completions for a shell
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  crosstie completions bash > ~/.local/share/bash-completion/completions/crosstie"
)]
pub struct Arguments {
    /// Which shell
    #[arg(value_enum)]
    shell: Shell,
}

pub fn run(arguments: Arguments, _globals: &Globals) -> Outcome {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut CommandLine::command(), "crosstie", &mut script);
    data::bytes(&script)
}
