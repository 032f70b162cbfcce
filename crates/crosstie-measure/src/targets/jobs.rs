//! The work queue's targets.

use std::path::{Path, PathBuf};

use super::verdict::{Bound, Verdict, ratio};
use crate::jobs::run::{Shape, posix_queue, queue, recovery_ns};

/// Messages of each sender in one repetition.
const COUNT: u64 = 2_000_000;
/// A POSIX message queue is slower by an order of magnitude.
const POSIX_COUNT: u64 = 100_000;
const PAYLOAD_BYTES: usize = 64;
/// What a queue is to reach with one sender and one receiver, in messages a second.
const RATE: f64 = 8e6;
/// Places of the queue that is recovered, what of them the dead had in hand, and how long that may take.
const PLACES: u32 = 64 << 10;
const HELD: u32 = 1024;
const RECOVERY_NS: f64 = 1e6;

/// The targets, and what they measured so far.
pub(super) struct Jobs {
    program: PathBuf,
    folder: PathBuf,
    one: Vec<f64>,
    two_to_one: Vec<f64>,
    to_posix: Vec<f64>,
    recovery: Vec<f64>,
}

impl Jobs {
    pub(super) fn new(program: &Path, folder: &Path) -> Self {
        let (program, folder) = (program.to_owned(), folder.to_owned());
        Self { program, folder, one: vec![], two_to_one: vec![], to_posix: vec![], recovery: vec![] }
    }

    pub(super) fn repeat(&mut self, tell: &mut dyn FnMut(&str)) {
        let shape = |pairs, count| Shape { pairs, count, payload_bytes: PAYLOAD_BYTES };
        let measured = queue(&self.program, &self.folder, shape(1, COUNT));
        let Ok(one) = measured.inspect_err(|error| tell(&error.to_string())) else { return };
        self.one.push(one / RATE);
        match queue(&self.program, &self.folder, shape(2, COUNT / 2)) {
            Ok(two) => self.two_to_one.push(two / one),
            Err(error) => tell(&error.to_string()),
        }
        match posix_queue(&self.program, shape(1, POSIX_COUNT)) {
            Ok(posix) => self.to_posix.push(one / posix),
            Err(error) => tell(&error.to_string()),
        }
        match recovery_ns(&self.program, &self.folder, PLACES, HELD) {
            Ok(took) => self.recovery.push(took as f64 / RECOVERY_NS),
            Err(error) => tell(&error.to_string()),
        }
    }

    pub(super) fn verdicts(&self) -> Vec<Verdict> {
        let verdict = |what: &str, at: &str, ratios: &[f64], bound| Verdict {
            what: what.to_owned(),
            at: at.to_owned(),
            ratio: ratio(ratios.iter().copied()),
            bound,
        };
        vec![
            verdict("queue: one sender, one receiver / 8 M/s", "64 B", &self.one, Bound::AtLeast(1.0)),
            verdict("queue: two and two / one and one", "64 B", &self.two_to_one, Bound::AtLeast(0.5)),
            verdict("queue / POSIX message queue", "64 B", &self.to_posix, Bound::AtLeast(1.0)),
            verdict("queue: recovery / 1 ms", "64 Ki places", &self.recovery, Bound::AtMost(1.0)),
        ]
    }
}
