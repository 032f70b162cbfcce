//! A sample of the traffic; a hundred million messages through each pattern are
//! `cargo run --release -p crosstie-torture -- traffic --messages 100000000 --json`.

use std::process::Command;

#[test]
fn under_kills_on_both_sides_nothing_is_lost_torn_or_doubled_and_every_twin_is_caught() {
    let traffic = Command::new(env!("CARGO_BIN_EXE_crosstie-torture"))
        .args(["traffic", "--messages", "1000000", "--json"])
        .output()
        .unwrap();
    let (out, told) = (String::from_utf8_lossy(&traffic.stdout), String::from_utf8_lossy(&traffic.stderr));
    assert!(traffic.status.success(), "{told}\n{out}");
    let report: serde_json::Value = serde_json::from_str(out.trim()).unwrap();
    assert_eq!((&report["twins"], &report["twins_caught"]), (&22.into(), &22.into()), "{told}");
    for pattern in report["traffic"].as_array().unwrap() {
        assert!(pattern["messages"].as_u64().unwrap() >= 1_000_000, "{out}");
        assert_eq!(pattern["faults"], 0, "{told}\n{out}");
    }
}

#[test]
fn a_wrong_call_is_a_usage_error() {
    for arguments in [&["traffic", "pigeons"][..], &["traffic", "--messages", "0"]] {
        let called = Command::new(env!("CARGO_BIN_EXE_crosstie-torture")).args(arguments).output().unwrap();
        assert_eq!(called.status.code(), Some(2), "{arguments:?}");
    }
}
