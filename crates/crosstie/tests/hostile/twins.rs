//! Broken twins: readers that leave out one check each. The judge must see every one of them.
#![expect(unsafe_code, reason = "a reader that reaches outside its mapping on purpose")]

use std::fs::{File, OpenOptions};
use std::os::fd::AsFd;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::Duration;

use crosstie::os::memory::MirroredMapping;

use crate::judge::{Verdict, judge, ring_file};
use crate::runs::sound_ring;

const LIMIT: Duration = Duration::from_secs(20);
const CELLS: u64 = 4096;

#[test]
fn the_judge_sees_a_reader_that_trusts_a_length_go_out_of_bounds() {
    assert_eq!(judge("unchecked reader", LIMIT), Verdict::Killed(libc::SIGSEGV));
}

#[test]
fn the_judge_sees_a_reader_that_panics() {
    assert_eq!(judge("trusting reader", LIMIT), Verdict::Panicked);
}

#[test]
fn the_judge_sees_a_reader_that_loops_for_ever() {
    assert_eq!(judge("stubborn reader", Duration::from_millis(700)), Verdict::Hung);
}

/// A ring whose first record says that it is 2 GiB long; answers that length as a reader finds it.
fn lying_length(folder: &Path) -> (File, u32) {
    sound_ring(folder);
    let file = OpenOptions::new().read(true).write(true).open(ring_file(folder)).unwrap();
    file.write_all_at(&0x7FFF_FFFF_u32.to_le_bytes(), CELLS).unwrap();
    let mut found = [0; 4];
    file.read_exact_at(&mut found, CELLS).unwrap();
    (file, u32::from_le_bytes(found))
}

/// `ring::spsc`'s reader without the check of the length against the capacity.
pub fn unchecked_reader(folder: &Path) {
    let (file, length) = lying_length(folder);
    let cells = MirroredMapping::shared(file.as_fd(), CELLS, 4096).unwrap();
    let mut sum = 0_u64;
    for at in (0..length as usize).step_by(64) {
        let byte = cells.base().as_ptr().wrapping_add(at);
        // SAFETY: none, on purpose: the fault that the judge must see.
        sum += u64::from(unsafe { byte.read_volatile() });
    }
    println!("{sum}");
}

/// A reader that has the ring's bytes in a slice, and slices it by what it finds there.
pub fn trusting_reader(folder: &Path) {
    let (_, length) = lying_length(folder);
    let bytes = std::fs::read(ring_file(folder)).unwrap();
    println!("{}", bytes[4096..][..length as usize].len());
}

/// A reader that waits until the acknowledged position makes sense.
pub fn stubborn_reader(folder: &Path) {
    let (file, _) = lying_length(folder);
    file.write_all_at(&u64::MAX.to_le_bytes(), 128).unwrap();
    let mut acked = [0; 8];
    loop {
        file.read_exact_at(&mut acked, 128).unwrap();
        if u64::from_le_bytes(acked) % 64 == 0 {
            return;
        }
        std::thread::yield_now();
    }
}
