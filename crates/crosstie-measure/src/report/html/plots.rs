//! Which figures go into which plot.

use crate::record::{Report, Row};
use crate::report::svg::axis::LogScale;
use crate::report::svg::line_plot::{Level, LinePlot, Point, Series};
use crate::report::svg::row_plot::{Line, Marks, RowPlot, Scale, Upright};
use crate::report::svg::style::Style;
use crate::report::svg::{Frame, escaped, style};
use crate::report::{figure, table};

const NARROW: f64 = 350.0;
const MEDIUM: f64 = 540.0;
const FULL: f64 = 1100.0;

/// Every plot with its caption.
pub(crate) fn all(report: &Report) -> Vec<String> {
    let reference = figure::size(table::reference_bytes(report));
    let mut figures = vec![
        lines(
            &round_trip(report),
            "Round trip, by payload",
            "Median; the whisker ends at the 99th percentile. Dotted: the machine itself. A cache line there and back is the limit of two sides that spin, a futex wake that of two that sleep; the bare ring is shared memory without any care.",
        ),
        lines(
            &throughput(report),
            "Throughput, by payload",
            "Payload bytes per second one way, as fast as it goes, written, read and checked. Dotted: a ring without any care, and memcpy, one copy within one process.",
        ),
    ];
    let reference_rows = reference_rows(report);
    if reference_rows.is_empty() {
        return figures;
    }
    figures.extend([
        rows(&messages(report, &reference_rows), &format!("Messages per second, {reference}"), "One way, as fast as it goes."),
        rows(&paced(report, &reference_rows), &format!("Busy and idle: round trip, {reference}"), "A machine that naps between messages answers later. Full dot: one after the other; hollow dot: 1,000 a second."),
        rows(&cpu_saturated(report, &reference_rows), &format!("Processor time at full speed, {reference}"), "Percent of one core, at messages as fast as they go."),
        rows(&cpu_paced(report, &reference_rows), &format!("Processor time at 1,000 a second, {reference}"), "Percent of one core. Who spins pays a whole core even when little happens."),
    ]);
    figures
}

fn lines(plot: &LinePlot, title: &str, caption: &str) -> String {
    let frames = [
        Frame { width: FULL, height: 470.0, class: "at-full" },
        Frame { width: MEDIUM, height: 430.0, class: "at-medium" },
        Frame { width: NARROW, height: 470.0, class: "at-narrow" },
    ];
    framed("wide", title, caption, &frames.map(|frame| plot.draw(frame)).concat())
}

pub(super) fn rows(plot: &RowPlot, title: &str, caption: &str) -> String {
    let drawn = [plot.draw(MEDIUM, "at-medium-up"), plot.draw(NARROW, "at-narrow")];
    framed("half", title, caption, &drawn.concat())
}

fn framed(class: &str, title: &str, caption: &str, drawn: &str) -> String {
    let (title, caption) = (escaped(title), escaped(caption));
    format!(
        "<figure class=\"{class}\">\n<figcaption><h3>{title}</h3><p>{caption}</p></figcaption>\n{drawn}</figure>\n"
    )
}

/// The lines of the report: label, style and measured rows.
fn series(report: &Report, point: impl Fn(&Row) -> Point) -> Vec<Series> {
    let mut series: Vec<Series> = Vec::new();
    for row in table::ordered_rows(report).into_iter().filter(|row| table::is_measured(row)) {
        let label = table::label(report, row);
        let point = point(row);
        if !figure::is_figure(point.value) {
            continue;
        }
        match series.last_mut() {
            Some(last) if last.label == label => last.points.push(point),
            _ => series.push(Series {
                label,
                style: style::of(&row.mechanism, &row.wait),
                points: vec![point],
            }),
        }
    }
    series
}

