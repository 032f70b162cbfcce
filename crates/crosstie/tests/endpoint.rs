//! Typed and plain ends by address: what they promise on every mechanism.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use crosstie::endpoint::{Options, Receiver, Sender};
use crosstie::{Deadline, ErrorKind, RecvError, SendError, pair};

#[test]
fn iterating_ends_after_a_clean_end() {
    let (mut tx, rx) = pair::<u32>().unwrap();
    tx.send_batch(&[&1, &2, &3], Deadline::NEVER).unwrap();
    tx.close().unwrap();
    assert_eq!(rx.into_iter().collect::<Result<Vec<_>, _>>().unwrap(), [1, 2, 3]);
}

#[test]
fn iterating_gives_a_death_once_as_an_error() {
    let (mut tx, mut rx) = pair::<u32>().unwrap();
    tx.send(&1).unwrap();
    let died = catch_unwind(AssertUnwindSafe(move || {
        let _held = tx;
        std::panic::resume_unwind(Box::new("dies"));
    }));
    assert!(died.is_err());
    let mut messages = (&mut rx).into_iter();
    assert_eq!(messages.next().unwrap().unwrap(), 1);
    assert!(matches!(messages.next(), Some(Err(RecvError::PeerDied))));
    assert!(messages.next().is_none());
}

#[test]
fn a_message_of_another_type_is_passed_over_and_loses_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let address = format!("unix:{}/s", folder.path().display());
    let mut rx = Receiver::<(u32, String)>::open(&address).unwrap();
    let mut tx = Sender::<[u8]>::open(&address).unwrap();
    for payload in [
        &b"\x07\x05seven"[..],
        b"",
        b"\xff\xff\xff\xff\xff\xff",
        b"\x07\x05seven, and more",
        b"\x08\x05eight",
    ] {
        tx.send(payload).unwrap();
    }
    tx.close().unwrap();
    let got: Vec<_> = (&mut rx).into_iter().collect();
    let kinds: Vec<_> = got.iter().map(|one| one.as_ref().map_err(RecvError::kind)).collect();
    let seven = (7, "seven".to_owned());
    let eight = (8, "eight".to_owned());
    let wrong = Err(ErrorKind::Mismatch);
    assert_eq!(kinds, [Ok(&seven), wrong, wrong, wrong, Ok(&eight)]);
    assert!(matches!(got[1], Err(RecvError::Malformed(_))));
}

#[test]
fn the_four_forms_wait_as_long_as_they_say() {
    let (mut tx, mut rx) = pair::<[u8]>().unwrap();
    assert!(matches!(rx.try_recv(), Err(RecvError::Empty)));
    assert!(matches!(rx.recv_for(Duration::from_millis(1)), Err(RecvError::TimedOut)));
    assert!(matches!(rx.recv_until(Deadline::at_ns(1)), Err(RecvError::TimedOut)));
    let big = vec![7; 1 << 20];
    let refusal = loop {
        if let Err(refusal) = tx.try_send(&big) {
            break refusal;
        }
    };
    assert!(matches!(refusal, SendError::Full), "{refusal:?}");
    assert!(matches!(tx.send_for(&big, Duration::from_millis(1)), Err(SendError::TimedOut)));
    let reader =
        std::thread::spawn(move || rx.into_iter().all(|message| message.unwrap() == vec![7; 1 << 20]));
    tx.close().unwrap();
    assert!(reader.join().unwrap());
}

#[test]
fn a_message_above_the_limit_is_not_sent() {
    let folder = tempfile::tempdir().unwrap();
    let address = format!("unix:{}/s", folder.path().display());
    let mut rx = Receiver::<[u8]>::open(&address).unwrap();
    let options = Options { message_bytes_max: 1 << 20, ..Options::default() };
    let mut tx = Sender::<[u8]>::open_with(&format!("{address}?max=4"), &options).unwrap();
    assert_eq!(tx.message_bytes_max(), 4, "the address wins over the options");
    assert!(matches!(tx.send(b"12345"), Err(SendError::TooLarge { length: 5, limit: 4 })));
    assert!(matches!(tx.reserve(5, Deadline::NOW).err(), Some(SendError::TooLarge { .. })));
    tx.send(b"1234").unwrap();
    assert_eq!(rx.recv().unwrap(), b"1234");
}

#[test]
fn a_loan_that_is_dropped_sends_nothing() {
    let (mut tx, mut rx) = pair::<[u8]>().unwrap();
    tx.reserve(3, Deadline::NEVER).unwrap().write_at(0, b"no!");
    let mut loan = tx.reserve(3, Deadline::NEVER).unwrap();
    loan.write_at(1, b"es");
    loan.write_at(0, b"y");
    loan.commit().unwrap();
    tx.close().unwrap();
    assert_eq!(rx.recv().unwrap(), b"yes");
    assert!(matches!(rx.recv(), Err(RecvError::Closed)));
}

#[test]
fn a_unix_peer_says_who_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let address = format!("unix:{}/s", folder.path().display());
    let mut rx = Receiver::<str>::open(&address).unwrap();
    let mut tx = Sender::<str>::open(&address).unwrap();
    tx.send("me").unwrap();
    assert_eq!(rx.recv_bytes().unwrap().sender_pid(), Some(std::process::id()));
    assert_eq!(tx.peer().unwrap().pid, std::process::id());
}

#[test]
fn an_address_that_cannot_be_opened_says_what_to_do() {
    for (address, kind) in
        [("pipe:", ErrorKind::Usage), ("fd:1000000", ErrorKind::NotFound), ("jobs", ErrorKind::Usage)]
    {
        assert_eq!(Sender::<[u8]>::open(address).unwrap_err().kind(), kind, "{address}");
        let error = Receiver::<[u8]>::open(address).unwrap_err();
        assert_eq!(error.kind(), kind, "{address}");
        assert!(!error.advice().is_empty(), "{error}");
    }
}
