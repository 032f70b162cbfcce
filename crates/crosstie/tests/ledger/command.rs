//! H14: a command owns until its program ends, whatever becomes of who started it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::process::Command;
use std::sync::atomic::AtomicU32;

use crosstie::ledger::{Domain, OwnerKind, Wait};
use crosstie::os::held_spawn::{HeldCommand, NotStarted};
use crosstie::os::signal_state::SignalState;
use crosstie::os::{forward, process};
use crosstie::{Deadline, OwnerId};

use super::roles::{die_at_point, domain, kill_self, say, until_told};
use super::stage::{Actor, Stage, until};

/// This test binary once more, in a role.
pub fn role_command(role: &str) -> HeldCommand {
    HeldCommand::new(std::env::current_exe().unwrap())
        .args(["roles::play", "--exact", "--nocapture", "--test-threads=1"])
        .env("CROSSTIE_TEST_ROLE", role)
        .env("CROSSTIE_TEST_PARENT", "")
}

/// The role: runs `PROGRAM`, a word a line, as a command; kills itself at `POINT`, or after the start
/// if `DIES`, or waits for the program.
pub fn starts() {
    let program = std::env::var("PROGRAM").unwrap();
    let mut words = program.lines();
    let first = words.next().unwrap();
    let owner = domain().command_owner(first).unwrap();
    say("owner", owner.id().to_bits());
    die_at_point();
    let command = match first.strip_prefix("role:") {
        Some(role) => role_command(role),
        None => HeldCommand::new(first).args(words),
    };
    let mut child = owner.start(&command).unwrap();
    say("child", child.pid());
    if std::env::var_os("DIES").is_some() {
        kill_self();
    }
    say("ended", child.wait().unwrap().into_raw());
    until_told();
}

/// The role: starts a command for which it passes signals on, and sends itself SIGTERM at `POINT`, or before it starts
/// or when it has started.
pub fn forwards() {
    let point = std::env::var("POINT").unwrap();
    let found = SignalState::as_found();
    crosstie_core::crash::install(|name| {
        if std::env::var("POINT").is_ok_and(|point| point == name) {
            terminate_self();
        }
    });
    let owner = domain().command_owner("sleep").unwrap();
    forward::begin(&found).unwrap();
    if point == "begun" {
        terminate_self();
    }
    let mut child = owner.start(&HeldCommand::new("sleep").arg("1000").signals(found)).unwrap();
    say("child", child.pid());
    if point == "started" {
        terminate_self();
    }
    forward::to(child.pid());
    if point == "named" {
        terminate_self();
    }
    let status = child.wait().unwrap();
    forward::to(0);
    say("ended", status.into_raw());
    until_told();
}

fn terminate_self() {
    let own = i32::try_from(process::pid()).unwrap();
    // SAFETY: kill takes two numbers and no memory.
    unsafe { libc::kill(own, libc::SIGTERM) };
}

/// The role of a program that drops every descriptor it was born with, as sudo does.
pub fn closes_all() {
    // SAFETY: nothing in this process uses a descriptor above 2 afterwards.
    assert_eq!(unsafe { libc::syscall(libc::SYS_close_range, 3, u32::MAX, 0) }, 0);
    say("closed", "");
    until_told();
}

fn start(stage: &Stage, program: &[&str], more: &[(&str, &str)]) -> (Actor, OwnerId, u32) {
    let program = program.join("\n");
    let mut environment = vec![("PROGRAM", program.as_str())];
    environment.extend(more);
    let mut starter = stage.role("starts", &environment);
    let id = starter.says_owner();
    let child = starter.says("child").parse().unwrap();
    (starter, id, child)
}

fn kill(pid: u32) {
    // SAFETY: kill takes two numbers and no memory.
    unsafe { libc::kill(i32::try_from(pid).unwrap(), libc::SIGKILL) };
}

