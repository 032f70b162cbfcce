//! Standard streams that are closed, or full.

use crate::machine::{Finished, Machine};

/// Runs a line of shell, with $CROSSTIE as the command.
fn shell(machine: &Machine, line: &str) -> Finished {
    let output = std::process::Command::new("sh")
        .args(["-c", line])
        .env("CROSSTIE", env!("CARGO_BIN_EXE_crosstie"))
        .env("CROSSTIE_DOMAIN", machine.path("domain"))
        .current_dir(machine.path("."))
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    Finished { status: output.status, stdout: output.stdout, stderr }
}

#[test]
fn a_closed_standard_output_loses_no_message() {
    let machine = Machine::new();
    machine.crosstie(&["send", "ring:x", "precious"]).finish().code(0);
    shell(&machine, "exec $CROSSTIE recv ring:x >&-").code(125).said("standard output: it was closed");
    machine.crosstie(&["recv", "ring:x"]).finish().code(0).wrote("precious\n");
    shell(&machine, "exec $CROSSTIE send - x >&-").code(125).said("open -: failed");
    shell(&machine, "exec $CROSSTIE version >&-").code(125);
    shell(&machine, "exec $CROSSTIE --help >&-").code(125);
    shell(&machine, "exec $CROSSTIE send fd:1 x >&-").code(84).said("fd:1");
    shell(&machine, "exec $CROSSTIE send ring:y x >&-").code(0);
}

#[test]
fn a_closed_standard_input_is_not_an_empty_one() {
    let machine = Machine::new();
    shell(&machine, "exec $CROSSTIE send ring:x <&-").code(125).said("standard input: it was closed");
    shell(&machine, "exec $CROSSTIE recv - <&-").code(125).said("open -: failed");
    shell(&machine, "exec $CROSSTIE send ring:x </dev/null").code(0);
    shell(&machine, "exec $CROSSTIE send ring:x message <&-").code(0);
    machine.crosstie(&["recv", "ring:x"]).finish().code(0).wrote("message\n");
}

#[test]
fn a_stream_that_is_dev_null_is_open() {
    let machine = Machine::new();
    machine.crosstie(&["send", "ring:x", "message"]).finish().code(0);
    // As daemons and Python's subprocess open it.
    shell(&machine, "exec $CROSSTIE recv ring:x 1<>/dev/null").code(0);
}

#[test]
fn help_that_cannot_be_written_is_a_failure() {
    let machine = Machine::new();
    for arguments in ["--help", "-h", "send --help", "--version", "help"] {
        shell(&machine, &format!("exec $CROSSTIE {arguments} >/dev/full")).code(125).said("No space left");
        assert!(!shell(&machine, &format!("exec $CROSSTIE {arguments}")).code(0).stdout.is_empty());
    }
}

#[test]
fn a_folder_that_cannot_be_written_is_told_before_the_measuring() {
    let machine = Machine::new();
    machine.file("file", b"");
    let refused = shell(&machine, "exec $CROSSTIE compare --out ./file/report");
    refused.wrote("").said("./file/report").silent_about("1/");
}
