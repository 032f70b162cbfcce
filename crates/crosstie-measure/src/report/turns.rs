//! The second half's table: ways to take turns.

use crate::record::{Contended, Death, Report, Turns};
use crate::turns::plan::BALLAST_BYTES;

use super::figure;

/// What stands over the figures.
pub(crate) const FIGURES: [&str; 12] = [
    "alone",
    "2, short",
    "8, short",
    "2, 1 µs",
    "8, 1 µs",
    "overtaken",
    "in queue",
    "longest",
    "hand-over",
    "p99",
    "death",
    "256 MiB",
];

/// What each of the figures is, in words.
pub(crate) const LEGEND: [&str; 6] = [
    "Alone: taken and given up by one process, nobody else there.",
    "2 and 8, short and 1 µs: so many take it over and over, and keep it as long as it takes to raise a counter, or 1 µs; \
     taken so often a second by all together. The counter has no atomic step of its own and is compared with what each took.",
    "Overtaken, in queue, longest wait: 8, short. How many others were served at most while one waited, counted from its call, also where \
     the scheduler took its processor away before it stood in any queue; in queue: by how many later ones it was overtaken \
     from when it stood there, as the object counts.",
    "Hand-over: from giving up to the next owner having it, who slept; median.",
    "Death, 256 MiB: from the kill -9 of an owner, small or of so much memory, to the next owner having it, who slept; median. Never: not within 0.5 s.",
    "Threads: it cannot be shared by processes; so many threads of one process instead. Lines: of the smallest correct program.",
];

/// The figures of one way, in the order of [`FIGURES`].
pub(crate) fn cells(turns: &Turns) -> [String; 12] {
    let rate = |parties, section_ns| {
        contended(turns, parties, section_ns)
            .map_or_else(absent, |contended| figure::rate(contended.pairs_per_s))
    };
    let crowd = contended(turns, 8, 0);
    let count = |count: Option<u64>| count.map_or_else(absent, figure::count);
    let hand_over = |pick: fn(&crate::record::Percentiles) -> u64| {
        turns.hand_over_ns.as_ref().map_or_else(absent, |it| figure::duration(pick(it) as f64))
    };
    [
        turns.pair_ns.map_or_else(absent, figure::short_duration),
        rate(2, 0),
        rate(8, 0),
        rate(2, 1_000),
        rate(8, 1_000),
        count(crowd.filter(|it| it.longest_wait_ns > 0).map(|it| it.overtaken_most)),
        count(crowd.and_then(|it| it.overtaken_in_queue)),
        crowd.map_or_else(absent, |it| figure::duration(it.longest_wait_ns as f64)),
        hand_over(|it| it.p50),
        hand_over(|it| it.p99),
        death_cell(turns, 0),
        death_cell(turns, BALLAST_BYTES as u64),
    ]
}

/// The run of so many who kept it so long.
pub(crate) fn contended(turns: &Turns, parties: usize, section_ns: u64) -> Option<&Contended> {
    turns.contended.iter().find(|it| (it.parties, it.section_ns) == (parties, section_ns))
}

/// The deaths of owners with so much memory.
pub(crate) fn death(turns: &Turns, owner_bytes: u64) -> Option<&Death> {
    turns.deaths.iter().find(|it| it.owner_bytes == owner_bytes)
}

fn death_cell(turns: &Turns, owner_bytes: u64) -> String {
    match death(turns, owner_bytes) {
        // After a small owner's death nobody was next: of a large one's nobody would be either.
        None if death(turns, 0).is_some_and(|it| it.next_owner_ns_p50.is_none()) => "never".to_owned(),
        None => absent(),
        Some(death) => {
            death.next_owner_ns_p50.map_or_else(|| "never".to_owned(), |ns| figure::duration(ns as f64))
        }
    }
}

fn absent() -> String {
    figure::ABSENT.to_owned()
}

/// Lines of the smallest program, where one was counted.
pub(crate) fn lines(turns: &Turns) -> String {
    if turns.program_lines > 0 { turns.program_lines.to_string() } else { absent() }
}

/// Who shares it, and what happens on death.
pub(crate) fn on_death(turns: &Turns) -> String {
    match &turns.not_measured {
        Some(reason) => format!("{}; not measured further: {reason}", turns.on_death),
        None => turns.on_death.clone(),
    }
}

/// The machine's own: the way that is the floor of the others.
pub(crate) fn floor(report: &Report) -> Option<&Turns> {
    report.turns.iter().find(|it| it.mechanism == "bare futex")
}
