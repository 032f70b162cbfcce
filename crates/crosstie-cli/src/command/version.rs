//! `crosstie version`.

use clap::Args;

use crate::args::Globals;
use crate::exit::{Failure, Outcome};

/// Print the version, the formats and what this kernel offers
#[derive(Debug, Args)]
pub struct Arguments {}

pub fn run(_arguments: Arguments, _globals: &Globals) -> Outcome {
    Err(Failure::usage("version is not landed yet"))
}
