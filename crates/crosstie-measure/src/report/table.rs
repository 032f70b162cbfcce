//! The rows that every form shows: the textbook's table, the figures by size, the floor.

use crate::record::{APART_MAX, CPU_PERCENT_MAX, Mechanism, Report, Row};

use super::figure;

/// The order in which mechanisms appear; others follow as the report has them.
const ORDER: [&str; 9] = ["shm", "queue", "topic", "pipe", "fifo", "unix", "unixpacket", "tcp", "udp"];

/// The payload whose figures stand beside the textbook's words.
const REFERENCE_BYTES: usize = 64;

/// One line of the textbook's table.
pub(crate) struct TextbookLine<'a> {
    pub mechanism: &'a Mechanism,
    /// `"one machine"`, `"network (figures: loopback)"`.
    pub scope: String,
    /// One entry per way of waiting: `"0.31 µs, 20.1 M/s spinning"`.
    pub speed: Vec<String>,
    /// `"0 calls/message, 12 lines"`.
    pub complexity: String,
}

/// The figures of one payload size.
pub(crate) struct Block<'a> {
    pub payload_bytes: usize,
    pub rows: Vec<&'a Row>,
}

/// The mechanisms in the textbook's table's order.
pub(crate) fn textbook(report: &Report) -> Vec<TextbookLine<'_>> {
    let mut mechanisms: Vec<&Mechanism> = report.mechanisms.iter().collect();
    mechanisms.sort_by_key(|mechanism| rank(&mechanism.name));
    mechanisms.into_iter().map(|mechanism| textbook_line(report, mechanism)).collect()
}

fn textbook_line<'a>(report: &'a Report, mechanism: &'a Mechanism) -> TextbookLine<'a> {
    let reference = reference_bytes(report);
    let rows: Vec<&Row> = ordered_rows(report)
        .into_iter()
        .filter(|row| row.mechanism == mechanism.name && row.payload_bytes == reference && is_measured(row))
        .collect();
    let speed = rows
        .iter()
        .map(|row| {
            let way = match (rows.len(), row.wait.as_str()) {
                (1, "block") => "",
                (_, "spin") => ", spinning",
                _ => ", blocking",
            };
            format!(
                "{}, {}{way}",
                figure::duration(ns(row.round_trip_ns.p50)),
                figure::rate(row.messages_per_s)
            )
        })
        .collect();
    let calls = rows.iter().find_map(|row| row.syscalls_per_message);
    let counted = calls.map(|calls| format!("{} calls/message", figure::calls(Some(calls))));
    // a record holds 0 where no program was counted
    let lines = (mechanism.program_lines > 0).then(|| format!("{} lines", mechanism.program_lines));
    let counts: Vec<String> = counted.into_iter().chain(lines).collect();
    let loopback = if is_loopback(&mechanism.name) { " (figures: loopback)" } else { "" };
    TextbookLine {
        mechanism,
        scope: format!("{}{loopback}", mechanism.scope),
        speed,
        complexity: counts.join(", "),
    }
}

/// The measured sizes, smallest first, each with its rows in the table's order.
pub(crate) fn blocks(report: &Report) -> Vec<Block<'_>> {
    let rows = ordered_rows(report);
    sizes(report)
        .into_iter()
        .map(|payload_bytes| Block {
            payload_bytes,
            rows: rows.iter().copied().filter(|row| row.payload_bytes == payload_bytes).collect(),
        })
        .collect()
}

/// The payload sizes of the report, smallest first.
pub(crate) fn sizes(report: &Report) -> Vec<usize> {
    let mut sizes: Vec<usize> = report.rows.iter().map(|row| row.payload_bytes).collect();
    sizes.sort_unstable();
    sizes.dedup();
    sizes
}

/// 64 bytes, or the measured size nearest above it, or the largest.
pub(crate) fn reference_bytes(report: &Report) -> usize {
    let sizes = sizes(report);
    let above = sizes.iter().copied().find(|size| *size >= REFERENCE_BYTES);
    above.or_else(|| sizes.last().copied()).unwrap_or(REFERENCE_BYTES)
}

