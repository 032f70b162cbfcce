//! `crosstie region`.

use clap::Args;

use crate::args::Globals;
use crate::exit::{Failure, Outcome};

/// Read and write raw POSIX shared memory, as shm_open sees it
#[derive(Debug, Args)]
pub struct Arguments {}

pub fn run(_arguments: Arguments, _globals: &Globals) -> Outcome {
    Err(Failure::usage("region is not landed yet"))
}
