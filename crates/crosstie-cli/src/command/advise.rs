//! `crosstie advise`.

use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use bytesize::ByteSize;
use clap::Args;
use clap::builder::PossibleValue;
use crosstie::ErrorKind;
use crosstie_measure::advise::{self, Advice, Need, Scope, Want};
use crosstie_measure::compare::Plan;
use crosstie_measure::compare::run::Placement;
use crosstie_measure::record::Report;
use crosstie_measure::report;
use crosstie_measure::turns::plan::TurnsPlan;

use crate::args::Globals;
use crate::command::compare;
use crate::exit::{Failure, Outcome};
use crate::output::{colour, data};

/// Recommend a mechanism for a job
///
/// From what each mechanism can do and from figures measured on this machine: what to take, why, its
/// price, the next best, and why the others fall out. Exit code 1 if nothing does all that is asked.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub struct Arguments {
    /// Size of each message
    #[arg(long, value_name = "SIZE", value_parser = size, default_value = "64B")]
    size: usize,
    /// Messages per second that must get through: 10000/s, 10k/s, 2.5M/s
    #[arg(long, value_name = "RATE", value_parser = rate)]
    rate: Option<f64>,
    /// How far apart the processes are
    #[arg(long, value_enum, default_value_t = ScopeName(Scope::Machine))]
    scope: ScopeName,
    /// What else it must have; several with commas
    #[arg(long, value_enum, value_name = "NEED", value_delimiter = ',')]
    need: Vec<WantName>,
    /// A report that `crosstie compare --json` made (- for standard input); without it, measures for
    /// about a minute
    #[arg(long, value_name = "FILE")]
    from: Option<PathBuf>,
    /// One JSON document (crosstie.advice/1)
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "\
Examples:
  crosstie advise --from report/compare.json --size 1KiB --rate 10000/s --need lowest-latency
  crosstie advise --scope network --need many-senders
  crosstie advise --from report/compare.json --need each-to-one-worker,survives-receiver-death
  crosstie advise --from report/compare.json --scope network --need many-senders,ordering";

pub fn run(arguments: Arguments, globals: &Globals) -> Outcome {
    let need = Need {
        payload_bytes: arguments.size,
        messages_per_s: arguments.rate,
        scope: arguments.scope.0,
        wants: arguments.need.iter().map(|want| want.0).collect(),
    };
    let report = match &arguments.from {
        Some(path) => read(path)?,
        None => {
            let plan = Plan { turns: TurnsPlan::none(), ..Plan::short() };
            compare::measure(plan, Placement::Pinned, "crosstie advise".to_owned(), globals)?
        }
    };
    let advice = advise::recommend(&report, &need);
    let text = if arguments.json { json(&advice)? } else { advise::text(&advice, colour::of_stdout()) };
    data::text(&text)?;
    // A negative answer is on standard output already.
    if advice.recommended.is_some() { Ok(()) } else { Err(Failure::silent(1)) }
}

fn json(advice: &Advice) -> Result<String, Failure> {
    let text = serde_json::to_string_pretty(advice)
        .map_err(|error| Failure::new(ErrorKind::Failed, format!("write the advice as JSON: {error}")))?;
    Ok(text + "\n")
}

/// The report in a file.
fn read(path: &Path) -> Result<Report, Failure> {
    let name = path.display();
    let text = if path == Path::new("-") {
        let mut text = String::new();
        io::stdin().lock().read_to_string(&mut text).map(|_| text)
    } else {
        fs::read_to_string(path)
    };
    let text =
        text.map_err(|error| Failure::new(ErrorKind::of_io(&error), format!("read report {name}: {error}")))?;
    report::from_json(&text).map_err(|reason| {
        Failure::new(ErrorKind::Mismatch, format!("read report {name}: {reason}"))
            .advise("make one with `crosstie compare --json > report.json`")
    })
}

/// A size: `64`, `1KiB`, `4MiB`.
fn size(text: &str) -> Result<usize, String> {
    let wrong = |reason: String| format!("{reason}: write bytes (64) or a unit (1KiB, 4MiB)");
    let size: ByteSize = text.parse().map_err(wrong)?;
    usize::try_from(size.as_u64()).map_err(|error| wrong(error.to_string()))
}

/// A rate: `10000/s`, `10k/s`, `2.5M/s`, or without the `/s`.
fn rate(text: &str) -> Result<f64, String> {
    let number = text.strip_suffix("/s").unwrap_or(text).trim();
    let [digits, times] = match number.char_indices().next_back() {
        Some((end, 'k' | 'K')) => [&number[..end], "1e3"],
        Some((end, 'M')) => [&number[..end], "1e6"],
        _ => [number, "1"],
    };
    let parsed =
        digits.trim().parse::<f64>().ok().zip(times.parse::<f64>().ok()).map(|(value, times)| value * times);
    parsed
        .filter(|rate| rate.is_finite() && *rate > 0.0)
        .ok_or_else(|| format!("{text} is no rate: write messages per second (10000/s, 10k/s, 2.5M/s)"))
}

/// [`Scope`] on the command line.
#[derive(Clone, Copy, Debug)]
struct ScopeName(Scope);

impl clap::ValueEnum for ScopeName {
    fn value_variants<'a>() -> &'a [Self] {
        &[Self(Scope::Related), Self(Scope::Machine), Self(Scope::Network)]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(self.0.id()))
    }
}

/// [`Want`] on the command line.
#[derive(Clone, Copy, Debug)]
struct WantName(Want);

impl clap::ValueEnum for WantName {
    fn value_variants<'a>() -> &'a [Self] {
        const ALL: [WantName; Want::ALL.len()] = {
            let mut all = [WantName(Want::Simple); Want::ALL.len()];
            let mut index = 0;
            while index < all.len() {
                all[index] = WantName(Want::ALL[index]);
                index += 1;
            }
            all
        };
        &ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(self.0.id()).help(self.0.meaning().trim()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_rates_are_read_as_people_write_them() {
        assert_eq!(size("64"), Ok(64));
        assert_eq!(size("1KiB"), Ok(1024));
        assert_eq!(rate("10000/s"), Ok(10_000.0));
        assert_eq!(rate("2.5M/s"), Ok(2_500_000.0));
        assert_eq!(rate("10k"), Ok(10_000.0));
        for wrong in ["", "/s", "k", "-1", "0", "inf", "fast", "µ"] {
            assert!(rate(wrong).is_err(), "{wrong:?} was taken for a rate");
        }
        assert!(size("big").is_err());
    }
}
