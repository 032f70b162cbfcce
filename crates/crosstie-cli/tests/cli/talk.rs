//! Messages from one process to another, by every mechanism.

use rustix::process::Signal;

use crate::machine::Machine;

/// An address of every mechanism that loses nothing, free for this test.
fn addresses(machine: &Machine) -> Vec<String> {
    let port = machine.port();
    vec![
        machine.at("unix", "s"),
        format!("unix:@crosstie-test-{}-{port}", std::process::id()),
        machine.at("unixpacket", "p"),
        machine.at("fifo", "f"),
        format!("tcp:127.0.0.1:{port}"),
        "ring:r".to_owned(),
    ]
}

#[test]
fn what_is_sent_arrives_whichever_side_starts_first() {
    let machine = Machine::new();
    for address in addresses(&machine) {
        let receiver = machine.crosstie(&["recv", &address]).start();
        machine.crosstie(&["send", &address]).input("1\n2\n3\n").finish().code(0);
        receiver.finish().code(0).wrote("1\n2\n3\n");

        let sender = machine.crosstie(&["send", &address]).input("1\n2\n3\n").start();
        if address.starts_with("ring:") {
            sender.until_ended();
        } else {
            sender.until_asleep();
        }
        machine.crosstie(&["recv", &address]).finish().code(0).wrote("1\n2\n3\n");
        sender.finish().code(0);
    }
}

#[test]
fn a_message_on_the_command_line_needs_no_input() {
    let machine = Machine::new();
    for address in addresses(&machine) {
        let receiver = machine.crosstie(&["recv", &address]).start();
        machine.crosstie(&["send", &address, "one", "two words"]).finish().code(0);
        receiver.finish().code(0).wrote("one\ntwo words\n");
    }
}

#[test]
fn many_lines_arrive_as_they_were() {
    let machine = Machine::new();
    let lines: String = (0..200_000).map(|number| format!("line {number}\n")).collect();
    for address in addresses(&machine) {
        let receiver = machine.crosstie(&["recv", &address]).start();
        machine.crosstie(&["send", &address]).input(lines.clone()).finish().code(0);
        receiver.finish().code(0).wrote(&lines);
    }
}

