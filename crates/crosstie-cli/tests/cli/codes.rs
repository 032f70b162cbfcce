//! The command's exit code and ours, told apart.

use std::path::Path;

use crosstie::ErrorKind;
use rustix::process::Signal;

use crate::machine::{Machine, until};

/// Runs `crosstie` with `arguments` behind a shell that opens descriptor 9 for its status.
fn with_status(machine: &Machine, arguments: &str) -> (i32, String) {
    let crosstie = env!("CARGO_BIN_EXE_crosstie");
    let script = format!("exec {crosstie} {arguments} 9>status");
    let status = std::process::Command::new("sh")
        .args(["-c", &script])
        .current_dir(machine.path("."))
        .env("CROSSTIE_DOMAIN", machine.path("domain"))
        .stderr(std::process::Stdio::null())
        .status()
        .unwrap();
    (status.code().unwrap(), std::fs::read_to_string(machine.path("status")).unwrap())
}

#[test]
fn the_status_says_whose_code_it_is() {
    let machine = Machine::new();
    let run = |arguments: &str| with_status(&machine, arguments);
    assert_eq!(run("lock --status-fd 9 db -- sh -c 'exit 75'"), (75, "ended 75\n".into()));
    assert_eq!(run("once --status-fd 9 init -- true"), (0, "ended 0\n".into()));
    assert_eq!(run("once --status-fd 9 init -- true"), (0, "done 0\n".into()));
    assert_eq!(run("lock --status-fd 9 db -- ./nothing"), (127, "failed 127\n".into()));
    assert_eq!(run("sem --status-fd 9 none -- true"), (84, "not-found 84\n".into()));
    let holder = machine.crosstie(&["lock", "db", "--", "sleep", "30"]).start();
    until(|| machine.crosstie(&["ls"]).finish().output().contains("held by"));
    assert_eq!(run("lock --status-fd 9 --try db -- true"), (75, "busy 75\n".into()));
    assert_eq!(run("lock --status-fd 9 -E 9 --try db -- true"), (9, "busy 75\n".into()));
    assert_eq!(run("lock --status-fd 9 -E 9 -t 0.01 db -- true"), (9, "timed-out 124\n".into()));
    holder.signal(Signal::TERM);
    machine.crosstie(&["lock", "--status-fd", "77", "a", "--", "true"]).finish().code(2).said("77>status");
    machine.crosstie(&["lock", "-E", "0", "a", "--", "true"]).finish().code(2);
    machine.crosstie(&["lock", "-E", "300", "a", "--", "true"]).finish().code(2);
    machine.crosstie(&["lock", "-E", "9", "a", "--", "sh", "-c", "exit 5"]).finish().code(5);
}

#[test]
fn a_strict_lock_refuses_what_was_abandoned_once() {
    let machine = Machine::new();
    let mut died =
        machine.crosstie(&["lock", "db", "--", "sh", "-c", "kill -9 $PPID; exec sleep 0.01"]).start();
    died.until_ended();
    died.kill();
    let strict = ["lock", "--strict", "db", "--", "true"];
    machine.crosstie(&strict).finish().code(81).said("died while it had it").said("run again");
    machine.crosstie(&strict).finish().code(0);
}

#[test]
fn several_locks_are_taken_in_one_order_for_all() {
    let machine = Machine::new();
    let rounds: Vec<_> = (0..8)
        .map(|round| {
            let names = if round % 2 == 0 { ["a", "b", "c"] } else { ["c", "b", "a"] };
            let arguments = [&["lock"][..], &names, &["--", "true"]].concat();
            machine.crosstie(&arguments).start()
        })
        .collect();
    for round in rounds {
        round.finish().code(0);
    }
    machine.crosstie(&["lock", "a", "a", "--", "true"]).finish().code(0);
}

#[test]
fn a_long_wait_says_who_has_it_for_how_long_and_who_is_ahead() {
    let machine = Machine::new();
    let holder = machine.crosstie(&["lock", "db", "--", "sleep", "30"]).start();
    until(|| machine.crosstie(&["ls"]).finish().output().contains("held by"));
    let _ahead = machine.crosstie(&["lock", "db", "--", "true"]).start();
    until(|| machine.crosstie(&["ls"]).finish().output().contains("1 waiting"));
    let waiter = machine.crosstie(&["lock", "db", "--timeout", "2.3s", "--", "true"]).finish().code(124);
    let here = machine.path("domain").display().to_string();
    let waiter = waiter.said(&format!("waiting for lock:db (domain {here}): held by")).said("1 ahead of you");
    let line = waiter.stderr.lines().next().unwrap().to_owned();
    assert!(line.contains(" sleep for "), "{line}");
    waiter.said("lock:db is held by").said("after a wait of ");
    holder.signal(Signal::TERM);
}

/// The table of docs/exit-codes.md: the codes and words of `crosstie --help`, with the ids of the error table.
fn table_of_codes(help: &str) -> Vec<String> {
    let listed = help.split_once("Exit codes:\n").expect("--help lists them").1;
    let codes: Vec<(u8, &str)> = listed
        .lines()
        .map_while(|line| line.trim().split_once("  "))
        .map(|(code, words)| (code.parse().expect("a code"), words.trim()))
        .collect();
    for kind in ErrorKind::ALL {
        assert!(codes.iter().any(|(code, _)| *code == kind.exit_code()), "--help lacks {}", kind.id());
    }
    let row = |&(code, words): &(u8, &str)| {
        let kinds = ErrorKind::ALL.iter().filter(|kind| kind.exit_code() == code);
        let ids: Vec<String> = kinds.map(|kind| format!("`{}`", kind.id())).collect();
        format!("| {code} | {} | {words} |", ids.join(" "))
    };
    codes.iter().map(row).collect()
}

/// `CROSSTIE_WRITE=1 cargo test -p crosstie-cli --test cli exit_codes` writes it anew.
#[test]
fn the_page_on_exit_codes_says_what_help_and_the_error_table_say() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/exit-codes.md");
    let page = std::fs::read_to_string(&path).unwrap();
    let help = Machine::new().crosstie(&["--help"]).finish().code(0).output();
    let made = table_of_codes(&help);
    assert!(made.len() > 15, "{made:?}");
    let is_row = |line: &&str| line.starts_with("| ") && !line.starts_with("| code");
    if std::env::var_os("CROSSTIE_WRITE").is_some() {
        let kept: Vec<&str> = page.lines().filter(|line| !is_row(line)).collect();
        let written =
            kept.join("\n").replace("|--:|---|---|", &format!("|--:|---|---|\n{}", made.join("\n")));
        std::fs::write(&path, written + "\n").unwrap();
        return;
    }
    let committed: Vec<&str> = page.lines().filter(is_row).collect();
    assert_eq!(committed, made, "CROSSTIE_WRITE=1 cargo test -p crosstie-cli --test cli exit_codes");
}
