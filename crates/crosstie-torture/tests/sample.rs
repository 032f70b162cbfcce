//! A sample of the sweep; the whole of it is `cargo run --release -p crosstie-torture -- step --all --json`.

use std::process::{Command, Stdio};

/// Points an operation: few in a debug build, where an operation has many more instructions.
const POINTS: &str = if cfg!(debug_assertions) { "2" } else { "6" };

/// What may not be, beside everything that begins with `wrong_`.
const FAULTS: [&str; 7] =
    ["hangs", "lost", "doubled", "torn", "not_taken_over", "slots_leaked", "net_rescues"];

#[test]
fn whoever_is_left_after_a_kill_at_some_points_of_every_operation_is_well() {
    let sweep = Command::new(env!("CARGO_BIN_EXE_crosstie-torture"))
        .args(["step", "--all", "--json", "--sample", POINTS])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let (out, told) = (String::from_utf8_lossy(&sweep.stdout), String::from_utf8_lossy(&sweep.stderr));
    if sweep.status.code() == Some(86) {
        println!("{}", out.trim());
        return;
    }
    assert!(sweep.status.success(), "{told}\n{out}");
    let report: serde_json::Value = serde_json::from_str(out.trim()).unwrap();
    let count = |name: &str| report[name].as_u64().unwrap();
    assert!(count("operations") >= 150 && count("kill_points") > 2 * count("operations"), "{out}");
    let faults = report.as_object().unwrap().keys().filter(|name| {
        let is_wrong = name.starts_with("wrong_");
        is_wrong || FAULTS.contains(&name.as_str())
    });
    let found: Vec<_> = faults.filter(|name| count(name) != 0).collect();
    assert!(found.is_empty(), "{found:?}\n{told}\n{out}");
    assert!(FAULTS.iter().all(|name| report[name].is_u64()), "{out}");
    assert!(count("twins") >= 25 && count("twins_caught") == count("twins"), "{told}\n{out}");
}