/// All rows, by mechanism, spinning before blocking, then by size.
pub(crate) fn ordered_rows(report: &Report) -> Vec<&Row> {
    let mut rows: Vec<&Row> = report.rows.iter().collect();
    rows.sort_by_key(|row| (rank(&row.mechanism), row.wait != "spin", row.payload_bytes));
    rows
}

fn rank(mechanism: &str) -> usize {
    ORDER.iter().position(|name| *name == mechanism).unwrap_or(ORDER.len())
}

/// What a row is called in a table: as [`label`], and `"unix *"` where it was disturbed.
pub(crate) fn marked(report: &Report, row: &Row) -> String {
    format!("{}{}", label(report, row), if row.is_disturbed { " *" } else { "" })
}

/// What a row is called: `"shm spin"`, `"pipe"`, `"tcp loopback"`.
pub(crate) fn label(report: &Report, row: &Row) -> String {
    let spins = report.rows.iter().any(|other| other.mechanism == row.mechanism && other.wait == "spin");
    let way = if spins { format!(" {}", row.wait) } else { String::new() };
    let loopback = if is_loopback(&row.mechanism) { " loopback" } else { "" };
    format!("{}{way}{loopback}", row.mechanism)
}

/// Whether the figures of a mechanism that reaches the network were taken without one.
pub(crate) fn is_loopback(mechanism: &str) -> bool {
    matches!(mechanism, "tcp" | "udp")
}

/// What the mark `*` of a disturbed row means, for the line under a table; `None` where no row has it.
#[must_use]
pub fn disturbance<'a>(rows: impl IntoIterator<Item = &'a Row>) -> Option<String> {
    rows.into_iter().any(|row| row.is_disturbed).then(|| {
        format!(
            "* disturbed, not to be relied on: a side had more than {CPU_PERCENT_MAX:.0} % of a core, or a \
             repetition lies more than {APART_MAX:.0} times off the median."
        )
    })
}

/// Whether a row has figures.
pub(crate) fn is_measured(row: &Row) -> bool {
    row.not_measured.is_none()
}

/// The least that a message of this size costs here, there and back: the bare ring of the same run;
/// for what fits beside its header in one cache line, that line.
pub(crate) fn floor_ns(report: &Report, payload_bytes: usize) -> Option<f64> {
    let ring = report.floor.bare_ring.get(&payload_bytes.to_string()).map(|ring| ring.round_trip_ns_p50);
    let line = (payload_bytes <= 48).then_some(report.floor.cache_line_round_trip_ns.p50);
    ring.filter(|ns| *ns > 0).or(line.filter(|ns| *ns > 0)).map(ns)
}

/// The row's round trip as a multiple of [`floor_ns`].
pub(crate) fn times_floor(report: &Report, row: &Row) -> Option<f64> {
    let floor = floor_ns(report, row.payload_bytes)?;
    (row.round_trip_ns.p50 > 0).then(|| ns(row.round_trip_ns.p50) / floor)
}

/// The row's round trip as a multiple of a bare read/write loop over the same mechanism.
pub(crate) fn times_loop(report: &Report, row: &Row) -> Option<f64> {
    let loops = report.floor.bare_loop.get(&row.mechanism)?;
    let bare = loops.get(&row.payload_bytes.to_string())?.round_trip_ns_p50;
    (bare > 0 && row.round_trip_ns.p50 > 0).then(|| ns(row.round_trip_ns.p50) / ns(bare))
}

/// The floor's own row at one size: round trip, messages/s of the bare ring, bytes/s of memcpy.
pub(crate) fn floor_row(report: &Report, payload_bytes: usize) -> [f64; 3] {
    let key = payload_bytes.to_string();
    let ring = report.floor.bare_ring.get(&key);
    let memcpy = report.floor.memcpy_bytes_per_s.get(&key).copied().unwrap_or(0.0);
    [
        floor_ns(report, payload_bytes).unwrap_or(0.0),
        ring.map_or(0.0, |ring| ring.kept_up_messages_per_s.max(ring.full_messages_per_s)),
        memcpy,
    ]
}

