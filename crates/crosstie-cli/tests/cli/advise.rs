//! `crosstie advise` as a shell sees it.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

fn report() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../crosstie-measure/tests/data/sample.json")
}

fn advise(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_crosstie"));
    command.arg("advise").arg("--from").arg(report()).args(arguments);
    command.env_remove("CLICOLOR_FORCE").output().expect("crosstie starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("text")
}

#[test]
fn a_known_need_gets_its_mechanism_on_one_screen_and_exit_code_0() {
    let output = advise(&["--size", "1KiB", "--rate", "10000/s", "--need", "lowest-latency"]);
    let said = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(said.contains("Take     shm, spinning"), "{said}");
    assert!(said.contains("Asked    1 KiB, 10.0 k/s, one machine, lowest-latency"), "{said}");
    assert!(said.lines().count() <= 24 && !said.contains('\u{1b}'), "{said}");
}

#[test]
fn many_senders_and_a_receiver_that_may_die_are_a_queues_work() {
    let output = advise(&["--need", "many-senders,survives-receiver-death"]);
    let said = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(said.contains("Take     queue") && said.contains("no figures of it"), "{said}");
    assert!(said.contains("start    crosstie recv queue:job"), "{said}");
}

#[test]
fn an_impossible_need_is_a_negative_answer() {
    let output = advise(&["--scope", "network", "--need", "zero-copy,ordering"]);
    let said = text(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(
        said.contains("no mechanism does all of this") && said.contains("--need zero-copy: then tcp"),
        "{said}"
    );
    assert!(output.stderr.is_empty());
}

#[test]
fn a_message_above_every_limit_is_a_negative_answer_and_one_above_the_default_names_the_option() {
    let output = advise(&["--size", "100GiB"]);
    let said = text(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("at most 4 GiB") && said.contains("--raw"), "{said}");
    let output = advise(&["--size", "100MiB"]);
    let said = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(said.contains("--max 104857600"), "{said}");
}

#[test]
fn json_is_one_versioned_document_also_when_nothing_fits() {
    for (arguments, code, mechanism) in [
        (&["--json", "--scope", "related"][..], 0, Some("pipe")),
        (&["--json", "--scope", "network", "--need", "zero-copy"][..], 1, None),
    ] {
        let output = advise(arguments);
        assert_eq!(output.status.code(), Some(code));
        let document: serde_json::Value = serde_json::from_slice(&output.stdout).expect("one document");
        assert_eq!(document["schema"], "crosstie.advice/1");
        assert_eq!(document["recommended"]["mechanism"].as_str(), mechanism);
    }
}

#[test]
fn wrong_words_are_refused_with_those_that_are_known() {
    for (arguments, hint) in [
        (&["--need", "fastest"][..], "lowest-latency"),
        (&["--scope", "moon"][..], "network"),
        (&["--rate", "often"][..], "10k/s"),
        (&["--size", "big"][..], "1KiB"),
    ] {
        let output = advise(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(text(&output.stderr).contains(hint), "{}", text(&output.stderr));
    }
}

#[test]
fn a_report_may_come_through_a_pipe_and_one_of_another_schema_is_refused_by_name() {
    let ask = |document: &[u8]| {
        let mut child = Command::new(env!("CARGO_BIN_EXE_crosstie"))
            .args(["advise", "--from", "-"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("crosstie starts");
        child.stdin.take().expect("it was piped").write_all(document).expect("it reads");
        child.wait_with_output().expect("it ends")
    };
    let whole = std::fs::read(report()).expect("the sample");
    assert_eq!(ask(&whole).status.code(), Some(0));
    let other = ask(br#"{"schema": "crosstie.compare/2"}"#);
    assert_eq!(other.status.code(), Some(86));
    assert!(text(&other.stderr).contains("crosstie.compare/2"), "{}", text(&other.stderr));
    assert_eq!(ask(b"").status.code(), Some(86));
}
