//! The table, as Markdown: one row a subject, what cannot be measured with its reason below.

use crosstie_measure::report;
use crosstie_measure::targets::Bound;

use crate::record::{Record, Row};
use crate::subject::{LARGE, SUBJECTS};
use crate::targets::Verdict;

const ABSENT: &str = "–";

/// The whole report.
pub fn markdown(record: &Record, verdicts: &[Verdict]) -> String {
    let machine = &record.machine;
    let mut text = format!(
        "{}, {} cores{}, {}, {}\n\n",
        machine.cpu,
        machine.cores,
        if machine.virtual_machine { " of a virtual machine" } else { "" },
        machine.kernel,
        machine.date,
    );
    text += &format!(
        "`cargo xtask peers`: {} repetitions of each row, those of all in turn; medians. memcpy of 64 KiB in cache: {}.\n\n",
        record.repetitions,
        report::bytes_rate(record.memcpy_bytes_per_s),
    );
    text += "| | waiting | round trip 48 B<br>p50 / p99 | round trip 64 B<br>p50 / p99 | one way 48 B | one way 64 B | 64 KiB |\n";
    text += "|---|---|--:|--:|--:|--:|--:|\n";
    for subject in &SUBJECTS {
        let of = |payload_bytes| record.row(subject.name, payload_bytes);
        if !record.rows.iter().any(|row| row.name == subject.name) {
            continue;
        }
        let label = match subject.kind {
            crate::subject::Kind::Ours => format!("**{}**", subject.name),
            crate::subject::Kind::Floor => format!("*{}* (floor)", subject.name),
            crate::subject::Kind::Threads => format!("{} (threads of one process)", subject.name),
            crate::subject::Kind::Peer => subject.name.to_owned(),
        };
        let cells = [
            trip(of(48)),
            trip(of(64)),
            of(48).map_or(ABSENT.to_owned(), |row| report::rate(row.messages_per_s)),
            of(64).map_or(ABSENT.to_owned(), |row| report::rate(row.messages_per_s)),
            of(LARGE).map_or(ABSENT.to_owned(), |row| report::bytes_rate(row.bytes_per_s())),
        ];
        text += &format!("| {label} | {} | {} |\n", subject.waits, cells.join(" | "));
    }
    for row in record.rows.iter().filter(|row| row.skipped.is_some()) {
        let why = row.skipped.as_deref().unwrap_or_default();
        text += &format!("\nSKIPPED: {}, {}: {why}\n", row.name, report::size(row.payload_bytes));
    }
    text + &judged(verdicts)
}

fn trip(row: Option<&Row>) -> String {
    row.map_or(ABSENT.to_owned(), |row| {
        let [p50, p99] = [row.round_trip_ns.p50, row.round_trip_ns.p99].map(|ns| report::duration(ns as f64));
        format!("{p50} / {p99}")
    })
}

fn judged(verdicts: &[Verdict]) -> String {
    let mut text =
        "\n| ratio within a repetition | at | median (least – most) | target | |\n|---|---|--:|--:|---|\n"
            .to_owned();
    for verdict in verdicts {
        let ratio = match verdict.ratio {
            Some([median, least, most]) => format!("{median:.2} ({least:.2} – {most:.2})"),
            None => "not measured".to_owned(),
        };
        let bound = match verdict.bound {
            Some(Bound::AtMost(most)) => format!("≤ {most:.2}"),
            Some(Bound::AtLeast(least)) => format!("≥ {least:.2}"),
            None => String::new(),
        };
        text += &format!("| {} | {} | {ratio} | {bound} | {} |\n", verdict.what, verdict.at, verdict.word());
    }
    text
}
