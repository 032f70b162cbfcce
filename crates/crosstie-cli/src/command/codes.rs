//! Our exit code and the command's: how `lock`, `sem` and `once` keep them apart.

use std::fs::File;
use std::io::Write as _;

use clap::Args;
use crosstie::os::inherited;

use crate::exit::{Failure, Outcome};

/// Which code we end with, and who is told why.
#[derive(Clone, Debug, Args)]
pub struct CodeFlags {
    /// Write how it ended, one line, to this descriptor: `ended CODE` (the command's own code), `done 0`
    /// (there was nothing to do), or our error and its code, as `busy 75`
    #[arg(long, value_name = "N")]
    status_fd: Option<i32>,
    /// End with this code instead of ours where crosstie fails, not the command
    #[arg(short = 'E', long, value_name = "CODE", value_parser = clap::value_parser!(u8).range(1..))]
    conflict_exit_code: Option<u8>,
}

/// How it ended.
pub enum Ended {
    /// The command ran, and ended with this code.
    Command(u8),
    /// There was nothing to do.
    Done,
}

impl CodeFlags {
    /// Runs `work`, which runs the command; its code is ours.
    pub fn run(&self, work: impl FnOnce() -> Result<Ended, Failure>) -> Outcome {
        // Before anything is taken: a wrong number is not found out when the command has run.
        let status = self.status_fd.map(|number| {
            inherited::duplicate(number).map(File::from).map_err(|error| {
                Failure::usage(format!("write the status to descriptor {number}: {error}"))
                    .advise(format!("open it for crosstie: {number}>status"))
            })
        });
        let status = status.transpose()?;
        let ended = work();
        let line = match &ended {
            Ok(Ended::Command(code)) => format!("ended {code}\n"),
            Ok(Ended::Done) => "done 0\n".to_owned(),
            Err(failure) => format!("{} {}\n", failure.id(), failure.code()),
        };
        if let Some(mut status) = status {
            // Whoever asked and went away is not told.
            let _ = status.write_all(line.as_bytes());
        }
        match ended {
            Ok(Ended::Command(0) | Ended::Done) => Ok(()),
            Ok(Ended::Command(code)) => Err(Failure::silent(code)),
            Err(failure) => Err(match self.conflict_exit_code {
                Some(code) => failure.replace_code(code),
                None => failure,
            }),
        }
    }
}
