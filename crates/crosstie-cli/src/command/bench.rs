//! `crosstie bench`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use crosstie::ErrorKind;
use crosstie::endpoint::{Address, Options, Place};
use crosstie::os::clock;
use crosstie_measure::bench::{self, Local, Pattern, Want};
use crosstie_measure::engine::spec::Wait;
use crosstie_measure::record::Row;
use crosstie_measure::{machine, report};

use crate::args::{Globals, values};
use crate::exit::{Failure, Outcome};
use crate::output::{data, note};

/// Measure one address
///
/// Between two processes of this machine, each on a core of its own; or, for a host that is not this
/// machine, against `crosstie bench ADDR --listen` there. Every byte of every payload is checked.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub struct Arguments {
    /// The address: pipe: fifo:/p unix:/p unixpacket:/p ring:NAME queue:NAME topic:NAME tcp:host:port udp:host:port
    #[arg(value_name = "ADDR")]
    address: Address,
    /// Size of each message, at least 8 bytes
    #[arg(long, value_name = "SIZE", value_parser = values::bytes, default_value = "64B")]
    size: usize,
    /// What to measure [default: round-trip and one-way]
    #[arg(long, value_enum)]
    pattern: Option<PatternName>,
    /// How an end of a ring, a queue or a topic waits
    #[arg(long, value_enum, default_value_t = WaitName::Block)]
    wait: WaitName,
    /// How many messages [default: as many as take about a second]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
    /// One row as JSON, as in crosstie.compare/1; what was not measured is null
    #[arg(long)]
    json: bool,
    /// Let the kernel place the two sides
    #[arg(long)]
    no_pin: bool,
    /// Be the other side, for any number of clients (tcp, unix, unixpacket); with --pattern call, serve calls
    #[arg(long, conflicts_with_all = ["connect", "json", "count"])]
    listen: bool,
    /// Measure against a listener, also on this machine
    #[arg(long)]
    connect: bool,
}

const EXAMPLES: &str = "\
Examples:
  crosstie bench ring:x --wait spin --size 64B       a ring between two processes here
  crosstie bench queue:x --pattern call              a call through a queue, and its reply
  crosstie bench tcp:0.0.0.0:9000 --listen           on one machine, then
  crosstie bench tcp:HOST:9000 --size 1KiB           on another: the network between them";

