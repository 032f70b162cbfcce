//! Which figures of taking turns go into which plot.

use crate::record::{Report, Turns};
use crate::report::figure;
use crate::report::svg::row_plot::{Line, Marks, RowPlot, Scale, Upright};
use crate::report::svg::style;
use crate::report::turns::{contended, death, floor};
use crate::turns::plan::BALLAST_BYTES;

use super::plots::{describe_rows, rows};

/// Every plot with its caption.
pub(super) fn all(report: &Report) -> Vec<String> {
    vec![
        rows(
            &alone(report),
            "Alone: taken and given up",
            "Nobody else there: nanoseconds of the pair. Dotted: the smallest lock on a bare futex, without owner, death or queue.",
        ),
        rows(
            &rates(report),
            "Contended: taken so often a second",
            "Over and over, kept as long as it takes to raise a counter. Full bar: 2 processes; hollow bar: 8. Threads for those of std.",
        ),
        rows(
            &hand_overs(report),
            "Hand-over to a sleeper",
            "From giving up to having it. Full dot: median; hollow dot: 99th percentile.",
        ),
        rows(
            &deaths(report),
            "After a death",
            "From the kill -9 of an owner to the next owner having it. Full dot: a small process; hollow dot: one of 256 MiB. Who is not here is held for ever.",
        ),
    ]
}

/// One line for each way but the floor, where it has figures.
fn lines(
    report: &Report,
    values: impl Fn(&Turns) -> Option<Vec<f64>>,
    words: fn(f64) -> String,
) -> Vec<Line> {
    let ways = report.turns.iter().filter(|way| floor(report).is_none_or(|it| it.mechanism != way.mechanism));
    ways.filter_map(|way| {
        let values: Vec<f64> = values(way)?.into_iter().filter(|value| figure::is_figure(*value)).collect();
        let notes: Vec<String> = values.iter().map(|value| words(*value)).collect();
        (!values.is_empty()).then(|| Line {
            label: way.mechanism.clone(),
            style: style::of_turns(way.is_ours),
            values,
            note: notes.join(" · "),
        })
    })
    .collect()
}

/// The bare futex's own figures as upright lines.
fn floors(
    report: &Report,
    figures: impl Fn(&Turns) -> Vec<(&'static str, Option<f64>)>,
    words: fn(f64) -> String,
) -> Vec<Upright> {
    let of_floor = floor(report).map(figures).unwrap_or_default();
    let upright = |(name, value): (&str, Option<f64>)| {
        let value = value.filter(|value| figure::is_figure(*value))?;
        Some(Upright { label: format!("bare futex{name} {}", words(value)), value })
    };
    of_floor.into_iter().filter_map(upright).collect()
}

fn alone(report: &Report) -> RowPlot {
    let lines = lines(report, |way| Some(vec![way.pair_ns?]), figure::short_duration);
    RowPlot {
        id: "alone",
        title: "Taken and given up, alone".to_owned(),
        description: describe_rows(&lines),
        axis: "a pair, logarithmic",
        words: figure::short_duration,
        scale: Scale::Log,
        marks: Marks::Bars(&["a pair"]),
        rows: lines,
        floors: floors(report, |way| vec![("", way.pair_ns)], figure::short_duration),
    }
}

fn rates(report: &Report) -> RowPlot {
    let rate = |way: &Turns, parties| contended(way, parties, 0).map(|run| run.pairs_per_s);
    let lines = lines(report, |way| Some(vec![rate(way, 2)?, rate(way, 8)?]), figure::rate);
    RowPlot {
        id: "contended",
        title: "Taken so often a second".to_owned(),
        description: describe_rows(&lines),
        axis: "pairs a second by all together, logarithmic",
        words: figure::rate,
        scale: Scale::Log,
        marks: Marks::Bars(&["by 2", "by 8"]),
        rows: lines,
        floors: floors(
            report,
            |way| vec![(", by 2,", rate(way, 2)), (", by 8,", rate(way, 8))],
            figure::rate,
        ),
    }
}

fn hand_overs(report: &Report) -> RowPlot {
    let values = |way: &Turns| way.hand_over_ns.map(|it| vec![it.p50 as f64, it.p99 as f64]);
    let lines = lines(report, values, figure::duration);
    RowPlot {
        id: "hand-over",
        title: "Hand-over to a sleeper".to_owned(),
        description: describe_rows(&lines),
        axis: "from giving up to having it, logarithmic",
        words: figure::duration,
        scale: Scale::Log,
        marks: Marks::Dots(["median", "99th percentile"]),
        rows: lines,
        floors: floors(report, |way| vec![("", way.hand_over_ns.map(|it| it.p50 as f64))], figure::duration),
    }
}

fn deaths(report: &Report) -> RowPlot {
    let after = |way: &Turns, bytes| death(way, bytes)?.next_owner_ns_p50.map(|ns| ns as f64);
    let values = |way: &Turns| {
        let small = after(way, 0)?;
        Some([Some(small), after(way, BALLAST_BYTES as u64)].into_iter().flatten().collect())
    };
    let lines = lines(report, values, figure::duration);
    RowPlot {
        id: "death",
        title: "After a death".to_owned(),
        description: describe_rows(&lines),
        axis: "from the kill to the next owner, logarithmic",
        words: figure::duration,
        scale: Scale::Log,
        marks: Marks::Dots(["small owner", "256 MiB owner"]),
        rows: lines,
        floors: floors(
            report,
            |way| vec![(", to a sleeper,", way.hand_over_ns.map(|it| it.p50 as f64))],
            figure::duration,
        ),
    }
}
