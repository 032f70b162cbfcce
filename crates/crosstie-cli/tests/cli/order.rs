//! `crosstie doctor` tells of deadlocks that could be.

use crate::machine::Machine;

#[test]
fn nested_commands_in_opposite_orders_are_told_though_none_ever_waited() {
    let machine = Machine::new();
    let own = env!("CARGO_BIN_EXE_crosstie");
    let nest = |outer: &str, inner: &str| {
        let words = ["lock", outer, "--", own, "lock", inner, "--", "true"];
        machine.crosstie(&words).env("CROSSTIE_LOCK_ORDER", "1").finish().code(0);
    };
    nest("a", "b");
    nest("a", "b");
    let told = machine.crosstie(&["doctor"]).finish().code(0).output();
    assert!(!told.contains("deadlock"), "{told}");
    nest("b", "a");
    let told = machine.crosstie(&["doctor"]).finish().code(0).output();
    for wanted in
        ["a deadlock is possible: lock:a and lock:b", "wanted lock:b while it had lock:a", "hint: take them"]
    {
        assert!(told.contains(wanted), "{wanted} in {told}");
    }
    // All at once is one order.
    let machine = Machine::new();
    for words in [["lock", "a", "b", "--", "true"], ["lock", "b", "a", "--", "true"]] {
        machine.crosstie(&words).env("CROSSTIE_LOCK_ORDER", "1").finish().code(0);
    }
    let told = machine.crosstie(&["doctor"]).finish().code(0).output();
    assert!(!told.contains("deadlock"), "{told}");
}
