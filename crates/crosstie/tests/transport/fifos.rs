//! FIFOs: what plain writes break, and packets keep (H20).

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::thread;

use crosstie::contract::{ReceiveMessages, RecvError, SendMessages};
use crosstie::transport::fifo;
use crosstie::{Deadline, ErrorKind};

use super::stage::{Stage, options, payload, soon};

const RECORD_BYTES: usize = 100_000;

/// Four writers, each of ten records that consist of its own letter, through an end that was open before any writes.
fn write_at_once<W: Send>(open: impl Fn() -> W, write: impl Fn(&mut W, u8) + Send + Sync) {
    let all_here = std::sync::Barrier::new(4);
    let ends: Vec<_> = (b'a'..=b'd').map(|letter| (open(), letter)).collect();
    thread::scope(|scope| {
        for (mut end, letter) in ends {
            let (write, all_here) = (&write, &all_here);
            scope.spawn(move || {
                all_here.wait();
                (0..10).for_each(|_| write(&mut end, letter));
            });
        }
    });
}

fn is_whole(record: &[u8]) -> bool {
    record.len() == RECORD_BYTES && record.iter().all(|byte| *byte == record[0])
}

#[test]
fn records_of_many_writers_stay_whole_where_plain_writes_tear_them() {
    let stage = Stage::new();
    let mut rx = fifo::receiver(stage.path(), &options()).expect("a receiver");
    let path = stage.path();
    let writing = thread::spawn(move || {
        write_at_once(
            || fifo::sender(&path, &options()).expect("a sender"),
            |tx, letter| tx.send(&[letter; RECORD_BYTES], soon()).expect("sent"),
        );
    });
    let mut count = 0;
    while let Ok(record) = rx.recv(soon()) {
        assert!(is_whole(record.payload));
        count += 1;
    }
    assert_eq!(count, 40);
    writing.join().expect("the writers");

    // The broken twin: the same with plain writes.
    let stage = Stage::new();
    crosstie::os::fifo::make(&stage.path()).expect("a FIFO");
    let path = stage.path();
    let writing = thread::spawn(move || {
        write_at_once(
            || OpenOptions::new().write(true).open(&path).expect("opened"),
            |fifo, letter| fifo.write_all(&[letter; RECORD_BYTES]).expect("written"),
        );
    });
    let mut bytes = Vec::new();
    File::open(stage.path()).expect("opened").read_to_end(&mut bytes).expect("read");
    writing.join().expect("the writers");
    assert_eq!(bytes.len(), 40 * RECORD_BYTES);
    assert!(!bytes.chunks(RECORD_BYTES).all(is_whole), "plain writes tear");
}

/// The first packet of a message of 10,000 bytes, whose writer then ends.
fn half_a_message(writer: u8) -> Vec<u8> {
    let mut packet = b"\xC7TIEf\x01\0\0".to_vec();
    packet.extend([writer, 0, 0, 0, 0, 0, 0, 0]);
    packet.extend([1_u32, 0, 10_000, 0].iter().flat_map(|word| word.to_le_bytes()));
    packet.extend([b'h'; 4064]);
    packet
}

#[test]
fn a_writer_that_dies_inside_a_message_spoils_no_other() {
    let stage = Stage::new();
    let mut rx = fifo::receiver(stage.path(), &options()).expect("a receiver");
    let mut tx = fifo::sender(stage.path(), &options()).expect("a sender");
    for dying in 1..4 {
        let mut raw = OpenOptions::new().write(true).open(stage.path()).expect("opened");
        raw.write_all(&half_a_message(dying)).expect("written");
    }
    tx.send(&payload(20_000, 1), soon()).expect("sent");
    drop(tx);
    assert!(rx.recv(soon()).expect("a message").payload == payload(20_000, 1));
    assert!(matches!(rx.recv(soon()), Err(RecvError::PeerDied)), "three died");
}

#[test]
fn the_next_receiver_goes_on_at_the_next_message_when_one_dies_inside_a_message() {
    let stage = Stage::new();
    crosstie::os::fifo::make(&stage.path()).expect("a FIFO");
    // As a receiver that is killed: it takes some packets and is gone.
    let mut dying = crosstie::os::fifo::open_to_read(&stage.path()).map(File::from).expect("opened");
    let mut tx = fifo::sender(stage.path(), &options()).expect("a sender");
    tx.send(&payload(3 << 20, 1), Deadline::NOW).expect("begun");
    for _ in 0..3 {
        assert!(dying.read(&mut [0; 4096]).expect("a packet") >= 32);
    }
    let mut rx = fifo::receiver(stage.path(), &options()).expect("a receiver");
    drop(dying);
    let sending = thread::spawn(move || tx.send(&payload(50_000, 2), soon()));
    assert!(rx.recv(soon()).expect("a message").payload == payload(50_000, 2));
    assert!(matches!(rx.recv(soon()), Err(RecvError::Closed)));
    sending.join().expect("a thread").expect("sent");
}

#[test]
fn a_fifo_is_made_for_its_user_alone_and_outlives_its_ends() {
    let stage = Stage::new();
    drop(fifo::receiver(stage.path(), &options()).expect("a receiver"));
    let file = std::fs::metadata(stage.path()).expect("it stays");
    assert!(file.file_type().is_fifo());
    assert_eq!(file.permissions().mode() & 0o777, 0o600);
}

#[test]
fn who_opens_a_fifo_and_leaves_is_no_sender_and_a_stranger_is_named() {
    let stage = Stage::new();
    let mut rx = fifo::receiver(stage.path(), &options()).expect("a receiver");
    drop(OpenOptions::new().write(true).open(stage.path()).expect("opened"));
    assert!(matches!(rx.recv(Deadline::NOW), Err(RecvError::Empty)));
    let mut stranger = OpenOptions::new().write(true).open(stage.path()).expect("opened");
    stranger.write_all(b"hello world, I am a shell\n").expect("written");
    let error = rx.recv(soon()).map(|m| m.payload.len()).expect_err("refused");
    assert_eq!(error.kind(), ErrorKind::Mismatch, "{error}");
    let mut tx = fifo::sender(stage.path(), &options()).expect("a sender");
    tx.send(b"served", soon()).expect("sent");
    drop((tx, stranger));
    let message = rx.recv(soon()).expect("a message");
    assert_eq!((message.payload, message.sender_pid), (&b"served"[..], Some(std::process::id())));
}

#[test]
fn a_fifo_that_was_removed_is_told() {
    let stage = Stage::new();
    let mut rx = fifo::receiver(stage.path(), &options()).expect("a receiver");
    let tx = fifo::sender(stage.path(), &options()).expect("a sender");
    std::fs::remove_file(stage.path()).expect("removed");
    drop(tx);
    let error = rx.recv(soon()).map(|m| m.payload.len()).expect_err("nobody can come any more");
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
}
