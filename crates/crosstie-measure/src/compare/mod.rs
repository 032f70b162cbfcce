//! Every mechanism, beside the machine's own floor, in one run.
//!
//! | module | holds |
//! |---|---|
//! | [`plan`] | what is measured, how long and how often: data |
//! | [`subject`] | what one cell of the run measures, and how its two sides are connected |
//! | [`cell`] | one subject at one payload size: its two sides and its repetitions |
//! | [`figures`] | its repetitions as medians, spreads and the row they make |
//! | [`mod@run`] | the run: the floor, then size by size, the repetitions of all cells in turn |
//! | [`watch`] | who is told how the run goes on |

pub mod cell;
pub mod figures;
pub mod plan;
pub mod run;
pub mod subject;
pub mod watch;

pub use plan::Plan;
pub use run::{Options, run};
pub use watch::{Silent, Watch};
