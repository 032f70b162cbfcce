//! Request and reply from the shell.

use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};

use crate::machine::{Machine, until};

/// A command that says in `mark` who it is, and then keeps its call.
fn holds(mark: &Path) -> String {
    format!("echo $$ > {}; exec sleep 1000", mark.display())
}

/// Waits until a command that [`holds`] has its call; answers its place in /proc.
fn holder(mark: &Path) -> PathBuf {
    until(|| std::fs::read_to_string(mark).is_ok_and(|said| said.ends_with('\n')));
    PathBuf::from("/proc").join(std::fs::read_to_string(mark).unwrap().trim())
}

/// An address of every mechanism that goes both ways, free for this test.
fn addresses(machine: &Machine) -> Vec<String> {
    vec![
        machine.at("unix", "s"),
        format!("unix:@crosstie-test-calls-{}-{}", std::process::id(), machine.port()),
        machine.at("unixpacket", "p"),
        format!("tcp:127.0.0.1:{}", machine.port()),
        machine.at("fifo", "f"),
        format!("queue:q{}", machine.port()),
        "ring:r".to_owned(),
    ]
}

#[test]
fn a_reply_is_what_the_command_writes() {
    let machine = Machine::new();
    for address in addresses(&machine) {
        let server = machine.crosstie(&["reply", &address, "-n", "3", "--", "rev"]).start();
        machine.crosstie(&["call", &address, "stressed"]).finish().code(0).wrote("desserts");
        machine.crosstie(&["call", &address]).input("one\ntwo\n").finish().code(0).wrote("eno\nowt\n");
        machine.crosstie(&["call", &address, ""]).finish().code(0).wrote("");
        server.finish().code(0);
    }
}

