//! The command line of the sweep.

use std::process::{Command, ExitCode, Stdio};

use crosstie::os::clock;

use super::call;
use super::meetings;
use super::queue;
use super::report::Report;
use super::ring;
use super::scene::Operation;
use super::starting;
use super::sweep::Sweep;
use super::topic;
use super::turns;
use super::victim::{Failure, PROBE};

/// What to write.
pub const USAGE: &str = "usage: crosstie-torture step (--all | PART-OF-A-NAME) [--json] [--sample N]";

/// The exit code of `Unsupported` in Crosstie's table.
const UNSUPPORTED: u8 = 86;

struct Wanted<'a> {
    /// A part of the names of the operations; empty for all.
    name: &'a str,
    is_json: bool,
    sample: Option<u64>,
}

/// `step …`.
pub fn run(arguments: &[&str]) -> ExitCode {
    let Some(wanted) = parse(arguments) else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    if !is_tracing_allowed() {
        println!("SKIPPED: stepping a child (ptrace on x86-64) is not possible here");
        return ExitCode::from(UNSUPPORTED);
    }
    match sweep(&wanted) {
        Ok(report) => conclude(&report, wanted.is_json),
        Err(error) => {
            eprintln!("crosstie-torture: {error}");
            ExitCode::FAILURE
        }
    }
}

fn parse<'a>(arguments: &[&'a str]) -> Option<Wanted<'a>> {
    let (mut name, mut is_json, mut sample) = (None, false, None);
    let mut rest = arguments.iter();
    while let Some(&argument) = rest.next() {
        match argument {
            "--json" => is_json = true,
            "--sample" => sample = Some(rest.next()?.parse().ok().filter(|&count| count > 0)?),
            "--all" => name = Some(""),
            part if !part.starts_with('-') => name = Some(part),
            _ => return None,
        }
    }
    Some(Wanted { name: name?, is_json, sample })
}

/// Whether a child may be traced, tried out by a child.
fn is_tracing_allowed() -> bool {
    let mut probe = Command::new("/proc/self/exe");
    probe.args(["victim", PROBE]).stdin(Stdio::null()).stderr(Stdio::null());
    cfg!(target_arch = "x86_64") && probe.status().is_ok_and(|status| status.success())
}

fn sweep(wanted: &Wanted<'_>) -> Result<Report, Failure> {
    let mut report = Report::default();
    let start_ns = clock::now_ns();
    for operation in operations().filter(|operation| operation.name().contains(wanted.name)) {
        let swept = Sweep::of(operation)
            .and_then(|sweep| sweep.run(wanted.sample))
            .map_err(|error| format!("{}: {error}", operation.name()))?;
        report.add(operation, &swept);
    }
    report.close(clock::now_ns() - start_ns);
    Ok(report)
}

/// Every operation that is swept.
fn operations() -> impl Iterator<Item = &'static dyn Operation> {
    let rings = ring::CASES.iter().map(|case| case as &dyn Operation);
    let turns = turns::cases().iter().map(|case| case as &dyn Operation);
    let meetings = meetings::CASES.iter().map(|case| case as &dyn Operation);
    let queues = queue::CASES.iter().map(|case| case as &dyn Operation);
    let topics = topic::CASES.iter().map(|case| case as &dyn Operation);
    let calls = call::CASES.iter().map(|case| case as &dyn Operation);
    let commands = starting::CASES.iter().map(|case| case as &dyn Operation);
    rings.chain(queues).chain(topics).chain(calls).chain(turns).chain(meetings).chain(commands)
}

fn conclude(report: &Report, is_json: bool) -> ExitCode {
    let text = if is_json { serde_json::to_string(report).ok() } else { Some(format!("{report:#?}")) };
    println!("{}", text.unwrap_or_default());
    if report.is_good() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
