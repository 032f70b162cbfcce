//! `crosstie rm`.

use clap::Args;

use crate::args::Globals;
use crate::exit::{Failure, Outcome};

/// Remove an object that nobody uses
#[derive(Debug, Args)]
pub struct Arguments {}

pub fn run(_arguments: Arguments, _globals: &Globals) -> Outcome {
    Err(Failure::usage("rm is not landed yet"))
}
