//! Descriptors beside the bytes of a stream, announced or not: a message gets as many as were
//! announced with it or is a breach, and none is left open.
//!
//! Input: writes; each is how many descriptors (0 to 3), a shape, and bytes raw (0) or as an
//! announcement (1), a message (2), both (3).
#![no_main]

use std::io::IoSlice;
use std::os::fd::{AsFd, OwnedFd};

use crosstie::contract::{ReceiveMessages, RecvError};
use crosstie::os::fd_passing;
use crosstie::os::unix::{UnixKind, pair};
use crosstie::transport::{Options, descriptor};
use crosstie::{Deadline, ErrorKind};
use crosstie_fuzz::bytes::Bytes;
use libfuzzer_sys::fuzz_target;

const PREAMBLE: [u8; 8] = [0xC7, b'T', b'I', b'E', b's', 1, 0, 0];
const WRITES_MAX: usize = 40;

fuzz_target!(|data: &[u8]| {
    let before = open_count();
    let (tx, rx) = pair(UnixKind::Stream).expect("a pair");
    let mut rx = descriptor::receiver(rx, &Options::default()).expect("a receiver");
    rx.take_descriptors();
    let mut input = Bytes::new(data);
    write(&tx, &PREAMBLE, 0);
    let mut sent = 0;
    let mut came = 0;
    for _ in 0..WRITES_MAX {
        if input.is_empty() {
            break;
        }
        let count = usize::from(input.u8() % 4);
        write(&tx, &piece(&mut input), count);
        sent += count;
        while let Some(count) = next(&mut rx) {
            came += count;
        }
    }
    drop(tx);
    while let Some(count) = next(&mut rx) {
        came += count;
    }
    assert!(came <= sent, "{came} > {sent}");
    drop(rx);
    assert_eq!(open_count(), before, "descriptors stay open");
});

fn piece(input: &mut Bytes<'_>) -> Vec<u8> {
    let shape = input.u8();
    let mut bytes = Vec::new();
    if shape % 4 == 0 {
        let length = 1 + usize::from(input.u8() % 20);
        bytes.extend(input.take(length));
    }
    if shape % 4 & 1 != 0 {
        bytes.extend(0xFFFF_FFFE_u32.to_le_bytes());
        bytes.extend(u32::from(input.u8() % 5).to_le_bytes());
    }
    if shape % 4 & 2 != 0 {
        let message = input.take(usize::from(shape >> 4));
        bytes.extend((message.len() as u32).to_le_bytes());
        bytes.extend(message);
    }
    if bytes.is_empty() { vec![0] } else { bytes }
}

fn write(to: &OwnedFd, bytes: &[u8], count: usize) {
    let descriptors = vec![to.as_fd(); count];
    fd_passing::send(to.as_fd(), &[IoSlice::new(bytes)], &descriptors, Deadline::NOW).expect("room");
}

/// How many descriptors came with the next message, if there is one.
fn next(rx: &mut descriptor::DescriptorReceiver) -> Option<usize> {
    match rx.recv(Deadline::NOW) {
        Ok(_) => Some(rx.descriptors().len()),
        Err(RecvError::Empty | RecvError::Closed | RecvError::PeerDied | RecvError::TooLarge { .. }) => None,
        Err(RecvError::Failed(error)) => {
            assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
            None
        }
        Err(error) => panic!("{error}"),
    }
}

fn open_count() -> usize {
    std::fs::read_dir("/proc/self/fd").expect("/proc").count()
}
