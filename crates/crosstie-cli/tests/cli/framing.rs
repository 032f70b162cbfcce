//! Messages in standard input and standard output.

use crate::machine::Machine;

/// Sends `input` in one framing and receives it in another.
fn passed(machine: &Machine, send: &[&str], input: &[u8], recv: &[&str]) -> crate::machine::Finished {
    let address = machine.at("unix", "framing");
    let receiver = machine.crosstie(&[&["recv", &address], recv].concat()).start();
    let sender = machine.crosstie(&[&["send", &address], send].concat()).input(input).finish();
    let received = receiver.finish();
    // The sender of a receiver that fails may fail too.
    if received.status.success() {
        sender.code(0);
    }
    received
}

#[test]
fn every_framing_gives_back_what_it_took() {
    let machine = Machine::new();
    let counted = b"\x03\0\0\0a\nb\0\0\0\0\x02\0\0\0\0\xff";
    for (flag, input) in [
        ("-0", &b"a\nb\0\0c\0"[..]),
        ("--null", b"a\0b\0"),
        ("--len32", counted),
        ("--whole", b"a\nb\0c"),
        ("--raw", b"a\nb\0c"),
        ("--raw", b""),
    ] {
        passed(&machine, &[flag], input, &[flag]).code(0).wrote(input);
    }
    passed(&machine, &[], b"a\n\nb\n", &[]).code(0).wrote("a\n\nb\n");
    passed(&machine, &[], b"a\nno newline at the end", &[]).code(0).wrote("a\nno newline at the end\n");
    passed(&machine, &["--whole"], b"", &["--len32"]).code(0).wrote(b"\0\0\0\0");
    passed(&machine, &[], b"", &[]).code(0).wrote("");
}

#[test]
fn json_lines_carry_text_and_bytes_and_can_be_sent_again() {
    let machine = Machine::new();
    let lines = passed(&machine, &["--len32"], b"\x02\0\0\0hi\x01\0\0\0\xff", &["--jsonl"]).code(0).stdout;
    let text = String::from_utf8(lines.clone()).unwrap();
    let records: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((&records[0]["seq"], &records[0]["payload"]), (&1.into(), &"hi".into()));
    assert_eq!((&records[1]["seq"], &records[1]["payload_base64"]), (&2.into(), &"/w==".into()));
    assert!(records[0]["pid"].as_u64() > Some(1) && records[0]["ns"].as_u64() > Some(1_000_000_000));
    assert_eq!(records[0]["schema"], "crosstie.message/1");
    passed(&machine, &["--jsonl"], &lines, &["--len32"]).code(0).wrote(b"\x02\0\0\0hi\x01\0\0\0\xff");
}

#[test]
fn what_a_framing_cannot_carry_is_an_error_after_what_it_can() {
    let machine = Machine::new();
    passed(&machine, &["-0"], b"one\0two\nlines\0", &[]).code(86).wrote("one\n").said("contains a newline");
    passed(&machine, &["--raw"], b"\0", &["-0"]).code(86).wrote("").said("contains a NUL");
}

#[test]
fn a_wrong_input_is_an_error_after_what_was_right() {
    let machine = Machine::new();
    let address = machine.at("unix", "framing");
    for (flag, input, code, said) in [
        ("--jsonl", &b"{\"payload\":\"a\"}\nhello\n"[..], 86, "message 2 of standard input"),
        ("--len32", b"\x01\0\0\0a\xff\xff\xff\xff", 87, "4294967295 bytes"),
        ("--len32", b"\x01\0\0\0a\x02\0", 86, "ends inside"),
    ] {
        let receiver = machine.crosstie(&["recv", &address]).start();
        machine.crosstie(&["send", &address, flag]).input(input).finish().code(code).said(said);
        receiver.finish().code(83).wrote("a\n");
    }
}

#[test]
fn two_framings_at_once_are_refused() {
    Machine::new().crosstie(&["recv", "-", "--raw", "--jsonl"]).finish().code(2).said("cannot be used with");
}