fn floor_series(label: &str, style: Style, points: Vec<(usize, f64)>) -> Option<Series> {
    let points: Vec<Point> = points
        .into_iter()
        .filter(|(_, value)| figure::is_figure(*value))
        .map(|(size, value)| Point { payload_bytes: size as f64, value, whisker: None })
        .collect();
    (!points.is_empty()).then(|| Series { label: label.to_owned(), style, points })
}

/// The horizontal floors of a duration.
fn durations(report: &Report) -> Vec<(String, f64)> {
    let floor = &report.floor;
    [("cache line", floor.cache_line_round_trip_ns.p50), ("futex wake", floor.futex_wake_round_trip_ns.p50)]
        .into_iter()
        .filter(|(_, ns)| *ns > 0)
        .map(|(name, ns)| (name.to_owned(), table::ns(ns)))
        .collect()
}

fn round_trip(report: &Report) -> LinePlot {
    let mut series = series(report, |row| Point {
        payload_bytes: row.payload_bytes as f64,
        value: table::ns(row.round_trip_ns.p50),
        whisker: (row.round_trip_ns.p99 > 0).then(|| table::ns(row.round_trip_ns.p99)),
    });
    let bare = table::sizes(report).into_iter().map(|size| {
        let ring = report.floor.bare_ring.get(&size.to_string());
        (size, ring.map_or(0.0, |ring| table::ns(ring.round_trip_ns_p50)))
    });
    series.extend(floor_series("bare ring", style::FLOOR, bare.collect()));
    LinePlot {
        id: "round-trip",
        title: "Round trip by payload size".to_owned(),
        description: describe(&series, figure::duration),
        axis: "round trip, median to 99th percentile",
        words: figure::duration,
        series,
        levels: durations(report).into_iter().map(|(label, value)| Level { label, value }).collect(),
    }
}

fn throughput(report: &Report) -> LinePlot {
    let mut series = series(report, |row| Point {
        payload_bytes: row.payload_bytes as f64,
        value: row.bytes_per_s,
        whisker: None,
    });
    let sizes = table::sizes(report);
    let ring = sizes.iter().map(|size| {
        let ring = report.floor.bare_ring.get(&size.to_string());
        (*size, ring.map_or(0.0, |ring| ring.kept_up_messages_per_s * *size as f64))
    });
    series.extend(floor_series("bare ring", style::FLOOR, ring.collect()));
    let memcpy = sizes
        .iter()
        .map(|size| (*size, report.floor.memcpy_bytes_per_s.get(&size.to_string()).copied().unwrap_or(0.0)));
    series.extend(floor_series("memcpy", style::SECOND_FLOOR, memcpy.collect()));
    LinePlot {
        id: "throughput",
        title: "Throughput by payload size".to_owned(),
        description: describe(&series, figure::bytes_rate),
        axis: "payload bytes per second, one way",
        words: figure::bytes_rate,
        series,
        levels: Vec::new(),
    }
}

/// The plot in a sentence per line, for those who do not see it.
fn describe(series: &[Series], words: fn(f64) -> String) -> String {
    let sentences: Vec<String> = series
        .iter()
        .filter_map(|series| {
            let (first, last) = (series.points.first()?, series.points.last()?);
            let size = |point: &Point| figure::size(point.payload_bytes as usize);
            let (from, to) = (words(first.value), words(last.value));
            Some(format!("{}: {from} at {}, {to} at {}.", series.label, size(first), size(last)))
        })
        .collect();
    sentences.join(" ")
}

fn reference_rows(report: &Report) -> Vec<&Row> {
    let reference = table::reference_bytes(report);
    let rows = table::ordered_rows(report).into_iter();
    rows.filter(|row| row.payload_bytes == reference && table::is_measured(row)).collect()
}

/// One line per row of the reference size.
fn row_lines(
    report: &Report,
    rows: &[&Row],
    values: impl Fn(&Row) -> Vec<f64>,
    note: impl Fn(&Row) -> String,
) -> Vec<Line> {
    rows.iter()
        .map(|row| Line {
            label: table::label(report, row),
            style: style::of(&row.mechanism, &row.wait),
            values: values(row),
            note: note(row),
        })
        .filter(|line| line.values.iter().any(|value| figure::is_figure(*value)))
        .collect()
}

