//! `crosstie unlock --force`: what would happen, and what does.

use crate::machine::{Machine, until};

#[test]
fn a_lock_is_taken_away_only_by_who_insists_and_the_loser_is_told() {
    let machine = Machine::new();
    let mut holder =
        machine.crosstie(&["lock", "db", "--", "sh", "-c", "echo has; read line"]).input_open().start();
    until(|| machine.crosstie(&["ls"]).finish().output().contains("held by"));
    let waiter = machine
        .crosstie(&["lock", "db", "--", "sh", "-c", "echo $CROSSTIE_TOKEN $CROSSTIE_ABANDONED"])
        .start();
    until(|| machine.crosstie(&["ls"]).finish().output().contains("1 waiting"));
    machine.crosstie(&["unlock", "db"]).finish().code(2).said("only its owner");
    machine.crosstie(&["unlock", "db", "--yes"]).finish().code(2);
    let told = machine.crosstie(&["unlock", "--force", "db"]).finish().code(2);
    told.said("two owners at once").said("1 who wait").said("kill ").said("--force db --yes");
    machine
        .crosstie(&["unlock", "--force", "lock:db", "--yes"])
        .finish()
        .code(0)
        .said("two owners are possible");
    waiter.finish().code(0).wrote("3\n");
    holder.write(b"\n");
    holder.finish().code(82).said("lock:db was taken away by force while the command ran with token 1");
    machine.crosstie(&["unlock", "--force", "db", "--yes"]).finish().code(1).said("it is free");
    machine.crosstie(&["unlock", "--force", "db"]).finish().code(1).said("nobody has it");
    machine.crosstie(&["unlock", "--force", "none", "--yes"]).finish().code(84).said("crosstie ls lock");
    machine.crosstie(&["unlock", "--force", "none"]).finish().code(84).said("crosstie ls lock");
    machine.crosstie(&["unlock", "--force", "sem:gpu", "--yes"]).finish().code(2).said("no lock");
}
