//! `crosstie compare`.

use clap::Args;

use crate::args::Globals;
use crate::exit::{Failure, Outcome};

/// Measure every mechanism on this machine
#[derive(Debug, Args)]
pub struct Arguments {}

pub fn run(_arguments: Arguments, _globals: &Globals) -> Outcome {
    Err(Failure::usage("compare is not landed yet"))
}
