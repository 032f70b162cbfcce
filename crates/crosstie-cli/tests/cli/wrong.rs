//! Wrong inputs: each a clear error with its exit code.

use crate::machine::Machine;

#[test]
fn a_wrong_address_says_what_was_meant() {
    let machine = Machine::new();
    for (address, said) in [
        ("unxi:/run/x", "did you mean unix:/run/x?"),
        ("jobs", "ring:jobs"),
        ("queue:jobs", "ring:jobs"),
        ("ring:a/b", "'/' is not allowed"),
        ("tcp:localhost:99999", "out of range"),
        ("pipe:", "crosstie::pair"),
        ("fd:99", "fd:99"),
    ] {
        for verb in ["send", "recv"] {
            let code = if address == "fd:99" { 84 } else { 2 };
            machine.crosstie(&[verb, address]).finish().code(code).wrote("").said(said);
        }
    }
    machine.crosstie(&["relay", "unix:@a", "unxi:@b"]).finish().code(2).said("did you mean");
    machine.crosstie::<&str>(&[]).finish().code(2);
    machine.crosstie(&["sned", "ring:a"]).finish().code(2).said("send");
    machine.crosstie(&["send", "ring:a", "--max", "12q"]).finish().code(2).said("64KiB");
    machine.crosstie(&["recv", "ring:a", "--timeout", "soon"]).finish().code(2).said("2s");
}

#[test]
fn a_path_that_is_something_else_is_left_as_it_is() {
    let machine = Machine::new();
    let path = machine.file("file", b"precious");
    machine.crosstie(&["recv", &machine.at("unix", "file")]).finish().code(85);
    assert_eq!(std::fs::read(path).unwrap(), b"precious");
}

#[test]
fn a_second_receiver_is_told_that_somebody_listens() {
    let machine = Machine::new();
    let address = machine.at("unix", "s");
    let receiver = machine.crosstie(&["recv", &address]).start();
    receiver.until_asleep();
    machine.crosstie(&["recv", &address]).finish().code(75);
    machine.crosstie(&["send", &address, "x"]).finish().code(0);
    receiver.finish().code(0).wrote("x\n");
}

#[test]
fn a_message_above_the_limit_is_refused_on_both_sides() {
    let machine = Machine::new();
    let address = machine.at("unix", "s");
    let receiver = machine.crosstie(&["recv", &address]).start();
    machine
        .crosstie(&["send", &address, "--max", "4"])
        .input("1234\n12345\n")
        .finish()
        .code(87)
        .said("limit is 4");
    receiver.finish().code(83).wrote("1234\n");

    let receiver = machine.crosstie(&["recv", &address, "--max", "4"]).start();
    let sender = machine.crosstie(&["send", &address]).input("1234\n12345\n").start();
    receiver.finish().code(87).wrote("1234\n").said("limit is 4");
    sender.finish();
}

#[test]
fn a_peer_that_speaks_another_protocol_is_named() {
    use std::io::Write;
    let machine = Machine::new();
    let receiver = machine.crosstie(&["recv", &machine.at("unix", "s")]).start();
    receiver.until_asleep();
    let mut stranger = std::os::unix::net::UnixStream::connect(machine.path("s")).unwrap();
    stranger.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    receiver.finish().code(86).said("GET / HT");
}

#[test]
fn a_full_disk_is_the_tools_failure() {
    let machine = Machine::new();
    let address = machine.at("unix", "s");
    let receiver = machine.crosstie(&["recv", &address]).output_file("/dev/full").start();
    let sender = machine.crosstie(&["send", &address, "x"]).start();
    receiver.finish().code(125).said("No space left");
    sender.finish();
}
