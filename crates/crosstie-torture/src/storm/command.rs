//! The command line of the storm.

use std::process::ExitCode;

use crosstie::os::{clock, random};

use super::report::Report;
use super::twin::TWINS;
use super::weather::Weather;
use super::worker::Failure;
use crate::kernel;

/// What to write.
pub const USAGE: &str = "crosstie-torture storm [--seconds N] [--seed S] [--processes P] [--json]";

#[derive(Debug)]
struct Wanted {
    seconds: u64,
    seed: u64,
    processes: usize,
    is_json: bool,
}

/// `storm …`.
pub fn run(arguments: &[&str]) -> ExitCode {
    let Some(wanted) = parse(arguments) else {
        eprintln!("usage: {USAGE}");
        return ExitCode::from(2);
    };
    match storm(&wanted) {
        Ok(report) => {
            let text = if wanted.is_json {
                serde_json::to_string(&report).ok()
            } else {
                Some(format!("{report:#?}"))
            };
            println!("{}", text.unwrap_or_default());
            if report.is_good() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            eprintln!("crosstie-torture: {error}");
            ExitCode::FAILURE
        }
    }
}

fn parse(arguments: &[&str]) -> Option<Wanted> {
    let seed = random::word().unwrap_or(1) >> 16;
    let mut wanted = Wanted { seconds: 60, seed, processes: 6, is_json: false };
    let mut rest = arguments.iter();
    while let Some(&argument) = rest.next() {
        match argument {
            "--json" => wanted.is_json = true,
            "--seconds" => wanted.seconds = rest.next()?.parse().ok().filter(|&seconds| seconds > 0)?,
            "--seed" => wanted.seed = rest.next()?.parse().ok()?,
            "--processes" => {
                wanted.processes = rest.next()?.parse().ok().filter(|count| (2..=32).contains(count))?;
            }
            _ => return None,
        }
    }
    Some(wanted)
}

fn storm(wanted: &Wanted) -> Result<Report, Failure> {
    kernel::adopt_orphans()?;
    let mut report = Report::of(wanted.seed, wanted.processes);
    for twin in TWINS {
        let mut weather = Weather::new(wanted.seed, wanted.processes)?;
        // What happens beside the twin counts for nothing.
        let findings = weather.round(Some(twin), &mut Report::default())?;
        let is_caught = findings.iter().any(|finding| finding.fault == twin.fault());
        report.twins += 1;
        report.twins_caught += u64::from(is_caught);
        eprintln!("twin {:<24} {}", twin.name(), if is_caught { "caught" } else { "NOT CAUGHT" });
    }
    let mut weather = Weather::new(wanted.seed, wanted.processes)?;
    let start_ns = clock::now_ns();
    let until_ns = start_ns + wanted.seconds * 1_000_000_000;
    while clock::now_ns() < until_ns {
        let findings = weather.round(None, &mut report)?;
        report.rounds += 1;
        report.add(&findings);
    }
    let mut findings = Vec::new();
    weather.end(&mut report, &mut findings);
    report.add(&findings);
    report.close(clock::now_ns() - start_ns);
    Ok(report)
}
