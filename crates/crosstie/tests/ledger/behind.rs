//! H14: under which command a process runs, and when that is sure enough to count.

use crosstie::ledger::{Holder, Surety};
use crosstie::os::held_spawn::HeldCommand;
use crosstie::os::process;

use super::command::role_command;
use super::roles::{domain, say};
use super::stage::Stage;

/// The role: tells its pid and under which command it runs.
pub fn behind() {
    // A shell that has just started us may not wait for us yet.
    let is_patient = std::env::var_os("PATIENT").is_some();
    let mut found = domain().behind_me();
    while is_patient && found.is_some_and(|found| found.surety == Surety::Unsure) {
        found = domain().behind_me();
    }
    let told = match found {
        Some(behind) => format!("{:?} {}", behind.surety, behind.owner.to_bits()),
        None => "None".to_owned(),
    };
    let error = Holder::from_environment().err().map_or_else(String::new, |error| error.to_string());
    let text = format!("{told} {error}");
    std::fs::write(std::env::var("TOLD").unwrap(), text.trim()).unwrap();
    say("told", text);
}

/// What the role says when it runs in `shell`, a command whose `"$@"` is the role.
fn told_in(stage: &Stage, shell: Option<&str>, holder: Option<&str>) -> (String, u64) {
    let file = stage.path().join("told");
    let own = std::env::current_exe().unwrap();
    let command = match shell {
        None => role_command("behind"),
        Some(shell) => HeldCommand::new("sh")
            .args(["-c", shell, "sh"])
            .arg(own)
            .args(["roles::play", "--exact", "--nocapture", "--test-threads=1"])
            .env("CROSSTIE_TEST_ROLE", "behind"),
    };
    let command = command.env("TOLD", &file).env("CROSSTIE_DOMAIN", stage.path());
    let owner = stage.domain.command_owner("behind").unwrap();
    let command = match holder {
        None => command,
        // The command sets its own again: change it inside.
        Some(holder) => HeldCommand::new("env")
            .arg(format!("CROSSTIE_HOLDER={holder}"))
            .arg(std::env::current_exe().unwrap())
            .args(["roles::play", "--exact", "--nocapture", "--test-threads=1"])
            .env("CROSSTIE_TEST_ROLE", "behind")
            .env("TOLD", &file)
            .env("CROSSTIE_DOMAIN", stage.path()),
    };
    assert!(owner.start(&command).unwrap().wait().unwrap().success());
    (std::fs::read_to_string(&file).unwrap(), owner.id().to_bits())
}

#[test]
fn h14_a_commands_own_program_is_directly_behind_it() {
    let stage = Stage::new();
    let (told, id) = told_in(&stage, None, None);
    assert_eq!(told, format!("Direct {id}"));
    let (told, id) = told_in(&stage, Some("exec \"$@\""), None);
    assert_eq!(told, format!("Direct {id}"), "an exec changes nothing");
}

#[test]
fn h14_a_program_whose_ancestors_only_wait_for_it_is_behind_their_command() {
    let stage = Stage::new();
    for shell in ["\"$@\"; true", "sh -c '\"$@\"; true' sh \"$@\"; true", "(\"$@\"; true); true"] {
        let (told, id) = told_in(&stage, Some(&format!("export PATIENT=1; {shell}")), None);
        assert_eq!(told, format!("ThroughWaiters {id}"), "{shell}");
    }
}

#[test]
fn h14_a_program_whose_ancestors_do_anything_else_is_not_surely_behind() {
    let stage = Stage::new();
    for shell in [
        // The shell waits for whichever of two ends first.
        "sleep 1000 & \"$@\"; kill $!",
        // It waits for the one that is not ours.
        "\"$@\" & own=$!; sleep 1000 & other=$!; (while kill -0 $own 2>&-; do :; done; kill $other) & wait $other; wait",
        // It reads.
        "mkfifo $TOLD.fifo; (\"$@\"; echo > $TOLD.fifo) & read x < $TOLD.fifo; wait; rm $TOLD.fifo",
    ] {
        let (told, id) = told_in(&stage, Some(shell), None);
        assert_eq!(told, format!("Unsure {id}"), "{shell}");
    }
}

#[test]
fn a_holder_of_another_form_of_another_domain_or_long_gone_is_none() {
    let stage = Stage::new();
    let elsewhere = Stage::new();
    let there = elsewhere.domain.command_owner("true").unwrap();
    let stale = stage.domain.command_owner("true").unwrap();
    let stale = stale.holder().to_string();
    let (start, generation) = stale.rsplit_once(':').unwrap();
    let stale = format!("{start}:{}", generation.parse::<u64>().unwrap() + 1);
    for holder in ["", &there.holder().to_string(), &stale] {
        assert_eq!(told_in(&stage, None, Some(holder)).0, "None", "{holder}");
    }
    for garbage in ["x", "1:2:3", "FFFFFFFFFFFFFFFF:1:1", "ffffffffffffffff:70000:1", "ffffffffffffffff:1:-1"]
    {
        let (told, _) = told_in(&stage, None, Some(garbage));
        assert!(told.starts_with("None") && told.contains("is ignored: it is not"), "{garbage}: {told}");
    }
}

#[test]
fn a_thread_is_no_command_and_a_pid_that_is_not_below_is_unsure() {
    let stage = Stage::new();
    let me = stage.domain.thread_owner().unwrap();
    assert_eq!(stage.domain.surety(process::pid(), me), Surety::Unsure);
    let owner = stage.domain.command_owner("sleep").unwrap();
    assert_eq!(stage.domain.surety(process::pid(), owner.id()), Surety::Unsure, "it has no program yet");
    let mut child = owner.start(&HeldCommand::new("sleep").arg("1000")).unwrap();
    assert_eq!(stage.domain.surety(child.pid(), owner.id()), Surety::Direct);
    assert_eq!(stage.domain.surety(process::pid(), owner.id()), Surety::Unsure);
    child.signal(libc::SIGKILL).unwrap();
    child.wait().unwrap();
    assert_eq!(stage.domain.surety(child.pid(), owner.id()), Surety::Unsure);
}