/// What the machine itself allows, in one line: `("cache line there and back", "0.28 µs, p99 0.40 µs")`.
pub(crate) fn floor_facts(report: &Report) -> Vec<(&'static str, String)> {
    let floor = &report.floor;
    let mut facts = Vec::new();
    for (name, measured) in [
        ("cache line there and back", floor.cache_line_round_trip_ns),
        ("futex wake there and back", floor.futex_wake_round_trip_ns),
    ] {
        if measured.p50 > 0 {
            let [p50, p99] = [measured.p50, measured.p99].map(|value| figure::duration(ns(value)));
            facts.push((name, format!("{p50}, p99 {p99}")));
        }
    }
    // a virtual machine's processors may move apart or together while a run goes on
    if let (Some((_, fact)), Some(spread)) = (facts.first_mut(), floor.cache_line_round_trip_ns_p50_spread) {
        fact.push_str(&format!(", medians {}", figure::durations(spread)));
    }
    let reference = reference_bytes(report);
    if let Some(ring) = report.floor.bare_ring.get(&reference.to_string()) {
        let round_trip = figure::duration(ns(ring.round_trip_ns_p50));
        facts.push((
            "bare ring, there and back",
            format!("{round_trip}, {} payload", figure::size(reference)),
        ));
    }
    let key = "1048576";
    if let Some(speed) = floor.memcpy_bytes_per_s.get(key) {
        facts.push(("memcpy of 1 MiB", figure::bytes_rate(*speed)));
    }
    facts
}

/// The machine in one line.
pub(crate) fn machine(report: &Report) -> String {
    let machine = &report.machine;
    let kind = if machine.virtual_machine { ", virtual machine" } else { "" };
    let cores = if machine.cores == 1 { "1 core".to_owned() } else { format!("{} cores", machine.cores) };
    let pinned = machine.pinned.map_or_else(
        || ", not pinned".to_owned(),
        |[sender, receiver]| format!(", pinned to {sender} and {receiver}"),
    );
    let date = machine.date.replace('T', " ").replace('Z', " UTC");
    format!("{}, {cores}{kind}{pinned} · {} · {date}", machine.cpu, machine.kernel)
}

/// How the figures came about, one sentence each.
pub(crate) fn notes(report: &Report) -> Vec<String> {
    let mut notes = vec![
        "Two real processes, each on a processor of its own where the machine has two; every payload is written, \
         read whole and its checksum compared; warm-up is discarded."
            .to_owned(),
        "Round trip: one message in flight, there and back. Messages/s and bytes/s: one way, as fast as it goes. \
         Paced: 1,000 round trips a second."
            .to_owned(),
        "× floor: the round trip divided by that of a bare ring in shared memory of the same run, without any check, \
         sleep or care for a death. Messages/s of the floor are the bare ring's, its bytes/s are memcpy's."
            .to_owned(),
        "CPU: percent of one core, sender + receiver. Calls: system calls of both sides per message, counted by the kernel."
            .to_owned(),
    ];
    if report.rows.iter().any(|row| spread(row).is_some()) {
        notes.push(
            "Each figure is the median of repetitions that alternate with those of the other mechanisms; the spread \
             is the least and the most of their medians."
                .to_owned(),
        );
    }
    if report.rows.iter().any(|row| row.mechanism == "shm") {
        notes.push("shm is the address ring:NAME.".to_owned());
    }
    if report.rows.iter().any(|row| is_loopback(&row.mechanism)) {
        notes.push("tcp and udp were measured over loopback: no network in between.".to_owned());
    }
    for row in report.rows.iter().filter(|row| row.lost > 0) {
        let size = figure::size(row.payload_bytes);
        notes.push(format!(
            "{} at {size} lost {} messages at saturation.",
            row.mechanism,
            figure::count(row.lost)
        ));
    }
    for row in report.rows.iter().filter(|row| is_measured(row) && !row.verified) {
        let size = figure::size(row.payload_bytes);
        notes.push(format!(
            "NOT VERIFIED: {} at {size}: a payload did not arrive as it was sent.",
            label(report, row)
        ));
    }
    notes
}

/// The smallest and the largest median of the row's repetitions, where the record has them.
pub(crate) fn spread(row: &Row) -> Option<[u64; 2]> {
    row.repetitions
        .filter(|repetitions| repetitions.count > 1)
        .map(|repetitions| repetitions.round_trip_ns_p50)
}

/// Nanoseconds as a number to compute with.
pub(crate) fn ns(value: u64) -> f64 {
    value as f64
}