#[test]
fn large_requests_and_replies_come_whole() {
    let machine = Machine::new();
    let bytes: Vec<u8> = (0..800_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    for address in addresses(&machine) {
        let server = machine.crosstie(&["reply", &address, "-n", "1", "--", "cat"]).start();
        machine.crosstie(&["call", &address]).input(bytes.clone()).finish().code(0).wrote(&bytes);
        server.finish().code(0);
    }
}

#[test]
fn a_command_that_fails_gives_its_code_to_the_caller() {
    let machine = Machine::new();
    for address in addresses(&machine) {
        let server = machine
            .crosstie(&["reply", &address, "-n", "3", "--", "bash", "-c", "read -r code; exit $code"])
            .start();
        machine.crosstie(&["call", &address, "3\n"]).finish().code(3).said("exit code 3");
        machine.crosstie(&["call", &address, "83\n"]).finish().code(83).said("exit code 83");
        machine.crosstie(&["call", &address, "0\n"]).finish().code(0).wrote("");
        server.finish().code(0);
    }
    let address = &addresses(&machine)[0];
    let server = machine.crosstie(&["reply", address, "-n", "1", "--", "no-such-command"]).start();
    machine.crosstie(&["call", address, "x"]).finish().code(127).said("no-such-command");
    server.finish().code(0);
    let server = machine.crosstie(&["reply", address, "-n", "1", "--", "bash", "-c", "kill -9 $$"]).start();
    machine.crosstie(&["call", address, "x"]).finish().code(137).said("signal 9");
    server.finish().code(0);
}

#[test]
fn a_server_that_is_killed_with_the_call_in_hand_is_told_at_once() {
    let machine = Machine::new();
    for address in addresses(&machine) {
        let mark = machine.file("began", b"");
        let mut server = machine.crosstie(&["reply", &address, "--", "bash", "-c", &holds(&mark)]).start();
        let caller = machine.crosstie(&["call", &address, "x"]).start();
        let command = holder(&mark);
        server.kill();
        caller.finish().code(83).said("died with the call in hand");
        // Gone, or a zombie that nobody has fetched yet.
        until(|| {
            std::fs::read(command.join("cmdline")).is_ok_and(|line| line.is_empty()) || !command.exists()
        });
    }
}

#[test]
fn what_a_command_started_has_its_request_whole_although_the_server_is_killed_before_it_reads() {
    let machine = Machine::new();
    let (address, count) = (machine.at("unix", "s"), machine.file("count", b""));
    // What the command starts in the background outlives it.
    let kills = format!("{{ kill -9 $PPID; wc -c > {}; }} <&0 & wait", count.display());
    let server = machine.crosstie(&["reply", &address, "--", "bash", "-c", &kills]).start();
    machine.crosstie(&["call", &address]).input(vec![b'x'; 300_000]).finish().code(83);
    assert_eq!(server.finish().status.signal(), Some(9));
    until(|| std::fs::read_to_string(&count).is_ok_and(|count| count == "300000\n"));
}

#[test]
fn an_idempotent_call_is_answered_by_the_next_server() {
    let machine = Machine::new();
    for address in addresses(&machine) {
        let mark = machine.file("began", b"");
        let mut first = machine.crosstie(&["reply", &address, "--", "bash", "-c", &holds(&mark)]).start();
        let caller = machine.crosstie(&["call", &address, "--idempotent", "x"]).start();
        holder(&mark);
        first.kill();
        let second = machine
            .crosstie(&["reply", &address, "-n", "1", "--", "bash", "-c", "echo again $CROSSTIE_REPEATED"])
            .start();
        caller.finish().code(0).wrote("again 1\n");
        second.finish().code(0);
    }
}

#[test]
fn a_timeout_ends_the_call_and_its_command() {
    let machine = Machine::new();
    for address in addresses(&machine) {
        let mark = machine.file("pid", b"");
        let sleeps = format!("echo $$ $CROSSTIE_TIMEOUT_MS > {}; exec sleep 1000", mark.display());
        let server = machine.crosstie(&["reply", &address, "-n", "1", "--", "bash", "-c", &sleeps]).start();
        machine.crosstie(&["call", &address, "--timeout", "1s", "x"]).finish().code(124);
        // The command is ended, or else the server would wait for it.
        server.finish().code(0);
        let said = std::fs::read_to_string(&mark).unwrap();
        let mut words = said.split_whitespace();
        let pid: u32 = words.next().unwrap().parse().unwrap();
        assert!(!std::path::Path::new(&format!("/proc/{pid}")).exists(), "{address}");
        let left: u32 = words.next().unwrap().parse().unwrap();
        assert!(left <= 1000, "{address}: {left}");
    }
}

#[test]
fn a_call_that_nobody_answers_says_so() {
    let machine = Machine::new();
    let address = machine.at("unix", "s");
    machine
        .crosstie(&["call", &address, "--timeout", "0.05", "x"])
        .finish()
        .code(124)
        .said(&format!("crosstie reply {address} -- COMMAND"));
    machine
        .crosstie(&["call", "ring:r", "--timeout", "0.05", "x"])
        .finish()
        .code(124)
        .said("crosstie reply ring:r");
    machine
        .crosstie(&["call", "queue:q", "--timeout", "0.05", "x"])
        .finish()
        .code(124)
        .said("crosstie reply queue:q");
    machine.crosstie(&["call", "udp:127.0.0.1:9", "x"]).finish().code(2).said("both directions");
    machine.crosstie(&["reply", "-", "--", "cat"]).finish().code(2).said("both directions");
    machine.crosstie(&["reply", &address]).finish().code(2);
}

#[test]
fn several_workers_run_commands_at_a_time() {
    let machine = Machine::new();
    for (number, address) in addresses(&machine).into_iter().enumerate() {
        if address.starts_with("ring:") {
            // One client at a time, and the command makes one call.
            continue;
        }
        let fifo = machine.path(&format!("meet{number}"));
        // Each command waits for the other: one after the other would never end.
        let meets = format!(
            "read -r who; mkfifo {0} 2>/dev/null; if [ $who = 1 ]; then echo hello > {0}; else cat {0}; fi",
            fifo.display()
        );
        let server = machine
            .crosstie(&["reply", &address, "-n", "2", "--workers", "2", "--", "bash", "-c", &meets])
            .start();
        let one = machine.crosstie(&["call", &address, "1\n"]).start();
        machine.crosstie(&["call", &address, "2\n"]).finish().code(0).wrote("hello\n");
        one.finish().code(0).wrote("");
        server.finish().code(0);
    }
}

#[test]
fn calls_that_wait_take_no_more_memory_than_the_flag_says() {
    let machine = Machine::new();
    let (address, mark) = (machine.at("unix", "s"), machine.path("mark"));
    let server = ["reply", &address, "--waiting-max", "8KiB", "--", "sh", "-c", &holds(&mark)];
    let mut server = machine.crosstie(&server).start();
    let mut held = machine.crosstie(&["call", &address, "held"]).start();
    holder(&mark);
    let mut waits = machine.crosstie(&["call", &address]).input(vec![b'x'; 5000]).start();
    until(|| {
        let list = machine.crosstie(&["ls", "--json"]).finish().code(0).output();
        list.contains("\"waiting\":1") || list.contains("\"waiting\": 1")
    });
    let refused = machine.crosstie(&["call", &address]).input(vec![b'x'; 5000]).finish().code(75);
    refused.said("of 8192 bytes");
    for running in [&mut server, &mut held, &mut waits] {
        running.kill();
    }
    machine
        .crosstie(&["reply", &address, "--waiting-max", "0", "--", "cat"])
        .finish()
        .code(2)
        .said("calls that wait");
}

#[test]
fn calls_through_a_queue_are_inspected_by_its_address_and_a_late_one_waits_no_more() {
    let machine = Machine::new();
    let calls = "queue:s.calls  0 wait, 0 in hand";
    machine.crosstie(&["call", "queue:s", "--timeout", "50ms", "hello"]).finish().code(124);
    machine.crosstie(&["ls"]).finish().code(0).wrote(format!("{calls}\n"));
    for address in ["queue:s", "s", "queue:s.calls"] {
        machine.crosstie(&["inspect", address]).finish().code(0).wrote_line(calls);
    }
    machine.crosstie(&["inspect", "ring:s"]).finish().code(84);
    // One behind another that is done keeps its place, and leaves it too.
    let mark = machine.path("mark");
    let server = machine.crosstie(&["reply", "queue:s", "--", "sh", "-c", &holds(&mark)]).start();
    let first = machine.crosstie(&["call", "queue:s", "first"]).start();
    holder(&mark);
    machine.crosstie(&["call", "queue:s", "--timeout", "50ms", "second"]).finish().code(124);
    machine.crosstie(&["ls"]).finish().code(0).wrote_line("queue:s.calls  0 wait, 1 in hand");
    drop((first, server));
}

#[test]
fn a_lease_is_told() {
    let machine = Machine::new();
    machine.crosstie(&["send", "queue:leased?lease=30s", "job"]).finish().code(0);
    machine.crosstie(&["send", "queue:kept", "job"]).finish().code(0);
    let told = "a message in hand for 30.0 s goes to another receiver";
    let leased = machine.crosstie(&["inspect", "queue:leased"]).finish().code(0).output();
    assert!(leased.contains(told), "{leased}");
    let kept = machine.crosstie(&["inspect", "queue:kept"]).finish().code(0).output();
    assert!(!kept.contains("lease"), "{kept}");
}
