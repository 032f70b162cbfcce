//! `crosstie-measure [talk|jobs|topics|turns] [REPETITIONS]`: the project's speed targets as ratios of one run.
//!
//! Exit code 0 if all are met, 1 if not. The machine should have nothing else to do.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use crosstie_measure::engine::scratch::run_hidden_subcommand;
use crosstie_measure::targets::{self, Bound, Half, Verdict};

/// Without an argument.
const REPETITIONS: usize = 9;

fn main() -> ExitCode {
    if let Some(code) = run_hidden_subcommand() {
        return code;
    }
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    let halves = match arguments.first().map(String::as_str) {
        Some("talk") => vec![Half::Talk],
        Some("jobs") => vec![Half::Jobs],
        Some("topics") => vec![Half::Topics],
        Some("turns") => vec![Half::Turns],
        _ => vec![Half::Talk, Half::Jobs, Half::Topics, Half::Turns],
    };
    if halves.len() == 1 {
        arguments.remove(0);
    }
    let repetitions = match arguments.first().map(|text| text.parse()) {
        None => REPETITIONS,
        Some(Ok(count)) if count > 0 => count,
        Some(_) => return fail("usage: crosstie-measure [talk|jobs|topics|turns] [REPETITIONS]", 2),
    };
    let mut tell = |what: &str| {
        // Whoever closed standard error wants no notes.
        let _ = writeln!(std::io::stderr(), "{what}");
    };
    match targets::measure(PathBuf::from("/proc/self/exe"), &halves, repetitions, &mut tell) {
        Ok(verdicts) => print(&verdicts),
        Err(error) => fail(&error.to_string(), error.kind().exit_code()),
    }
}

fn print(verdicts: &[Verdict]) -> ExitCode {
    let mut text = format!(
        "{:<40} {:>13}   {:>6}   {:>15}   {:>7}\n",
        "ratio of two figures of one repetition", "at", "median", "least – most", "target"
    );
    for verdict in verdicts {
        let (sign, bound) = match verdict.bound {
            Bound::AtMost(bound) => ("≤", bound),
            Bound::AtLeast(bound) => ("≥", bound),
        };
        let figures = match verdict.ratio {
            Some([median, least, most]) => format!("{median:>6.2}   {least:>6.2} – {most:<6.2}"),
            None => format!("{:>24}", "not measured"),
        };
        let mark = if verdict.is_met() { "" } else { "   MISSED" };
        text += &format!("{:<40} {:>13}   {figures}   {sign} {bound:<5.2}{mark}\n", verdict.what, verdict.at);
    }
    if std::io::stdout().write_all(text.as_bytes()).is_err() {
        return ExitCode::FAILURE;
    }
    if verdicts.iter().all(Verdict::is_met) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn fail(why: &str, code: u8) -> ExitCode {
    // Whoever closed standard error wants no notes.
    let _ = writeln!(std::io::stderr(), "{why}");
    ExitCode::from(code)
}
