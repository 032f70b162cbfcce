//! Typed and plain ends by address: what they promise on every mechanism.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use crosstie::endpoint::{Delivery, OnArrival, Options, Payload, Receiver, Sender};
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
fn the_ends_of_a_topic_say_what_its_mode_can() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options { domain: Some(folder.path().join("d")), ..Options::default() };
    for (mode, delivery) in [("lossless", Delivery::AtMostOnce), ("lossy", Delivery::BestEffort)] {
        let address = format!("topic:{mode}?mode={mode}");
        let rx = Receiver::<u32>::open_with(&address, &options).unwrap();
        let tx = Sender::<u32>::open_with(&address, &options).unwrap();
        assert_eq!((tx.caps().delivery, rx.caps().delivery), (delivery, delivery), "{mode}");
        assert_eq!(rx.caps().is_zero_copy, mode == "lossless");
    }
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
        [("pipe:", ErrorKind::Usage), ("fd:1000000", ErrorKind::NotFound), ("job s", ErrorKind::Usage)]
    {
        assert_eq!(Sender::<[u8]>::open(address).unwrap_err().kind(), kind, "{address}");
        let error = Receiver::<[u8]>::open(address).unwrap_err();
        assert_eq!(error.kind(), kind, "{address}");
        assert!(!error.advice().is_empty(), "{error}");
    }
}

/// A folder, and an address in it for each mechanism that loses nothing.
fn addresses() -> (tempfile::TempDir, Options, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    let at = |mechanism: &str| format!("{mechanism}:{}/{mechanism}", folder.path().display());
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let addresses = vec![
        at("unix"),
        at("unixpacket"),
        at("fifo"),
        format!("tcp:127.0.0.1:{port}"),
        "ring:r?capacity=64KiB".to_owned(),
        "queue:q?places=64".to_owned(),
    ];
    let options = Options { domain: Some(folder.path().join("domain")), ..Options::default() };
    (folder, options, addresses)
}

#[test]
fn one_program_serves_every_mechanism() {
    let (_folder, options, addresses) = addresses();
    for address in addresses {
        let mut rx = Receiver::<(u64, String)>::open_with(&address, &options).unwrap();
        let mut tx = Sender::<(u64, String)>::open_with(&address, &options).unwrap();
        let sending = std::thread::spawn(move || {
            for number in 0..1000 {
                tx.send(&(number, format!("message {number}"))).unwrap();
            }
            tx.close().unwrap();
        });
        for (number, message) in (&mut rx).into_iter().enumerate() {
            assert_eq!(message.unwrap(), (number as u64, format!("message {number}")), "{address}");
        }
        assert!(matches!(rx.try_recv(), Err(RecvError::Empty)), "{address} waits for the next sender");
        sending.join().unwrap();
    }
}

#[test]
fn a_batch_of_typed_messages_arrives_in_order() {
    let (_folder, options, addresses) = addresses();
    for address in addresses {
        let rx = Receiver::<u64>::open_with(&address, &options).unwrap();
        let mut tx = Sender::<u64>::open_with(&address, &options).unwrap();
        let sending = std::thread::spawn(move || {
            let numbers: Vec<u64> = (0..20_000).collect();
            let mut rest: Vec<&u64> = numbers.iter().collect();
            while !rest.is_empty() {
                let sent = tx.send_batch(&rest, Deadline::NEVER).unwrap();
                assert!(sent > 0);
                rest.drain(..sent);
            }
            tx.close().unwrap();
        });
        let received: Result<Vec<u64>, _> = rx.into_iter().collect();
        assert!(received.unwrap().into_iter().eq(0..20_000), "{address}");
        sending.join().unwrap();
    }
}

#[test]
fn what_a_dying_receiver_had_in_hand_comes_again_in_shared_memory() {
    for address in ["ring:hand", "queue:hand"] {
        what_was_in_hand_comes_again(address);
    }
}

fn what_was_in_hand_comes_again(address: &str) {
    let (_folder, options, _) = addresses();
    let mut tx = Sender::<str>::open_with(address, &options).unwrap();
    tx.send_batch(&["one", "two", "three"], Deadline::NEVER).unwrap();
    let rx = Receiver::<str>::open_with(address, &options).unwrap();
    let died = catch_unwind(AssertUnwindSafe(move || {
        let mut messages = rx.into_iter();
        assert_eq!(messages.next().unwrap().unwrap(), "one");
        assert_eq!(messages.next().unwrap().unwrap(), "two");
        std::panic::resume_unwind(Box::new("dies with two in hand"));
    }));
    assert!(died.is_err());
    let mut rx = Receiver::<str>::open_with(address, &options).unwrap();
    assert_eq!(rx.recv().unwrap(), "two");

    let mut batch = rx.batch(Deadline::NEVER);
    assert_eq!(batch.take().unwrap().to_vec(), b"three");
    assert!(matches!(batch.take(), Err(RecvError::Empty)));
    drop(batch);
    let mut batch = rx.batch(Deadline::NEVER);
    assert_eq!(batch.take().unwrap().to_vec(), b"three", "not acknowledged, so it comes again");
    batch.acknowledge();
    assert!(matches!(rx.try_recv(), Err(RecvError::Empty)));
}

