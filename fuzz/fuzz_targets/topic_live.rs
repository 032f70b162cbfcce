//! A topic whose bytes somebody changes while a publisher and a subscriber work: every call returns by its deadline, with
//! an error, a gap or a message within the bounds.
//!
//! Input: flags (4: both ends are opened anew all the time), mode, where the subscriber begins, count of changes, the changes
//! (place, value), then what the publisher does.
#![no_main]

use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicBool, Ordering};

use crosstie::channel::topic::{TopicReceiver, TopicSender, TopicState};
use crosstie_fuzz::bytes::Bytes;
use crosstie_fuzz::{place, topic};
use libfuzzer_sys::fuzz_target;

/// Bytes of the header, which nobody reads twice but its state.
const HEADER: usize = 128;

fuzz_target!(|data: &[u8]| {
    let mut input = Bytes::new(data);
    let (flags, mode, start) = (input.u8(), input.u8(), input.u8());
    let sound = topic::sound(mode);
    let changes: Vec<_> = (0..1 + input.u8() % 8).map(|_| change(&mut input)).collect();
    let _ = std::fs::remove_file(topic::path());
    std::fs::write(topic::path(), sound).expect("a file");
    let file = OpenOptions::new().write(true).open(topic::path()).expect("the topic's file");
    let is_over = AtomicBool::new(false);
    let (domain, options) = (place::domain(), topic::options(start));
    std::thread::scope(|threads| {
        threads.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                for (at, bytes) in &changes {
                    file.write_all_at(bytes, *at as u64).expect("a file");
                    file.write_all_at(&sound[*at..at + 8], *at as u64).expect("a file");
                }
            }
        });
        let publishing = threads.spawn(|| {
            let mut input = input;
            for _ in 0..rounds(flags) {
                if let Ok(mut tx) = TopicSender::open(domain, topic::NAME, &options) {
                    topic::send(&mut tx, &mut input, 20, || place::soon(100));
                }
            }
        });
        for _ in 0..rounds(flags) {
            if let Ok(mut rx) = TopicReceiver::open(domain, topic::NAME, &options) {
                topic::receive(&mut rx, 60, || place::soon(100));
            }
            let _ = TopicState::of(domain, topic::NAME);
        }
        publishing.join().expect("no panic");
        is_over.store(true, Ordering::Relaxed);
    });
});

fn rounds(flags: u8) -> u32 {
    if flags & 4 != 0 { 8 } else { 1 }
}

/// Where, and the eight bytes that alternate with what was there.
fn change(input: &mut Bytes<'_>) -> (usize, [u8; 8]) {
    let (what, which) = (input.u8(), input.u8());
    let at = topic::word(what, which).max(HEADER);
    (at, topic::value(what / 8, input).to_le_bytes())
}
