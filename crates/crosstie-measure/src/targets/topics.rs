//! The topic's targets.

use std::path::{Path, PathBuf};

use super::verdict::{Bound, Verdict, ratio};
use crate::topics::run::{Shape, publishing_ns, rate};

/// Messages in one repetition.
const COUNT: u64 = 4_000_000;
const PAYLOAD_BYTES: usize = 48;
/// What one subscriber is to receive from one publisher that waits for nobody, in messages a second.
const RATE: f64 = 15e6;
/// Subscribers that never read, beside none.
const IDLE: usize = 4;

/// The targets, and what they measured so far.
pub(super) struct Topics {
    program: PathBuf,
    folder: PathBuf,
    lossy: Vec<f64>,
    lossless_to_lossy: Vec<f64>,
    idle: Vec<f64>,
}

impl Topics {
    pub(super) fn new(program: &Path, folder: &Path) -> Self {
        let (program, folder) = (program.to_owned(), folder.to_owned());
        Self { program, folder, lossy: vec![], lossless_to_lossy: vec![], idle: vec![] }
    }

    pub(super) fn repeat(&mut self, tell: &mut dyn FnMut(&str)) {
        let shape = |is_lossless| Shape { count: COUNT, payload_bytes: PAYLOAD_BYTES, is_lossless };
        let measured = rate(&self.program, &self.folder, shape(false));
        let Ok(lossy) = measured.inspect_err(|error| tell(&error.to_string())) else { return };
        self.lossy.push(lossy / RATE);
        match rate(&self.program, &self.folder, shape(true)) {
            Ok(lossless) => self.lossless_to_lossy.push(lossless / lossy),
            Err(error) => tell(&error.to_string()),
        }
        let alone = publishing_ns(&self.program, &self.folder, shape(false), 0);
        match (alone, publishing_ns(&self.program, &self.folder, shape(false), IDLE)) {
            (Ok(alone), Ok(beside)) => self.idle.push(beside / alone),
            (Err(error), _) | (_, Err(error)) => tell(&error.to_string()),
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
            verdict("topic: lossy, received / 15 M/s", "48 B", &self.lossy, Bound::AtLeast(1.0)),
            verdict(
                "topic: lossless / lossy, received",
                "48 B",
                &self.lossless_to_lossy,
                Bound::AtLeast(0.3),
            ),
            verdict("topic: publishing beside 4 idle / none", "48 B", &self.idle, Bound::AtMost(1.1)),
        ]
    }
}