#[test]
fn h14_a_command_outlives_its_killed_starter_and_dies_with_its_program() {
    let stage = Stage::new();
    let domain = stage.domain;
    let (mut starter, id, child) = start(&stage, &["sleep", "1000"], &[]);
    assert!(domain.is_alive(id) && !domain.is_orphaned_command(id));
    let who = domain.identity(id).unwrap();
    assert_eq!((who.kind, who.pid, who.command.as_str()), (OwnerKind::Command, child, "sleep"));
    assert_eq!((who.started_by, who.to_string()), (Some(starter.pid()), format!("{child} sleep")));
    starter.kill();
    starter.until_ended();
    until(|| domain.is_orphaned_command(id));
    assert!(domain.is_alive(id) && domain.confirm_alive(id));
    assert!(domain.owners().iter().any(|owner| owner.id == id));
    for _ in 0..8 {
        let other = std::thread::spawn(|| domain.thread_owner().unwrap()).join().unwrap();
        assert_ne!(other.slot(), id.slot(), "its place is taken");
    }
    assert_eq!(domain.identity(id).unwrap().pid, child);
    kill(child);
    let waited = loop {
        match domain.wait(&AtomicU32::new(0), 0, &[id], Deadline::NEVER) {
            Wait::Woken => {}
            other => break other,
        }
    };
    assert_eq!(waited, Wait::OwnerDied);
    assert!(!domain.is_alive(id) && !domain.is_orphaned_command(id) && !domain.confirm_alive(id));
    let next = std::thread::spawn(|| domain.thread_owner().unwrap()).join().unwrap();
    assert_eq!(next.slot(), id.slot().min(next.slot()), "and now it is free");
    stage.nothing_was_rescued();
}

#[test]
fn h14_a_command_lives_while_its_starter_does_and_a_second_one_takes_its_place() {
    let stage = Stage::new();
    let owner = stage.domain.command_owner("/usr/bin/true").unwrap();
    let id = owner.id();
    assert_ne!(id, stage.domain.thread_owner().unwrap(), "beside the thread's own");
    let before = stage.domain.identity(id).unwrap();
    assert_eq!((before.pid, before.command.as_str()), (std::process::id(), "true"));
    let mut child = owner.start(&HeldCommand::new("sleep").arg("1000")).unwrap();
    let busy = owner.start(&HeldCommand::new("true")).unwrap_err();
    assert_eq!(busy.exit_code(), 125, "{busy}");
    let beside = stage.domain.command_owner("true").unwrap();
    assert_ne!(beside.id(), id);
    child.signal(libc::SIGKILL).unwrap();
    assert_eq!(child.wait().unwrap().signal(), Some(libc::SIGKILL));
    assert!(child.signal(libc::SIGKILL).is_err(), "its number may be another's");
    assert!(stage.domain.is_alive(id), "its starter gives back what it had");
    drop(owner);
    let again = stage.domain.command_owner("next").unwrap();
    assert_eq!(again.id(), id);
    assert_eq!(stage.domain.identity(id).unwrap().command, "next");
    assert!(again.start(&HeldCommand::new("true")).unwrap().wait().unwrap().success());
}

#[test]
fn h14_a_kill_at_any_step_of_starting_leaves_no_program_that_is_not_on_record() {
    let stage = Stage::new();
    let marker = stage.path().join("marker");
    let script = format!("echo $$ > {0}.new; mv {0}.new {0}; exec sleep 1000", marker.display());
    let program = ["sh", "-c", &script].join("\n");
    for point in ["command.forked", "command.recorded", "command.released"] {
        for _ in 0..5 {
            let mut starter = stage.role("starts", &[("PROGRAM", &program), ("POINT", point)]);
            let id = starter.says_owner();
            starter.until_ended();
            until(|| marker.exists() || !stage.domain.is_alive(id));
            if !stage.domain.is_alive(id) {
                assert!(!marker.exists(), "{point}: it ran, and is not on record");
                continue;
            }
            assert_eq!(point, "command.released");
            let pid: u32 = fs::read_to_string(&marker).unwrap().trim().parse().unwrap();
            assert_eq!(stage.domain.identity(id).unwrap().pid, pid);
            assert!(stage.domain.is_orphaned_command(id));
            kill(pid);
            until(|| !stage.domain.is_alive(id));
            fs::remove_file(&marker).unwrap();
        }
    }
    assert!(!marker.exists());
}

