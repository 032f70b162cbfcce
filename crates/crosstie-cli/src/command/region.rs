//! `crosstie region create|ls|read|write|rm`.

use std::io::{Read as _, Write as _};

use clap::{Args, Subcommand};
use crosstie::endpoint::size;
use crosstie::os::inherited;
use crosstie::region::Region;
use crosstie::{Error, ErrorKind};

use crate::args::Globals;
use crate::args::values::bytes;
use crate::exit::{Failure, Outcome};
use crate::output::data;

/// Read and write raw POSIX shared memory: what C's shm_open sees
///
/// A region is bytes under a name, for programs that agree on what they mean. It has no messages
/// and nobody watches over it; for messages take send and recv.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  crosstie region create /my_region --size 4KiB
  printf 'Shared data' | crosstie region write /my_region
  crosstie region read /my_region --text")]
pub struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Make a region of zeroes; 85 if it exists
    Create {
        /// Its name, such as /my_region
        name: String,
        /// Its size
        #[arg(long, value_name = "SIZE", value_parser = bytes)]
        size: usize,
    },
    /// List the regions of this machine with their sizes
    Ls {
        /// As one JSON document
        #[arg(long)]
        json: bool,
    },
    /// Copy bytes of a region to standard output
    Read {
        /// Its name
        name: String,
        /// Begin here
        #[arg(long, value_name = "SIZE", value_parser = bytes, default_value = "0")]
        offset: usize,
        /// This many bytes [default: to the end]
        #[arg(long, value_name = "SIZE", value_parser = bytes)]
        length: Option<usize>,
        /// Stop before the first NUL, as C strings do
        #[arg(long)]
        text: bool,
    },
    /// Copy standard input into a region; 87 if it is longer
    Write {
        /// Its name
        name: String,
        /// Begin here
        #[arg(long, value_name = "SIZE", value_parser = bytes, default_value = "0")]
        offset: usize,
    },
    /// Remove a region's name; who has it open keeps it
    Rm {
        /// Its name
        name: String,
    },
}

pub fn run(arguments: Arguments, _globals: &Globals) -> Outcome {
    match arguments.verb {
        Verb::Create { name, size } => {
            Region::create(&name, size as u64)?;
            Ok(())
        }
        Verb::Ls { json } => list(json),
        Verb::Read { name, offset, length, text } => read(&name, offset, length, text),
        Verb::Write { name, offset } => write(&name, offset),
        Verb::Rm { name } => Region::unlink(&name).map_err(missing),
    }
}

fn open(name: &str) -> Result<Region, Failure> {
    Region::open(name).map_err(missing)
}

/// The refusal, with what to do where there is no such region.
fn missing(error: Error) -> Failure {
    let is_missing = error.kind() == ErrorKind::NotFound;
    let failure = Failure::from(error);
    if is_missing { failure.advise("see what is there: crosstie region ls") } else { failure }
}

/// As much is copied at a time.
const COPY_BYTES: usize = 1 << 20;

fn read(name: &str, offset: usize, length: Option<usize>, text: bool) -> Outcome {
    let region = open(name)?;
    let room = usize::try_from(region.bytes()?).unwrap_or(usize::MAX).saturating_sub(offset);
    let mut left = length.unwrap_or(room);
    let mut at = offset as u64;
    let mut piece = vec![0; left.min(COPY_BYTES)];
    let mut output = data::standard_output()?;
    while left > 0 {
        let piece = &mut piece[..left.min(COPY_BYTES)];
        region.read_at(at, piece)?;
        let end = piece.iter().position(|&byte| text && byte == 0);
        let bytes = &piece[..end.unwrap_or(piece.len())];
        output.write_all(bytes).map_err(|error| Failure::of_output(&error))?;
        at += piece.len() as u64;
        left = if end.is_some() { 0 } else { left - piece.len() };
    }
    output.flush().map_err(|error| Failure::of_output(&error))
}

fn write(name: &str, offset: usize) -> Outcome {
    inherited::require_standard(0).map_err(|error| Failure::of_input(&error))?;
    let region = open(name)?;
    let room = region.bytes()?.saturating_sub(offset as u64);
    let mut bytes = Vec::new();
    let input = std::io::stdin().lock().take(room.saturating_add(1)).read_to_end(&mut bytes);
    input.map_err(|error| Failure::of_input(&error))?;
    if bytes.len() as u64 > room {
        return Err(Failure::new(
            ErrorKind::TooLarge,
            format!(
                "write region {name}: standard input has more than the {room} bytes from {offset} to the end"
            ),
        )
        .advise("nothing was written; make a larger region"));
    }
    Ok(region.write_at(offset as u64, &bytes)?)
}

fn list(json: bool) -> Outcome {
    let regions = Region::list()?;
    if json {
        let rows: Vec<_> = regions
            .iter()
            .map(|region| serde_json::json!({"name": region.name, "bytes": region.bytes}))
            .collect();
        return data::json(&serde_json::json!({"schema": "crosstie.region-ls/1", "regions": rows}));
    }
    let line = |bytes: u64| size::display(usize::try_from(bytes).unwrap_or(usize::MAX));
    let lines: String =
        regions.iter().map(|region| format!("{:>10}  {}\n", line(region.bytes), region.name)).collect();
    data::text(&lines)
}
