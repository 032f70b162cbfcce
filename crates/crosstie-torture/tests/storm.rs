//! A sample of the storm; an hour of it is `cargo run --release -p crosstie-torture -- storm --seconds 3600 --json`.

use std::process::{Command, Stdio};

#[test]
fn in_a_short_storm_everybody_is_well_and_every_twin_is_caught() {
    let storm = Command::new(env!("CARGO_BIN_EXE_crosstie-torture"))
        .args(["storm", "--seconds", "5", "--json"])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let (out, told) = (String::from_utf8_lossy(&storm.stdout), String::from_utf8_lossy(&storm.stderr));
    assert!(storm.status.success(), "{told}\n{out}");
    let report: serde_json::Value = serde_json::from_str(out.trim()).unwrap();
    let count = |name: &str| report[name].as_u64().unwrap();
    let happened = ["kills", "stops", "operations", "deaths_told", "rounds"];
    assert!(happened.iter().all(|name| count(name) > 0), "{out}");
    assert!(count("twins") >= 3 && count("twins_caught") == count("twins"), "{told}\n{out}");
}

#[test]
fn a_wrong_call_is_a_usage_error() {
    for arguments in [&["storm", "--seconds", "0"][..], &["storm", "--processes", "1"], &["storm", "fast"]] {
        let called = Command::new(env!("CARGO_BIN_EXE_crosstie-torture")).args(arguments).output().unwrap();
        assert_eq!(called.status.code(), Some(2), "{arguments:?}");
    }
}
