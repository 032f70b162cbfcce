//! A ring whose bytes somebody changes while both ends work: every call returns by its deadline, with
//! an error or a message within the bounds.
//!
//! Input: flags (1-2: how the ends wait, 4: both ends are opened anew all the time), count of
//! changes, the changes (place, value), then what the sender does.
#![no_main]

use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicBool, Ordering};

use crosstie::channel::ring::{RingReceiver, RingSender, WaitMode};
use crosstie_fuzz::bytes::Bytes;
use crosstie_fuzz::{place, ring};
use libfuzzer_sys::fuzz_target;

/// One change: where, and the eight bytes that alternate with what was there.
type Change = (u64, [u8; 8]);

fuzz_target!(|data: &[u8]| {
    let sound = ring::sound();
    let mut input = Bytes::new(data);
    let flags = input.u8();
    let wait = [WaitMode::Block, WaitMode::Spin, WaitMode::Adaptive][usize::from(flags % 4 % 3)];
    let changes: Vec<_> = (0..1 + input.u8() % 8).map(|_| change(&mut input)).collect();
    let _ = std::fs::remove_file(ring::path());
    std::fs::write(ring::path(), sound).expect("a file");
    let file = OpenOptions::new().write(true).open(ring::path()).expect("the ring's file");
    let is_over = AtomicBool::new(false);
    std::thread::scope(|threads| {
        threads.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                for (at, bytes) in &changes {
                    file.write_all_at(bytes, *at).expect("a file");
                    let place = usize::try_from(*at).expect("a small place");
                    file.write_all_at(&sound[place..place + 8], *at).expect("a file");
                }
            }
        });
        let sending = threads.spawn(|| {
            let mut input = input;
            for _ in 0..rounds(flags) {
                if let Ok(mut tx) = RingSender::open(place::domain(), ring::NAME, &ring::options(wait)) {
                    ring::send(&mut tx, &mut input, 20, || place::soon(100));
                }
            }
        });
        for _ in 0..rounds(flags) {
            if let Ok(mut rx) = RingReceiver::open(place::domain(), ring::NAME, &ring::options(wait)) {
                ring::receive(&mut rx, 60, || place::soon(100));
            }
        }
        sending.join().expect("no panic");
        is_over.store(true, Ordering::Relaxed);
    });
});

fn rounds(flags: u8) -> u32 {
    if flags & 4 != 0 { 8 } else { 1 }
}

/// Mostly control words and roles, else cells; never the header, which nobody reads twice but its state.
fn change(input: &mut Bytes<'_>) -> Change {
    const PLACES: [u64; 6] = [128, 256, 384, 512, 640, 768];
    let place = u64::from(input.u16());
    let at = match place {
        0..0xC000 => PLACES[(place % 6) as usize],
        _ => 4096 + place % 64 * 64,
    };
    (at, input.u64().to_le_bytes())
}