pub(super) fn describe_rows(rows: &[Line]) -> String {
    rows.iter().map(|row| format!("{}: {}.", row.label, row.note)).collect::<Vec<_>>().join(" ")
}

fn messages(report: &Report, rows: &[&Row]) -> RowPlot {
    let lines =
        row_lines(report, rows, |row| vec![row.messages_per_s], |row| figure::rate(row.messages_per_s));
    let reference = table::reference_bytes(report).to_string();
    let floors = report.floor.bare_ring.get(&reference).map_or_else(Vec::new, |ring| {
        [("bare ring, full", ring.full_messages_per_s), ("bare ring, kept up", ring.kept_up_messages_per_s)]
            .into_iter()
            .filter(|(_, value)| figure::is_figure(*value))
            .map(|(name, value)| Upright { label: format!("{name} {}", figure::rate(value)), value })
            .collect()
    });
    RowPlot {
        id: "messages",
        title: "Messages per second".to_owned(),
        description: describe_rows(&lines),
        axis: "messages per second, logarithmic",
        words: figure::rate,
        scale: Scale::Log,
        marks: Marks::Bars(&["one way"]),
        rows: lines,
        floors,
    }
}

fn paced(report: &Report, rows: &[&Row]) -> RowPlot {
    let note = |row: &Row| {
        let [busy, idle] =
            [row.round_trip_ns.p50, row.paced_round_trip_ns.p50].map(|ns| figure::duration(table::ns(ns)));
        format!("{busy} → {idle}")
    };
    let values = |row: &Row| vec![table::ns(row.round_trip_ns.p50), table::ns(row.paced_round_trip_ns.p50)];
    let measured: Vec<&Row> = rows.iter().copied().filter(|row| row.paced_round_trip_ns.p50 > 0).collect();
    let lines = row_lines(report, &measured, values, note);
    RowPlot {
        id: "paced",
        title: "Round trip one after the other and at 1,000 a second".to_owned(),
        description: describe_rows(&lines),
        axis: "round trip, median, logarithmic",
        words: figure::duration,
        scale: Scale::Log,
        marks: Marks::Dots(["one after the other", "1,000 a second"]),
        rows: lines,
        floors: durations(report)
            .into_iter()
            .map(|(name, value)| Upright { label: format!("{name} {}", figure::duration(value)), value })
            .collect(),
    }
}

fn cpu_saturated(report: &Report, rows: &[&Row]) -> RowPlot {
    let lines = row_lines(
        report,
        rows,
        |row| vec![row.cpu_percent.sender, row.cpu_percent.receiver],
        |row| figure::cpu(row.cpu_percent),
    );
    cpu("cpu-saturated", "Processor time at full speed", lines)
}

fn cpu_paced(report: &Report, rows: &[&Row]) -> RowPlot {
    let lines = row_lines(
        report,
        rows,
        |row| vec![row.paced_cpu_percent.sender, row.paced_cpu_percent.receiver],
        |row| figure::cpu(row.paced_cpu_percent),
    );
    cpu("cpu-paced", "Processor time at 1,000 round trips a second", lines)
}

fn cpu(id: &'static str, title: &str, lines: Vec<Line>) -> RowPlot {
    let [_, high] = LogScale::range(lines.iter().flat_map(|line| line.values.iter().copied()), 1.0);
    RowPlot {
        id,
        title: title.to_owned(),
        description: describe_rows(&lines),
        axis: "percent of one core",
        words: |value| format!("{value:.0} %"),
        scale: Scale::Linear(100.0 * (high / 100.0 - 0.02).ceil().max(1.0)),
        marks: Marks::Bars(&["sender", "receiver"]),
        rows: lines,
        floors: vec![Upright { label: "spinning: one whole core".to_owned(), value: 100.0 }],
    }
}
