//! Measures the targets, one repetition after the other.

use std::path::PathBuf;

use crosstie::Result;

use super::verdict::Verdict;
use super::{jobs, talk, topics, turns};
use crate::engine::scratch::Scratch;

/// Which targets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Half {
    /// The channels'.
    Talk,
    /// The work queue's.
    Jobs,
    /// The topic's.
    Topics,
    /// The locks'.
    Turns,
}

/// Measures the targets of `halves`, `repetitions` times; `tell` hears which repetition begins, and of
/// what could not be measured.
///
/// # Errors
/// The run's folder cannot be had.
pub fn measure(
    program: PathBuf,
    halves: &[Half],
    repetitions: usize,
    tell: &mut dyn FnMut(&str),
) -> Result<Vec<Verdict>> {
    let scratch = Scratch::create(&program)?;
    let mut talk = halves.contains(&Half::Talk).then(|| talk::Talk::new(&program, scratch.path()));
    let mut jobs = halves.contains(&Half::Jobs).then(|| jobs::Jobs::new(&program, scratch.path()));
    let mut topics = halves.contains(&Half::Topics).then(|| topics::Topics::new(&program, scratch.path()));
    let mut turns = halves.contains(&Half::Turns).then(|| turns::Turns::new(&program, scratch.path()));
    for repetition in 1..=repetitions {
        tell(&format!("repetition {repetition} of {repetitions}"));
        if let Some(talk) = &mut talk {
            talk.repeat();
        }
        if let Some(jobs) = &mut jobs {
            jobs.repeat(tell);
        }
        if let Some(topics) = &mut topics {
            topics.repeat(tell);
        }
        if let Some(turns) = &mut turns {
            turns.repeat(tell);
        }
    }
    let talk = talk.iter().flat_map(talk::Talk::verdicts).chain(jobs.iter().flat_map(jobs::Jobs::verdicts));
    let talk = talk.chain(topics.iter().flat_map(topics::Topics::verdicts));
    Ok(talk.chain(turns.iter().flat_map(turns::Turns::verdicts)).collect())
}
