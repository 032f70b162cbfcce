//! The command line of the deadlocks.

use std::process::ExitCode;

use crosstie::ledger::{Domain, Net};
use crosstie::os::{clock, random};

use super::cast::Failure;
use super::play::{Played, play};
use super::report::Report;
use super::scene::{Scene, generated, known};
use super::twin::TWINS;
use crate::dice::Dice;

/// What to write.
pub const USAGE: &str = "crosstie-torture deadlocks [--cases N] [--seed S] [--json]";

#[derive(Debug)]
struct Wanted {
    cases: u64,
    seed: u64,
    is_json: bool,
}

/// `deadlocks …`.
pub fn run(arguments: &[&str]) -> ExitCode {
    let Some(wanted) = parse(arguments) else {
        eprintln!("usage: {USAGE}");
        return ExitCode::from(2);
    };
    match play_all(&wanted) {
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
    let mut wanted = Wanted { cases: 200, seed: random::word().unwrap_or(1) >> 16, is_json: false };
    let mut rest = arguments.iter();
    while let Some(&argument) = rest.next() {
        match argument {
            "--json" => wanted.is_json = true,
            "--cases" => wanted.cases = rest.next()?.parse().ok().filter(|&cases| cases > 0)?,
            "--seed" => wanted.seed = rest.next()?.parse().ok()?,
            _ => return None,
        }
    }
    Some(wanted)
}

/// The twins, the known scenes, and as many generated ones as there is room for.
fn play_all(wanted: &Wanted) -> Result<Report, Failure> {
    let folder = tempfile::Builder::new().prefix("crosstie-deadlocks").tempdir_in("/dev/shm")?;
    let domain = Domain::open(folder.path().join("domain"))?;
    domain.set_net(Net::Absent);
    let mut report = Report::of(wanted.seed);
    let start_ns = clock::now_ns();
    let known = known();
    for (number, (twin, scene, fault)) in TWINS.iter().enumerate() {
        let (_, _, scene) = known.iter().find(|(name, ..)| name == scene).ok_or("no such scene")?;
        let played = play(domain, &format!("twin{number}"), scene, Some(*twin))?;
        let is_caught = played.faults.iter().any(|(found, _)| found == fault);
        eprintln!("twin {twin:?} {}", if is_caught { "caught" } else { "NOT CAUGHT" });
        report.add_twin(is_caught);
    }
    for (number, (name, has_deadlock, scene)) in known.iter().enumerate() {
        let played = play_case(domain, &format!("known{number}"), scene, &mut report)?;
        if (played.deadlocks > 0) != *has_deadlock {
            return Err(format!("the oracle errs about {name}").into());
        }
        report.add(name, &played);
    }
    let mut dice = Dice::new(wanted.seed);
    for number in 0..wanted.cases {
        let scene = generated(&mut dice);
        let name = format!("case{number}");
        let played = play_case(domain, &name, &scene, &mut report)?;
        if !played.faults.is_empty() {
            eprintln!("{name} of seed {}: {scene:?}", wanted.seed);
        }
        report.add(&name, &played);
    }
    report.close(clock::now_ns() - start_ns);
    Ok(report)
}

/// Plays a case, and once more if a report came late: this machine does other things too.
fn play_case(
    domain: &'static Domain,
    name: &str,
    scene: &Scene,
    report: &mut Report,
) -> Result<Played, Failure> {
    let played = play(domain, name, scene, None)?;
    if !played.faults.is_empty() || !Report::is_slow(&played) {
        return Ok(played);
    }
    report.repeat();
    play(domain, &format!("{name}again"), scene, None)
}
