//! `crosstie man [FOLDER]`.

use std::path::PathBuf;

use clap::{Args, CommandFactory};

use crate::args::{CommandLine, Globals};
use crate::exit::{Failure, Outcome};
use crate::output::data;

/// Write the man pages
///
/// Without a folder the page of crosstie itself goes to standard output.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  crosstie man | man -l -                       read it now
  crosstie man ~/.local/share/man/man1          one page a verb, for man crosstie-send")]
pub struct Arguments {
    /// Write one page a verb into this folder (made if it is not there)
    #[arg(value_name = "FOLDER")]
    folder: Option<PathBuf>,
}

pub fn run(arguments: Arguments, _globals: &Globals) -> Outcome {
    let command = CommandLine::command();
    let Some(folder) = arguments.folder else {
        let mut page = Vec::new();
        clap_mangen::Man::new(command).render(&mut page).map_err(|error| Failure::of_output(&error))?;
        return data::bytes(&page);
    };
    std::fs::create_dir_all(&folder).and_then(|()| clap_mangen::generate_to(command, &folder)).map_err(
        |error| crosstie::Error::os("write man pages into", folder.display().to_string(), error).into(),
    )
}
