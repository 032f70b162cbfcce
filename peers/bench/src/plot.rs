//! The picture: there and back with 64 bytes, and the machine's floor.

use crosstie_measure::report;
use crosstie_measure::report::picture::{Picture, PictureRow};

use crate::record::Record;
use crate::subject::{CACHE_LINE, FUTEX_WAKE, Kind, SUBJECTS, Subject};

const PAYLOAD_BYTES: usize = 64;
const WIDTH: f64 = 980.0;

/// The picture as a whole SVG document.
pub fn svg(record: &Record) -> String {
    let trip = |name: &str| record.row(name, PAYLOAD_BYTES).map(|row| row.round_trip_ns);
    let row = |subject: &Subject| {
        let figures = record.row(subject.name, PAYLOAD_BYTES)?;
        let [p50, p99] = [figures.round_trip_ns.p50 as f64, figures.round_trip_ns.p99 as f64];
        let label = match subject.kind {
            Kind::Threads => format!("{} (threads)", subject.name),
            _ => subject.name.to_owned(),
        };
        let rate = report::rate(figures.messages_per_s);
        let note = format!("{} / {}, {rate}", report::duration(p50), report::duration(p99));
        Some(PictureRow { label, is_ours: subject.kind == Kind::Ours, values: [p50, p99], note })
    };
    let mut rows: Vec<PictureRow> =
        SUBJECTS.iter().filter(|subject| subject.goes_one_way()).filter_map(row).collect();
    rows.sort_by(|left, right| left.values[0].total_cmp(&right.values[0]));
    let floors = [CACHE_LINE, FUTEX_WAKE].into_iter().filter_map(|name| {
        let p50 = trip(name)?.p50 as f64;
        Some((format!("{name} {}", report::duration(p50)), p50))
    });
    let machine = &record.machine;
    Picture {
        title: format!(
            "There and back with 64 bytes: {}, {} cores, {}",
            machine.cpu, machine.cores, machine.date
        ),
        axis: "round trip, logarithmic",
        words: report::duration,
        names: ["p50", "p99"],
        rows,
        floors: floors.collect(),
    }
    .svg(WIDTH)
}
