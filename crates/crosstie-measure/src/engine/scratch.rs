//! A folder in shared memory that is gone when the run ends, however it ends.
//!
//! A run that is interrupted, or killed, removes nothing itself. So a *sweeper* watches: a child in
//! a process group of its own (the terminal's Ctrl-C does not reach it) whose standard input ends
//! when the run does; then it removes the folder, and what a folder
//! in it says is in the kernel, and ends.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crosstie::os::clock;
use crosstie::{Error, Result};

use super::side::{self, OpenForeign};
use crate::turns::spec::PARTY_SUBCOMMAND;
use crate::turns::{party, way};
use crate::{jobs, topics};

/// The hidden subcommand under which an executable runs [`sweep`].
pub const SWEEP_SUBCOMMAND: &str = "__sweep";

/// A folder of this run's own; removed with everything in it when dropped, or when this process
/// ends in any other way.
#[derive(Debug)]
pub struct Scratch {
    path: PathBuf,
    sweeper: Child,
}

impl Scratch {
    /// Makes the folder in /dev/shm, or in the temporary folder where there is no /dev/shm, with
    /// `program` as the executable that runs the sweeper.
    ///
    /// # Errors
    /// No room, no permission, or the sweeper does not start.
    pub fn create(program: &Path) -> Result<Self> {
        let shm = Path::new("/dev/shm");
        let root = if shm.is_dir() { shm.to_path_buf() } else { std::env::temp_dir() };
        let path = root.join(format!("crosstie-measure-{}-{:x}", std::process::id(), clock::now_ns()));
        fs::DirBuilder::new()
            .mode(0o700)
            .create(&path)
            .map_err(|error| Error::os("create the run's folder", path.display().to_string(), error))?;
        let sweeper = Command::new(program)
            .arg(SWEEP_SUBCOMMAND)
            .arg(&path)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .map_err(|error| {
                // The folder is empty; what is reported is why the sweeper did not start.
                let _ = fs::remove_dir(&path);
                Error::os("start the sweeper", program.display().to_string(), error)
            })?;
        Ok(Self { path, sweeper })
    }

    /// The folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // Ends the sweeper's standard input, so that it removes the folder; then nothing is left.
        drop(self.sweeper.stdin.take());
        let _ = self.sweeper.wait();
    }
}

/// Waits until standard input ends, then removes `path`: what the sweeper runs.
///
/// # Errors
/// The folder cannot be removed.
pub fn sweep(path: &Path) -> Result<()> {
    // Nothing is ever written: this returns at the end of the input, or at once on an error.
    let _ = std::io::stdin().read(&mut [0]);
    way::remove_from_kernel(path);
    remove_named_after(path, Path::new("/dev/shm"));
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(Error::os("remove the run's folder", path.display().to_string(), error))
        }
        _ => Ok(()),
    }
}

/// Removes what foreign lanes left beside the run's folder, under names that begin with the folder's own.
fn remove_named_after(path: &Path, root: &Path) {
    let Some(own) = path.file_name().map(|name| name.to_string_lossy().into_owned()) else { return };
    for entry in fs::read_dir(root).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.strip_prefix(&own).is_some_and(|rest| rest.starts_with('-')) {
            // Removed already: just as well.
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// Runs a side or the sweeper if the command line of this process asks for one, and answers its
/// exit code; `None` for any other command line. The first thing that `main` does.
#[must_use]
pub fn run_hidden_subcommand() -> Option<std::process::ExitCode> {
    run_hidden_subcommand_with(side::no_foreign)
}

/// [`run_hidden_subcommand`] of an executable whose sides open lanes of its own by `foreign`.
#[must_use]
pub fn run_hidden_subcommand_with(foreign: OpenForeign) -> Option<std::process::ExitCode> {
    let mut arguments = std::env::args_os().skip(1);
    let subcommand = arguments.next()?;
    let argument = arguments.next()?;
    let outcome = if subcommand == super::spec::SIDE_SUBCOMMAND {
        side::run(&argument.to_string_lossy(), foreign)
    } else if subcommand == PARTY_SUBCOMMAND {
        party::run(&argument.to_string_lossy())
    } else if subcommand == jobs::spec::JOBS_SUBCOMMAND {
        jobs::worker::run(&argument.to_string_lossy())
    } else if subcommand == topics::spec::TOPICS_SUBCOMMAND {
        topics::worker::run(&argument.to_string_lossy())
    } else if subcommand == SWEEP_SUBCOMMAND {
        sweep(Path::new(&argument))
    } else {
        return None;
    };
    Some(match outcome {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            // A side answers on standard output; this is for one that could not even start.
            let _ = writeln!(std::io::stderr(), "{error}");
            std::process::ExitCode::from(error.kind().exit_code())
        }
    })
}