#[test]
fn h14_what_a_program_leaves_behind_or_closes_changes_nothing() {
    let stage = Stage::new();
    let leaves = "setsid sleep 1000 >/dev/null & echo \"@grandchild $!\"; exec sleep 1000";
    let (mut starter, id, child) = start(&stage, &["sh", "-c", leaves], &[]);
    let grandchild: u32 = starter.says("grandchild").parse().unwrap();
    starter.kill();
    starter.until_ended();
    assert!(stage.domain.is_alive(id));
    kill(child);
    until(|| !stage.domain.is_alive(id));
    assert!(process::thread_exists(grandchild, grandchild), "what it started runs on");
    kill(grandchild);

    let (mut starter, id, child) = start(&stage, &["role:closes-all"], &[]);
    starter.says("closed");
    starter.kill();
    starter.until_ended();
    assert!(stage.domain.is_orphaned_command(id), "no descriptor of ours is open in it");
    kill(child);
    until(|| !stage.domain.is_alive(id));
}

#[test]
fn h14_a_program_whose_first_thread_has_ended_runs_on() {
    // SAFETY: the child runs one thread, which does nothing, and ends its first one.
    let pid = unsafe { libc::fork() };
    if pid == 0 {
        std::thread::spawn(crosstie::os::futex::park_for_ever);
        // SAFETY: ends this thread alone, which holds nothing that the other one uses.
        unsafe { libc::syscall(libc::SYS_exit, 0) };
    }
    let child = u32::try_from(pid).unwrap();
    let start_ticks = process::process(child).unwrap().first.start_ticks;
    until(|| process::process(child).unwrap().first.is_zombie);
    assert!(process::is_running(child, start_ticks));
    kill(child);
    until(|| !process::is_running(child, start_ticks));
    assert!(process::thread_exists(child, child), "nobody has fetched its status");
    let mut status = 0;
    // SAFETY: waits for the child made above.
    unsafe { libc::waitpid(pid, &raw mut status, 0) };
    assert!(!process::is_running(child, start_ticks));
}

#[test]
fn a_program_that_cannot_be_executed_is_told_and_leaves_the_command_as_it_was() {
    let stage = Stage::new();
    let folder = tempfile::tempdir().unwrap();
    let not_executable = folder.path().join("job");
    fs::write(&not_executable, "echo").unwrap();
    let owner = stage.domain.command_owner("job").unwrap();
    let refused = owner.start(&HeldCommand::new("no-such-program-anywhere")).unwrap_err();
    assert!(matches!(refused, NotStarted::Program(_)) && refused.exit_code() == 127, "{refused}");
    for program in [not_executable.as_path(), folder.path()] {
        let refused = owner.start(&HeldCommand::new(program)).unwrap_err();
        assert!(matches!(refused, NotStarted::Program(_)) && refused.exit_code() == 126, "{refused}");
    }
    let refused = owner.start(&HeldCommand::new("tr\0ue")).unwrap_err();
    assert!(matches!(refused, NotStarted::Preparation(_)) && refused.exit_code() == 125, "{refused}");
    let who = stage.domain.identity(owner.id()).unwrap();
    assert_eq!(who.pid, std::process::id(), "it has no child");
    assert!(owner.start(&HeldCommand::new("true")).unwrap().wait().unwrap().success());
}

#[test]
fn a_script_without_a_first_line_is_run_by_the_shell_with_its_arguments() {
    let stage = Stage::new();
    let (script, told) = (stage.path().join("script"), stage.path().join("told"));
    fs::write(&script, "printf '%s' \"$0|$1|$2\" > \"$1\"\n").unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    let owner = stage.domain.command_owner("script").unwrap();
    let command = HeldCommand::new(&script).arg(&told).arg("two words");
    assert!(owner.start(&command).unwrap().wait().unwrap().success());
    let expected = format!("{}|{}|two words", script.display(), told.display());
    assert_eq!(fs::read_to_string(told).unwrap(), expected);
}

