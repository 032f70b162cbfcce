//! `crosstie relay`.

use clap::Args;

use crate::args::Globals;
use crate::exit::{Failure, Outcome};

/// Pass messages on from one address to another
#[derive(Debug, Args)]
pub struct Arguments {}

pub fn run(_arguments: Arguments, _globals: &Globals) -> Outcome {
    Err(Failure::usage("relay is not landed yet"))
}
