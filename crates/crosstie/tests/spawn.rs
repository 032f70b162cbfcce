//! A child gets its typed end, and its death is told.

use std::process::Command;

use crosstie::endpoint::SpawnEnd as _;
use crosstie::{ErrorKind, RecvError, SendError};

fn shell(script: &str) -> Command {
    let mut bash = Command::new("bash");
    bash.args(["-c", script]);
    bash
}

#[test]
fn a_child_that_echoes_sends_back_every_message_and_the_clean_end() {
    let echo = shell("exec cat <&$CROSSTIE_FD >&$CROSSTIE_FD");
    let (mut child, mut tx, rx) = echo.spawn_connected::<str, str>().unwrap();
    for message in ["one", "", "three"] {
        tx.send(message).unwrap();
    }
    tx.close().unwrap();
    assert_eq!(rx.into_iter().collect::<Result<Vec<_>, _>>().unwrap(), ["one", "", "three"]);
    assert!(child.wait().unwrap().success());
}

#[test]
fn a_child_that_dies_is_told_on_either_side() {
    let (mut child, mut rx) = shell("kill -9 $$").spawn_sender::<str>().unwrap();
    assert!(matches!(rx.recv(), Err(RecvError::PeerDied)));
    child.wait().unwrap();

    let (mut child, mut tx) = shell("kill -9 $$").spawn_receiver::<str>().unwrap();
    child.wait().unwrap();
    // A child that another test has just forked has a copy of the dead one's end until its exec.
    let refused = std::iter::repeat_with(|| tx.try_send("too late")).find_map(Result::err);
    assert!(matches!(refused, Some(SendError::Closed | SendError::PeerDied)), "{refused:?}");
}

#[test]
fn a_program_that_is_not_there_is_named() {
    let error = Command::new("/no/such/program").spawn_sender::<str>().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.to_string().contains("/no/such/program"), "{error}");
}