#[test]
fn threads_that_start_commands_at_once_each_have_their_own() {
    let stage = Stage::new();
    let domain = stage.domain;
    let threads: Vec<_> = (0..4)
        .map(|number| {
            std::thread::spawn(move || {
                for round in 0..20 {
                    let code = number * 20 + round;
                    let owner = domain.command_owner("sh").unwrap();
                    let command = HeldCommand::new("sh").arg("-c").arg(format!("exit {code}"));
                    let mut child = owner.start(&command).unwrap();
                    let who = domain.identity(owner.id()).unwrap();
                    assert_eq!((who.kind, who.pid), (OwnerKind::Command, child.pid()));
                    assert_eq!(child.wait().unwrap().code(), Some(code));
                    assert_eq!(owner.start(&HeldCommand::new("no/such")).unwrap_err().exit_code(), 127);
                }
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
}

#[test]
fn a_program_finds_signals_as_its_starter_found_them() {
    let stage = Stage::new();
    // What this test was started with, which a shell below cannot undo: one in the background ignores SIGINT. The
    // standard library's `Command` takes SIGPIPE back.
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let own = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).unwrap().trim();
    let own = u64::from_str_radix(own, 16).unwrap() & 0x7FFF_FFFF & !(1 << (libc::SIGPIPE - 1));
    for (ignored, bits) in [("INT", 1_u64 << 1), ("PIPE", 1 << 12), ("USR1 HUP", (1 << 9) | 1)] {
        let script = format!("trap '' {ignored}; exec \"$@\"");
        let behind = ["sh", "-c", &script, "sh"];
        let told = "while read name bits; do case $name in Sig[BI]*) echo \"@$name $bits\";; esac; done";
        let program = ["sh", "-c", &format!("{told} </proc/self/status")].join("\n");
        let Some(mut starter) = stage.role_behind(&behind, "starts", &[("PROGRAM", &program)]) else {
            return;
        };
        // Above 31 are those of the C library and real-time ones, which this machine may ignore already.
        let mut signals = |name| u64::from_str_radix(&starter.says(name), 16).unwrap() & 0x7FFF_FFFF;
        assert_eq!((signals("SigBlk:"), signals("SigIgn:")), (0, own | bits), "{ignored}");
        assert_eq!(starter.says("ended"), "0");
    }
}

#[test]
fn a_signal_at_any_step_of_starting_reaches_the_program() {
    let stage = Stage::new();
    for point in ["begun", "command.forked", "command.recorded", "command.released", "started", "named"] {
        let mut starter = stage.role("forwards", &[("POINT", point)]);
        let child = starter.says("child");
        assert_eq!(starter.says("ended"), libc::SIGTERM.to_string(), "{point}: child {child}");
    }
}

#[test]
fn a_program_gets_its_arguments_unread_by_any_shell_and_the_holder_in_its_environment() {
    let stage = Stage::new();
    let owner = stage.domain.command_owner("sh").unwrap();
    let file = stage.path().join("told");
    let script = "printf '%s' \"$CROSSTIE_HOLDER|$1|$MORE\" > \"$0\"";
    let command = HeldCommand::new("sh")
        .args(["-c", script])
        .arg(&file)
        .arg("$HOME; `id` *")
        .env("MORE", "first")
        .env("MORE", "more");
    assert!(owner.start(&command).unwrap().wait().unwrap().success());
    let expected = format!("{}|$HOME; `id` *|more", owner.holder());
    assert_eq!(fs::read_to_string(file).unwrap(), expected);
    assert_eq!(owner.holder().to_string().parse(), Ok(owner.holder()));
    assert_eq!((owner.holder().tag, owner.holder().owner), (stage.domain.tag(), owner.id()));
}

#[test]
fn h6_a_fork_child_has_no_part_in_its_parents_command() {
    let stage = Stage::new();
    let owner = stage.domain.command_owner("true").unwrap();
    // SAFETY: the child only looks at what it inherited, and exits.
    let child = unsafe { libc::fork() };
    if child == 0 {
        let refused = owner.start(&HeldCommand::new("true")).is_err();
        drop(owner);
        // SAFETY: ends the child without the parent's clean-up.
        unsafe { libc::_exit(i32::from(!refused)) };
    }
    let mut status = 0;
    // SAFETY: waits for the child made above.
    unsafe { libc::waitpid(child, &raw mut status, 0) };
    assert_eq!(status, 0);
    assert!(stage.domain.is_alive(owner.id()));
}

/// Runs in PID namespaces of its own, below a first process that outlives the starter.
const OWN_PIDS: [&str; 10] = [
    "unshare",
    "--user",
    "--map-root-user",
    "--pid",
    "--fork",
    "--kill-child",
    "sh",
    "-c",
    "\"$@\"; sleep 1000",
    "sh",
];

fn orphan_elsewhere(stage: &Stage, program: &str) -> Option<(Actor, OwnerId)> {
    let mut starter =
        stage.role_behind_if(&OWN_PIDS[..6], &OWN_PIDS, "starts", &[("PROGRAM", program), ("DIES", "1")])?;
    let id = starter.says_owner();
    starter.says("child");
    until(|| stage.domain.is_orphaned_command(id));
    Some((starter, id))
}

#[test]
fn h14_an_orphan_in_another_pid_namespace_is_seen_to_run_and_to_end() {
    let stage = Stage::new();
    let Some((mut place, id)) = orphan_elsewhere(&stage, "cat") else { return };
    for _ in 0..8 {
        let other = std::thread::spawn(|| stage.domain.thread_owner().unwrap()).join().unwrap();
        assert_ne!(other.slot(), id.slot(), "its place is taken");
    }
    assert!(stage.domain.is_alive(id) && stage.domain.confirm_alive(id));
    place.go_on();
    until(|| !stage.domain.is_alive(id));
}

#[test]
fn h14_a_command_ends_with_its_whole_pid_namespace_as_in_a_killed_container() {
    let stage = Stage::new();
    let Some((mut place, id)) = orphan_elsewhere(&stage, "sleep\n1000") else { return };
    place.kill();
    until(|| !stage.domain.is_alive(id));
    let Some(mut starter) = stage.role_behind(&OWN_PIDS[..6], "starts", &[("PROGRAM", "sleep\n1000")]) else {
        return;
    };
    let id = starter.says_owner();
    starter.says("child");
    assert!(stage.domain.is_alive(id));
    starter.kill();
    until(|| !stage.domain.is_alive(id));
}

/// The limit that the module tells: sudo's way, from outside, after its starter alone was killed.
#[test]
fn h14_elsewhere_a_program_that_closed_its_descriptors_counts_as_ended_with_its_starter() {
    let stage = Stage::new();
    let program = [("PROGRAM", "role:closes-all")];
    let Some(mut starter) = stage.role_behind_if(&OWN_PIDS[..6], &OWN_PIDS, "starts", &program) else {
        return;
    };
    let id = starter.says_owner();
    starter.says("closed");
    assert!(stage.domain.is_alive(id), "its starter lives");
    let name = stage.path().join(format!("command.{}", id.slot()));
    assert!(name.exists());
    starter.kill();
    until(|| !stage.domain.is_alive(id));
}

#[test]
fn an_old_witness_file_or_one_that_cannot_be_made_stops_no_command() {
    let stage = Stage::new();
    let owner = stage.domain.command_owner("true").unwrap();
    let name = stage.path().join(format!("command.{}", owner.id().slot()));
    fs::create_dir(&name).unwrap();
    assert!(owner.start(&HeldCommand::new("true")).unwrap().wait().unwrap().success());
    fs::remove_dir(&name).unwrap();
    for _ in 0..3 {
        assert!(owner.start(&HeldCommand::new("true")).unwrap().wait().unwrap().success());
    }
    assert!(name.exists() && stage.domain.objects().is_empty(), "it is no object");
    let told = Command::new("sh").arg("-c").arg("true").status().unwrap();
    assert!(told.success() && Domain::open(stage.path()).is_ok());
}
