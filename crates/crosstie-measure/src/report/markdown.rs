//! Markdown that can be pasted into an issue or a README.

use crate::record::{Report, Row};

use super::{figure, table, turns};

/// The report as Markdown: the textbook's table, the floor, the figures by size, how they came about.
#[must_use]
pub fn markdown(report: &Report) -> String {
    let mut text = String::new();
    textbook(report, &mut text);
    text.push_str("\n**The machine's own floor, same run:** ");
    let facts: Vec<String> =
        table::floor_facts(report).into_iter().map(|(name, fact)| format!("{name} {fact}")).collect();
    text.push_str(&facts.join(" · "));
    text.push('\n');
    for block in table::blocks(report) {
        sizes(report, &block, &mut text);
    }
    taking_turns(report, &mut text);
    text.push('\n');
    text.push_str(&format!(
        "Measured on {} by `{}` in {:.0} s.\n",
        escaped(&table::machine(report)),
        code(&report.command),
        report.elapsed_s
    ));
    for note in table::notes(report) {
        text.push_str(&format!("- {}\n", escaped(&note)));
    }
    text
}

fn textbook(report: &Report, text: &mut String) {
    let reference = figure::size(table::reference_bytes(report));
    text.push_str(&format!("**How processes talk, with this machine's figures** ({reference} payload: round trip p50, messages/s one way)\n\n"));
    line(text, &["mechanism", "speed", "complexity", "scope", "use case", "pros", "cons"]);
    text.push_str("|---|---|---|---|---|---|---|\n");
    for entry in table::textbook(report) {
        let mechanism = entry.mechanism;
        line(
            text,
            &[
                &format!("**{}**", escaped(&mechanism.name)),
                &with_figures(&mechanism.speed, &entry.speed.join("; ")),
                &with_figures(&mechanism.complexity, &entry.complexity),
                &escaped(&entry.scope),
                &escaped(&mechanism.use_case),
                &escaped(&mechanism.pros),
                &escaped(&mechanism.cons),
            ],
        );
    }
}

/// The figures of one payload size.
fn sizes(report: &Report, block: &table::Block<'_>, text: &mut String) {
    text.push_str(&format!("\n**{} payload**\n\n", figure::size(block.payload_bytes)));
    line(text, &DETAIL);
    text.push_str("|---|--:|--:|--:|--:|--:|--:|--:|--:|\n");
    let [round_trip, messages, bytes] = table::floor_row(report, block.payload_bytes);
    let [round_trip, messages, bytes] =
        [figure::duration(round_trip), figure::rate(messages), figure::bytes_rate(bytes)];
    line(text, &["*floor*", &round_trip, "", "", "1×", &messages, &bytes, "", ""]);
    for row in &block.rows {
        detail(report, row, text);
    }
    if let Some(words) = table::disturbance(block.rows.iter().copied()) {
        text.push_str(&format!("\n{}\n", escaped(&words)));
    }
}

/// The second half.
fn taking_turns(report: &Report, text: &mut String) {
    if report.turns.is_empty() {
        return;
    }
    text.push_str("\n**How processes take turns, with this machine's figures**\n\n");
    let words = ["between", "lines", "when its owner dies"];
    line(text, &[&["mechanism"], &turns::FIGURES[..], &words[..]].concat());
    text.push_str(&format!("|---{}|---|--:|---|\n", "|--:".repeat(turns::FIGURES.len())));
    for way in &report.turns {
        let name = escaped(&way.mechanism);
        let mut cells = vec![if way.is_ours { format!("**{name}**") } else { name }];
        cells.extend(turns::cells(way));
        cells.extend([escaped(&way.scope), turns::lines(way), escaped(&turns::on_death(way))]);
        line(text, &cells.iter().map(String::as_str).collect::<Vec<_>>());
    }
    text.push('\n');
    for sentence in turns::LEGEND {
        text.push_str(&format!("- {}\n", escaped(sentence)));
    }
}

const DETAIL: [&str; 9] = [
    "mechanism",
    "round trip p50",
    "spread",
    "p99",
    "× floor",
    "messages/s",
    "bytes/s",
    "CPU %",
    "calls/message",
];

fn detail(report: &Report, row: &Row, text: &mut String) {
    let label = escaped(&table::marked(report, row));
    if let Some(reason) = &row.not_measured {
        line(text, &[&label, &escaped(reason), "", "", "", "", "", "", ""]);
        return;
    }
    line(
        text,
        &[
            &label,
            &figure::duration(table::ns(row.round_trip_ns.p50)),
            &table::spread(row).map_or_else(|| figure::ABSENT.to_owned(), figure::durations),
            &figure::duration(table::ns(row.round_trip_ns.p99)),
            &figure::ratio(table::times_floor(report, row).unwrap_or(0.0)),
            &figure::rate(row.messages_per_s),
            &figure::bytes_rate(row.bytes_per_s),
            &figure::cpu(row.cpu_percent),
            &figure::calls(row.syscalls_per_message),
        ],
    );
}

/// Words, and the figures that belong to them, if any.
fn with_figures(words: &str, figures: &str) -> String {
    let words = escaped(words);
    if figures.is_empty() { words } else { format!("{words}: {figures}") }
}

fn line(text: &mut String, cells: &[&str]) {
    text.push_str("| ");
    text.push_str(&cells.join(" | "));
    text.push_str(" |\n");
}

/// Keeps text that others wrote from ending a cell, starting markup or a tag.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '|' | '*' | '_' | '`' | '[' | ']' | '\\' => {
                out.push('\\');
                out.push(character);
            }
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            other if other.is_control() => out.push(' '),
            other => out.push(other),
        }
    }
    out
}

/// Text between backticks, which nothing but a backtick or a new line ends.
fn code(text: &str) -> String {
    text.chars()
        .map(|character| match character {
            '`' => '\'',
            other if other.is_control() => ' ',
            other => other,
        })
        .collect()
}
