//! `crosstie advise`.

use clap::Args;

use crate::args::Globals;
use crate::exit::{Failure, Outcome};

/// Recommend a mechanism for a job
#[derive(Debug, Args)]
pub struct Arguments {}

pub fn run(_arguments: Arguments, _globals: &Globals) -> Outcome {
    Err(Failure::usage("advise is not landed yet"))
}
