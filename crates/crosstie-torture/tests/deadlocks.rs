//! A sample of the deadlocks; more of them: `cargo run --release -p crosstie-torture -- deadlocks --cases 2000 --json`.

use std::process::{Command, Stdio};

#[test]
fn a_deadlock_is_told_where_the_oracle_says_and_nowhere_else() {
    let played = Command::new(env!("CARGO_BIN_EXE_crosstie-torture"))
        .args(["deadlocks", "--cases", "60", "--json"])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let (out, told) = (String::from_utf8_lossy(&played.stdout), String::from_utf8_lossy(&played.stderr));
    assert!(played.status.success(), "{told}\n{out}");
    let report: serde_json::Value = serde_json::from_str(out.trim()).unwrap();
    let count = |name: &str| report[name].as_u64().unwrap();
    assert!(count("cases") > 60 && count("deadlocks") > 20, "{out}");
    assert!(count("twins") >= 2 && count("twins_caught") == count("twins"), "{told}\n{out}");
}

#[test]
fn a_wrong_call_is_a_usage_error() {
    for arguments in [&["deadlocks", "--cases", "0"][..], &["deadlocks", "--seed"], &["deadlocks", "all"]] {
        let called = Command::new(env!("CARGO_BIN_EXE_crosstie-torture")).args(arguments).output().unwrap();
        assert_eq!(called.status.code(), Some(2), "{arguments:?}");
    }
}
