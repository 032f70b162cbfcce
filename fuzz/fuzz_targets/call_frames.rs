//! Frames of a conversation of calls: whatever a client sends, its server names it or answers it, goes on
//! with the others, and keeps what the client cannot make it keep; whatever a server sends, its caller is
//! told something, and nobody hangs.
//!
//! Input: flags (1 = a right greeting comes first, 2 = the bytes are the server's), then frames, each behind
//! one byte: its length.
#![no_main]

use std::time::Duration;

use crosstie::call::CallOptions;
use crosstie::endpoint::{Listener, connect};
use crosstie::os::clock::deadline_in;
use crosstie::{Client, Deadline, RecvError, Server};
use crosstie_fuzz::bytes::Bytes;
use libfuzzer_sys::fuzz_target;

/// Only what hangs takes so long.
const LIMIT: Duration = Duration::from_secs(5);
/// So long who was not heard waits for the next server.
const UNHEARD_LIMIT: Duration = Duration::from_millis(30);

fuzz_target!(|data: &[u8]| {
    let mut input = Bytes::new(data);
    let flags = input.u8();
    let mut frames = Vec::new();
    if flags & 1 != 0 {
        let kind = if flags & 2 != 0 { 2 } else { 1 };
        frames.push([&[kind, 0, 0, 0, 1, 0, 0, 0], &[7; 8][..], b"calls"].concat());
    }
    let mut rest = input.rest();
    while let Some((length, after)) = rest.split_first() {
        let (frame, after) = after.split_at(usize::from(*length).min(after.len()));
        frames.push(frame.to_vec());
        rest = after;
    }
    frames.truncate(200);
    let address = format!("unix:@crosstie-fuzz-{}", std::process::id());
    if flags & 2 != 0 { calls(&address, &frames) } else { serves(&address, &frames) }
});

/// A server meets a client that sends `frames`, and serves another one on.
fn serves(address: &str, frames: &[Vec<u8>]) {
    let server = Server::<[u8], [u8]>::open(address).expect("a server");
    let (mut tx, mut rx) = connect::<[u8], [u8]>(address, &Default::default()).expect("connected");
    for frame in frames {
        if tx.send_until(frame, deadline_in(LIMIT)).is_err() {
            break;
        }
    }
    drop(tx);
    let sound = Client::<[u8], [u8]>::open(address).expect("a client");
    let options = CallOptions { deadline: deadline_in(LIMIT), ..CallOptions::default() };
    let pending = sound.start(b"sound", options).expect("started");
    let mut is_served = false;
    while !is_served {
        match server.receive_until(deadline_in(LIMIT)) {
            Ok(call) => {
                is_served = call.request() == b"sound";
                call.reply(b"reply").expect("no error of the server's");
            }
            Err(RecvError::Failed(_)) => {}
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!(pending.reply().expect("a reply"), b"reply");
    // What it was answered is frames, whatever it sent.
    while let Ok(frame) = rx.recv_until(Deadline::NOW) {
        assert!(frame.len() >= 8 && matches!(frame[0], 2 | 7 | 9 | 10), "{frame:?}");
    }
}

/// A caller meets a server that sends `frames` and ends.
fn calls(address: &str, frames: &[Vec<u8>]) {
    let listener = Listener::open(address).expect("listens");
    let client = Client::<[u8], [u8]>::open(address).expect("a client");
    // Who was not welcomed was not heard, and waits for the next server, which does not come.
    let is_welcomed = frames.first().is_some_and(|frame| frame.starts_with(&[2, 0, 0, 0, 1, 0, 0, 0]));
    let limit = if is_welcomed { LIMIT } else { UNHEARD_LIMIT };
    let options = CallOptions { deadline: deadline_in(limit), ..CallOptions::default() };
    let pending = client.start(b"?", options).expect("started");
    let stream = client.stream(b"?", deadline_in(limit)).expect("started");
    let (mut tx, mut rx) = listener.accept::<[u8], [u8]>().expect("the client");
    let hello = rx.recv().expect("a hello");
    for frame in frames {
        let mut frame = frame.clone();
        if frame.len() >= 16 && frame[0] == 2 {
            frame[8..16].copy_from_slice(&hello[8..16]);
        }
        if tx.send_until(&frame, deadline_in(LIMIT)).is_err() {
            break;
        }
    }
    drop((tx, rx));
    // Whatever it is: it comes, and in time.
    if let Err(error) = pending.reply() {
        assert!(!is_welcomed || error.kind() != crosstie::ErrorKind::TimedOut, "{error}");
    }
    for reply in stream {
        if let Err(error) = reply {
            assert!(!is_welcomed || error.kind() != crosstie::ErrorKind::TimedOut, "{error}");
        }
    }
}