#[test]
fn a_stream_of_bytes_arrives_as_it_was() {
    let machine = Machine::new();
    let bytes: Vec<u8> = (0..20_000_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    for address in addresses(&machine) {
        let receiver = machine.crosstie(&["recv", &address, "--raw"]).start();
        machine.crosstie(&["send", &address, "--raw"]).input(bytes.clone()).finish().code(0);
        receiver.finish().code(0).wrote(&bytes);
    }
}

#[test]
fn a_count_ends_the_receiver_after_any_number_of_senders() {
    let machine = Machine::new();
    for address in addresses(&machine) {
        let receiver = machine.crosstie(&["recv", &address, "-n", "3"]).start();
        machine.crosstie(&["send", &address, "-n", "2"]).input("1\n2\n3\n").finish().code(0);
        machine.crosstie(&["send", &address, "3"]).finish().code(0);
        receiver.finish().code(0).wrote_in_any_order(&["1", "2", "3"]);
    }
    let sent = machine.crosstie(&["send", "-", "1", "2", "3"]).finish().code(0).stdout;
    machine
        .crosstie(&["recv", "-", "-n", "4"])
        .input(sent)
        .finish()
        .code(88)
        .wrote("1\n2\n3\n")
        .said("3 of 4");
}

#[test]
fn a_killed_sender_is_no_end_and_loses_nothing_it_had_sent() {
    let machine = Machine::new();
    for address in addresses(&machine) {
        let receiver = machine.crosstie(&["recv", &address]).start();
        let mut sender = machine.crosstie(&["send", &address]).input_open().start();
        sender.type_in(b"1\n2\n");
        sender.kill();
        receiver.finish().code(83).wrote("1\n2\n").said("died");
    }
}

#[test]
fn a_sender_killed_inside_a_message_loses_only_that_one() {
    let machine = Machine::new();
    let file = machine.file("big", &[&b"1\n2\n3\n"[..], &vec![b'x'; 32 << 20]].concat());
    // On a ring a message is there whole or not at all.
    for address in addresses(&machine).iter().filter(|address| !address.starts_with("ring:")) {
        let receiver = machine.crosstie(&["recv", address]).start();
        receiver.until_asleep();
        receiver.signal(Signal::STOP);
        let mut sender = machine.crosstie(&["send", address]).input_file(&file).start();
        sender.until_asleep();
        sender.kill();
        receiver.signal(Signal::CONT);
        receiver.finish().code(83).wrote("1\n2\n3\n");
    }
}

#[test]
fn an_input_that_breaks_is_told_as_a_death() {
    let machine = Machine::new();
    for address in addresses(&machine) {
        let receiver = machine.crosstie(&["recv", &address]).start();
        machine
            .crosstie(&["send", &address, "--len32"])
            .input(b"\x01\0\0\0a\x09\0\0\0b")
            .finish()
            .code(86)
            .said("ends inside");
        receiver.finish().code(83).wrote("a\n");
    }
}

#[test]
fn following_goes_on_through_ends_and_deaths() {
    let machine = Machine::new();
    for address in addresses(&machine) {
        let receiver = machine.crosstie(&["recv", &address, "--follow", "-n", "3"]).start();
        machine.crosstie(&["send", &address, "clean"]).finish().code(0);
        let mut dying = machine.crosstie(&["send", &address]).input_open().start();
        dying.type_in(b"dying\n");
        dying.kill();
        drop(dying);
        machine.crosstie(&["send", &address, "last"]).finish().code(0);
        receiver.finish().code(0).wrote_in_any_order(&["clean", "dying", "last"]);
    }
}

#[test]
fn a_long_wait_is_told_and_ends_by_the_timeout() {
    let machine = Machine::new();
    let address = machine.at("unix", "s");
    machine.crosstie(&["send", &address, "x", "--timeout", "0.1"]).finish().code(124).said("crosstie recv");
    machine.crosstie(&["recv", &address, "--timeout", "100ms"]).finish().code(124).said("timed out");
    let sender = machine.crosstie(&["send", &address, "x", "--timeout", "2.1s"]).finish();
    sender.code(124).said("waiting for a receiver on unix:");
    machine
        .crosstie(&["recv", &address, "--timeout", "2.1s", "-q"])
        .finish()
        .code(124)
        .silent_about("waiting for");
}

#[test]
fn a_reader_of_standard_output_may_leave() {
    let machine = Machine::new();
    let address = machine.at("unix", "s");
    let command = format!("{} recv {address} | head -n 1", env!("CARGO_BIN_EXE_crosstie"));
    let shell = std::process::Command::new("sh")
        .args(["-c", &command])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let sender = machine.crosstie(&["send", &address]).input("1\n".repeat(100_000)).start();
    let shell = shell.wait_with_output().unwrap();
    assert_eq!((shell.stdout, String::from_utf8(shell.stderr).unwrap()), (b"1\n".to_vec(), String::new()));
    let code = sender.finish().status.code();
    assert!(matches!(code, Some(0 | 83 | 88)), "the sender ended with {code:?}");
}

#[test]
fn empty_and_large_messages_are_messages() {
    let machine = Machine::new();
    let large: Vec<u8> = (0..5_000_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 11) as u8).collect();
    for address in addresses(&machine) {
        let receiver = machine.crosstie(&["recv", &address]).start();
        machine.crosstie(&["send", &address]).input("\n\nx\n\n").finish().code(0);
        receiver.finish().code(0).wrote("\n\nx\n\n");

        let roomy = if address.starts_with("ring:") { "ring:roomy?capacity=8MiB" } else { &address };
        let receiver = machine.crosstie(&["recv", roomy, "--whole"]).start();
        machine.crosstie(&["send", roomy, "--whole"]).input(large.clone()).finish().code(0);
        receiver.finish().code(0).wrote(&large);
    }
}

