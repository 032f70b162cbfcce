//! The command line of the traffic.

use std::process::ExitCode;

use crosstie::os::random;

use super::pattern::{PATTERNS, Pattern};
use super::report::Report;
use super::run::Run;
use super::worker::{Failure, TWINS};

/// What to write.
pub const USAGE: &str =
    "crosstie-torture traffic [ring|queue|topic|lossy-topic|latest-topic] [--messages N] [--seed S] [--json]";

/// Without an option.
const MESSAGES: u64 = 2_000_000;
/// Enough for a twin to be wrong about some.
const TWIN_MESSAGES: u64 = 20_000;

struct Wanted {
    patterns: Vec<Pattern>,
    messages: u64,
    seed: u64,
    is_json: bool,
}

/// `traffic …`.
pub fn run(arguments: &[&str]) -> ExitCode {
    let Some(wanted) = parse(arguments) else {
        eprintln!("usage: {USAGE}");
        return ExitCode::from(2);
    };
    match traffic(&wanted) {
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
    let mut wanted = Wanted { patterns: Vec::new(), messages: MESSAGES, seed, is_json: false };
    let mut rest = arguments.iter();
    while let Some(&argument) = rest.next() {
        match argument {
            "--json" => wanted.is_json = true,
            "--messages" => wanted.messages = rest.next()?.parse().ok().filter(|&messages| messages > 0)?,
            "--seed" => wanted.seed = rest.next()?.parse().ok()?,
            name => wanted.patterns.push(Pattern::of(name)?),
        }
    }
    if wanted.patterns.is_empty() {
        wanted.patterns = PATTERNS.to_vec();
    }
    Some(wanted)
}

fn traffic(wanted: &Wanted) -> Result<Report, Failure> {
    let mut report = Report { seed: wanted.seed, ..Report::default() };
    for &pattern in &wanted.patterns {
        for twin in TWINS.into_iter().filter(|twin| twin.is_wrong_at(pattern)) {
            let (_, findings) = Run::new(pattern, TWIN_MESSAGES, wanted.seed, Some(twin))?.run()?;
            let is_caught = findings.iter().any(|finding| finding.fault == twin.fault());
            report.twins += 1;
            report.twins_caught += u64::from(is_caught);
            let verdict = if is_caught { "caught" } else { "NOT CAUGHT" };
            eprintln!("twin {:<12} of a {:<8} {verdict}", twin.name(), pattern.name());
        }
        let (mut traffic, findings) = Run::new(pattern, wanted.messages, wanted.seed, None)?.run()?;
        traffic.add(&findings);
        report.traffic.push(traffic);
    }
    Ok(report)
}