#[derive(Clone, Copy, Debug, ValueEnum)]
enum PatternName {
    /// There and back, one message in flight
    RoundTrip,
    /// One way, as fast as it goes
    OneWay,
    /// A call and its reply, one in flight (unix, unixpacket, tcp, fifo, queue, ring)
    Call,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum WaitName {
    /// Sleep at once
    Block,
    /// Never sleep
    Spin,
}

/// How long to wait for a listener.
const CONNECT_PATIENCE: Duration = Duration::from_secs(10);

pub fn run(arguments: Arguments, globals: &Globals) -> Outcome {
    let address = &arguments.address;
    let options = Options { domain: globals.domain.clone(), ..Options::default() };
    if arguments.listen {
        let mut tell = |text: &str| note::line(globals, text);
        match arguments.pattern {
            Some(PatternName::Call) => return Ok(bench::calls::listen(address, &options, &mut tell)?),
            Some(PatternName::RoundTrip | PatternName::OneWay) => {
                return Err(Failure::usage("--listen does what each client asks")
                    .advise("say --pattern to the client; only --pattern call serves calls instead"));
            }
            None => {}
        }
        return Ok(bench::listen(address, &options, &mut tell)?);
    }
    let want = Want {
        payload_bytes: arguments.size,
        wait: match arguments.wait {
            WaitName::Block => Wait::Block,
            WaitName::Spin => Wait::Spin,
        },
        pattern: arguments.pattern.map(|pattern| match pattern {
            PatternName::RoundTrip => Pattern::RoundTrip,
            PatternName::OneWay => Pattern::OneWay,
            PatternName::Call => Pattern::Call,
        }),
        count: arguments.count,
    };
    let row = if arguments.connect || is_elsewhere(address) {
        let open_deadline = clock::deadline_in(CONNECT_PATIENCE);
        bench::against(address, &want, &Options { open_deadline, ..options })?
    } else {
        let processors = if arguments.no_pin { None } else { machine::two_processors() };
        bench::here(address, &want, &Local { program: PathBuf::from("/proc/self/exe"), processors })?
    };
    let text = if arguments.json { json(&row)? } else { describe(&row) };
    data::text(&text)
}

/// Whether the address names a host that is not this machine's loopback.
fn is_elsewhere(address: &Address) -> bool {
    let (Place::Tcp(place) | Place::Udp(place)) = address.place() else { return false };
    match place.host.parse::<std::net::IpAddr>() {
        Ok(ip) => !ip.is_loopback(),
        Err(_) => place.host != "localhost",
    }
}

fn json(row: &Row) -> Result<String, Failure> {
    let text = serde_json::to_value(row)
        .and_then(|mut document| {
            // The pace of a thousand a second is compare's alone; the other two are as was asked.
            let unmeasured = [
                ("paced_round_trip_ns", row.paced_round_trip_ns.p50 == 0),
                ("paced_cpu_percent", row.paced_round_trip_ns.p50 == 0),
                ("round_trip_ns", row.round_trip_ns.p50 == 0),
                ("messages_per_s", row.messages_per_s == 0.0),
                ("bytes_per_s", row.messages_per_s == 0.0),
            ];
            for (figure, _) in unmeasured.iter().filter(|(_, is_unmeasured)| *is_unmeasured) {
                document[figure] = serde_json::Value::Null;
            }
            serde_json::to_string_pretty(&document)
        })
        .map_err(|error| Failure::new(ErrorKind::Failed, format!("write the row as JSON: {error}")))?;
    Ok(text + "\n")
}

/// The row in words; what was not measured is not said, and that it was disturbed is.
fn describe(row: &Row) -> String {
    let ns = |ns: u64| report::duration(ns as f64);
    let mut lines = vec![format!(
        "{}, {} payload, {}ing; every payload checked",
        row.mechanism,
        report::size(row.payload_bytes),
        if row.wait == "spin" { "spinn" } else { "block" },
    )];
    if row.round_trip_ns.p50 > 0 {
        let trip = &row.round_trip_ns;
        let (p50, p99, p999, mean) = (ns(trip.p50), ns(trip.p99), ns(trip.p999), ns(trip.mean));
        let what = if row.pattern.is_some() { "a call        " } else { "there and back" };
        lines.push(format!("{what}   {p50}   (p99 {p99}, p99.9 {p999}, mean {mean})"));
    }
    if row.messages_per_s > 0.0 {
        lines.push(format!(
            "one way          {}   {}",
            report::rate(row.messages_per_s),
            report::bytes_rate(row.bytes_per_s)
        ));
        lines.push(format!(
            "processor        {:.0} % sender, {:.0} % receiver",
            row.cpu_percent.sender, row.cpu_percent.receiver
        ));
    }
    if let Some(calls) = row.syscalls_per_message {
        lines.push(format!("system calls     {calls:.2} per message, both sides"));
    }
    if let Some(calls) = row.syscalls_per_round_trip {
        lines.push(format!("system calls     {calls:.2} there and back, both sides"));
    }
    if row.lost > 0 {
        lines.push(format!("lost             {} messages", row.lost));
    }
    lines.extend(report::disturbance([row]).map(|words| words.trim_start_matches("* ").to_owned()));
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_that_was_disturbed_says_so() {
        let row = Row { is_disturbed: true, ..Row::default() };
        assert!(describe(&row).contains("\ndisturbed, not to be relied on"), "{}", describe(&row));
        assert!(!describe(&Row::default()).contains("disturbed"));
    }
}