#[test]
fn a_killed_receiver_is_told_to_its_sender() {
    let machine = Machine::new();
    for address in addresses(&machine) {
        let mut receiver = machine.crosstie(&["recv", &address]).start();
        receiver.until_asleep();
        let mut sender = machine.crosstie(&["send", &address]).input_open().start();
        sender.type_in(b"1\n");
        receiver.kill();
        receiver.finish();
        sender.write(b"2\n");
        let code = sender.finish().status.code();
        match address.split(':').next() {
            // What is sent waits for the next receiver.
            Some("ring") => assert_eq!(code, Some(0)),
            // A FIFO waits for the next receiver too, or cannot tell an end from a death.
            Some("fifo") => assert!(matches!(code, Some(0 | 88)), "fifo: {code:?}"),
            _ => assert_eq!(code, Some(83), "{address}"),
        }
    }
}

#[test]
fn a_receiver_that_leaves_messages_behind_is_told_to_their_sender() {
    let machine = Machine::new();
    for address in addresses(&machine).iter().filter(|address| !address.starts_with("ring:")) {
        for input_ends_first in [true, false] {
            let receiver = machine.crosstie(&["recv", address, "-n", "1"]).start();
            receiver.until_asleep();
            let sender = machine.crosstie(&["send", address]);
            if input_ends_first {
                sender.input("1\n2\n3\n").finish().code(88).said("not delivered");
            } else {
                let mut sender = sender.input_open().start();
                sender.type_in(b"1\n2\n3\n");
                receiver.until_ended();
                sender.finish().code(88).said("not delivered");
            }
            receiver.finish().code(0).wrote("1\n");
        }
    }
}

#[test]
fn a_receiver_that_took_everything_leaves_its_sender_in_peace() {
    let machine = Machine::new();
    for address in addresses(&machine) {
        for input_ends_first in [true, false] {
            let receiver = machine.crosstie(&["recv", &address, "-n", "3"]).start();
            receiver.until_asleep();
            let sender = machine.crosstie(&["send", &address]);
            if input_ends_first {
                sender.input("1\n2\n3\n").finish().code(0);
            } else {
                let mut sender = sender.input_open().start();
                sender.type_in(b"1\n2\n3\n");
                receiver.until_ended();
                sender.finish().code(0);
            }
            receiver.finish().code(0).wrote("1\n2\n3\n");
        }
    }
}

#[test]
fn what_is_sent_after_the_receivers_end_is_not_taken_for_delivered() {
    let machine = Machine::new();
    for address in addresses(&machine).iter().filter(|address| !address.starts_with("ring:")) {
        let receiver = machine.crosstie(&["recv", address, "-n", "1"]).start();
        receiver.until_asleep();
        let mut sender = machine.crosstie(&["send", address]).input_open().start();
        sender.type_in(b"1\n");
        receiver.finish().code(0).wrote("1\n");
        sender.write(b"2\n");
        sender.finish().code(88);
    }
}

#[test]
fn a_receiver_that_was_stopped_and_killed_has_taken_nothing() {
    let machine = Machine::new();
    for address in addresses(&machine).iter().filter(|address| !address.starts_with("ring:")) {
        let mut receiver = machine.crosstie(&["recv", address]).start();
        receiver.until_asleep();
        receiver.signal(Signal::STOP);
        let sender = machine.crosstie(&["send", address, "x"]).start();
        sender.until_asleep();
        receiver.kill();
        // A FIFO cannot tell an end from a death.
        sender.finish().code(if address.starts_with("fifo:") { 88 } else { 83 });
        receiver.finish().wrote("");
    }
}
