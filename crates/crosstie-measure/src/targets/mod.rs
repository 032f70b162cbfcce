//! The project's speed targets, as ratios of figures that were measured side by side.
//!
//! Each repetition measures a target's two subjects one after the other; the ratio is taken within
//! the repetition, so that a machine which changes meanwhile changes both. What is told is the
//! median of these ratios, with the least and the most.
//!
//! | module | holds |
//! |---|---|
//! | `verdict` | bounds on ratios, and how they were met |
//! | `run` | one repetition after the other |
//! | `jobs` | the work queue's targets |
//! | `topics` | the topic's targets |
//! | `talk` | the channels' targets |
//! | `turns` | the locks' targets |

mod jobs;
mod run;
mod talk;
mod topics;
mod turns;
mod verdict;

pub use run::{Half, measure};
pub use verdict::{Bound, Verdict};
