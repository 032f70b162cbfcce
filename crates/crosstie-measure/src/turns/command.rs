//! `crosstie lock x -- true` beside `flock x true`: whole processes, in turns.

use std::path::Path;
use std::process::{Command, Stdio};

use crosstie::os::clock;
use crosstie::{Error, ErrorKind, Result};

use crate::percentiles::median;

/// The medians of ours and of theirs, nanoseconds, from start to end; with files in `folder`, and
/// `crosstie` as the executable of ours.
///
/// # Errors
/// One of the two cannot be run, or fails.
pub fn whole_ns(crosstie: &Path, folder: &Path, count: usize) -> Result<[f64; 2]> {
    let mut ours = Command::new(crosstie);
    ours.arg("--domain").arg(folder.join("domain")).args(["lock", "x", "--", "true"]);
    let mut theirs = Command::new("flock");
    theirs.arg(folder.join("file")).arg("true");
    // The first of each makes its files.
    once_ns(&mut ours)?;
    once_ns(&mut theirs)?;
    let (mut of_ours, mut of_theirs) = (Vec::new(), Vec::new());
    for _ in 0..count {
        of_ours.push(once_ns(&mut ours)? as f64);
        of_theirs.push(once_ns(&mut theirs)? as f64);
    }
    Ok([median(&of_ours), median(&of_theirs)])
}

fn once_ns(command: &mut Command) -> Result<u64> {
    let name = command.get_program().to_string_lossy().into_owned();
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let start_ns = clock::now_ns();
    let status = command.status().map_err(|error| Error::os("run", name.clone(), error))?;
    let elapsed_ns = clock::now_ns() - start_ns;
    if status.success() {
        Ok(elapsed_ns)
    } else {
        Err(Error::new("run", name, ErrorKind::Failed).because(status.to_string()))
    }
}
