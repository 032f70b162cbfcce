//! The command line of the namespaces.

use std::process::ExitCode;

use super::report::Report;
use super::scenes::{SCENES, TWINS};
use super::stage::Stage;
use crate::deadlocks::cast::Failure;

/// What to write.
pub const USAGE: &str = "crosstie-torture namespaces [--json]";

/// The exit code of `Unsupported` in Crosstie's table.
const UNSUPPORTED: u8 = 86;

/// `namespaces …`.
pub fn run(arguments: &[&str]) -> ExitCode {
    let is_json = match arguments {
        [] => false,
        ["--json"] => true,
        _ => {
            eprintln!("usage: {USAGE}");
            return ExitCode::from(2);
        }
    };
    let report = match play_all() {
        Ok(report) => report,
        Err(error) => {
            eprintln!("crosstie-torture: {error}");
            return ExitCode::FAILURE;
        }
    };
    if let Some(reason) = report.skipped_all() {
        println!("SKIPPED: no namespace can be had here: {reason}");
        return ExitCode::from(UNSUPPORTED);
    }
    let text = if is_json { serde_json::to_string(&report).ok() } else { Some(format!("{report:#?}")) };
    println!("{}", text.unwrap_or_default());
    if report.is_good() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn play_all() -> Result<Report, Failure> {
    let mut report = Report::default();
    for scene in SCENES {
        let mut stage = Stage::new()?;
        let outcome = (scene.run)(&mut stage);
        report.add(scene.name, &outcome, stage.slowest_told_ns);
        report.add_rescues(stage.domain.net_rescues());
    }
    for twin in TWINS {
        let mut stage = Stage::new()?;
        report.add_twin(twin.name, &(twin.run)(&mut stage));
    }
    Ok(report)
}
