//! A file of any bytes where an object should be, on which processes take turns: it is refused with an
//! error, or every operation on it ends by its deadline, and it is shown and removed like any other.
//!
//! Input: kind, flags (1 the file is what follows, 4 the file is cut, 8 it is longer, 16 the owner's
//! word is this thread's), count of changes, the changes, then what is done.
#![no_main]

use crosstie_fuzz::bytes::Bytes;
use crosstie_fuzz::object::Kind;
use crosstie_fuzz::{place, ring, view};
use libfuzzer_sys::fuzz_target;

/// Where an object lies in its file.
const OBJECT: usize = 4096;

fuzz_target!(|data: &[u8]| {
    let mut input = Bytes::new(data);
    let kind = Kind::of(input.u8());
    let flags = input.u8();
    let mut file = kind.sound().to_vec();
    if flags & 1 != 0 {
        file = input.rest().to_vec();
    } else {
        for _ in 0..input.u8() % 16 {
            change(&mut file, &mut input);
        }
        if flags & 16 != 0 {
            let me = place::domain().thread_owner().expect("a slot").to_bits();
            file[OBJECT..OBJECT + 8].copy_from_slice(&me.to_le_bytes());
        }
        if flags & 4 != 0 {
            file.truncate(usize::from(input.u16()));
        }
        if flags & 8 != 0 {
            file.resize(file.len() + usize::from(input.u16()), 0);
        }
    }
    let _ = std::fs::remove_file(kind.path());
    std::fs::write(kind.path(), &file).expect("a file");
    kind.work(&mut input, 6);
    view::look(place::domain());
    kind.remove();
    // What the last one left in this process and in the ledger lets the next one be sound.
    assert!(place::domain().is_alive(place::domain().thread_owner().expect("a slot")));
});

/// A word of the object's head, one of what follows, or any bytes; the rest of the file rarely.
fn change(file: &mut [u8], input: &mut Bytes<'_>) {
    let (what, which) = (input.u8(), usize::from(input.u8()));
    let at = match what % 4 {
        0 => OBJECT + which % 16 * 8,
        1 => OBJECT + 128 + which * 8,
        2 => which % 16 * 8,
        _ => return ring::change(file, input, 1),
    };
    let word = match what / 4 % 8 {
        0 => u64::MAX,
        1 => 1 << (input.u8() % 64),
        2 => u64::from(input.u8()),
        3 => u64::from(input.u8() % 4 + 1) | u64::from(input.u8() % 4) << 16 | u64::from(input.u8()) << 56,
        4 => 0xFFFF_FFFF,
        5 => 0,
        _ => input.u64(),
    };
    if let Some(to) = file.get_mut(at..at + 8) {
        to.copy_from_slice(&word.to_le_bytes());
    }
}
