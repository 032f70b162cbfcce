//! A small run of `compare`: what others rely on is in the JSON, and its figures are plausible.

use std::path::PathBuf;

use crosstie_measure::compare::run::Placement;
use crosstie_measure::compare::subject::Mechanism;
use crosstie_measure::compare::{Options, Plan, Watch, run};
use crosstie_measure::record::{Report, Row};
use crosstie_measure::turns::plan::TurnsPlan;

fn small(payloads: &[usize], mechanisms: &[Mechanism]) -> Options {
    Options {
        program: PathBuf::from(env!("CARGO_BIN_EXE_crosstie-measure")),
        plan: Plan {
            payloads: payloads.to_vec(),
            mechanisms: mechanisms.to_vec(),
            repetitions: 2,
            window_ns: 2_000_000,
            budget_ns: u64::MAX,
            paced_count: 5,
            traced_count: 8,
            turns: TurnsPlan::none(),
        },
        placement: Placement::Free,
        command: "a test".to_owned(),
    }
}

/// Remembers what it was told.
#[derive(Default)]
struct Log {
    stages: Vec<(usize, usize)>,
    rows: Vec<Row>,
    notes: Vec<String>,
}

impl Watch for Log {
    fn stage(&mut self, _: &str, done: usize, all: usize) {
        self.stages.push((done, all));
    }

    fn row(&mut self, row: &Row) {
        self.rows.push(row.clone());
    }

    fn note(&mut self, what: &str) {
        self.notes.push(what.to_owned());
    }
}

#[test]
fn the_json_has_every_field_that_others_rely_on() {
    let options = small(&[64], &[Mechanism::Shm, Mechanism::Pipe, Mechanism::Unix]);
    let mut log = Log::default();
    let report = run(&options, &mut log).unwrap();
    let json: serde_json::Value = serde_json::to_value(&report).unwrap();
    let number = |pointer: &str| {
        let value = json.pointer(pointer).and_then(serde_json::Value::as_f64);
        value.unwrap_or_else(|| panic!("no number at {pointer}: {json:#}"))
    };
    for pointer in [
        "/floor/cache_line_round_trip_ns/p50",
        "/floor/cache_line_round_trip_ns/p99",
        "/floor/futex_wake_round_trip_ns/p50",
        "/floor/memcpy_bytes_per_s/65536",
        "/floor/bare_ring/48/round_trip_ns_p50",
        "/floor/bare_ring/64/kept_up_messages_per_s",
        "/floor/bare_ring/64/full_messages_per_s",
        "/floor/bare_loop/pipe/64/round_trip_ns_p50",
        "/floor/bare_loop/unix/64/messages_per_s",
    ] {
        assert!(number(pointer) > 0.0, "{pointer}");
    }
    assert_eq!(json["schema"], "crosstie.compare/1");
    let rows: Vec<_> =
        report.rows.iter().map(|r| (r.mechanism.as_str(), r.wait.as_str(), r.payload_bytes)).collect();
    for expected in [
        ("shm", "spin", 48),
        ("shm", "block", 48),
        ("shm", "spin", 64),
        ("shm", "block", 64),
        ("pipe", "block", 64),
        ("unix", "block", 64),
    ] {
        assert!(rows.contains(&expected), "{expected:?} is not in {rows:?}");
    }
    for (index, row) in report.rows.iter().enumerate() {
        assert!(row.verified && row.not_measured.is_none(), "{row:?}");
        for field in [
            "round_trip_ns/p50",
            "round_trip_ns/p99",
            "round_trip_ns/p999",
            "round_trip_ns/mean",
            "messages_per_s",
            "bytes_per_s",
        ] {
            assert!(number(&format!("/rows/{index}/{field}")) > 0.0, "{field} of {row:?}");
        }
        number(&format!("/rows/{index}/cpu_percent/sender"));
        number(&format!("/rows/{index}/cpu_percent/receiver"));
    }
    assert_eq!(log.rows.len(), report.rows.len(), "each row is told once: {:?}", log.notes);
    assert!(log.stages.windows(2).all(|pair| pair[0].0 < pair[1].0 && pair[1].0 < pair[1].1));
    let read_again: Report = serde_json::from_value(json).unwrap();
    assert_eq!(read_again.rows.len(), report.rows.len());
}

#[test]
fn a_payload_that_a_mechanism_does_not_take_has_its_reason_in_its_row() {
    let report = run(&small(&[65_536], &[Mechanism::Udp]), &mut Log::default()).unwrap();
    assert_eq!(report.rows.len(), 1);
    assert_eq!(report.rows[0].not_measured.as_deref(), Some("n/a: above 65,507 bytes"));
    assert!(!report.rows[0].verified);
}
