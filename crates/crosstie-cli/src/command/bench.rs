//! `crosstie bench`.

use clap::Args;

use crate::args::Globals;
use crate::exit::{Failure, Outcome};

/// Measure one address
#[derive(Debug, Args)]
pub struct Arguments {}

pub fn run(_arguments: Arguments, _globals: &Globals) -> Outcome {
    Err(Failure::usage("bench is not landed yet"))
}
