//! CSV: one line per row of the record, RFC 4180.

use crate::record::{Report, Row};

use super::table;

const HEADER: &str = "mechanism,wait,payload_bytes,verified,not_measured,round_trip_ns_p50,round_trip_ns_p99,\
round_trip_ns_p999,round_trip_ns_mean,times_floor,times_bare_loop,paced_round_trip_ns_p50,paced_round_trip_ns_p99,\
messages_per_s,bytes_per_s,syscalls_per_message,cpu_percent_sender,cpu_percent_receiver,\
paced_cpu_percent_sender,paced_cpu_percent_receiver,lost,\
round_trip_ns_p50_least,round_trip_ns_p50_most,messages_per_s_least,messages_per_s_most,\
kept_up_messages_per_s,full_messages_per_s";

/// The rows as CSV, with a header line; what was not measured is empty.
#[must_use]
pub fn csv(report: &Report) -> String {
    let mut text = format!("{HEADER}\r\n");
    for row in table::ordered_rows(report) {
        let fields: Vec<String> = fields(report, row).iter().map(|field| quoted(field)).collect();
        text.push_str(&fields.join(","));
        text.push_str("\r\n");
    }
    text
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
    fields
}

fn quoted(field: &str) -> String {
    if field.contains([',', '"', '\r', '\n']) {
        format!("\"{}\"", field.replace('"', "\"\""))
    } else {
        field.to_owned()
    }
}
