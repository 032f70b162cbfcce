//! `crosstie send`.

use clap::Args;

use crate::args::Globals;
use crate::exit::{Failure, Outcome};

/// Send messages from standard input
#[derive(Debug, Args)]
pub struct Arguments {}

pub fn run(_arguments: Arguments, _globals: &Globals) -> Outcome {
    Err(Failure::usage("send is not landed yet"))
}
