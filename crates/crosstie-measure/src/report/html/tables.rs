//! The page's tables.

use crate::record::{Report, Row};
use crate::report::svg::{escaped, style};
use crate::report::{figure, table, turns};

/// The textbook's table; on a phone each mechanism becomes a card.
pub(crate) fn textbook(report: &Report) -> String {
    let names = ["Mechanism", "Speed", "Complexity", "Scope", "Use case", "Pros", "Cons"];
    let mut text = String::from("<table class=\"textbook\">\n<thead><tr>");
    for name in names {
        text.push_str(&format!("<th scope=\"col\">{name}</th>"));
    }
    text.push_str("</tr></thead>\n<tbody>\n");
    for entry in table::textbook(report) {
        let mechanism = entry.mechanism;
        let figures: String = entry
            .speed
            .iter()
            .map(|figure| format!("<span class=\"figure\">{}</span>", escaped(figure)))
            .collect();
        let cells = [
            (names[1], format!("<b>{}</b>{figures}", escaped(&mechanism.speed))),
            (
                names[2],
                format!(
                    "<b>{}</b><span class=\"figure\">{}</span>",
                    escaped(&mechanism.complexity),
                    escaped(&entry.complexity)
                ),
            ),
            (names[3], escaped(&entry.scope)),
            (names[4], escaped(&mechanism.use_case)),
            (names[5], escaped(&mechanism.pros)),
            (names[6], escaped(&mechanism.cons)),
        ];
        let name = escaped(&mechanism.name);
        text.push_str(&format!(
            "<tr><th scope=\"row\" class=\"mechanism {}\">{name}</th>",
            class(&mechanism.name)
        ));
        for (label, cell) in cells {
            text.push_str(&format!("<td data-label=\"{label}\"><div>{cell}</div></td>"));
        }
        text.push_str("</tr>\n");
    }
    text.push_str("</tbody>\n</table>\n");
    text
}

/// The floor's figures.
pub(crate) fn floor(report: &Report) -> String {
    let mut text = String::from(
        "<p class=\"lead\">Two processes without any mechanism between them, taken in the same run: how near the figures are to the machine’s own.</p>\n\
         <dl class=\"floor\">\n",
    );
    for (name, fact) in table::floor_facts(report) {
        let (figure, rest) = fact.split_once(", ").unwrap_or((&fact, ""));
        text.push_str(&format!(
            "<div><dt>{}</dt><dd>{}<small>{}</small></dd></div>\n",
            escaped(name),
            escaped(figure),
            escaped(rest)
        ));
    }
    text.push_str("</dl>\n");
    text
}

/// All figures, by size.
pub(crate) fn detail(report: &Report) -> String {
    let mut text = String::from(
        "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-labelledby=\"detail\">\n<table class=\"detail\">\n",
    );
    text.push_str("<thead><tr><th scope=\"col\">mechanism</th>");
    for name in [
        "round\u{a0}trip p50",
        "p99",
        "p99.9",
        "spread of p50",
        "×\u{a0}floor",
        "×\u{a0}bare loop",
        "paced p50",
        "messages/s",
        "bytes/s",
        "CPU %",
        "paced CPU\u{a0}%",
        "calls / message",
    ] {
        text.push_str(&format!("<th scope=\"col\">{name}</th>"));
    }
    text.push_str("</tr></thead>\n");
    for block in table::blocks(report) {
        let size = figure::size(block.payload_bytes);
        text.push_str(&format!(
            "<tbody>\n<tr class=\"size\"><th scope=\"rowgroup\" colspan=\"13\">{size}</th></tr>\n"
        ));
        text.push_str(&floor_row(report, block.payload_bytes));
        for row in block.rows {
            text.push_str(&detail_row(report, row));
        }
        text.push_str("</tbody>\n");
    }
    text.push_str("</table>\n</div>\n");
    if let Some(words) = table::disturbance(&report.rows) {
        text.push_str(&format!("<p class=\"lead\">{}</p>\n", escaped(&words)));
    }
    text
}

fn floor_row(report: &Report, payload_bytes: usize) -> String {
    let [round_trip, messages, bytes] = table::floor_row(report, payload_bytes);
    format!(
        "<tr class=\"floor\"><th scope=\"row\">floor</th><td>{}</td><td></td><td></td><td></td><td>1×</td><td></td><td></td>\
         <td>{}</td><td>{}</td><td></td><td></td><td></td></tr>\n",
        figure::duration(round_trip),
        figure::rate(messages),
        figure::bytes_rate(bytes)
    )
}

fn detail_row(report: &Report, row: &Row) -> String {
    let label = escaped(&table::marked(report, row));
    if let Some(reason) = &row.not_measured {
        let reason = escaped(reason);
        return format!(
            "<tr><th scope=\"row\">{label}</th><td colspan=\"12\" class=\"absent\">{reason}</td></tr>\n"
        );
    }
    let time = |value: u64| figure::duration(table::ns(value));
    let cells = [
        time(row.round_trip_ns.p50),
        time(row.round_trip_ns.p99),
        time(row.round_trip_ns.p999),
        table::spread(row).map_or_else(|| figure::ABSENT.to_owned(), figure::durations),
        figure::ratio(table::times_floor(report, row).unwrap_or(0.0)),
        figure::ratio(table::times_loop(report, row).unwrap_or(0.0)),
        time(row.paced_round_trip_ns.p50),
        figure::rate(row.messages_per_s),
        figure::bytes_rate(row.bytes_per_s),
        figure::cpu(row.cpu_percent),
        figure::cpu(row.paced_cpu_percent),
        figure::calls(row.syscalls_per_message),
    ];
    let warning = if row.verified { "" } else { " <strong>not verified</strong>" };
    let class = class(&row.mechanism);
    let mut text = format!("<tr><th scope=\"row\" class=\"mechanism {class}\">{label}{warning}</th>");
    for cell in cells {
        text.push_str(&format!("<td>{}</td>", escaped(&cell)));
    }
    text.push_str("</tr>\n");
    text
}

/// The second half: all figures, and what they mean.
pub(crate) fn turns(report: &Report) -> String {
    let mut text = String::from(
        "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-labelledby=\"turns\">\n\
         <table class=\"detail turns\">\n<thead><tr><th scope=\"col\">mechanism</th>",
    );
    for name in turns::FIGURES.iter().chain(&["between", "lines"]) {
        text.push_str(&format!("<th scope=\"col\">{}</th>", escaped(name)));
    }
    text.push_str("<th scope=\"col\" class=\"words\">when its owner dies</th></tr></thead>\n<tbody>\n");
    for way in &report.turns {
        let class = style::of_turns(way.is_ours).class;
        let name = escaped(&way.mechanism);
        text.push_str(&format!("<tr><th scope=\"row\" class=\"mechanism {class}\">{name}</th>"));
        for cell in turns::cells(way).iter().chain(&[way.scope.clone(), turns::lines(way)]) {
            text.push_str(&format!("<td>{}</td>", escaped(cell)));
        }
        text.push_str(&format!("<td class=\"words\">{}</td></tr>\n", escaped(&turns::on_death(way))));
    }
    text.push_str("</tbody>\n</table>\n</div>\n<ul class=\"legend\">\n");
    for sentence in turns::LEGEND {
        text.push_str(&format!("<li>{}</li>\n", escaped(sentence)));
    }
    text.push_str("</ul>\n");
    text
}

fn class(mechanism: &str) -> &'static str {
    style::of(mechanism, "").class
}
