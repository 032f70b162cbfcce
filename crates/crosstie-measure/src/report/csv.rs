//! CSV: one line per row of the record, RFC 4180.

use crate::record::{Report, Row, Turns};
use crate::turns::plan::BALLAST_BYTES;

use super::{table, turns};

const HEADER: &str = "mechanism,wait,payload_bytes,verified,not_measured,round_trip_ns_p50,round_trip_ns_p99,\
round_trip_ns_p999,round_trip_ns_mean,times_floor,times_bare_loop,paced_round_trip_ns_p50,paced_round_trip_ns_p99,\
messages_per_s,bytes_per_s,syscalls_per_message,cpu_percent_sender,cpu_percent_receiver,\
paced_cpu_percent_sender,paced_cpu_percent_receiver,lost,\
round_trip_ns_p50_least,round_trip_ns_p50_most,messages_per_s_least,messages_per_s_most,\
kept_up_messages_per_s,full_messages_per_s,\
is_ours,scope,program_lines,on_death,pair_ns,\
pairs_per_s_2_short,pairs_per_s_8_short,pairs_per_s_2_1us,pairs_per_s_8_1us,\
overtaken_most_8_short,overtaken_in_queue_8_short,longest_wait_ns_8_short,\
hand_over_ns_p50,hand_over_ns_p99,death_ns_p50,death_256mib_ns_p50";

/// Fields of a channel's row that a way to take turns does not have: all but its name.
const OF_CHANNELS: usize = 26;
/// Fields of a way to take turns that a channel's row does not have.
const OF_TURNS: usize = 16;

/// The rows as CSV, with a header line: those of the channels, then the ways to take turns; what was not
/// measured, or is not of its kind, is empty.
#[must_use]
pub fn csv(report: &Report) -> String {
    let mut text = format!("{HEADER}\r\n");
    for row in table::ordered_rows(report) {
        line(&mut text, &fields(report, row));
    }
    for way in &report.turns {
        line(&mut text, &turns_fields(way));
    }
    text
}

fn line(text: &mut String, fields: &[String]) {
    let fields: Vec<String> = fields.iter().map(|field| quoted(field)).collect();
    text.push_str(&fields.join(","));
    text.push_str("\r\n");
}

fn turns_fields(way: &Turns) -> Vec<String> {
    let mut fields = vec![way.mechanism.clone()];
    fields.resize(1 + OF_CHANNELS, String::new());
    // Where a channel's row says why it has no figures.
    fields[4] = way.not_measured.clone().unwrap_or_default();
    let number = |value: Option<u64>| value.map_or_else(String::new, |value| value.to_string());
    fields.extend([way.is_ours.to_string(), way.scope.clone()]);
    fields
        .extend([number((way.program_lines > 0).then_some(way.program_lines as u64)), way.on_death.clone()]);
    fields.push(way.pair_ns.map_or_else(String::new, |ns| format!("{ns:.2}")));
    for (parties, section_ns) in [(2, 0), (8, 0), (2, 1_000), (8, 1_000)] {
        let run = turns::contended(way, parties, section_ns);
        fields.push(run.map_or_else(String::new, |run| format!("{:.0}", run.pairs_per_s)));
    }
    let crowd = turns::contended(way, 8, 0);
    fields.push(number(crowd.map(|run| run.overtaken_most)));
    fields.push(number(crowd.and_then(|run| run.overtaken_in_queue)));
    fields.push(number(crowd.map(|run| run.longest_wait_ns)));
    fields.extend([number(way.hand_over_ns.map(|it| it.p50)), number(way.hand_over_ns.map(|it| it.p99))]);
    for bytes in [0, BALLAST_BYTES as u64] {
        fields.push(number(turns::death(way, bytes).and_then(|death| death.next_owner_ns_p50)));
    }
    fields
}

fn fields(report: &Report, row: &Row) -> Vec<String> {
    let mut fields = vec![
        row.mechanism.clone(),
        row.wait.clone(),
        row.payload_bytes.to_string(),
        row.verified.to_string(),
        row.not_measured.clone().unwrap_or_default(),
    ];
    if !table::is_measured(row) {
        fields.resize(HEADER.split(',').count(), String::new());
        return fields;
    }
    let optional = |value: Option<f64>| value.map_or_else(String::new, |value| format!("{value:.3}"));
    let (trip, paced) = (row.round_trip_ns, row.paced_round_trip_ns);
    fields.extend([trip.p50, trip.p99, trip.p999, trip.mean].map(|ns| ns.to_string()));
    fields.push(optional(table::times_floor(report, row)));
    fields.push(optional(table::times_loop(report, row)));
    fields.extend([paced.p50, paced.p99].map(|ns| ns.to_string()));
    fields.extend([row.messages_per_s, row.bytes_per_s].map(|rate| rate.to_string()));
    fields.push(row.syscalls_per_message.map_or_else(String::new, |calls| calls.to_string()));
    let cpu = [row.cpu_percent, row.paced_cpu_percent];
    fields.extend(cpu.iter().flat_map(|cpu| [cpu.sender.to_string(), cpu.receiver.to_string()]));
    fields.push(row.lost.to_string());
    match row.repetitions {
        Some(spread) => {
            fields.extend(spread.round_trip_ns_p50.map(|ns| ns.to_string()));
            fields.extend(spread.messages_per_s.map(|rate| rate.to_string()));
        }
        None => fields.extend([const { String::new() }; 4]),
    }
    fields.extend([row.kept_up_messages_per_s, row.full_messages_per_s].map(optional));
    fields.resize(fields.len() + OF_TURNS, String::new());
    fields
}

fn quoted(field: &str) -> String {
    if field.contains([',', '"', '\r', '\n']) {
        format!("\"{}\"", field.replace('"', "\"\""))
    } else {
        field.to_owned()
    }
}