/// Reads a message, or panics over it.
struct Reads {
    panics: bool,
}

impl OnArrival for Reads {
    type Answer = Vec<u8>;

    fn arrived(self, payload: &Payload<'_>) -> Vec<u8> {
        assert!(!self.panics, "dies with it in hand");
        payload.to_vec()
    }
}

#[test]
fn what_is_read_on_arrival_is_acknowledged_and_comes_again_where_its_reader_panics() {
    for address in ["ring:arrival", "queue:arrival"] {
        let (_folder, options, _) = addresses();
        let mut tx = Sender::<[u8]>::open_with(address, &options).unwrap();
        for message in [b"one", b"two"] {
            tx.send(message).unwrap();
        }
        let mut rx = Receiver::<[u8]>::open_with(address, &options).unwrap();
        assert_eq!(rx.recv_with(Deadline::NEVER, Reads { panics: false }).unwrap(), b"one", "{address}");
        let died = catch_unwind(AssertUnwindSafe(move || {
            let _ = rx.recv_with(Deadline::NEVER, Reads { panics: true });
        }));
        assert!(died.is_err());
        let mut rx = Receiver::<[u8]>::open_with(address, &options).unwrap();
        assert_eq!(rx.recv_with(Deadline::NOW, Reads { panics: false }).unwrap(), b"two", "{address}");
        assert!(matches!(rx.try_recv(), Err(RecvError::Empty)), "{address}");
    }
}

#[test]
fn a_loan_in_shared_memory_is_written_in_place() {
    let (_folder, options, _) = addresses();
    for (address, sender_pid) in [("ring:loan", Some(std::process::id())), ("queue:loan", None)] {
        let mut tx = Sender::<[u8]>::open_with(address, &options).unwrap();
        let mut rx = Receiver::<[u8]>::open_with(address, &options).unwrap();
        tx.reserve(3, Deadline::NOW).unwrap().write_at(0, b"no!");
        let mut loan = tx.reserve(4, Deadline::NOW).unwrap();
        loan.write_at(0, b"done");
        loan.commit().unwrap();
        let payload = rx.recv_bytes().unwrap();
        assert_eq!(
            (payload.to_vec(), payload.private(), payload.sender_pid()),
            (b"done".to_vec(), None, sender_pid)
        );
    }
}

#[test]
fn a_typed_job_is_done_or_comes_again_and_one_of_another_type_is_a_dead_letter() {
    let (_folder, options, _) = addresses();
    let mut tx = Sender::<[u8]>::open_with("queue:typed", &options).unwrap();
    tx.send_batch(&[&[7][..], b"\xff\xff\xff\xff\xff\xff", &[8]], Deadline::NOW).unwrap();
    let rx = Receiver::<u32>::open_with("queue:typed", &options).unwrap();
    drop(rx.recv_job(Deadline::NOW).unwrap());
    let job = rx.recv_job(Deadline::NOW).unwrap();
    assert_eq!((*job, job.deliveries(), job.is_redelivered()), (7, 2, true));
    job.done().unwrap();
    assert!(matches!(rx.recv_job(Deadline::NOW), Err(RecvError::Malformed(_))));
    rx.recv_job(Deadline::NOW).unwrap().done().unwrap();
    // In hand it stays what it is, unless it is done; here it is of another type still.
    assert!(matches!(rx.recv_dead_letter_job(), Err(RecvError::Malformed(_))));
    let bytes = Receiver::<[u8]>::open_with("queue:typed", &options).unwrap();
    drop(bytes.recv_dead_letter_job().unwrap());
    bytes.recv_dead_letter_job().unwrap().fail().unwrap();
    assert_eq!(bytes.recv_dead_letter_job().unwrap().len(), 6);
    assert!(matches!(bytes.recv_job(Deadline::NOW), Err(RecvError::Empty)), "it is no job any more");
    assert_eq!(rx.recv_dead_letter().unwrap().len(), 6);
    assert!(matches!(rx.recv_dead_letter(), Err(RecvError::Empty)), "it was removed when it was dropped");
    let ring = Receiver::<u32>::open_with("ring:typed", &options).unwrap();
    let refused = ring.recv_job(Deadline::NOW).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Unsupported);
    assert_eq!(ring.recv_dead_letter_job().unwrap_err().kind(), ErrorKind::Unsupported);
}
