//! Processes of other namespaces share a domain, or are told that they do not.

use std::process::{Command, Stdio};

#[test]
fn what_must_hold_across_namespaces_holds() {
    let played = Command::new(env!("CARGO_BIN_EXE_crosstie-torture"))
        .args(["namespaces", "--json"])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let (out, told) = (String::from_utf8_lossy(&played.stdout), String::from_utf8_lossy(&played.stderr));
    if played.status.code() == Some(86) {
        println!("{}", out.trim());
        return;
    }
    assert!(played.status.success(), "{told}\n{out}");
    let report: serde_json::Value = serde_json::from_str(out.trim()).unwrap();
    for reason in report["reasons"].as_array().unwrap() {
        println!("SKIPPED: {reason}");
    }
    let count = |name: &str| report[name].as_u64().unwrap();
    assert!(count("scenes") > 10 && count("twins_caught") == count("twins"), "{told}\n{out}");
}
