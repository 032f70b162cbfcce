//! A file of any bytes where a ring should be: it is refused with an error, or its ends work within
//! its bounds: errors, or messages of wrong bytes; every mapping's edge is guarded by ASan or the kernel.
//!
//! Input: flags (1 the file is what follows, 2 the sender is opened first, 4 the file is cut, 8 it is
//! longer), count of changes, the changes, then what the sender does.
#![no_main]

use crosstie::Deadline;
use crosstie::channel::ring::{RingReceiver, RingSender, WaitMode, remove};
use crosstie_fuzz::bytes::Bytes;
use crosstie_fuzz::{place, ring};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let sound = ring::sound();
    let mut input = Bytes::new(data);
    let flags = input.u8();
    let mut file = sound.to_vec();
    if flags & 1 != 0 {
        file = input.rest().to_vec();
    } else {
        let count = usize::from(input.u8() % 32);
        ring::change(&mut file, &mut input, count);
        if flags & 4 != 0 {
            file.truncate(usize::from(input.u16()));
        }
        if flags & 8 != 0 {
            file.resize(file.len() + usize::from(input.u16()), 0);
        }
    }
    let path = ring::path();
    let _ = std::fs::remove_file(&path);
    std::fs::write(&path, &file).expect("a file");
    let options = ring::options(WaitMode::Block);
    let domain = place::domain();
    let now = || Deadline::NOW;
    if flags & 2 != 0
        && let Ok(mut tx) = RingSender::open(domain, ring::NAME, &options)
    {
        ring::send(&mut tx, &mut input, 10, now);
    }
    if let Ok(mut rx) = RingReceiver::open(domain, ring::NAME, &options) {
        // A ring of 64 cells holds no more, unless somebody adds to it.
        ring::receive(&mut rx, 70, now);
        if let Ok(mut tx) = RingSender::open(domain, ring::NAME, &options) {
            ring::send(&mut tx, &mut input, 10, now);
            ring::receive(&mut rx, 70, now);
            ring::send(&mut tx, &mut input, 10, now);
        }
    }
    let _ = remove(domain, ring::NAME);
});
