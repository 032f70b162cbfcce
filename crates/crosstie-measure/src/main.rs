//! `crosstie-measure`: the speed targets of the project as ratios of one run.

use std::process::ExitCode;

fn main() -> ExitCode {
    if let Some(code) = crosstie_measure::engine::scratch::run_hidden_subcommand() {
        return code;
    }
    ExitCode::SUCCESS
}
