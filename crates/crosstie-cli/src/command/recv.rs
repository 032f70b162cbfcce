//! `crosstie recv`.

use clap::Args;

use crate::args::Globals;
use crate::exit::{Failure, Outcome};

/// Receive messages to standard output
#[derive(Debug, Args)]
pub struct Arguments {}

pub fn run(_arguments: Arguments, _globals: &Globals) -> Outcome {
    Err(Failure::usage("recv is not landed yet"))
}
