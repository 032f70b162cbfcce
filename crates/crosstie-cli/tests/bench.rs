//! `crosstie bench` as a shell sees it.

use std::io::{BufRead, BufReader};
use std::process::{Command, Output, Stdio};

fn bench(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_crosstie")).arg("bench").args(arguments).output().unwrap()
}

fn row(arguments: &[&str]) -> serde_json::Value {
    let output = bench(&[arguments, &["--json"]].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn one_row_is_printed_for_an_address() {
    let folder = tempfile::tempdir().unwrap();
    let socket = format!("unix:{}", folder.path().join("s").display());
    for (address, mechanism) in [
        ("pipe:", "pipe"),
        (&socket, "unix"),
        ("ring:bench-test", "shm"),
        ("queue:b", "queue"),
        ("topic:b", "topic"),
    ] {
        let row = row(&[address, "--count", "50", "--size", "1KiB", "--no-pin"]);
        assert_eq!(row["mechanism"], mechanism);
        assert_eq!((&row["wait"], &row["payload_bytes"]), (&"block".into(), &1024.into()));
        assert_eq!(row["verified"], true);
        assert!(row["round_trip_ns"]["p50"].as_u64() > Some(0), "{row}");
        assert!(row["messages_per_s"].as_f64() > Some(0.0), "{row}");
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "nothing stays behind");
}

#[test]
fn one_pattern_leaves_the_other_out() {
    let row = row(&["ring:x", "--pattern", "one-way", "--wait", "spin", "--count", "100", "--no-pin"]);
    assert_eq!(row["wait"], "spin");
    assert!(row["round_trip_ns"].is_null() && row["paced_round_trip_ns"].is_null(), "{row}");
    assert!(row["messages_per_s"].as_f64() > Some(0.0), "{row}");
    let text = bench(&["pipe:", "--pattern", "round-trip", "--count", "20", "--no-pin"]);
    let text = String::from_utf8(text.stdout).unwrap();
    assert!(text.contains("there and back") && !text.contains("one way"), "{text}");
}

#[test]
fn what_cannot_be_measured_says_why() {
    for (arguments, exit, reason) in [
        (&["pipe:", "--wait", "spin"][..], 2, "spin is for ring: queue: and topic:"),
        (&["pipe:", "--size", "4"], 2, "take a size of 8 or more"),
        (&["fd:1"], 2, "a descriptor of this process is not the other's"),
        (&["tcp:127.0.0.1:0"], 2, "both sides must know the port"),
        (&["udp:127.0.0.1:9", "--connect"], 125, "take tcp:, unix: or unixpacket:"),
        (&["pope:"], 2, "pipe:"),
        (&["pipe:", "--count", "0"], 2, "0"),
    ] {
        let output = bench(arguments);
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(exit), "{arguments:?}: {told}");
        assert!(told.contains(reason), "{arguments:?}: {told}");
    }
}

#[test]
fn a_listener_serves_one_client_after_the_other() {
    let folder = tempfile::tempdir().unwrap();
    let address = format!("unix:{}", folder.path().join("s").display());
    let mut listener = Command::new(env!("CARGO_BIN_EXE_crosstie"))
        .args(["bench", &address, "--listen"])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut told = BufReader::new(listener.stderr.take().unwrap()).lines();
    assert!(told.next().unwrap().unwrap().contains("listening at unix:"));
    for size in ["64", "300000"] {
        let row = row(&[&address, "--connect", "--count", "20", "--size", size]);
        assert_eq!(row["verified"], true);
        assert!(row["round_trip_ns"]["p50"].as_u64() > Some(0), "{row}");
        assert!(row["cpu_percent"]["receiver"].as_f64() >= Some(0.0), "{row}");
        assert_eq!(told.next().unwrap().unwrap(), "crosstie: a client is done");
    }
    listener.kill().unwrap();
    listener.wait().unwrap();
}
